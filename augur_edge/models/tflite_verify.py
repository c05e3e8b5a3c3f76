"""Checks a .tflite file's structure before anything trusts an offset in it.

The generated reader follows offsets as they come: a damaged file makes it raise whatever it meets first, or loop over
a vector that many tables share. Here every table the project reads is walked once, from the description below, with
bounds on each read and on the number of tables; what passes can be unpacked. The tables of operators' options are
many and flat: of those only the frame is checked. Method: the verifier of the FlatBuffers C++ library.
"""

from __future__ import annotations

import struct

from augur_edge.errors import DataError

# Fields in the order of the schema (tensorflow/lite/schema.fbs). A digit: a scalar of so many bytes; `s`: a string;
# `[x`: a vector of x; a name: that table; `options`: a table that is only framed. A union is its tag, then its table.
TABLES = {
    name: tuple(fields.split())
    for name, fields in {
        "Model": "4 [OperatorCode [SubGraph s [Buffer [4 [Metadata [Signature [Group [ExternalBuffer",
        "OperatorCode": "1 s 4 4",
        "SubGraph": "[Tensor [4 [4 [Operator s 4",
        "Tensor": "[4 1 4 s Quantization 1 Sparsity [4 1 [Variant 4",
        "Quantization": "[4 [4 [4 [8 1 options 4",
        "Sparsity": "[4 [4 [Dimension",
        "Dimension": "1 4 1 options 1 options",
        "Variant": "[4 1 1",
        "Operator": "4 [4 [4 1 options [1 1 [1 [4 8 8 1 options 4",
        "Buffer": "[1 8 8",
        "Metadata": "s 4",
        "Signature": "[TensorMap [TensorMap s s 4",
        "TensorMap": "s 4",
        "Group": "s",
        "ExternalBuffer": "4 4 8 8 s",
        "options": "",
    }.items()
}
_IDENTIFIER = b"TFL3"
_MAX_TABLES = 1_000_000


def damaged(what: str) -> DataError:
    """The error for a file that contradicts itself."""
    return DataError(f"damaged .tflite: {what}; copy or convert the file again")


class _Walk:
    """One pass over one file; every method raises DataError at the first thing that does not fit."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        # A table takes four bytes at least, a character one: more of either than the file holds means parts shared
        # so often that unpacking might never end. Names may be shared, but not without limit.
        self.tables_left = min(_MAX_TABLES, len(data) // 4)
        self.characters_left = 4 * len(data)

    def span(self, at: int, n_bytes: int, what: str) -> None:
        if at < 0 or at + n_bytes > len(self.data):
            raise damaged(f"{what} needs bytes {at} to {at + n_bytes} of {len(self.data)}")

    def number(self, form: str, at: int, what: str) -> int:
        self.span(at, struct.calcsize(form), what)
        return int(struct.unpack_from(form, self.data, at)[0])

    def table(self, name: str, at: int, what: str) -> None:
        """The table `name` at byte `at`, and all below it; what: its path, for messages."""
        self.tables_left -= 1
        if self.tables_left < 0:
            raise damaged(f"{what} is one table more than {len(self.data)} bytes can hold")
        vtable = at - self.number("<i", at, what)
        n_listed, n_inline = self.number("<H", vtable, what), self.number("<H", vtable + 2, what)
        self.span(vtable, n_listed, what)
        self.span(at, n_inline, what)
        fields = TABLES[name]
        for i in range(max(n_listed - 4, 0) // 2):
            offset = self.number("<H", vtable + 4 + 2 * i, what)
            kind = fields[i] if i < len(fields) else "1"
            width = int(kind) if kind.isdigit() else 4
            if offset and offset + width > n_inline:
                raise damaged(f"field {i} of {what} lies outside its table")
            if offset and not kind.isdigit():
                self.field(kind, at + offset, f"{what}, field {i}")

    def field(self, kind: str, at: int, what: str) -> None:
        target = at + self.number("<I", at, what)
        if kind in TABLES:
            self.table(kind, target, what)
            return
        length, element = self.number("<I", target, what), kind[1:]
        width = 1 if kind == "s" else int(element) if element.isdigit() else 4
        self.span(target + 4, length * width, what)
        if kind == "s":
            self.characters_left -= length
            if self.characters_left < 0:
                raise damaged(f"{what} is more text than {len(self.data)} bytes can hold")
        elif element in TABLES:
            for place in range(target + 4, target + 4 + 4 * length, 4):
                self.table(element, place + self.number("<I", place, what), f"{element} {(place - target) // 4 - 1}")


def verify_tflite(data: bytes) -> None:
    """Raise DataError unless `data` is a .tflite file whose tables can all be read."""
    if len(data) < 8 or data[4:8] != _IDENTIFIER:
        raise DataError(f"not a .tflite file: no `TFL3` at byte 4 of {len(data)}, it begins with {data[:8]!r}")
    walk = _Walk(data)
    walk.table("Model", walk.number("<I", 0, "model"), "model")
