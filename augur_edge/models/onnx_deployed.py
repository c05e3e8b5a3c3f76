"""The nodes of ONNX Runtime's optimised graph as Layers, in the terms of the user's network.

The runtime lays tensors out in blocks of channels, the last block filled up, or channels last; the layers here have
the channels of the user's network, and channels first.
"""

from __future__ import annotations

from collections.abc import Mapping

from augur_edge.errors import DataError, UsageError
from augur_edge.layers import Layer, Shape
from augur_edge.models.onnx_graph import ModelProto, NodeProto
from augur_edge.models.onnx_infer import infer_graph
from augur_edge.models.onnx_layers import layer_of, unknown_layer
from augur_edge.models.onnx_read import input_specs
from augur_edge.models.onnx_sources import user_tensors
from augur_edge.models.onnx_table import TensorSpec, TensorTable, channels_first


def deployed_layers(original: ModelProto, optimised: ModelProto, specs: Mapping[str, TensorSpec]) -> list[Layer | None]:
    """One layer per node of the optimised graph.

    original: the user's model, its inputs of fixed shape. specs: of every activation of the optimised graph, as seen
    when it ran. An op whose shapes do not fit what is known of it is a layer with its bytes alone; None where a tensor
    is not among `specs`.
    """
    table = TensorTable.of(optimised.graph, logical_specs(original, optimised, specs))
    return [_layer(node, table) for node in optimised.graph.nodes]


def _layer(node: NodeProto, table: TensorTable) -> Layer | None:
    for make in (layer_of, unknown_layer):
        try:
            return make(node, table)
        except DataError:
            continue
    return None


def logical_specs(
    original: ModelProto, optimised: ModelProto, specs: Mapping[str, TensorSpec]
) -> dict[str, TensorSpec]:
    """`specs` with the user's number and place of channels; what is no layout of the user's stays as it is."""
    mine, shapes = user_tensors(original, optimised), _user_shapes(original, specs)
    last = optimised.graph.channels_last
    out = dict(specs)
    for tensor, spec in specs.items():
        wanted = shapes.get(mine.get(tensor, ""), ())
        if len(spec.shape) == len(wanted) > 2 and _is_layout(spec.shape, wanted):
            out[tensor] = TensorSpec(wanted, spec.dtype)
        elif tensor in last and len(spec.shape) > 2:
            out[tensor] = TensorSpec(channels_first(spec.shape), spec.dtype)
    return out


def _user_shapes(original: ModelProto, specs: Mapping[str, TensorSpec]) -> dict[str, Shape]:
    known = {name: spec.shape for name, spec in specs.items()}
    try:
        inputs, sizes = input_specs(original)
        return infer_graph(original, inputs, sizes, {})[0].shapes
    except (DataError, UsageError):
        return known  # tensors whose names survive; the runtime's layouts are not among them


def _is_layout(seen: Shape, wanted: Shape) -> bool:
    """Whether `seen` is `wanted` with channels filled up, or channels last."""
    filled = seen[1] >= wanted[1] and seen == (wanted[0], seen[1], *wanted[2:])
    return filled or seen == (wanted[0], *wanted[2:], wanted[1])
