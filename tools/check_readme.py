"""check_readme.py README [--except COMMAND …]: run every line of its ```sh blocks, in a fresh clone and environment.

Runs below a folder of its own, with a store of its own; measuring is cut short by the flags' variables.
Commands that were run elsewhere can be excepted, but must stand in the README as given. --borrow PYTHON lets what is
installed there count as installed, so that `pip install` has nothing large to unpack.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

QUICK = {"AUGUR_EDGE_MAX_TIME": "2", "AUGUR_EDGE_PRECISION": "0.1"}
LIMIT_S = 300
MODEL = """
from pathlib import Path
from augur_edge.models.onnx_write import to_onnx
from augur_edge.zoo import build
Path("my_model.onnx").write_bytes(to_onnx(build("squeezenet1_0")))
"""


def commands(readme: str) -> list[str]:
    """The lines of all sh blocks, without comments; a line that ends in a backslash goes on in the next."""
    blocks: list[str] = re.findall(r"^```sh\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    bare = (re.sub(r"\s+#.*", "", line).strip() for line in lines)
    return [line for line in bare if line and not line.startswith("#")]


def run(command: str, where: Path, env: dict[str, str]) -> bool:
    """Whether it succeeded; what it printed is shown where it did not."""
    start = time.monotonic()
    shell = ["bash", "-euo", "pipefail", "-c", command]
    done = subprocess.run(shell, cwd=where, env=env, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    good = done.returncode == 0
    print(f"{'ok  ' if good else 'FAIL'} {time.monotonic() - start:6.1f} s  {command}", flush=True)
    if not good:
        print(f"exit code {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return good


def prepare(where: Path, borrow: Path | None) -> tuple[Path, dict[str, str]]:
    """A clone of what is committed here, and the variables of a fresh environment in which to run in it."""
    clone = where / "clone"
    subprocess.run(["git", "clone", "--quiet", str(Path.cwd()), str(clone)], check=True)
    venv.create(where / "venv", with_pip=True)
    if borrow is not None:
        site = [sysconfig_path(python) for python in (where / "venv/bin/python", borrow)]
        (site[0] / "borrowed.pth").write_text(f"{site[1]}\n")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AUGUR_EDGE_", "PYTHONPATH", "PYTEST"))}
    path = f"{where / 'venv' / 'bin'}:{clean['PATH']}"
    return clone, {**clean, **QUICK, "PATH": path, "XDG_DATA_HOME": str(where / "data")}


def sysconfig_path(python: Path) -> Path:
    """Where that Python's packages are."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip())


def main() -> int:
    """0 if every command succeeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("readme", type=Path)
    parser.add_argument("--borrow", type=Path, metavar="PYTHON")
    parser.add_argument("--except", dest="excepted", nargs="*", default=[])
    args = parser.parse_args()
    todo = commands(args.readme.read_text())
    absent = [c for c in args.excepted if c not in todo]
    if absent or not todo:
        print(f"{args.readme}: {absent[0] if absent else 'any command'!r} is in none of its sh blocks")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        clone, env = prepare(Path(folder), args.borrow)
        good = True
        for command in (c for c in todo if c not in args.excepted):
            if "my_model.onnx" in command and not (clone / "my_model.onnx").exists():
                subprocess.run([f"{folder}/venv/bin/python", "-c", MODEL], cwd=clone, env=env, check=True)
            good = run(command, clone, env) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
