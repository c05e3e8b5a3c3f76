"""Batches made to do harm: all refused, in bounded memory, and none holds up a good one."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from handmade import lines_of
from helpers import a_run, content, filled
from loopback import ROOT

from augur_edge.store import Store
from augur_edge.sync.ingest import QUARANTINE, ingest
from augur_edge.sync.names import BatchName

GOOD = a_run(1)
MIB = 1 << 20
MOST_MEMORY_KB = 150 * 1024


def batch(folder: Path, data: bytes, *, device: str = "board-1", run: str = GOOD.id, sha256: str = "") -> Path:
    """A file with a batch's name, right unless told otherwise."""
    folder.mkdir(exist_ok=True)
    name = BatchName(device, run, run, sha256 or hashlib.sha256(data).hexdigest())
    path = folder / str(name)
    path.write_bytes(data)
    return path


def packed(text: str) -> bytes:
    return gzip.compress(text.encode(), 1, mtime=0)


def bomb(begin: bytes, unit: bytes, n_bytes: int) -> bytes:
    """`begin` and then `unit` again and again, gzipped without ever being whole in memory."""
    sink = io.BytesIO()
    with gzip.GzipFile("", "wb", 1, sink, mtime=0) as zipped:
        zipped.write(begin)
        block = unit * (MIB // len(unit))
        for _ in range(n_bytes // len(block)):
            zipped.write(block)
    return sink.getvalue()


def edited(at: int, **fields: object) -> str:
    """The good batch's lines with fields of one changed."""
    records = [json.loads(line) for line in lines_of(GOOD).splitlines()]
    records[at].update(fields)
    return "".join(json.dumps(record) + "\n" for record in records)


def nested(depth: int) -> object:
    """An object with lists in lists."""
    return json.loads('{"a":' + "[" * depth + "]" * depth + "}")


LINES = lines_of(GOOD)
SPEC = {"op": "x", "inputs": [[1]], "outputs": [[1]]}
MANY_COLUMNS = '{"record":"run",' + ",".join(f'"c{i}":{i}' for i in range(1_000_000)) + "}\n"
TEXTS = {
    "a million columns": (MANY_COLUMNS, "a line above"),
    "many small columns": ("{" + ",".join(f'"{i}":[]' for i in range(180_000)) + "}\n", "schema"),
    "deep nesting": ('{"a":' + "[" * 1_000_000, "not a line of JSON"),
    "nested lists": ('{"a":[' + "[]," * 600_000 + "[]]}\n", "schema"),
    "no JSON": ("\x00\x01\x02\n", "not a line of JSON"),
    "nothing": ("", "empty"),
    "cut at a line": ("".join(LINES.splitlines(True)[:-1]), "cut short"),
    "cut in a line": (LINES[:-20], "not a line of JSON"),
    "two in one place": (LINES.replace('"position":1,', '"position":0,'), "two measurements"),
    "forged device inside": (edited(0, device="board-2"), "another device than its name"),
    "a path as a run": (edited(0, id="../../etc/pass"), "16 hex digits"),
    "another run than in the name": (edited(0, id="f" * 16), "holds runs"),
    "a number beyond 64 bits": (edited(2, samples_ns=[2**70]), "samples_ns"),
    "NaN": (LINES.replace('"precision":0.01', '"precision":NaN'), "no number"),
    "infinity as a number": (LINES.replace('"precision":0.01', '"precision":1e999'), "no number"),
    "infinite energy": (edited(2, energy={"median": 7e77}).replace("7e+77", "1e999"), "no number"),
    "an infinite attribute": (edited(2, spec={**SPEC, "attrs": {"a": 7e77}}).replace("7e+77", "1e999"), "no number"),
    "a deep context": (edited(0, context=nested(900)), "context is nested"),
    "a deep layer": (edited(2, spec={**SPEC, "attrs": nested(400)}), "spec is nested"),
    "samples as text": (edited(2, samples_ns=["1"]), "samples_ns"),
    "promises more records": (edited(0, records=10**15), "cut short"),
    "a million networks in the header": (edited(0, records=-1), "records"),
    "half a character": (edited(2, name="\ud800"), "valid Unicode"),
    "a layer with a vast shape": (edited(2, spec={"op": "x", "inputs": [[1.5]], "outputs": []}), "not that of a layer"),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_a_hostile_batch_is_set_aside_and_blocks_nothing(tmp_path: Path, name: str) -> None:
    text, words = TEXTS[name]
    check(tmp_path, batch(tmp_path / "in", packed(text)), words, heavy=len(text) > 1_000_000)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (bomb(b"", b"\0", 256 * MIB), "a line above"),
        (bomb(b"", b"[]\n", 64 * MIB), "not a JSON object"),
        (b"not gzip at all", "not a gzip file"),
        (packed(LINES)[:-9], "not a gzip file, or a damaged one"),
        (packed(LINES)[:40] + b"\xff" * 40 + packed(LINES)[80:], "gzip"),
        (b"", "empty"),
    ],
    ids=["zeros", "lists", "text", "cut", "damaged", "nothing"],
)
def test_a_bad_file_is_set_aside(tmp_path: Path, data: bytes, words: str) -> None:
    check(tmp_path, batch(tmp_path / "in", data), words, heavy=len(data) > 10_000)


def test_wrong_digests(tmp_path: Path) -> None:
    check(tmp_path, batch(tmp_path / "in", packed(LINES), sha256="0" * 64), "SHA-256")


def test_a_batch_in_the_folder_of_another_device(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    check(tmp_path, batch(tmp_path / "in/board-2", packed(LINES)), "lies in the folder of board-2")


@pytest.mark.parametrize(
    "name", ["$(touch hacked).jsonl.gz", "a b.jsonl.gz", "a\nb.jsonl.gz", "'.jsonl.gz", "-x.jsonl.gz"]
)
def test_a_name_that_is_no_batchs(tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(packed(LINES))
    check(tmp_path, tmp_path / "in" / name, "not a batch's name")
    assert len((tmp_path / "in" / QUARANTINE).glob("*.reason").__next__().read_text().splitlines()) == 1
    assert not Path("hacked").exists()


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    inbox = tmp_path / "in"
    real = batch(tmp_path / "elsewhere", packed(LINES))
    inbox.mkdir()
    (inbox / real.name).symlink_to(real)
    check(tmp_path, inbox / real.name, "a link")
    assert real.exists()
    os.mkfifo(inbox / real.name)
    check(tmp_path, inbox / real.name, "not a plain file")
    (inbox / "board-9").symlink_to(real.parent)  # a folder that is a link is not looked into
    with Store(tmp_path / "host.db") as host:
        assert ingest(host, inbox).batches == 0


def in_process(inbox: Path, store: Path) -> dict[str, str]:
    """What was set aside, and why."""
    with Store(store) as host:
        return ingest(host, inbox).bad


def measured(inbox: Path, store: Path) -> dict[str, str]:
    """The same by the command in a process of its own, whose memory is bounded."""
    code = (
        "import re, sys\nfrom augur_edge.cli import main\n"
        "code = main(['ingest', sys.argv[1], '--store', sys.argv[2], '--json'])\n"
        # not ru_maxrss, which begins with that of the process that forked
        "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])\nsys.exit(code)"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, str(inbox), str(store)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 5, done.stderr
    document, memory_kb = done.stdout.splitlines()
    assert int(memory_kb) < MOST_MEMORY_KB
    bad: dict[str, str] = json.loads(document)["bad"]
    return bad


def check(tmp_path: Path, bad: Path, words: str, heavy: bool = False) -> None:
    """`bad` goes to the quarantine with `words`, a good batch beside it goes in; memory is looked at if `heavy`."""
    inbox = tmp_path / "in"
    good = a_run(7, "board-7")
    batch(inbox, packed(lines_of(good)), device="board-7", run=good.id)
    found = measured(inbox, tmp_path / "host.db") if heavy else in_process(inbox, tmp_path / "host.db")
    assert words in found[bad.name]
    assert not bad.exists() and not bad.is_symlink()
    assert any(words in reason.read_text() for reason in (inbox / QUARANTINE).glob("*.reason"))
    with Store(tmp_path / "host.db") as host:
        assert list(content(host)) == [good.id]
        host.check()


def test_a_forged_batch_of_another_device_is_caught_at_ingest(tmp_path: Path) -> None:
    """Behind `serve` only the name is known; what is inside is looked at before anything of it is stored."""
    filled(tmp_path / "x.db", 1, "board-2").close()
    with Store(tmp_path / "x.db") as other:
        run = other.load(other.runs()[0].id)
    data = packed(lines_of(run))
    check(tmp_path, batch(tmp_path / "in", data, device="board-1", run=run.id), "another device than its name")
