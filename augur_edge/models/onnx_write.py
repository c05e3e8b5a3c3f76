"""A Network to the bytes of a `.onnx` file, with made-up weights: what a layer costs does not depend on them."""

from __future__ import annotations

from augur_edge.errors import UsageError
from augur_edge.models.fold import fold_batch_norm
from augur_edge.models.onnx_encode import encode_model
from augur_edge.models.onnx_graph import GraphProto, ModelProto, ValueInfo
from augur_edge.models.onnx_nodes import OnnxNodes
from augur_edge.models.onnx_ops import write_node
from augur_edge.models.onnx_quantise import quantise
from augur_edge.models.onnx_tensor import ELEM_TYPES
from augur_edge.models.synthetic import Moments, moments_of, weights_of
from augur_edge.network import Network

OPSET = 20  # the first with Gelu
IR_VERSION = 9
_ONE_TO_THE_RUNTIME = frozenset({"swish", "rms_norm", "group_norm"})
"""Ops written as several nodes, which the runtime puts together again."""


def to_onnx(network: Network, *, dtype: str = "float32", seed: int = 0) -> bytes:
    """The model file: opset 20, nodes and tensors named as in the network, batch normalisation folded.

    dtype: `float32`, or `int8`: quantised as ONNX Runtime's tools do it, weights per channel, activations per tensor,
    between QuantizeLinear and DequantizeLinear. seed: of the weights, which keep activations near 1 (`synthetic`).
    Raises UsageError for an op that cannot be written and for another dtype.
    """
    if dtype not in {"float32", "int8"}:
        raise UsageError(f"an ONNX model cannot be written in {dtype!r}; there are float32 and int8")
    folded = fold_batch_norm(network)
    moments = {t.name: Moments() for t in folded.inputs}
    g = OnnxNodes(frozenset(folded.shapes))
    for node in folded.nodes:
        given = [moments[t] for t in node.inputs]
        write_node(g, node, weights_of(node.layer, node.name, seed, given[0]))
        moments.update(dict.fromkeys(node.outputs, moments_of(node.layer, given)))
    graph = GraphProto(network.name, g.nodes, g.initializers)
    graph.inputs = [ValueInfo(t.name, ELEM_TYPES[t.dtype], t.shape) for t in folded.inputs]
    graph.outputs = [ValueInfo(name, ELEM_TYPES["float32"], folded.shapes[name]) for name in folded.outputs]
    if dtype == "int8":
        parts = {n.name for node in folded.nodes if node.layer.op in _ONE_TO_THE_RUNTIME for n in g.parts_of(node)}
        graph = quantise(graph, moments, parts)
    return encode_model(ModelProto(graph, {"": OPSET}, IR_VERSION, producer_name="augur_edge"))
