"""What `make measure` says where something is missing: each with what to install, not a page of pip's."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "prepare_venv.sh"


def script(path: Path, text: str) -> Path:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder to stand for PATH: the shell's own tools, a compiler, apt-get, a Python that has all."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("rm", "touch", "mkdir"):
        (folder / name).symlink_to(next(p for p in ("/bin/" + name, "/usr/bin/" + name) if Path(p).exists()))
    for name in ("c++", "apt-get"):
        script(folder / name, "exit 0\n")
    (tmp_path / "Python.h").touch()
    python = f"""case "$*" in
        *include*) echo {tmp_path} ;;
        *"%d.%d"*) echo 3.11 ;;
        -V) echo Python 3.11.0 ;;
        *venv*) mkdir -p "$3" "$3/bin" && echo "echo \\"\\$@\\" >>{tmp_path}/calls" >"$3/bin/python" ;;
    esac
    """
    script(folder / "python3", python)
    return folder


def prepare(tools: Path, cwd: Path, python: str = "python3", **env: str) -> subprocess.CompletedProcess[str]:
    words = ["/bin/sh", str(SCRIPT), ".venv", python, "ort,litert"]
    clean = {"PATH": str(tools), **env}
    return subprocess.run(words, cwd=cwd, env=clean, capture_output=True, text=True, timeout=60, check=False)


def refused(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1 and done.stdout == ""
    assert all(line.startswith("augur-edge: ") for line in done.stderr.splitlines())
    return done.stderr


def test_no_python(tools: Path, tmp_path: Path) -> None:
    said = refused(prepare(tools, tmp_path, python="python3.13"))
    assert "there is no python3.13 here" in said and "sudo apt-get install python3" in said and "PYTHON=" in said


def test_an_old_python(tools: Path, tmp_path: Path) -> None:
    script(tools / "python3", 'case "$1" in -V) echo Python 3.8.10 ;; *) exit 1 ;; esac\n')
    assert "Python 3.8.10; Python 3.9 or newer is needed" in refused(prepare(tools, tmp_path))


def test_no_compiler(tools: Path, tmp_path: Path) -> None:
    (tools / "c++").unlink()
    assert "no C++ compiler found; install one: sudo apt-get install g++" in refused(prepare(tools, tmp_path))


def test_on_a_phone_the_phone_s_packages_are_named(tools: Path, tmp_path: Path) -> None:
    (tools / "c++").unlink()
    said = refused(prepare(tools, tmp_path, PREFIX="/data/data/com.termux/files/usr"))
    assert "pkg install clang" in said


def test_no_headers(tools: Path, tmp_path: Path) -> None:
    (tmp_path / "Python.h").unlink()
    assert "sudo apt-get install python3-dev" in refused(prepare(tools, tmp_path))


def test_no_venv_module(tools: Path, tmp_path: Path) -> None:
    body = (tools / "python3").read_text().replace("*venv*) ", "*venv*) exit 1; ")
    (tools / "python3").write_text(body)
    assert "cannot make a virtual environment; install it: sudo apt-get install python3-venv" in refused(
        prepare(tools, tmp_path)
    )
    assert not (tmp_path / ".venv").exists(), "a half-made one would be taken for whole"


def test_another_python_than_the_environment_s(tools: Path, tmp_path: Path) -> None:
    (tmp_path / ".venv/bin").mkdir(parents=True)
    script(tmp_path / ".venv/bin/python", "echo 3.9\n")
    assert ".venv holds Python 3.9, python3 is 3.11; run `make clean` first" in refused(prepare(tools, tmp_path))


def test_an_environment_without_pip_is_left_alone(tools: Path, tmp_path: Path) -> None:
    (tmp_path / ".venv/bin").mkdir(parents=True)
    script(tmp_path / ".venv/bin/python", 'case "$*" in *pip*) exit 1 ;; esac; echo 3.11\n')
    assert "has no working pip; run `make clean`" in refused(prepare(tools, tmp_path))
    assert (tmp_path / ".venv/bin/python").exists()


def test_what_pip_could_not_install_is_said_last(tmp_path: Path) -> None:
    """A real environment, in a folder without a project: pip says why, then we say what failed."""
    done = prepare(Path("/usr/bin:/bin"), tmp_path, python=sys.executable)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "augur-edge: pip could not install .[ort,litert]; its own words are above"
