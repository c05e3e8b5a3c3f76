"""Constants of an ONNX model: dtypes, raw and typed data, and data kept in a file beside the model."""

from __future__ import annotations

import mmap
from dataclasses import dataclass, field
from math import prod
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Callable, TypeVar

import numpy as np
import numpy.typing as npt

from augur_edge.errors import DataError
from augur_edge.models.protobuf import Buffer, Field, Message, Writer, malformed

T = TypeVar("T")

DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool",
    10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
    17: "float8e4m3fn", 18: "float8e4m3fnuz", 19: "float8e5m2", 20: "float8e5m2fnuz", 21: "uint4", 22: "int4",
    23: "float4e2m1", 24: "float8e8m0", 25: "uint2", 26: "int2",
}  # fmt: skip
ELEM_TYPES = {name: number for number, name in DTYPES.items()}
STRING = 8
_BITS = {"uint4": 4, "int4": 4, "float4e2m1": 4, "uint2": 2, "int2": 2}
_EXTERNAL = 1
_TYPED = {4: "f4", 5: "i8", 7: "i8", 10: "f8", 11: "u8"}
"""Fields of typed data: float_data, int32_data, int64_data, double_data, uint64_data."""


@dataclass
class TensorProto:
    """A constant. data_type: number in `DTYPES`; raw: little-endian content, row-major, packed where below a byte.

    raw is None for strings (then `strings`) and for data in a file whose folder is not known (then `external`).
    unknown: fields that are not interpreted, as they were.
    """

    name: str = ""
    dims: tuple[int, ...] = ()
    data_type: int = 1
    raw: Buffer | None = b""
    strings: tuple[bytes, ...] = ()
    external: dict[str, str] = field(default_factory=dict)
    unknown: bytes = b""

    @staticmethod
    def of(name: str, value: npt.ArrayLike) -> TensorProto:
        """A tensor of a numpy array's shape, dtype and values."""
        array = np.asarray(value)
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1)
        return TensorProto(name, array.shape, ELEM_TYPES[array.dtype.name], little.view(np.uint8).data)

    @property
    def dtype(self) -> str:
        """Name of the element type; `type<N>` for one that is newer than this program."""
        return DTYPES.get(self.data_type, f"type{self.data_type}")

    def array(self) -> npt.NDArray[Any]:
        """The values, shaped; read-only where the model's bytes are. Raises DataError where there are none.

        bfloat16 becomes float32, 4- and 2-bit integers int8 or uint8; 8- and 4-bit floats stay their bits (uint8).
        """
        if self.data_type == STRING:
            self._check(len(self.strings), prod(self.dims), "strings")
            return np.array(self.strings, object).reshape(self.dims)
        if self.raw is None:
            raise DataError(f"tensor {self.name!r} keeps its data in {self.external.get('location')!r}, not read here")
        if self.data_type not in DTYPES:
            raise DataError(f"tensor {self.name!r} has element type {self.data_type}, which is not known here")
        if self.dtype in _BITS:
            return self._packed(_BITS[self.dtype])
        store = "uint16" if self.dtype == "bfloat16" else "uint8" if "float8" in self.dtype else self.dtype
        kind = np.dtype(store).newbyteorder("<")
        self._check(len(self.raw), prod(self.dims) * kind.itemsize, "bytes")
        flat = np.frombuffer(self.raw, kind)
        if self.dtype == "bfloat16":
            flat = (flat.astype("<u4") << 16).view("<f4")
        return flat.reshape(self.dims)

    def _check(self, found: int, wanted: int, what: str) -> None:
        if any(d < 0 for d in self.dims) or found != wanted:
            raise DataError(f"tensor {self.name!r} {self.dims} of {self.dtype} has {found} {what} instead of {wanted}")

    def _packed(self, bits: int) -> npt.NDArray[Any]:
        each, count = 8 // bits, prod(self.dims)
        data = np.frombuffer(self.raw or b"", np.uint8)
        self._check(data.size, -(-count // each), "bytes")
        shifts = np.arange(each, dtype=np.uint8) * bits
        flat = (data[:, None] >> shifts & (2**bits - 1)).reshape(-1)[:count]
        if self.dtype.startswith("int"):
            flat = ((flat ^ 2 ** (bits - 1)).astype(np.int8) - 2 ** (bits - 1)).astype(np.int8)
        return np.reshape(flat, self.dims)


class ExternalFiles:
    """Files of tensor data beside a model, mapped into memory once each. base: the model's folder, None if unknown."""

    def __init__(self, base: Path | None):
        self.base = base
        self._maps: dict[str, memoryview] = {}

    def view(self, tensor: str, entries: dict[str, str]) -> memoryview | None:
        """A tensor's bytes; None without a folder. Raises DataError for a path outside it, or too few bytes."""
        location = entries.get("location", "")
        self._refuse_escape(tensor, location)
        if self.base is None:
            return None
        whole = self._maps.get(location)
        if whole is None:
            whole = self._maps[location] = self._map(tensor, self.base, location)
        try:
            offset = int(entries.get("offset", "0"))
            length = int(entries.get("length", str(len(whole) - offset)))
        except ValueError:
            raise DataError(f"tensor {tensor!r}: offset and length of its external data are not numbers") from None
        if offset < 0 or length < 0 or offset + length > len(whole):
            what = f"bytes {offset} to {offset + length} of {location!r}, which has {len(whole)}"
            raise DataError(f"tensor {tensor!r} wants {what}: the file beside the model is truncated or another one")
        return whole[offset : offset + length]

    @staticmethod
    def _refuse_escape(tensor: str, location: str) -> None:
        windows = PureWindowsPath(location)
        parts = (*PurePosixPath(location).parts, *windows.parts)
        if not location or "\0" in location or ".." in parts or location.startswith("/") or windows.anchor:
            what = f"tensor {tensor!r} wants its data from {location!r}, outside the model's folder"
            raise DataError(f"{what}: refused; save the model with its data beside it")

    @staticmethod
    def _map(tensor: str, base: Path, location: str) -> memoryview:
        path = base / location
        try:
            if base.resolve() not in path.resolve().parents:
                raise DataError(f"tensor {tensor!r}: {location!r} is a link out of the model's folder: refused")
            if not path.is_file():
                raise DataError(f"tensor {tensor!r} wants its data from {path}, which is no file: put it there")
            if path.stat().st_size == 0:
                return memoryview(b"")
            with path.open("rb") as file:
                return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (OSError, RuntimeError) as error:
            raise DataError(f"tensor {tensor!r}: cannot read its data from {path}: {error}") from None


def decode_tensor(message: Message, files: ExternalFiles) -> TensorProto:
    """One TensorProto; typed data becomes raw data, external data is mapped where its folder is known."""
    by: dict[int, list[Field]] = {}
    for f in message:
        by.setdefault(f.number, []).append(f)
    dims = tuple(d for f in by.pop(1, ()) for d in f.integers())
    if len(dims) > 64:
        raise malformed(message.begin, f"a tensor of {len(dims)} dimensions")
    tensor = TensorProto(dims=dims, data_type=_last(by, 2, Field.integer, 0), name=_last(by, 8, Field.text, ""))
    tensor.strings = tuple(bytes(f.view()) for f in by.pop(6, ()))
    tensor.external = dict(_entry(f.sub()) for f in by.pop(13, ()))
    tensor.raw = _last(by, 9, Field.view, memoryview(b""))
    typed = [f.numbers(kind) for number, kind in _TYPED.items() for f in by.pop(number, ())]
    if _last(by, 14, Field.integer, 0) == _EXTERNAL:
        tensor.raw = files.view(tensor.name, tensor.external)
    elif typed and not tensor.raw:
        tensor.raw = _raw_of(tensor, np.concatenate(typed))
    tensor.unknown = b"".join(f.raw() for fields in by.values() for f in fields)
    return tensor


def _last(by: dict[int, list[Field]], number: int, read: Callable[[Field], T], default: T) -> T:
    fields = by.pop(number, [])
    return read(fields[-1]) if fields else default


def _entry(message: Message) -> tuple[str, str]:
    texts = {f.number: f.text() for f in message}
    return texts.get(1, ""), texts.get(2, "")


def _raw_of(tensor: TensorProto, values: npt.NDArray[Any]) -> bytes:
    """Typed data as raw data: a number an element, but complex pairs, and bits of small floats in an int32."""
    if tensor.dtype in {"float16", "bfloat16"}:
        return values.astype("<u2").tobytes()
    if tensor.dtype in _BITS or "float8" in tensor.dtype:
        return values.astype(np.uint8).tobytes()
    if tensor.dtype.startswith("complex"):
        return values.tobytes()
    if tensor.data_type not in DTYPES or tensor.data_type == STRING:
        raise DataError(f"tensor {tensor.name!r}: numbers for element type {tensor.data_type}, which has none")
    return values.astype(np.dtype(tensor.dtype).newbyteorder("<")).tobytes()


def encode_tensor(tensor: TensorProto) -> Writer:
    """One TensorProto; external data that was read is put inside."""
    out = Writer()
    out.packed(1, tensor.dims)
    out.integer(2, tensor.data_type)
    for value in tensor.strings:
        out.blob(6, value)
    out.text(8, tensor.name)
    if tensor.raw is not None and tensor.data_type != STRING:
        out.blob(9, tensor.raw)
    elif tensor.external:
        for key, text in tensor.external.items():
            entry = Writer()
            entry.text(1, key)
            entry.text(2, text)
            out.message(13, entry)
        out.integer(14, _EXTERNAL)
    out.raw(tensor.unknown)
    return out
