"""Once-for-all's block tables: JSON of {block and its shapes: {count, mean, std}}, milliseconds, read and written.

A key is `expanded_conv-input:10x10x136-output:10x10x136-expand:408-kernel:3-stride:1-idskip:1-se:1-hs:1` (height,
width, channels), or `Conv`, `Conv_1`, `AvgPool2D`, `Conv_2` and `Logits` for what is around the blocks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from augur_edge.builder import Builder
from augur_edge.errors import DataError
from augur_edge.layers import Layer
from augur_edge.spaces import ofa
from augur_edge.store.files import opened

_KEY = re.compile(
    r"(?P<name>Conv|Conv_1|Conv_2|AvgPool2D|expanded_conv)-input:(?P<input>\d+x\d+x\d+)-output:(?P<output>\d+x\d+x\d+)"
    r"(?P<rest>-expand:\d+-kernel:\d+-stride:\d+-idskip:[01]-se:[01]-hs:[01])?"
)
_LOGITS = re.compile(r"Logits-input:(?P<input>\d+x\d+x\d+)-output:(?P<output>\d+)")
_MAX_BYTES = 1 << 28
_LARGEST = 1 << 16  # pixels a side or channels that a block may have


@dataclass(frozen=True)
class Block:
    """One entry of a table. layers: what the block executes, batch 1.

    std_ns: None where it is not known. count: of the samples, 0 for a prediction.
    """

    key: str
    layers: tuple[Layer, ...]
    mean_ns: float
    std_ns: float | None
    count: int


def read_blocks(path: Path) -> list[Block]:
    """The blocks of a table, in its order. Raises UsageError (no such file), DataError with the key that is wrong."""
    with opened(path) as file:
        data = file.read(_MAX_BYTES + 1)
    try:
        table = json.loads(data.decode()) if len(data) <= _MAX_BYTES else None
    except (ValueError, RecursionError) as err:
        raise DataError(f"{path}: no JSON: {err}") from None
    if not isinstance(table, dict) or not table:
        raise DataError(f"{path}: not a table of blocks, which is an object of key and {{count, mean, std}}")
    return [_block(key, entry, path) for key, entry in table.items()]


def _block(key: str, entry: object, path: Path) -> Block:
    found: dict[str, Any] = entry if isinstance(entry, dict) else {}
    mean, std, count = found.get("mean", -1), found.get("std"), found.get("count", -1)
    known = [mean, count] + ([] if std is None else [std])
    good = all(isinstance(v, (int, float)) and not isinstance(v, bool) and 0 <= v < 1e12 for v in known)
    if not good or count != int(count):
        raise DataError(f"{path}: {key}: not {{count, mean, std}}, a whole number (0: predicted) and milliseconds")
    try:
        layers = layers_of_key(key)
    except ValueError as err:
        raise DataError(f"{path}: {key}: {err}") from None
    return Block(key, layers, 1e6 * mean, 1e6 * std if std is not None and count else None, int(count))


def layers_of_key(key: str) -> tuple[Layer, ...]:
    """What the block of a key executes, normalisation folded away. Raises ValueError for a key that says nothing."""
    logits = _LOGITS.fullmatch(key)
    found = logits or _KEY.fullmatch(key)
    if found is None or (not logits and (found["name"] == "expanded_conv") != bool(found["rest"])):
        raise ValueError("no key of a block; see docs/formats.md")
    h, w, channels = (int(n) for n in found["input"].split("x"))
    sizes = [int(n) for n in found["output"].split("x")]
    if max(h, w, channels, *sizes) > _LARGEST or min(h, w, channels, *sizes) < 1:
        raise ValueError(f"sizes are 1 to {_LARGEST}")
    b = Builder(key, (1, channels, h, w))
    if logits:
        b.dense(b.flatten(b.input), sizes[0])
    elif found["name"] == "AvgPool2D":
        b.global_avg_pool(b.input)
    elif found["name"] == "expanded_conv":
        _expanded(b, found["rest"], sizes[2])
    else:
        stride = -(-h // sizes[0])
        x = b.conv(b.input, sizes[2], 3 if stride > 1 else 1, stride=stride, padding=1 if stride > 1 else 0, bias=True)
        b.activation(x, "hard_swish")
    out = b.nodes[-1].layer.outputs[0]
    if not logits and out[2:] + out[1:2] != tuple(sizes):
        raise ValueError(f"gives {out[2]}x{out[3]}x{out[1]}, not {found['output']}")
    return tuple(node.layer for node in b.nodes if node.layer.op != "flatten")


def _expanded(b: Builder, rest: str, out: int) -> None:
    inner, kernel, stride, skip, squeeze, swish = (int(n) for n in re.findall(r":(\d+)", rest))
    if kernel % 2 == 0 or kernel > 15 or not 1 <= stride <= 8 or not 1 <= inner <= _LARGEST:
        raise ValueError("kernel, stride or expansion cannot be")
    activation = "hard_swish" if swish else "relu"
    x = b.input
    if inner != b.shape(x)[1]:
        x = b.activation(b.conv(x, inner, 1, bias=True), activation)
    x = b.conv(x, inner, kernel, stride=stride, padding=kernel // 2, groups=inner, bias=True)
    x = b.activation(x, activation)
    if squeeze:
        y = b.relu(b.conv(b.global_avg_pool(x), ofa.divisible(inner // 4), 1, bias=True))
        x = b.mul(x, b.activation(b.conv(y, inner, 1, bias=True), "hard_sigmoid"))
    x = b.conv(x, out, 1, bias=True)
    if skip:
        b.add(b.input, x)


def ofa_keys(resolution: int, width: int = 100) -> list[str]:
    """Keys of every block that networks of once-for-all's MobileNetV3 space are made of, in the network's order."""

    def channels(base: int) -> int:
        return ofa.divisible(base * width / 100)

    def halved(size: int) -> int:
        return -(-size // 2)

    size, c = halved(resolution), channels(16)
    keys = [f"Conv-input:{resolution}x{resolution}x3-output:{size}x{size}x{c}"]
    keys.append(_key((size, c), (size, c), c, 3, "idskip:1-se:0-hs:0"))
    for i, (base, stride) in enumerate(zip(ofa.WIDTHS, ofa.STRIDES)):
        out, after = channels(base), halved(size) if stride == 2 else size
        kind = f"se:{int(ofa.SQUEEZE[i])}-hs:{int(ofa.ACTIVATIONS[i] != 'relu')}"
        for first in (True, False):
            before, c_in = (size, c) if first else (after, out)
            skip = int(not first)
            keys += [
                _key((before, c_in), (after, out), ofa.divisible(c_in * e), k, f"idskip:{skip}-{kind}")
                for e in ofa.EXPANSIONS
                for k in ofa.KERNELS
            ]
        size, c = after, out
    last, mix = channels(960), channels(1280)
    keys.append(f"Conv_1-input:{size}x{size}x{c}-output:{size}x{size}x{last}")
    keys.append(f"AvgPool2D-input:{size}x{size}x{last}-output:1x1x{last}")
    return [*keys, f"Conv_2-input:1x1x{last}-output:1x1x{mix}", f"Logits-input:1x1x{mix}-output:1000"]


def _key(before: tuple[int, int], after: tuple[int, int], inner: int, kernel: int, rest: str) -> str:
    shapes = [f"{size}x{size}x{channels}" for size, channels in (before, after)]
    stride = 2 if before[0] != after[0] else 1
    return f"expanded_conv-input:{shapes[0]}-output:{shapes[1]}-expand:{inner}-kernel:{kernel}-stride:{stride}-{rest}"


def predicted_blocks(keys: Iterable[str], cost_ns: Callable[[Layer], float]) -> list[Block]:
    """A table from a predictor of layers: a block's mean is the sum of its layers. cost_ns: of one layer."""
    found = []
    for key in keys:
        layers = layers_of_key(key)
        found.append(Block(key, layers, sum(cost_ns(layer) for layer in layers), None, 0))
    return found


def write_blocks(blocks: Iterable[Block], stream: TextIO) -> None:
    """The table as JSON, milliseconds; an unknown deviation is null."""
    entries = {b.key: {"count": b.count, "mean": b.mean_ns / 1e6, "std": _ms(b.std_ns)} for b in blocks}
    json.dump(entries, stream, indent=1)
    stream.write("\n")


def _ms(ns: float | None) -> float | None:
    return None if ns is None else ns / 1e6
