"""The layer/1 encoder in numpy, the twin of csrc/predict/encode.cc, and Layers to the integers it takes.

The integers and the features are specified in csrc/include/augur/format.h; lists here are in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from augur_edge.errors import UsageError
from augur_edge.layers import BYTES_PER_ELEMENT, Layer

I64 = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]

SIZE, CONV, TCONV, POOL, GLOBAL, MATMUL, DENSE, NORM = range(8)

# op codes in order, by kind
_OPS: list[tuple[int, list[str]]] = [
    (SIZE, ["other"]),
    (CONV, ["conv1d", "conv2d", "conv3d"]),
    (TCONV, ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]),
    (DENSE, ["dense"]),
    (MATMUL, ["matmul"]),
    (POOL, ["max_pool2d", "avg_pool2d"]),
    (GLOBAL, ["global_avg_pool", "global_max_pool", "reduce_mean"]),
    (SIZE, ["add", "sub", "mul", "div", "min", "max", "pow", "relu", "relu6", "clip", "sigmoid", "hard_sigmoid"]),
    (SIZE, ["hard_swish", "swish", "gelu", "tanh", "erf", "leaky_relu", "elu"]),
    (NORM, ["batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm"]),
    (SIZE, ["softmax", "reorder", "reshape", "flatten", "squeeze", "unsqueeze", "transpose", "concat", "split"]),
    (SIZE, ["slice", "pad", "resize", "gather", "cast", "quantize", "dequantize", "sqrt", "exp", "identity", "expand"]),
]
# name: (code, kind)
OPS = {name: (code, kind) for code, (name, kind) in enumerate((n, kind) for kind, names in _OPS for n in names)}
KINDS = np.array([kind for _, kind in OPS.values()], np.int64)
TILES = (4, 8, 16, 32, 64)
FIELDS = [
    "op", "kernel_h", "kernel_w", "in_h", "in_w", "in_c", "out_c", "stride_h", "stride_w", "padding_h", "padding_w",
    "dilation", "groups", "element_bytes", "fused_add", "batch",
]  # fmt: skip
FEATURES = [
    *FIELDS, "kind", "out_h", "out_w", "macs", "weight_bytes", "input_bytes", "output_bytes", "bytes_moved",
    "intensity", "in_c_per_group", "out_c_per_group", "out_places", "kernel_area", "macs_per_output", "depthwise",
    "pointwise", *[f"{name}_{t}" for t in TILES for name in ("tiles_in", "tiles_out", "padded")], "group_work",
]  # fmt: skip
LEAST = np.array([0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 1], np.int64)
LARGEST = 2**31 - 1

Ints = tuple[int, ...]


def encode(layers: I64) -> F32:
    """All features of layer/1, float32[n, 48]. layers: int64[n, 16]. Raises ValueError for what the kernel refuses."""
    layers = np.ascontiguousarray(layers, np.int64)
    if layers.ndim != 2 or layers.shape[1] != len(FIELDS):
        raise ValueError(f"layers: shape {layers.shape}, not (n, {len(FIELDS)})")
    good = ((layers >= LEAST) & (layers <= LARGEST)).all(axis=1)
    good &= (layers[:, 0] < len(OPS)) & (layers[:, 13] <= 8) & (layers[:, 14] <= 1)
    if not good.all():
        raise ValueError(f"layer {int(np.argmin(good))}: its integers are out of range")
    kind = KINDS[layers[:, 0]]
    shape = _shapes(layers, kind)
    counts = _counts(layers, kind, shape)
    out_h, out_w, in_group, out_group = shape
    macs, weights, inputs, outputs = counts
    size, batch, groups = layers[:, 13], layers[:, 15], layers[:, 12]
    f32 = np.float32
    area = layers[:, 1] * layers[:, 2]
    moved = ((weights + inputs + outputs) * size).astype(f32)
    columns = [*layers.T, kind, out_h, out_w, macs, weights * size, inputs * size, outputs * size, moved]
    columns += [macs.astype(f32) / moved, in_group, out_group, batch * out_h * out_w, area]
    columns += [macs.astype(f32) / outputs.astype(f32)]
    columns += [(kind == CONV) & (groups > 1) & (in_group == 1), (kind == CONV) & (area == 1)]
    work = (in_group * out_group).astype(f32)
    for tile in TILES:
        tiles_in, tiles_out = -(-in_group // tile), -(-out_group // tile)
        columns += [tiles_in, tiles_out, (tiles_in * tile * (tiles_out * tile)).astype(f32) / work]
    return np.ascontiguousarray(np.stack([c.astype(f32) for c in [*columns, work]], axis=1))


def _shapes(layers: I64, kind: I64) -> tuple[I64, I64, I64, I64]:
    """Output height and width, channels in and out of a group."""
    _, k_h, k_w, in_h, in_w, in_c, out_c, s_h, s_w, p_h, p_w, dilation, groups = layers.T[:13]
    out = []
    for size, kernel, stride, padding in ((in_h, k_h, s_h, p_h), (in_w, k_w, s_w, p_w)):
        reach = dilation * (kernel - 1)
        room = size + padding - reach - 1
        slid = np.where(room < 0, 0, room // stride + 1)
        grown = (size - 1) * stride - padding + reach + 1
        conv, tconv = (kind == CONV) | (kind == POOL), kind == TCONV
        out.append(np.select([conv, tconv, kind == GLOBAL], [slid, grown, np.ones_like(size)], size))
    good = (in_c % groups == 0) & (out_c % groups == 0)
    good &= (out[0] >= 1) & (out[1] >= 1) & (out[0] <= LARGEST) & (out[1] <= LARGEST)
    if not good.all():
        raise ValueError(f"layer {int(np.argmin(good))}: its kernel does not fit its input, or its groups its channels")
    return out[0], out[1], in_c // groups, out_c // groups


def _counts(layers: I64, kind: I64, shape: tuple[I64, I64, I64, I64]) -> tuple[I64, I64, I64, I64]:
    """MACs, and elements of weights, inputs and outputs; refused where they would leave 62 bits."""
    results: list[Any] = []
    with np.errstate(over="ignore"):
        for kind_of_number in (np.float64, np.int64):
            rows = layers.astype(kind_of_number)
            out_h, out_w, in_group, out_group = (s.astype(kind_of_number) for s in shape)
            in_h, in_w, in_c, out_c, fused, batch = (rows[:, i] for i in (3, 4, 5, 6, 14, 15))
            area = rows[:, 1] * rows[:, 2]
            places = batch * in_h * in_w
            inputs, outputs = places * in_c, batch * out_h * out_w * out_c
            tests = [kind == k for k in (CONV, TCONV, DENSE, MATMUL, NORM)]
            zero = np.zeros_like(inputs)
            product = places * in_c * out_c
            weights = [area * in_group * out_c, area * out_group * in_c, in_c * out_c, zero, 2 * out_c]
            macs = [outputs * area * in_group, inputs * area * out_group, product, product, zero]
            inputs = np.where(kind == MATMUL, inputs + batch * in_c * out_c, inputs) + fused * outputs
            results.append((np.select(tests, macs, zero), np.select(tests, weights, zero), inputs, outputs))
    rough, exact = results
    good = (rough[0] < 2.0**62) & (sum(rough[1:]) * layers[:, 13] < 2.0**62)
    if not good.all():
        raise ValueError(f"layer {int(np.argmin(good))}: its products do not fit 64 bits")
    return exact  # type: ignore[no-any-return]


def from_short(columns: I64) -> I64:
    """Augur's eight columns (kernel, in_w, in_h, in_c, out_c, stride, padding of one side, groups) to int64[n, 16]."""
    c = np.asarray(columns, np.int64)
    out = np.tile(np.array([2, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 4, 0, 1], np.int64), (len(c), 1))
    padding = np.where((c[:, 6] < 0) | (c[:, 6] > LARGEST), -1, 2 * np.clip(c[:, 6], 0, LARGEST))
    for fields, values in (((1, 2), c[:, 0]), ((3,), c[:, 2]), ((4,), c[:, 1]), ((5,), c[:, 3]), ((6,), c[:, 4])):
        out[:, list(fields)] = values[:, None]
    out[:, 7] = out[:, 8] = c[:, 5]
    out[:, 9] = out[:, 10] = padding
    out[:, 12] = c[:, 7]
    return out


