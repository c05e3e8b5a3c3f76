"""Pickles of plain data, read without running anything in them.

A pickle is a program for a small machine. Python's own reader lets it call whatever it names, so this module has a
machine of its own: dicts, lists, tuples, numbers, text, and numpy's scalars, whose bytes it reads itself. There is no
instruction in it that could call anything.
"""

from __future__ import annotations

import pickletools
from pathlib import Path
from typing import Any, Callable

import numpy as np

from augur_edge.errors import DataError, UsageError

MAX_BYTES = 1 << 30
MAX_DEPTH = 32  # of tuples in tuples: hashing a tower of them as a key of a dict would overflow the stack
MAX_LEAVES = 1_000_000  # of a tuple: the memo doubles one in two bytes, and its hash is of all of them
_MARK = object()
_IGNORED = {"PROTO", "FRAME"}
_ARGUMENTS = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES",
    "BINBYTES8",
}  # fmt: skip
_NEW: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "MARK": lambda: _MARK,
}  # fmt: skip
_SHORT_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _RefusedError(Exception):
    """More than plain data."""


class _Name(str):
    """A global the pickle asked for; only `_called` knows what a few of them mean."""


class _Dtype:
    """A kind of number; the byte order comes with BUILD."""

    def __init__(self, code: object) -> None:
        if not isinstance(code, str) or code not in {f"{k}{n}" for k in "fiu" for n in (1, 2, 4, 8)} - {"f1"} | {"b1"}:
            said = f"{code!r:.80}" if isinstance(code, str) else type(code).__name__
            raise _RefusedError(f"a numpy dtype {said}, which is no plain number")
        self.dtype = np.dtype("?" if code == "b1" else code)

    def order(self, state: object) -> None:
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        if order not in ("<", ">", "|", "="):
            raise _RefusedError("a numpy dtype in an unknown state")
        self.dtype = self.dtype.newbyteorder(order)


