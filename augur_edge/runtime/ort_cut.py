"""Cuts a network where onnxruntime itself has fused and laid it out: every node of its optimised graph, alone."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from augur_edge.errors import InferenceError
from augur_edge.layers import Shape
from augur_edge.models.onnx_cut import activation_names, cut_node, source_nodes, with_outputs
from augur_edge.models.onnx_deployed import deployed_layers
from augur_edge.models.onnx_graph import ModelProto, NodeProto
from augur_edge.models.onnx_layers import activations_of
from augur_edge.models.onnx_proto import decode_model, encode_model
from augur_edge.models.onnx_read import input_specs
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
SUM_INPUT = 3  # of Conv (nchwc) and FusedConv: the residual, overwritten by the result


def cut(model: bytes, options: RuntimeOptions) -> tuple[CutGraph, bytes]:
    """The layers of `model` as onnxruntime deploys it, and the model's bytes with its dynamic shapes fixed.

    Raises DataError for bytes that are no model, UsageError for dynamic shapes without `options.shapes`, and
    InferenceError, with onnxruntime's words, where it cannot load or run it.
    """
    original = _with_fixed_inputs(decode_model(model), options.shapes)
    prepared = encode_model(original)
    optimised = decode_model(_optimise(prepared, options.threads))
    tensors = _tensors(optimised)
    specs = {name: TensorSpec(t.shape, t.dtype) for name, t in tensors.items()}
    sources = source_nodes(original, optimised)
    table = TensorTable.of(optimised.graph, specs)
    graph = CutGraph(tensors, [i.name for i in _inputs(optimised)], [o.name for o in optimised.graph.outputs], [])
    deployed = deployed_layers(original, optimised, specs)
    for i, (node, spec) in enumerate(zip(optimised.graph.nodes, deployed)):
        step = _step(node, list(dict.fromkeys(activations_of(node, table))), [n for n in node.outputs if n], tensors)
        name = sources[i][0] if sources[i] else node.name or f"{node.op_type}_{i}"
        graph.layers.append(CutLayer(name, spec.op, sources[i], spec, step, partial(_alone, optimised, i, specs)))
    distinguish(graph.layers)
    return graph, prepared


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


def _optimise(model: bytes, threads: int) -> bytes:
    """The graph onnxruntime deploys: fused and laid out for this processor."""
    import onnxruntime as ort

    with tempfile.TemporaryDirectory(prefix="augur-edge-") as folder:
        path = Path(folder) / "optimised.onnx"
        options = session_options(threads, True)
        options.optimized_model_filepath = str(path)
        try:
            ort.InferenceSession(model, options, ["CPUExecutionProvider"])
        except Exception as e:  # its exceptions share no base but Exception
            raise InferenceError(f"onnxruntime cannot load the network: {' '.join(str(e).split())}") from e
        return path.read_bytes()


def _tensors(optimised: ModelProto) -> dict[str, Tensor]:
    """Every activation of the graph, its shape and dtype learnt by running it once with all of them exposed."""
    import onnxruntime as ort

    names = activation_names(optimised)
    rng = np.random.default_rng(0)
    feed = {}
    found = {}
    try:
        session = ort.InferenceSession(
            with_outputs(optimised, names), session_options(1, False), ["CPUExecutionProvider"]
        )
        for info, argument in zip(_inputs(optimised), session.get_inputs()):
            tensor = Tensor(info.name, tuple(argument.shape), _dtype(argument.type))
            memory = allocate(tensor.n_bytes)
            fill(memory, tensor.dtype, rng)
            feed[info.name] = memory.view(tensor.dtype).reshape(tensor.shape)
            found[info.name] = tensor
        outputs = [o.name for o in session.get_outputs()]
        for name, value in zip(outputs, session.run(outputs, feed)):
            if not isinstance(value, np.ndarray):
                raise RuntimeError(f"{name} is not a tensor")
            found[name] = Tensor(name, value.shape, value.dtype.name)
    except Exception as e:
        raise InferenceError(f"onnxruntime cannot run the network: {' '.join(str(e).split())}") from e
    return found


def _dtype(text: str) -> str:
    """`tensor(float)` -> `float32`."""
    name = text[len("tensor(") : -1] if text.startswith("tensor(") else text
    return {"float": "float32", "double": "float64"}.get(name, name)


def _step(node: NodeProto, inputs: list[str], outputs: list[str], tensors: dict[str, Tensor]) -> Step:
    """How the layer uses memory, by the rules of onnxruntime's own planner."""
    if node.op_type in ALIASES and inputs and outputs:
        return Step(inputs, outputs, {outputs[0]: inputs[0]}, alias=True)
    in_place: dict[str, str] = {}
    if node.op_type in IN_PLACE:
        same = [i for i in inputs if tensors[i].n_bytes == tensors[outputs[0]].n_bytes]
        in_place = {outputs[0]: same[0]} if same else {}
    elif len(node.inputs) > SUM_INPUT and node.op_type in ("Conv", "FusedConv") and node.inputs[SUM_INPUT] in inputs:
        in_place = {outputs[0]: node.inputs[SUM_INPUT]}
    return Step(inputs, outputs, in_place)