def layer_matrix(layers: Iterable[Layer]) -> I64:
    """int64[n, 16] of Layers."""
    return np.array([layer_integers(layer) for layer in layers], np.int64).reshape(-1, len(FIELDS))


def layer_integers(layer: Layer) -> Ints:
    """The 16 integers of a Layer; an op without a code counts as `other`. Raises UsageError for missing shapes."""
    code, kind = OPS.get(layer.op, OPS["other"])
    if not layer.inputs or not layer.outputs:
        raise UsageError(f"{layer.op}: a layer without an input and an output has no cost to predict")
    size = BYTES_PER_ELEMENT[layer.dtype]
    spatial = len(layer.inputs[0]) - 2
    if kind in (CONV, TCONV, POOL) and spatial in (1, 2, 3) and len(layer.kernel) == spatial:
        return _windowed(code, kind, layer, size)
    if kind == DENSE:
        depth, columns = layer.inputs[0][-1], layer.outputs[0][-1]
        return _plain(code, (prod(layer.inputs[0][:-1]), 1, depth, columns), size, fused=layer.fused_add)
    if kind == MATMUL and len(layer.inputs) > 1:
        return _matmul(code, layer, size)
    return _sized(code if kind in (SIZE, GLOBAL, NORM) else 0, kind, layer, size)


