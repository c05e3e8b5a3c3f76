"""Cuts single nodes out of an ONNX model as models of their own, and opens a model to see inside.

Meant for the graph a runtime saves after its optimisations: what is cut then is what it executes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from augur_edge.errors import DataError
from augur_edge.models.onnx_encode import encode_model
from augur_edge.models.onnx_graph import GraphProto, ModelProto, NodeProto, ValueInfo
from augur_edge.models.onnx_sources import source_nodes
from augur_edge.models.onnx_table import TensorSpec, constants_of
from augur_edge.models.onnx_tensor import ELEM_TYPES

__all__ = ["CutModel", "TensorSpec", "activation_names", "cut_node", "source_nodes", "with_outputs"]


@dataclass(frozen=True)
class CutModel:
    """A model of one node. data: its `.onnx` bytes; inputs, outputs: names of its activations, in order."""

    data: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def cut_node(model: ModelProto, node_index: int, tensors: Mapping[str, TensorSpec]) -> CutModel:
    """Node `node_index` of the graph with the constants it reads; every activation it reads becomes an input.

    What its branches or loop bodies take from the graph around them becomes inputs (or constants) too.
    tensors: of all activations of the graph, by name. Raises DataError where an input's is missing or unknown.
    """
    node = model.graph.nodes[node_index]
    constants = constants_of(model.graph)
    read = list(dict.fromkeys(name for name in (*node.inputs, *node.captures) if name))
    inputs = tuple(name for name in read if name not in constants)
    outputs = tuple(name for name in node.outputs if name)
    graph = GraphProto(name=node.name or node.op_type, nodes=[node])
    graph.initializers = {name: replace(constants[name], name=name) for name in read if name in constants}
    graph.inputs = [_typed(node, name, tensors) for name in inputs]
    graph.outputs = [_typed(node, name, tensors) if name in tensors else ValueInfo(name) for name in outputs]
    return CutModel(encode_model(replace(model, graph=graph)), inputs, outputs)


def _typed(node: NodeProto, name: str, tensors: Mapping[str, TensorSpec]) -> ValueInfo:
    spec = tensors.get(name)
    if spec is None or spec.dtype not in ELEM_TYPES:
        what = "is not known" if spec is None else f"has dtype {spec.dtype!r}, which no tensor has"
        raise DataError(f"cannot cut node {node.name or node.op_type!r}: its tensor {name!r} {what}")
    return ValueInfo(name, ELEM_TYPES[spec.dtype], spec.shape)


def activation_names(model: ModelProto) -> list[str]:
    """Every tensor that a node of the graph writes when it runs, in order."""
    constants = constants_of(model.graph)
    return [name for node in model.graph.nodes for name in node.outputs if name and name not in constants]


def with_outputs(model: ModelProto, names: Iterable[str]) -> bytes:
    """The model with `names` as outputs after its own; their types are left for the runtime to infer."""
    own = {o.name for o in model.graph.outputs}
    more = [ValueInfo(name) for name in dict.fromkeys(names) if name not in own]
    graph = replace(model.graph, outputs=[*model.graph.outputs, *more])
    return encode_model(replace(model, graph=graph))
