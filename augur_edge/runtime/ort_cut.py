"""Cuts a network where onnxruntime itself has fused and laid it out: every node of its optimised graph, alone."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from augur_edge.errors import InferenceError
from augur_edge.layers import BYTES_PER_ELEMENT, Shape
from augur_edge.models.onnx_cut import activation_names, cut_node, source_nodes, with_outputs
from augur_edge.models.onnx_deployed import deployed_layers
from augur_edge.models.onnx_graph import ModelProto, NodeProto
from augur_edge.models.onnx_layers import activations_of
from augur_edge.models.onnx_proto import decode_model, encode_model
from augur_edge.models.onnx_read import input_specs
from augur_edge.models.onnx_sources import node_names
from augur_edge.models.onnx_table import TensorSpec, TensorTable
from augur_edge.runtime.arena import Step, allocate, fill
from augur_edge.runtime.base import RuntimeOptions
from augur_edge.runtime.cut import CutGraph, CutLayer, Tensor, distinguish
from augur_edge.runtime.ort import session_options

# Kernels that onnxruntime lets write over their input when nothing else needs it (MayInplace in its kernel
# definitions), or that only rename it (Alias). Replay places tensors the same way, so the same memory is touched.
ALIASES = frozenset({"Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity"})
IN_PLACE = frozenset(
    {
        "Relu", "LeakyRelu", "Elu", "Selu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Clip", "Add", "Sub", "Mul",
        "Div", "Softmax", "Gelu", "QuickGelu", "Erf", "Sqrt", "Pow", "Abs", "Neg", "Exp", "Floor", "Ceil", "Cast",
    }
)  # fmt: skip
CONVERTERS = frozenset({"QuantizeLinear", "DequantizeLinear"})  # no layer is named after these
PLAIN = frozenset(BYTES_PER_ELEMENT) - {"bfloat16"}
SUMMING = frozenset({"Conv", "FusedConv", "NhwcFusedConv"})  # Conv: that of com.microsoft.nchwc
SUM_INPUT = 3  # of these: the residual, overwritten by the result


def cut(model: bytes, options: RuntimeOptions, *, fused: bool = True) -> tuple[CutGraph, bytes]:
    """The layers of `model` as onnxruntime deploys it, and the model's bytes with its dynamic shapes fixed.

    fused: as for the CPU; if not, constants are folded and the nodes are plain ONNX, which other providers take.
    Raises DataError for bytes that are no model, UsageError for dynamic shapes without `options.shapes`, and
    InferenceError, with onnxruntime's words, where it cannot load or run it.
    """
    original = _with_fixed_inputs(decode_model(model), options.shapes)
    prepared = encode_model(original)
    optimised = decode_model(_optimise(prepared, options.threads, fused))
    tensors, integer = _tensors(optimised)
    outputs = list(dict.fromkeys(o.name for o in optimised.graph.outputs))
    _demand([*(i.name for i in _inputs(optimised)), *outputs], tensors)
    specs = {name: TensorSpec(t.shape, t.dtype) for name, t in tensors.items()}
    sources = source_nodes(original, optimised)
    table = TensorTable.of(optimised.graph, specs)
    graph = CutGraph(tensors, [i.name for i in _inputs(optimised)], outputs, [], integer=integer)
    deployed = deployed_layers(original, optimised, specs)
    converters = {n for n, node in zip(node_names(original), original.graph.nodes) if node.op_type in CONVERTERS}
    for i, (node, spec) in enumerate(zip(optimised.graph.nodes, deployed)):
        step = _step(node, list(dict.fromkeys(activations_of(node, table))), [n for n in node.outputs if n], tensors)
        strange = [n for n in (*step.inputs, *step.outputs) if n not in tensors]
        error = f"its tensor {strange[0]!r} is of a type that is not measured" if strange else None
        name = next((n for n in sources[i] if n not in converters), node.name or f"{node.op_type}_{i}")
        make = partial(_alone, optimised, i, specs)
        op = spec.op if spec is not None else node.op_type.lower()
        graph.layers.append(CutLayer(name, op, sources[i], spec, step, make, error, node.name))
    distinguish(graph.layers)
    return graph, prepared


def _demand(names: list[str], tensors: dict[str, Tensor]) -> None:
    strange = [name for name in names if name not in tensors]
    if strange:
        raise InferenceError(f"the network's {strange[0]!r} is of a type that cannot be measured (text, bfloat16, …)")


def _with_fixed_inputs(model: ModelProto, shapes: dict[str, Shape]) -> ModelProto:
    specs, _ = input_specs(model, shapes)
    for info in model.graph.inputs:
        if info.name in specs:
            info.shape = specs[info.name].shape
    return model


def _alone(model: ModelProto, node_index: int, tensors: dict[str, TensorSpec]) -> bytes:
    return cut_node(model, node_index, tensors).data


def _inputs(model: ModelProto) -> list[Any]:
    return [i for i in model.graph.inputs if i.name not in model.graph.initializers]


def _optimise(model: bytes, threads: int, fused: bool) -> bytes:
    """The graph onnxruntime deploys: fused and laid out for this processor."""
    import onnxruntime as ort

    with tempfile.TemporaryDirectory(prefix="augur-edge-") as folder:
        path = Path(folder) / "optimised.onnx"
        options = session_options(threads, True)
        if not fused:
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(path)
        try:
            ort.InferenceSession(model, options, ["CPUExecutionProvider"])
        except Exception as e:  # its exceptions share no base but Exception
            raise InferenceError(f"onnxruntime cannot load the network: {' '.join(str(e).split())}") from e
        return path.read_bytes()


def _tensors(optimised: ModelProto) -> tuple[dict[str, Tensor], int]:
    """Every activation of the graph, its shape and dtype learnt by running it once with all of them exposed.

    Left out are tensors of types that have no plain memory (text, sequences, bfloat16). Integer inputs are 1, or 0
    where the network refuses that (an index into a table of one row); which is returned.
    """
    import onnxruntime as ort

    model = with_outputs(optimised, activation_names(optimised))
    try:
        session = ort.InferenceSession(model, session_options(1, False), ["CPUExecutionProvider"])
        tensors = {i.name: Tensor(i.name, tuple(i.shape), _dtype(i.type)) for i in session.get_inputs()}
        plain = [o.name for o in session.get_outputs() if _dtype(o.type) in PLAIN]
        inputs = {name: t for name, t in tensors.items() if t.dtype in PLAIN}
        try:
            values, integer = session.run(plain, _feed(inputs, 1)), 1
        except Exception:
            values, integer = session.run(plain, _feed(inputs, 0)), 0
    except Exception as e:
        raise InferenceError(f"onnxruntime cannot run the network: {' '.join(str(e).split())}") from e
    return {**inputs, **{n: Tensor(n, v.shape, v.dtype.name) for n, v in zip(plain, values)}}, integer


def _feed(inputs: dict[str, Tensor], integer: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    feed = {}
    for name, tensor in inputs.items():
        memory = allocate(tensor.n_bytes)
        fill(memory, tensor.dtype, rng, integer)
        feed[name] = memory.view(tensor.dtype).reshape(tensor.shape)
    return feed


def _dtype(text: str) -> str:
    """`tensor(float)` -> `float32`."""
    name = text[len("tensor(") : -1] if text.startswith("tensor(") else text
    return {"float": "float32", "double": "float64"}.get(name, name)


def _step(node: NodeProto, inputs: list[str], outputs: list[str], tensors: dict[str, Tensor]) -> Step:
    """How the layer uses memory, by the rules of onnxruntime's own planner."""
    if node.op_type in ALIASES and inputs and outputs:
        return Step(inputs, outputs, {outputs[0]: inputs[0]}, alias=True)
    if any(name not in tensors for name in (*inputs, *outputs)):
        return Step(inputs, outputs)
    if node.op_type in IN_PLACE:
        same = [i for i in inputs if tensors[i].n_bytes == tensors[outputs[0]].n_bytes]
        return Step(inputs, outputs, {outputs[0]: same[0]} if same else {})
    if node.op_type in SUMMING and len(node.inputs) > SUM_INPUT:
        residual = node.inputs[SUM_INPUT]
        if residual in inputs and node.inputs.count(residual) == 1:
            return Step(inputs, outputs, {outputs[0]: residual}, rereads=True)
    return Step(inputs, outputs)
