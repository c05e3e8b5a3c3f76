"""One block of memory for all activations of a network, tensors sharing addresses by liveness as runtimes do it.

Where a layer's input lies decides which cache it comes from, so layers replayed one by one only add up to the network
when they pass their tensors through the same few megabytes as the network does. Placement is greedy best fit in order
of execution, the way onnxruntime's memory pattern and TFLite's arena planner place tensors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

ALIGNMENT = 64
PADDING = 256  # kernels may read past a tensor's end (XNNPACK up to 16 bytes, SIMD tails up to a vector)


@dataclass(frozen=True)
class Step:
    """One layer's use of tensors. in_place: output -> input whose memory it takes over if nobody needs it later.

    alias: the op only renames memory (reshape), so the output has its input's address whoever else reads it.
    rereads: it reads its other inputs while it writes, so none of them may lie where the output goes.
    """

    inputs: Sequence[str]
    outputs: Sequence[str]
    in_place: Mapping[str, str] = field(default_factory=dict)
    alias: bool = False
    rereads: bool = False


@dataclass(frozen=True)
class Plan:
    """Offset of every tensor in bytes, and the size of the whole block."""

    offsets: dict[str, int]
    n_bytes: int


def _round_up(n: int) -> int:
    return -(-max(n, 1) // ALIGNMENT) * ALIGNMENT


def _owners(steps: Sequence[Step], n_bytes: Mapping[str, int], last_use: dict[str, int]) -> dict[str, str]:
    """Tensor -> the tensor whose memory it lives in; `last_use` of an owner grows to that of all it carries."""
    owner: dict[str, str] = {}
    for i, step in enumerate(steps):
        for out, source in step.in_place.items():
            root = owner.get(source, source)
            dies_here = last_use.get(root, i) <= i
            shared = step.rereads and sum(owner.get(name, name) == root for name in step.inputs) > 1
            if shared:
                continue
            if n_bytes[out] == n_bytes[source] and (step.alias or dies_here):
                owner[out] = root
                last_use[root] = max(last_use.get(root, i), last_use.get(out, i))
    return owner


def _best_fit(live: Iterable[tuple[int, int]], size: int) -> int:
    """Offset of the smallest gap between live (offset, end) blocks that holds `size`, else behind the last."""
    best: tuple[int, int] | None = None
    at = 0
    for offset, end in sorted(live):
        if offset - at >= size and (best is None or offset - at < best[0]):
            best = (offset - at, at)
        at = max(at, end)
    return best[1] if best else at


def plan(steps: Sequence[Step], n_bytes: Mapping[str, int], inputs: Sequence[str], outputs: Sequence[str]) -> Plan:
    """Place every tensor of `n_bytes`. `inputs` live from the start, `outputs` to the end, and both for ever.

    Inputs are never overwritten: each pass of a replay starts from the same values.
    """
    end_of_time = len(steps)
    last_use: dict[str, int] = {}
    for i, step in enumerate(steps):
        last_use.update(dict.fromkeys(step.inputs, i))
        for out in step.outputs:
            last_use.setdefault(out, i)
    last_use.update(dict.fromkeys((*inputs, *outputs), end_of_time))
    owner = _owners(steps, n_bytes, last_use)
    offsets: dict[str, int] = {}
    live: dict[str, tuple[int, int]] = {}
    top = 0
    for i, names in enumerate([list(inputs), *(list(s.outputs) for s in steps)]):
        for name in names:
            if name in owner or name in offsets:
                continue
            size = _round_up(n_bytes[name])
            offset = _best_fit(live.values(), size)
            offsets[name], live[name] = offset, (offset, offset + size)
            top = max(top, offset + size)
        live = {n: block for n, block in live.items() if last_use[n] >= i}
    for name, root in owner.items():
        offsets[name] = offsets[root]
    return Plan(offsets, top)


def allocate(n_bytes: int) -> Bytes:
    """uint8[n_bytes] of zeros, aligned to 64 bytes, with readable padding behind it."""
    block = np.zeros(n_bytes + ALIGNMENT + PADDING, np.uint8)
    start = -block.ctypes.data % ALIGNMENT
    return block[start : start + n_bytes]


def fill(buffer: Bytes, dtype: str, rng: np.random.Generator, integer: int = 1) -> None:
    """Inputs that ops can take: normal floats, random bytes; `integer` for wider integers, which may be indices."""
    if dtype in ("float32", "float64"):
        view = buffer.view(dtype)
        view[:] = rng.standard_normal(view.size).astype(dtype)
    elif dtype == "float16":
        view = buffer.view(np.float16)
        view[:] = rng.standard_normal(view.size).astype(np.float16)
    elif dtype in ("int8", "uint8"):
        buffer[:] = rng.integers(0, 256, buffer.size, dtype=np.uint8)
    else:
        buffer.view(_numpy(dtype))[:] = integer


def _numpy(dtype: str) -> Any:
    return np.uint16 if dtype == "bfloat16" else np.dtype(dtype)
