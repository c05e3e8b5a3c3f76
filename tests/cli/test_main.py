"""The frame: exit codes, one-line errors, help, settings from the environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from augur_edge import cli, errors
from augur_edge.cli import COMMANDS, main

ROOT = Path(cli.__file__).parents[2]

ODD = '''
import argparse, os, signal
from augur_edge import errors
class OddCommand:
    """Do as told.

    example:
      augur-edge odd --times 3
    """
    name = "odd"
    def add_arguments(self, parser):
        parser.add_argument("what", nargs="?", default="print")
        parser.add_argument("--times", type=int, default=2, metavar="N", help="how often")
        parser.add_argument("--batch", type=int, nargs="+", default=[1, 4], help="100 %% of them")
        parser.add_argument("--mode", choices=["replay", "isolated"], default="replay", help="how")
        parser.add_argument("--shape", action="append", default=[], help="shapes")
        parser.add_argument("--seed", type=int, default=0, help="of chance")
        parser.add_argument("--strict", action="store_true", help="strictly")
    def run(self, args):
        if args.what == "print":
            print(args.times, args.batch, args.mode, args.shape, args.strict, args.quiet)
        elif args.what == "many":
            for n in range(100000):
                print(n)
        elif args.what == "interrupt":
            os.kill(os.getpid(), signal.SIGINT)
        elif args.what == "os":
            open("/nonexistent/file")
        elif args.what == "bug":
            raise ZeroDivisionError("a\\nb")
        else:
            raise getattr(errors, args.what)("it is wrong; do this")
        return 0
'''


@pytest.fixture(autouse=True)
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command of the tests' own."""
    (tmp_path / "odd_command.py").write_text(ODD)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(COMMANDS, "odd", "odd_command:OddCommand")
    for name in [n for n in os.environ if n.startswith("AUGUR_EDGE_")]:
        monkeypatch.delenv(name)


def child(tmp_path: Path, words: str) -> subprocess.CompletedProcess[str]:
    """The same, in a process of its own, through a shell."""
    code = "import sys; from augur_edge.cli import COMMANDS, main; COMMANDS['odd'] = 'odd_command:OddCommand'"
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    shell = ["bash", "-c", f'"{sys.executable}" -c "{code}; sys.exit(main())" {words}']
    return subprocess.run(shell, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("kind", [k for k in vars(errors).values() if isinstance(k, type)])
def test_an_error_for_people_is_one_line_and_its_exit_code(
    kind: type[errors.AugurError], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["odd", kind.__name__]) == kind.exit_code
    out, err = capsys.readouterr()
    assert (out, err) == ("", "augur-edge: error: it is wrong; do this\n")


def test_verbose_shows_where_an_error_came_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["odd", "DataError", "-v"]) == 5
    assert "Traceback" in capsys.readouterr().err


def test_verbose_may_come_from_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUGUR_EDGE_VERBOSE", "yes")
    assert main(["odd", "DataError"]) == 5
    assert "Traceback" in capsys.readouterr().err


def test_a_bug_is_one_line_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["odd", "bug"]) == 1
    assert capsys.readouterr().err == "augur-edge: error: ZeroDivisionError: a b - this is a bug; -v shows where\n"


def test_the_system_s_refusal_is_no_bug(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["odd", "os"]) == 1
    assert capsys.readouterr().err == "augur-edge: error: No such file or directory: /nonexistent/file\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mesure"], "no command 'mesure'; did you mean measure?"),
        (["xyzzy"], "no command 'xyzzy'; see"),
        (["--store", "x"], "options go after the command"),
        (["odd", "--tims", "3"], "unknown argument '--tims'; did you mean --times"),
        (["odd", "--time", "3"], "unknown argument '--time'"),
        (["odd", "--times", "x"], "argument --times: invalid int value: 'x'"),
        (["odd", "--mode", "fast"], "--mode"),
        (["odd", "--times"], "expected one argument"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_code_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == "" and said in err and err.count("\n") == 1


def test_no_command_shows_the_commands_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "commands:" in capsys.readouterr().out


def test_help_lists_each_command_with_its_first_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert "  odd        Do as told.\n" in out
    assert all(f"  {name} " in out for name in COMMANDS)


def test_help_of_a_command_has_defaults_and_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["odd", "--help"]) == 0
    out = capsys.readouterr().out
    assert "example:\n  augur-edge odd --times 3\n" in out
    assert "how often (default: 2)" in out and "of chance (default: 0)" in out and "100 % of them (default: 1 4)" in out
    assert "strictly\n" in out, "off is no default to tell"
    assert "AUGUR_EDGE_" in out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    from augur_edge import __version__

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"augur-edge {__version__}\n"


def test_flags_come_from_the_environment_and_the_command_line_wins(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"TIMES": "7", "BATCH": "2 8", "MODE": "isolated", "SHAPE": "a=1,2 b=3", "STRICT": "on"}.items():
        monkeypatch.setenv(f"AUGUR_EDGE_{name}", value)
    assert main(["odd"]) == 0
    assert main(["odd", "--times", "3", "--batch", "1"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "7 [2, 8] isolated ['a=1,2', 'b=3'] True False"
    assert second == "3 [1] isolated ['a=1,2', 'b=3'] True False"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TIMES", "x", "AUGUR_EDGE_TIMES='x': not a valid int"),
        ("TIMES", "", "AUGUR_EDGE_TIMES='': not a valid int"),
        ("BATCH", "1 x", "AUGUR_EDGE_BATCH='x': not a valid int"),
        ("MODE", "fast", "AUGUR_EDGE_MODE='fast': valid values are replay, isolated"),
        ("STRICT", "maybe", "AUGUR_EDGE_STRICT='maybe': not a yes or no; set it to 1 or 0"),
    ],
)
def test_a_bad_value_in_the_environment_names_the_variable(
    name: str, value: str, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"AUGUR_EDGE_{name}", value)
    assert main(["odd"]) == 2
    assert capsys.readouterr().err == f"augur-edge: error: {said}\n"


def test_interrupted_is_130(tmp_path: Path) -> None:
    done = child(tmp_path, "odd interrupt")
    assert (done.returncode, done.stderr) == (130, "augur-edge: interrupted\n")


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    done = child(tmp_path, "odd many | head -1")
    assert (done.stdout, done.stderr) == ("0\n", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize("what", ["print", "many"])
def test_a_full_disk_behind_stdout_is_one_line(tmp_path: Path, what: str) -> None:
    done = child(tmp_path, f"odd {what} > /dev/full")
    assert (done.returncode, done.stderr) == (1, "augur-edge: error: No space left on device\n")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_command_is_cheap_to_load_and_explains_itself(name: str) -> None:
    code = f"""
        import json, sys
        from augur_edge import cli
        command = cli.load({name!r})
        help_ = cli.parser_for(command).format_help()
        heavy = sorted({{"numpy", "onnxruntime", "ai_edge_litert", "onnx", "sqlite3"}} & set(sys.modules))
        print(json.dumps([command.name, heavy, help_]))
    """
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=env, capture_output=True, text=True, check=True, timeout=60
    )
    shown, heavy, help_ = json.loads(done.stdout)
    assert shown == name and heavy == []
    assert f"augur-edge {name} " in help_.partition("options:")[0].partition("\n\n")[2], "an example"


def test_sigint_s_exit_code_is_the_shell_s() -> None:
    assert cli.INTERRUPTED == 128 + signal.SIGINT
