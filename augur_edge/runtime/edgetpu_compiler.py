"""`edgetpu_compiler`, Google's program that turns an int8 .tflite into one for the Edge TPU, and its results, kept.

It runs on x86-64 only, and no package registry has it: coral.ai/docs/edgetpu/compiler says how to install it. Elsewhere
a model is compiled on another machine and measured as a file.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from augur_edge.errors import InferenceError, MissingExtraError

PROGRAM = "edgetpu_compiler"
TIMEOUT_S = 600
MAPPED = "Mapped to Edge TPU"
_ROW = re.compile(r"^([A-Z][A-Z0-9_]*)\s+(\d+)\s+(\S.*?)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Operators:
    """A row of the compiler's table: `count` operators of a kind, and `status`, its words on where they run and why."""

    name: str
    count: int
    status: str

    @property
    def mapped(self) -> bool:
        """They run on the Edge TPU."""
        return self.status == MAPPED


@dataclass(frozen=True)
class Compiled:
    """A model for the Edge TPU. compiler: what `--version` says; operators: the compiler's table."""

    model: bytes
    compiler: str
    operators: tuple[Operators, ...]

    @property
    def unmapped(self) -> list[str]:
        """`SOFTMAX (1): Operation is …` of each kind that stays on the CPU."""
        return [f"{o.name} ({o.count}): {o.status}" for o in self.operators if not o.mapped]


def compiled(model: bytes) -> Compiled:
    """`model` (int8 .tflite) compiled, or taken from the cache if this version of the compiler has done it before.

    Raises MissingExtraError without the compiler, InferenceError with its words where it refuses the model.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise MissingExtraError(
            f"{PROGRAM} is not installed (Google has it for x86-64 Linux only: coral.ai/docs/edgetpu/compiler); "
            "compile the model where it is, and measure the file it writes, MODEL_edgetpu.tflite"
        )
    version = _run([program, "--version"])
    name = hashlib.sha256(version.encode() + b"\0" + model).hexdigest()[:32]
    kept = _cache() / name
    if not (kept / "table.json").is_file():
        _compile(program, model, kept)
    table = json.loads((kept / "table.json").read_text())
    return Compiled((kept / "model.tflite").read_bytes(), version.strip(), tuple(Operators(**row) for row in table))


def table(text: str) -> list[Operators]:
    """The rows of what the compiler prints under `--show_operations`."""
    return [Operators(name, int(count), status) for name, count, status in _ROW.findall(text)]


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "augur-edge" / "edgetpu"


def _compile(program: str, model: bytes, kept: Path) -> None:
    """Into the folder `kept`, which is there whole or not at all."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="augur-edge-", dir=kept.parent) as name:
        folder = Path(name)
        (folder / "model.tflite").write_bytes(model)
        words = _run([program, "--show_operations", "--out_dir", str(folder), str(folder / "model.tflite")])
        made = folder / "model_edgetpu.tflite"
        if not made.is_file():
            raise InferenceError(f"{PROGRAM} wrote no model: {_last_line(words)}")
        result = folder / "result"
        result.mkdir()
        made.replace(result / "model.tflite")
        (result / "table.json").write_text(json.dumps([asdict(o) for o in table(words)]))
        try:
            result.rename(kept)
        except OSError:  # another process was faster, and compiled the same
            if not (kept / "table.json").is_file():
                raise


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as e:
        raise InferenceError(f"{PROGRAM} did not end within {TIMEOUT_S} s") from e
    except OSError as e:
        raise InferenceError(f"{command[0]} cannot be run: {e.strerror}") from e
    if done.returncode != 0:
        words = _last_line(done.stderr) or _last_line(done.stdout)
        raise InferenceError(f"{PROGRAM} refused the model (code {done.returncode}): {words}")
    return done.stdout


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
