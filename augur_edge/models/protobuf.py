"""The protobuf wire format, as far as ONNX needs it: bytes to fields and fields to bytes, without a schema.

Nothing is copied while reading: a `Field` points into the buffer. Every malformed byte ends in a DataError that
names its offset; nesting and the number of messages are bounded, so hostile bytes cannot exhaust the stack or memory.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Any, Union

import numpy as np
import numpy.typing as npt

from augur_edge.errors import DataError

Buffer = Union[bytes, memoryview]

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MAX_DEPTH = 100
MAX_MESSAGES = 4_000_000
MAX_BYTES = 2**31 - 1
"""The largest message protobuf allows."""
_MASK64 = 2**64 - 1


def malformed(offset: int, what: str) -> DataError:
    """The error for bytes that are not what they should be."""
    return DataError(f"not a readable ONNX model: {what} at byte {offset}; the file is truncated or of another kind")


def shortest(value: float) -> float:
    """A float32 as the number people wrote: 1e-6, not 9.999999974752427e-07."""
    return float(str(np.float32(value)))


class Field:
    """One field of a message. start, stop: all its bytes; begin: where a BYTES field's content starts."""

    __slots__ = ("begin", "message", "number", "start", "stop", "value", "wire")

    def __init__(self, message: Message, number: int, wire: int, value: int, span: tuple[int, int, int]):
        self.message, self.number, self.wire, self.value = message, number, wire, value
        self.start, self.begin, self.stop = span

    def _expect(self, wire: int) -> None:
        if self.wire != wire:
            raise malformed(self.start, f"field {self.number} has wire type {self.wire} instead of {wire}")

    def integer(self) -> int:
        """A signed 64-bit varint."""
        self._expect(VARINT)
        return self.value - 2**64 if self.value >> 63 else self.value

    def real(self) -> float:
        """A 32-bit float, as `shortest` has it."""
        self._expect(FIXED32)
        return shortest(struct.unpack("<f", struct.pack("<I", self.value))[0])

    def view(self) -> memoryview:
        """The content of a BYTES field, not copied."""
        self._expect(BYTES)
        return self.message.data[self.begin : self.stop]

    def raw(self) -> bytes:
        """The whole field, tag included, to be kept as it is."""
        return bytes(self.message.data[self.start : self.stop])

    def text(self) -> str:
        """A BYTES field as UTF-8."""
        try:
            return str(self.view(), "utf-8")
        except UnicodeDecodeError:
            raise malformed(self.begin, "text that is not UTF-8") from None

    def sub(self) -> Message:
        """A BYTES field as a message."""
        self._expect(BYTES)
        return Message(self.message.data, self.begin, self.stop, self.message.depth + 1, self.message.budget)

    def integers(self) -> list[int]:
        """A repeated signed varint, packed or single."""
        return [self.integer()] if self.wire == VARINT else [int(v) for v in self.numbers("i8")]

    def numbers(self, dtype: str) -> npt.NDArray[Any]:
        """A repeated number, packed or single. dtype: `f4` or `f8` (fixed), `i8` or `u8` (varint)."""
        fixed = {"f4": FIXED32, "f8": FIXED64}.get(dtype)
        if self.wire == BYTES:
            return self._packed_floats(dtype) if fixed is not None else self._packed_varints(dtype)
        self._expect(VARINT if fixed is None else fixed)
        bits = np.array([self.value], "<u4" if dtype == "f4" else "<u8")
        return bits.view(f"<{dtype}")

    def _packed_floats(self, dtype: str) -> npt.NDArray[Any]:
        if (self.stop - self.begin) % int(dtype[1]):
            raise malformed(self.begin, f"packed {dtype} numbers of {self.stop - self.begin} bytes")
        return np.frombuffer(self.view(), f"<{dtype}")

    def _packed_varints(self, dtype: str) -> npt.NDArray[Any]:
        data = np.frombuffer(self.view(), np.uint8)
        if not data.size:
            return np.empty(0, f"<{dtype}")
        last = np.flatnonzero(data < 0x80)
        if not last.size or last[-1] != data.size - 1:
            raise malformed(self.stop, "a number that does not end")
        first = np.concatenate(([0], last[:-1] + 1))
        if int((last - first).max()) > 9:
            raise malformed(self.begin, "a number of more than 10 bytes")
        place = np.arange(data.size) - np.repeat(first, last - first + 1)
        parts = (data & 0x7F).astype(np.uint64) << (7 * place).astype(np.uint64)
        return np.add.reduceat(parts, first).astype("<u8").view(f"<{dtype}")


