""".tflite bytes to and from the schema's objects (`ModelT`, `SubGraphT`, `TensorT`, `OperatorT` …).

The schema is the one ai-edge-litert ships; importing it takes 23 ms (with flatbuffers, numpy already there), so it is
loaded at the first use. Objects are `Any` here: the generated module has no types.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Any

import numpy as np

from augur_edge.errors import MissingExtraError
from augur_edge.models.tflite_verify import damaged, verify_tflite

# Element types by their number in the schema; what has no name here (strings, resources) is kept by its number only.
DTYPES = {
    0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16", 9: "int8",
    10: "float64", 12: "uint64", 15: "uint32", 16: "uint16", 18: "bfloat16",
}  # fmt: skip
TYPE_NUMBERS = {name: number for number, name in DTYPES.items()}
_UNPACKING = (struct.error, ValueError, IndexError, TypeError, KeyError, AttributeError, OverflowError, MemoryError)


def schema() -> Any:
    """The generated module. Raises MissingExtraError where ai-edge-litert is not installed."""
    try:
        from ai_edge_litert import schema_py_generated
    except ImportError as error:
        raise MissingExtraError("reading .tflite needs ai-edge-litert: pip install 'augur-edge[litert]'") from error
    return schema_py_generated


@cache
def operator_names() -> dict[int, str]:
    """Number of each builtin operator -> its name, `CONV_2D`."""
    return {v: k for k, v in vars(schema().BuiltinOperator).items() if isinstance(v, int)}


def operator_code(model: Any, op: Any) -> int:
    """The builtin operator's number; files from before 128 operators keep it in one byte."""
    code = model.operatorCodes[op.opcodeIndex]
    return max(int(code.builtinCode), int(code.deprecatedBuiltinCode))


def decode_tflite(data: bytes) -> Any:
    """The file as a `ModelT`; weights are views into `data`, not copies.

    Lists that the file leaves out are empty, and every index of an operator, tensor or buffer is within its list.
    Raises DataError for foreign, truncated or damaged bytes, MissingExtraError without ai-edge-litert.
    """
    generated = schema()
    verify_tflite(data)
    try:
        model = generated.ModelT.InitFromPackedBuf(data)
    except _UNPACKING as error:
        raise damaged(f"an operator's options cannot be read ({error})") from error
    _fill_lists(model)
    _check_indices(model)
    _fetch_appended(model, data)
    return model


def _fill_lists(model: Any) -> None:
    model.operatorCodes, model.subgraphs = model.operatorCodes or [], model.subgraphs or []
    model.buffers = model.buffers or []
    for graph in model.subgraphs:
        graph.tensors, graph.operators = graph.tensors or [], graph.operators or []
        for owner in (graph, *graph.operators):
            owner.inputs = [int(i) for i in _present(owner.inputs)]
            owner.outputs = [int(i) for i in _present(owner.outputs)]


def _present(values: Any) -> Any:
    return () if values is None else values


def _check_indices(model: Any) -> None:
    if not model.subgraphs:
        raise damaged("it holds no graph")
    for g, graph in enumerate(model.subgraphs):
        for i, tensor in enumerate(graph.tensors):
            if tensor.buffer >= max(len(model.buffers), 1):
                raise damaged(f"tensor {i} of graph {g} names buffer {tensor.buffer} of {len(model.buffers)}")
        _check_tensors(graph, graph.inputs + graph.outputs, f"graph {g}", optional=False)
        for i, op in enumerate(graph.operators):
            if op.opcodeIndex >= len(model.operatorCodes):
                raise damaged(f"operator {i} of graph {g} is of kind {op.opcodeIndex} of {len(model.operatorCodes)}")
            _check_tensors(graph, op.inputs, f"operator {i} of graph {g}", optional=True)
            _check_tensors(graph, op.outputs, f"operator {i} of graph {g}", optional=False)


def _check_tensors(graph: Any, indices: list[int], what: str, *, optional: bool) -> None:
    for i in indices:
        if not (-1 if optional else 0) <= i < len(graph.tensors):
            raise damaged(f"{what} names tensor {i} of {len(graph.tensors)}")


def _fetch_appended(model: Any, data: bytes) -> None:
    """Bring in what files above 2 GB append after the tables: buffers, and options of custom operators."""
    for i, buffer in enumerate(model.buffers):
        if buffer.offset > 1:
            buffer.data = _appended(data, buffer.offset, buffer.size, f"buffer {i}")
            buffer.offset = buffer.size = 0
    for graph in model.subgraphs:
        for i, op in enumerate(graph.operators):
            if op.largeCustomOptionsOffset > 1:
                size = op.largeCustomOptionsSize
                op.customOptions = _appended(data, op.largeCustomOptionsOffset, size, f"operator {i}'s options")
                op.largeCustomOptionsOffset = op.largeCustomOptionsSize = 0


def _appended(data: bytes, at: int, size: int, what: str) -> Any:
    if at + size > len(data):
        raise damaged(f"{what} needs bytes {at} to {at + size} of {len(data)}")
    return np.frombuffer(data, np.uint8, size, at)


def encode_tflite(model: Any) -> bytes:
    """A `ModelT` as the bytes of a file; constants (uint8 arrays) are aligned to 16 bytes, as runtimes expect."""
    from flatbuffers import Builder

    class AligningBuilder(Builder):  # type: ignore[misc]
        """Python's builder knows nothing of the schema's `force_align`, and would copy each constant twice."""

        def CreateNumpyVector(self, x: Any) -> Any:  # noqa: N802  the base class's name
            if x.dtype != np.uint8:
                return super().CreateNumpyVector(x)
            self.StartVector(1, x.size, 16)
            self.head -= x.size
            np.frombuffer(self.Bytes, np.uint8, x.size, self.head)[:] = x
            self.vectorNumElems = x.size
            return self.EndVector()

    constants = sum(len(b.data) + 64 for b in model.buffers if b.data is not None)
    builder = AligningBuilder(constants + 4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(memoryview(builder.Bytes)[builder.Head() :])