def _plain(code: int, shape: Ints, size: int, batch: int = 1, fused: bool = False) -> Ints:
    """An op without a kernel. shape: height, width, channels in and out; empty ones count as 1."""
    h, w, c_in, c_out = (max(v, 1) for v in shape)
    return (code, 1, 1, h, w, c_in, c_out, 1, 1, 0, 0, 1, 1, size, int(fused), max(batch, 1))


def _windowed(code: int, kind: int, layer: Layer, size: int) -> Ints:
    n = len(layer.kernel)
    kernel = layer.kernel
    stride, dilation = layer.stride or (1,) * n, layer.dilation or (1,) * n
    given = layer.padding or (0,) * (2 * n)
    pads = [given[i] + given[n + i] for i in range(n)]
    shape, out = layer.inputs[0], layer.outputs[0]
    batch, c_in, c_out = shape[0], shape[1], out[1]
    if n == 3:
        batch, depth = batch * (shape[2] if kind == TCONV else out[2]), kernel[0]
        c_in, c_out = (c_in, c_out * depth) if kind == TCONV else (c_in * depth, c_out)
    two = [(1, 1, 1, 1, 0, 1)] * (2 - min(n, 2))
    two += list(zip(kernel, shape[2:], out[2:], stride, pads, dilation))[-2:]
    (kh, ih, oh, sh, ph, dh), (kw, iw, ow, sw, pw, dw) = two
    d = max(dh, dw)
    ph += _correction(kind, oh, ((ih, d * (kh - 1)), (sh, ph)))
    pw += _correction(kind, ow, ((iw, d * (kw - 1)), (sw, pw)))
    fused = int(layer.fused_add)
    return (code, kh, kw, ih, iw, c_in, c_out, sh, sw, ph, pw, d, layer.groups, size, fused, max(batch, 1))


def _correction(kind: int, out: int, axis: tuple[tuple[int, int], tuple[int, int]]) -> int:
    """What the padding lacks where it does not give the stated output (ceil mode, output padding)."""
    (size, reach), (stride, padding) = axis
    if kind == TCONV:
        return max((size - 1) * stride - padding + reach + 1 - out, -padding)
    if (size + padding - reach - 1) // stride + 1 == out:
        return 0
    return max((out - 1) * stride + reach + 1 - size, 0) - padding


def _matmul(code: int, layer: Layer, size: int) -> Ints:
    out = layer.outputs[0]
    rows = out[-2] if len(out) > 1 else 1
    depth = layer.inputs[0][-2] if layer.attr("transpose_a", False) and len(out) > 1 else layer.inputs[0][-1]
    return _plain(code, (rows, 1, depth, out[-1]), size, prod(out[:-2]), layer.fused_add)


def _sized(code: int, kind: int, layer: Layer, size: int) -> Ints:
    """Places of the larger of input and output, and the values read and written at each, rounded to whole ones."""
    shape = max((layer.inputs[0], layer.outputs[0]), key=prod)
    batch, h, w = (shape[0] if len(shape) > 1 else 1), 1, 1
    if len(shape) == 4:
        h, w = shape[2], shape[3]
    elif len(shape) == 3:
        h = shape[1]
    read, written = sum(prod(s) for s in layer.inputs), sum(prod(s) for s in layer.outputs)
    places = max(batch * h * w, 1)
    c_out = round(written / (max(batch, 1) if kind == GLOBAL else places))
    return _plain(code, (h, w, round(read / places), c_out), size, batch)


def feature_ids(names: Sequence[str]) -> list[int]:
    """Places of features in layer/1's list. Raises UsageError for an unknown name."""
    for name in names:
        if name not in FEATURES:
            raise UsageError(f"layer/1 has no feature {name!r}; it has {', '.join(FEATURES)}")
    return [FEATURES.index(name) for name in names]