class Message:
    """Part of a buffer to be read as a message: iterate over it for its fields."""

    __slots__ = ("begin", "budget", "data", "depth", "stop")

    def __init__(self, data: memoryview, begin: int, stop: int, depth: int, budget: list[int]):
        budget[0] -= 1
        if depth > MAX_DEPTH:
            raise malformed(begin, f"messages nested more than {MAX_DEPTH} deep")
        if budget[0] < 0:
            raise malformed(begin, f"more than {MAX_MESSAGES} messages")
        self.data, self.begin, self.stop, self.depth, self.budget = data, begin, stop, depth, budget

    @staticmethod
    def of(data: Buffer) -> Message:
        """The whole of `data` as a message."""
        view = memoryview(data).cast("B")
        return Message(view, 0, len(view), 0, [MAX_MESSAGES])

    def __iter__(self) -> Iterator[Field]:
        at = self.begin
        while at < self.stop:
            start = at
            tag, at = self._varint(at)
            number, wire = tag >> 3, tag & 7
            if not 0 < number < 2**29:
                raise malformed(start, f"field number {number}")
            value, begin, at = self._value(wire, at, start)
            yield Field(self, number, wire, value, (start, begin, at))

    def _value(self, wire: int, at: int, start: int) -> tuple[int, int, int]:
        if wire == VARINT:
            value, stop = self._varint(at)
            return value, at, stop
        if wire == BYTES:
            size, at = self._varint(at)
            return 0, at, self._within(at + size, start)
        if wire in {FIXED32, FIXED64}:
            stop = self._within(at + (4 if wire == FIXED32 else 8), start)
            return int.from_bytes(self.data[at:stop], "little"), at, stop
        raise malformed(start, f"wire type {wire}")

    def _within(self, stop: int, start: int) -> int:
        if stop > self.stop:
            raise malformed(start, f"a field that ends {stop - self.stop} bytes after its message")
        return stop

    def _varint(self, at: int) -> tuple[int, int]:
        value = 0
        for shift in range(0, 70, 7):
            if at >= self.stop:
                raise malformed(at, "a number that does not end")
            byte = self.data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & _MASK64, at
        raise malformed(at, "a number of more than 10 bytes")


def _varint_bytes(value: int) -> bytes:
    value &= _MASK64
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class Writer:
    """Collects the fields of one message; large contents are referred to, not copied, until `to_bytes`."""

    def __init__(self) -> None:
        self.parts: list[Buffer] = []
        self.size = 0

    def _put(self, *parts: Buffer) -> None:
        self.parts.extend(parts)
        self.size += sum(len(p) for p in parts)

    def integer(self, number: int, value: int) -> None:
        """A varint, of two's complement where negative."""
        self._put(_varint_bytes(number << 3 | VARINT) + _varint_bytes(value))

    def real(self, number: int, value: float) -> None:
        """A 32-bit float; a value beyond its range becomes infinite."""
        with np.errstate(over="ignore"):
            self._put(_varint_bytes(number << 3 | FIXED32) + np.array(value, "<f4").tobytes())

    def blob(self, number: int, value: Buffer) -> None:
        """A BYTES field. value: flat bytes; must not change before `to_bytes`."""
        self._put(_varint_bytes(number << 3 | BYTES) + _varint_bytes(len(value)), value)

    def text(self, number: int, value: str) -> None:
        """A BYTES field of UTF-8; an empty one is left out."""
        if value:
            self.blob(number, value.encode())

    def texts(self, number: int, values: Iterable[str]) -> None:
        """A repeated text; empty ones are kept."""
        for value in values:
            self.blob(number, value.encode())

    def packed(self, number: int, values: Iterable[int]) -> None:
        """Repeated varints in one field; none at all is left out."""
        content = b"".join(_varint_bytes(v) for v in values)
        if content:
            self.blob(number, content)

    def message(self, number: int, message: Writer) -> None:
        """A message inside this one."""
        self._put(_varint_bytes(number << 3 | BYTES) + _varint_bytes(message.size))
        self.parts.extend(message.parts)
        self.size += message.size

    def raw(self, fields: Buffer) -> None:
        """Whole fields, tags included, kept from reading."""
        if fields:
            self._put(fields)

    def to_bytes(self) -> bytes:
        """The message. Raises DataError above 2 GiB, which no reader of protobuf accepts."""
        if self.size > MAX_BYTES:
            raise DataError(f"a model of {self.size} bytes does not fit one ONNX file (2 GiB): use a smaller network")
        return b"".join(self.parts)
