"""A user's `.onnx` file as a Network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from augur_edge.errors import DataError, UsageError
from augur_edge.layers import Shape
from augur_edge.models.onnx_graph import Dim, DimShape, ModelProto
from augur_edge.models.onnx_infer import infer_graph, resolve
from augur_edge.models.onnx_layers import activations_of, layer_of
from augur_edge.models.onnx_proto import decode_model
from augur_edge.models.onnx_sources import node_names
from augur_edge.models.onnx_table import TensorSpec, TensorTable, channels_first
from augur_edge.models.onnx_tensor import DTYPES
from augur_edge.models.open_shapes import how_to_give
from augur_edge.network import Network, Node, TensorInfo


@dataclass(frozen=True)
class OnnxInput:
    """An input as the file declares it. dims: sizes, names of sizes or None; None where not even the rank is told."""

    name: str
    dims: DimShape
    dtype: str


def onnx_inputs(model: ModelProto) -> list[OnnxInput]:
    """What must be given to run the model: its inputs that are no constants. Raises DataError for a non-tensor."""
    out = []
    for value in model.graph.inputs:
        if value.name not in model.graph.initializers:
            if value.raw_type:
                raise DataError(f"input {value.name!r} is no tensor: such models cannot be measured")
            out.append(OnnxInput(value.name, value.shape, DTYPES.get(value.elem_type or 1, "float32")))
    return out


def input_specs(
    model: ModelProto, shapes: Mapping[str, Shape] | None = None
) -> tuple[dict[str, TensorSpec], dict[str, int]]:
    """Each input with a fixed shape, and the sizes of named dimensions. shapes: the user's, by name of the input.

    Raises UsageError for a dynamic input that is not in `shapes`, and for shapes that do not fit the file.
    """
    shapes, inputs = shapes or {}, onnx_inputs(model)
    unknown = [name for name in shapes if name not in {i.name for i in inputs}]
    if unknown:
        raise UsageError(f"--shape: there is no input {unknown[0]!r}; there are {', '.join(i.name for i in inputs)}")
    sizes: dict[str, int] = {}
    for given in inputs:
        if given.name in shapes:
            _match(given, shapes[given.name], sizes)
    out = {}
    for given in inputs:
        shape = shapes.get(given.name) or resolve(given.dims, sizes)
        if shape is None:
            raise _dynamic(given)
        out[given.name] = TensorSpec(shape, given.dtype)
    return out, sizes


def _match(given: OnnxInput, shape: Shape, sizes: dict[str, int]) -> None:
    """Checks the user's shape against the file's and notes what its names stand for."""
    dims = given.dims if given.dims is not None else (None,) * len(shape)
    fits = len(dims) == len(shape) and all(n > 0 for n in shape)
    for dim, size in zip(dims, shape):
        fits = fits and (dim is None or (sizes.setdefault(dim, size) if isinstance(dim, str) else dim) == size)
    if not fits:
        raise UsageError(f"--shape {given.name}={_comma(shape)} does not fit the model's {given.name!r} {_text(dims)}")


def _dynamic(given: OnnxInput) -> UsageError:
    dims = given.dims
    if dims is None:
        return UsageError(f"input {given.name!r} has no shape in the file: {how_to_give(given.name, (1, 3, 224, 224))}")
    images = len(dims) == 4
    guess = [
        d if isinstance(d, int) else 1 if i == 0 else (3, 224, 224)[i - 1] if images else 128
        for i, d in enumerate(dims)
    ]
    return UsageError(f"input {given.name!r} has dynamic shape {_text(dims)}: {how_to_give(given.name, guess)}")


def _comma(shape: Sequence[int]) -> str:
    return ",".join(map(str, shape))


def _text(dims: tuple[Dim, ...]) -> str:
    return f"({', '.join('?' if d is None else str(d) for d in dims)})"


def read_onnx(
    data: bytes,
    *,
    name: str,
    shapes: Mapping[str, Shape] | None = None,
    known: Mapping[str, Shape] | None = None,
    base: Path | None = None,
) -> Network:
    """The network in a `.onnx` file; nodes that a runtime computes ahead (constants, shapes) are left out.

    shapes: of inputs, needed where the file leaves them open. known: of any tensor, as seen when the model ran.
    base: folder of the file, for constants kept beside it. Raises DataError for a file that cannot be read or a
    shape that cannot be told, UsageError for an input whose shape is open.
    """
    return network_of(decode_model(data, base), name, shapes, known)


def network_of(
    model: ModelProto, name: str, shapes: Mapping[str, Shape] | None = None, known: Mapping[str, Shape] | None = None
) -> Network:
    """As `read_onnx`, of a model that is decoded already."""
    inputs, sizes = input_specs(model, shapes)
    table, running = infer_graph(model, inputs, sizes, known or {})
    for tensor in model.graph.channels_last - set(table.constants):
        shape = table.shapes.get(tensor, ())
        if len(shape) > 2:
            table.shapes[tensor] = channels_first(shape)
    names = node_names(model)
    nodes = [_node(model, i, names[i], table) for i in running]
    written = {*inputs, *(t for n in nodes for t in n.outputs)}
    outputs = tuple(v.name for v in model.graph.outputs if v.name in written)
    infos = tuple(TensorInfo(n, spec.shape, spec.dtype) for n, spec in inputs.items())
    try:
        return Network(name, infos, tuple(nodes), outputs)
    except ValueError as error:
        raise DataError(f"not a graph that can run: {error}") from None


def _node(model: ModelProto, index: int, name: str, table: TensorTable) -> Node:
    node = model.graph.nodes[index]
    return Node(name, layer_of(node, table), activations_of(node, table), tuple(t for t in node.outputs if t))