class _Machine:
    """The stack and the memo; `step` takes one instruction."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        # depth, leaves, by id; the object is kept so that its id stays its own
        self._tuples: dict[int, tuple[int, int, Any]] = {}

    def step(self, name: str, arg: Any) -> None:
        if name in _ARGUMENTS:
            self.stack.append(arg)
        elif name in _NEW:
            self.stack.append(_NEW[name]())
        elif name in _SHORT_TUPLES:
            self._tuple(self._pop(_SHORT_TUPLES[name]))
        elif name not in _IGNORED:
            action = getattr(self, f"_{name.lower()}", None)
            if action is None:
                raise _RefusedError(f"the instruction {name}")
            action() if arg is None else action(arg)

    def _pop(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise IndexError("the stack runs empty")
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

    def _pop_mark(self) -> list[Any]:
        at = next(i for i in range(len(self.stack) - 1, -1, -1) if self.stack[i] is _MARK)
        items = self.stack[at + 1 :]
        del self.stack[at:]
        return items

    def _tuple(self, items: list[Any] | None = None) -> None:
        found = tuple(self._pop_mark() if items is None else items)
        parts = [self._tuples.get(id(v), (0, 1, None)) for v in found]
        depth, leaves = 1 + max((part[0] for part in parts), default=0), sum(part[1] for part in parts)
        if depth > MAX_DEPTH:
            raise _RefusedError(f"tuples {MAX_DEPTH} deep in each other")
        if leaves > MAX_LEAVES:
            raise _RefusedError(f"a tuple of more than {MAX_LEAVES} values")
        if found:
            self._tuples[id(found)] = (depth, leaves, found)
        self.stack.append(found)

    def _list(self) -> None:
        self.stack.append(self._pop_mark())

    def _dict(self) -> None:
        items = self._pop_mark()
        self.stack.append({})
        self._set(items)

    def _append(self) -> None:
        self._extend(self._pop(1))

    def _appends(self) -> None:
        self._extend(self._pop_mark())

    def _setitem(self) -> None:
        self._set(self._pop(2))

    def _setitems(self) -> None:
        self._set(self._pop_mark())

    def _extend(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise TypeError("appends to what is no list")
        self.stack[-1].extend(items)

    def _set(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], dict) or len(items) % 2:
            raise TypeError("sets items of what is no dict")
        for key, value in zip(items[::2], items[1::2]):
            if key in self.stack[-1]:
                raise _RefusedError(f"the key {key!r:.80} twice")
            self.stack[-1][key] = value

    def _put(self, place: int) -> None:
        self.memo[place] = self.stack[-1]

    _binput = _long_binput = _put

    def _memoize(self) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def _get(self, place: int) -> None:
        self.stack.append(self.memo[place])

    _binget = _long_binget = _get

    def _global(self, name: str) -> None:
        self.stack.append(_Name(name.replace(" ", ".")))

    def _stack_global(self) -> None:
        module, name = self._pop(2)
        self.stack.append(_Name(f"{module}.{name}"))

    def _reduce(self) -> None:
        name, args = self._pop(2)
        self.stack.append(_called(name, args))

    def _build(self) -> None:
        (state,) = self._pop(1)
        if not isinstance(self.stack[-1], _Dtype):
            raise _RefusedError("an object to be built")
        self.stack[-1].order(state)


def _called(name: object, args: object) -> Any:
    """What the few known names give; every other is refused, not called."""
    if not isinstance(args, tuple) or not isinstance(name, _Name):
        raise _RefusedError("a call of what has no name")
    if name == "numpy.dtype" and args:
        return _Dtype(args[0])
    if name in ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar") and len(args) == 2:
        return _scalar(*args)
    if name == "_codecs.encode" and len(args) == 2 and isinstance(args[0], str) and args[1] == "latin1":
        return args[0].encode("latin-1")  # how protocol 2 spells bytes
    if name in ("__builtin__.bytes", "builtins.bytes") and args == ():
        return b""
    raise _RefusedError(f"a call of {name:.80}")


def _scalar(dtype: object, data: object) -> float | int:
    raw = data.encode("latin-1") if isinstance(data, str) else data
    if not isinstance(dtype, _Dtype) or not isinstance(raw, bytes) or len(raw) != dtype.dtype.itemsize:
        raise _RefusedError("a numpy scalar that is no plain number")
    found: float | int = np.frombuffer(raw, dtype.dtype)[0].item()
    return found


def read_plain(path: Path) -> Any:
    """The object in the pickle at `path`. Raises UsageError where it cannot be opened, DataError for damage and for
    anything but plain data, of which nothing is run."""
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as err:
        raise UsageError(f"{path}: {err.strerror or err}") from err
    if size > MAX_BYTES:
        raise DataError(f"{path}: {size} bytes; a pickle of more than {MAX_BYTES} is not read")
    try:
        return loads_plain(data)
    except DataError as err:
        raise DataError(f"{path}: {err}") from None


def loads_plain(data: bytes) -> Any:
    """The object in a pickle's bytes; a key that a dict has twice is refused too. Raises DataError as `read_plain`."""
    machine = _Machine()
    at = 0
    try:
        for opcode, arg, position in pickletools.genops(data):
            at = position or 0
            if opcode.name == "STOP":
                (found,) = machine.stack
                return _plain(found)
            machine.step(opcode.name, arg)
    except _RefusedError as err:
        raise DataError(f"byte {at}: holds {err}; only plain data is read, and nothing was run") from None
    except (ValueError, TypeError, LookupError, StopIteration, AttributeError, MemoryError, OverflowError) as err:
        words = " ".join(str(err).split()) or type(err).__name__
        raise DataError(f"byte {at}: not a whole pickle: {words}") from None
    raise DataError("not a whole pickle: it does not end")


def _plain(found: Any) -> Any:
    if found is _MARK or isinstance(found, (_Name, _Dtype)):
        raise _RefusedError("no data at all")
    return found
