"""Peak memory of a process that does nothing but load a network and run it once.

A child of its own, so that nothing of ours counts but the bare interpreter (about 10 MB), and without numpy.
"""

from __future__ import annotations

import json
import mmap
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT_S = 300

Io = Sequence[tuple[str, int, Sequence[int], int]]
"""Tensors as (name, bytes, shape, element type of the runtime)."""


@dataclass(frozen=True)
class Load:
    """What the child loads. kind: `ort` or `litert`."""

    kind: str
    library: str
    threads: int
    inputs: Io
    outputs: Io


def peak_rss(model: bytes, load: Load) -> int:
    """Bytes. Raises RuntimeError with the reason where it cannot be told."""
    try:
        with tempfile.TemporaryDirectory(prefix="augur-edge-") as folder:
            path = Path(folder) / "model"
            path.write_bytes(model)
            command = [sys.executable, "-m", __name__, str(path), json.dumps(load.__dict__)]
            done = subprocess.run(  # noqa: S603 - our own interpreter and module
                command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True
            )
            return int(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as e:
        words = (getattr(e, "stderr", None) or str(e)).strip().splitlines()
        raise RuntimeError(words[-1][:200] if words else type(e).__name__) from e


def _run_once(path: str, load: Load) -> None:
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as model:
        print(_run_mapped(model, load))
        sys.stdout.flush()


def _run_mapped(model: mmap.mmap, load: Load) -> int:
    """High-water mark in bytes. LiteRT uses the model's bytes in place: all it made is gone when this returns."""
    from augur_edge import _timing

    tensors: list[list[tuple[str, Any, Sequence[int], int]]] = []
    for io in (load.inputs, load.outputs):
        # anonymous mappings are page-aligned, as LiteRT wants its buffers
        tensors.append([(name, mmap.mmap(-1, max(size, 1)), shape, kind) for name, size, shape, kind in io])
    session: Any
    if load.kind == "ort":
        session = _timing.OrtLibrary(load.library, load.threads).session(model, True)
    else:
        session = _timing.LiteRtLibrary(load.library).compile(model, load.threads)
    session.bind(*tensors).run()
    return _high_water_mark()


def _high_water_mark() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("this system's /proc/self/status has no VmHWM")


if __name__ == "__main__":
    _run_once(sys.argv[1], Load(**json.loads(sys.argv[2])))
