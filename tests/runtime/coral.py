"""What stands in for a Coral in tests: a delegate that takes no operator, and a compiler that compiles nothing."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

COMPILER = """#!{python}
# Stands in for edgetpu_compiler: prints its table and writes the model back as it came.
import pathlib, shutil, sys
if "--version" in sys.argv:
    print("Stand-in for the Edge TPU Compiler version 0")
    sys.exit()
pathlib.Path({calls!r}).open("a").write("compiled\\n")
model, folder = pathlib.Path(sys.argv[-1]), pathlib.Path(sys.argv[sys.argv.index("--out_dir") + 1])
if {words!r}:
    print({words!r}, file=sys.stderr)
    sys.exit(1)
print('''Model compiled successfully in 10 ms.

Operator                       Count      Status

CONV_2D                        2          Mapped to Edge TPU
SOFTMAX                        1          Operation is otherwise supported, but not mapped due to some limitation
Compilation child process completed within timeout period.
''')
shutil.copy(model, folder / (model.stem + "_edgetpu.tflite"))
"""


def build_plugin(folder: Path, kind: str) -> str:
    """A delegate that WORKS, REFUSES, CRASHES, HANGS or CRASHES_LATER."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler here")
    library = folder / f"libedgetpu-{kind.lower()}.so.1"
    source = str(HERE / "fake_edgetpu.c")
    subprocess.run(
        [compiler, "-w", "-O0", "-shared", "-fPIC", f"-DKIND={kind}", source, "-o", str(library)], check=True
    )
    return str(library)


def install_compiler(folder: Path, monkeypatch: pytest.MonkeyPatch, words: str = "") -> Path:
    """Puts the stand-in first in PATH, its results in a cache of this test; returns a file with a line a compilation.

    words: refuse every model with them.
    """
    program, calls = folder / "bin/edgetpu_compiler", folder / "calls"
    program.parent.mkdir(exist_ok=True)
    calls.touch()
    program.write_text(COMPILER.format(python=sys.executable, calls=str(calls), words=words))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    return calls
