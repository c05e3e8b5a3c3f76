"""Completion as a shell does it, and the program under both of its names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from augur_edge.cli import COMMANDS, load, main, parser_for

pytest.importorskip("shtab", reason="shtab is not installed")


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    words = [sys.executable, "-m", "augur_edge", "completion", "bash"]
    path = tmp_path_factory.mktemp("completion") / "augur-edge"
    path.write_text(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    return path


def complete(script: Path, *words: str) -> list[str]:
    """What bash offers for the last word."""
    line = " ".join(f"'{word}'" for word in words)
    code = (
        f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; "
        "compopt() { :; }; _shtab_augur_edge; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True, cwd=script.parent)
    return done.stdout.split()


def test_bash_completes_commands_options_values_networks_and_files(script: Path) -> None:
    assert complete(script, "augur-edge", "re") == ["report"]
    assert complete(script, "augur-edge", "show", "--ch") == ["--charts"]
    assert complete(script, "augur-edge", "show", "--charts", "al") == ["always"]
    assert complete(script, "augur-edge", "measure", "resnet") == ["resnet18", "resnet50"]
    (script.parent / "resnet_mine.onnx").touch()
    assert "resnet_mine.onnx" in complete(script, "augur-edge", "measure", "resnet_")


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_every_command_and_long_option_is_in_it(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    out = capsys.readouterr().out
    for name in COMMANDS:
        options = [o for a in parser_for(load(name))._actions for o in a.option_strings if o.startswith("--")]
        assert name in out and [o for o in options if o not in out] == []


def test_without_shtab_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 7
    assert "pip install 'augur-edge[completion]'" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--version"], [], ["show", "--help"], ["nonsense"]])
def test_both_names_do_the_same(words: list[str]) -> None:
    """`augur-edge` is `augur_edge.cli:main`, by the package's metadata; `python -m augur_edge` has a file."""
    start = "import sys; from augur_edge.cli import main; sys.argv[0] = '/usr/bin/augur-edge'; sys.exit(main())"
    installed, module = (
        subprocess.run([sys.executable, *how, *words], capture_output=True, text=True, check=False)
        for how in (["-c", start], ["-m", "augur_edge"])
    )
    for what in ("returncode", "stdout", "stderr"):
        assert getattr(installed, what) == getattr(module, what)
