"""Gives the open shapes of a .tflite model: inputs as asked, everything after them as the interpreter infers it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from augur_edge.errors import UsageError
from augur_edge.layers import Shape
from augur_edge.models.tflite_graph import GraphView
from augur_edge.models.tflite_schema import decode_tflite, encode_tflite


def with_shapes(data: bytes, shapes: Mapping[str, Shape]) -> bytes:
    """The model with these shapes of inputs, by name, in the file's own layout (1, 224, 224, 3); none is left open.

    Shapes after the inputs are those the interpreter of ai-edge-litert comes to. Raises UsageError for a name or a
    shape that the model does not take, DataError for damaged bytes, MissingExtraError without ai-edge-litert.
    """
    model = decode_tflite(data)
    view = GraphView(model)
    inputs = {view.names[t]: t for t in view.graph.inputs}
    for name, shape in shapes.items():
        if name not in inputs:
            raise UsageError(f"--shape {name}: the model has no such input; it has {', '.join(inputs)}")
        _check(view.graph.tensors[inputs[name]], name, shape)
    inferred = _inferred(data, {inputs[name]: shape for name, shape in shapes.items()})
    for tensor, shape in zip(view.graph.tensors, inferred):
        tensor.shape, tensor.shapeSignature = list(shape), None
    view.check_static()
    return encode_tflite(model)


def _check(tensor: Any, name: str, shape: Shape) -> None:
    open_shape = tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature
    fits = len(shape) == len(open_shape) and all(d in (-1, n) and n > 0 for d, n in zip(open_shape, shape))
    if not fits:
        wanted = ",".join("?" if d < 0 else str(d) for d in open_shape)
        raise UsageError(f"--shape {name}={','.join(map(str, shape))}: the model takes {wanted}")


def _inferred(data: bytes, shapes: Mapping[int, Shape]) -> list[Shape]:
    """Shape of every tensor of the main graph."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    try:
        # Without the delegate, whose operators hide the tensors between them.
        interpreter = Interpreter(
            model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        )
        for tensor, shape in shapes.items():
            interpreter.resize_tensor_input(tensor, shape)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        asked = "; ".join(",".join(map(str, shape)) for shape in shapes.values())
        raise UsageError(
            f"--shape {asked}: the interpreter cannot run the model so: {' '.join(str(error).split())}"
        ) from error
    details = sorted(interpreter.get_tensor_details(), key=lambda d: int(d["index"]))
    return [tuple(int(n) for n in d["shape"]) for d in details]
