"""Batches made to do harm, and clients that try to leave their folder: all refused, in bounded memory."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from handmade import lines_of
from helpers import a_run, content, filled, leftovers
from loopback import ROOT

from augur_edge.store import Store
from augur_edge.sync import protocol
from augur_edge.sync.channel import Frame, framed
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
    with gzip.GzipFile("", "wb", 9, sink, mtime=0) as zipped:
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


LINES = lines_of(GOOD)
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
    "samples as text": (edited(2, samples_ns=["1"]), "samples_ns"),
    "promises more records": (edited(0, records=10**15), "cut short"),
    "a million networks in the header": (edited(0, records=-1), "records"),
    "half a character": (edited(2, name="\ud800"), "valid Unicode"),
    "a layer with a vast shape": (edited(2, spec={"op": "x", "inputs": [[1.5]], "outputs": []}), "not that of a layer"),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_a_hostile_batch_is_set_aside_and_blocks_nothing(tmp_path: Path, name: str) -> None:
    text, words = TEXTS[name]
    check(tmp_path, batch(tmp_path / "in", packed(text)), words)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (bomb(b"", b"\0", 1024 * MIB), "a line above"),
        (bomb(b"", b"[]\n", 64 * MIB), "not a JSON object"),
        (b"not gzip at all", "not a gzip file"),
        (packed(LINES)[:-9], "not a gzip file, or a damaged one"),
        (packed(LINES)[:40] + b"\xff" * 40 + packed(LINES)[80:], "gzip"),
        (b"", "empty"),
    ],
    ids=["zeros", "lists", "text", "cut", "damaged", "nothing"],
)
def test_a_bad_file_is_set_aside(tmp_path: Path, data: bytes, words: str) -> None:
    check(tmp_path, batch(tmp_path / "in", data), words)


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


def check(tmp_path: Path, bad: Path, words: str) -> None:
    """`bad` goes to the quarantine with `words`, a good batch beside it goes in, memory stays bounded."""
    inbox = tmp_path / "in"
    good = a_run(7, "board-7")
    batch(inbox, packed(lines_of(good)), device="board-7", run=good.id)
    code = (
        "import resource, sys\nfrom augur_edge.cli import main\n"
        "code = main(['ingest', sys.argv[1], '--store', sys.argv[2], '--json'])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\nsys.exit(code)"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    words_of = [sys.executable, "-c", code, str(inbox), str(tmp_path / "host.db")]
    done = subprocess.run(words_of, env=env, capture_output=True, text=True, check=False)
    document, memory_kb = done.stdout.splitlines()
    assert done.returncode == 5, done.stderr
    assert words in json.loads(document)["bad"][bad.name]
    assert int(memory_kb) < MOST_MEMORY_KB
    assert not bad.exists() and not bad.is_symlink()
    assert any(words in reason.read_text() for reason in (inbox / QUARANTINE).glob("*.reason"))
    with Store(tmp_path / "host.db") as host:
        assert list(content(host)) == [good.id]
        host.check()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    found = Client(tmp_path / "served")
    yield found
    found.close()


class Client:
    """Talks to a `serve` for board-1 without ssh between."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        words = [sys.executable, "-m", "augur_edge", "serve", "--restrict-to", str(folder), "--device", "board-1"]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "SSH_ORIGINAL_COMMAND": "sh -c 'touch hacked'"}
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, bufsize=0)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()

    def send(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)

    def receive(self) -> Frame:
        assert self.process.stdout is not None
        head = self.process.stdout.read(5)
        length, kind = struct.unpack(">IB", head)
        return Frame(kind, self.process.stdout.read(length - 1))

    def ask(self, kind: int, **values: object) -> tuple[int, dict[str, object]]:
        self.send(protocol.said(kind, **values))
        answer = self.receive()
        return answer.type, json.loads(answer.payload)

    def is_refused(self, kind: int, words: str, **values: object) -> None:
        answer, said = self.ask(kind, **values)
        assert answer == protocol.REFUSED, said
        assert words in str(said["error"])


OWN = str(BatchName("board-1", GOOD.id, GOOD.id, hashlib.sha256(packed(LINES)).hexdigest()))


@pytest.mark.parametrize(
    "name",
    ["../board-2/x.jsonl.gz", "/etc/passwd", "..", ".", "", "x\0y", "a\nb", "$(id)", f"../{OWN}", f"./{OWN}", f"/{OWN}",
     f"{OWN}/..", f"x/{OWN}", "origin", "." + OWN],
)  # fmt: skip
def test_paths_are_refused(client: Client, name: str) -> None:
    client.is_refused(protocol.PUT, "not a batch's name", name=name, size=3)
    client.is_refused(protocol.HAVE, "not a batch's name", origin="0" * 16, batches=[name])
    client.is_refused(protocol.GET, "a predictor's name", name=name)
    client.is_refused(protocol.GET, "a predictor's name", name=f"../{name}.augpred")


def test_batches_of_another_device_are_refused(client: Client) -> None:
    other = OWN.replace("board-1", "board-2")
    client.is_refused(protocol.PUT, "may send batches of board-1 only", name=other, size=3)
    assert not (client.folder / "board-2").exists()


def test_commands_are_refused_and_the_wanted_one_is_not_looked_at(client: Client) -> None:
    for kind in (0, 2, 3, 17, 200, 255, ord("N"), ord("K"), ord("D")):
        client.is_refused(kind, "none of have, put, get", name="sh")
    assert client.ask(1, version=3) == (protocol.GREETING, {"serve": 1, "device": "board-1"})
    assert not (client.folder / "hacked").exists()
    assert not Path("hacked").exists()


def test_links_are_not_followed(client: Client, tmp_path: Path) -> None:
    client.ask(1)  # it has made its folder
    secret = tmp_path / "secret.augpred"
    secret.write_bytes(b"secret")
    own = client.folder / "board-1"
    (own / "predictors").mkdir()
    (own / "predictors" / "link.augpred").symlink_to(secret)
    client.is_refused(protocol.GET, "no such predictor", name="link.augpred")
    (own / "predictors" / "link.augpred").unlink()
    (own / "predictors").rmdir()
    (own / "predictors").symlink_to(tmp_path)
    client.is_refused(protocol.GET, "no such predictor", name="secret.augpred")
    (own / OWN).symlink_to(secret)
    assert client.ask(protocol.HAVE, origin="0" * 16, batches=[OWN])[1]["batches"] == []


def test_a_folder_that_is_a_link_is_not_served(tmp_path: Path) -> None:
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "board-1").symlink_to("/")
    client = Client(tmp_path / "served")
    assert client.process.wait(20) == 1
    client.close()


def test_wrong_bytes_are_refused_and_leave_nothing(client: Client) -> None:
    assert client.ask(protocol.PUT, name=OWN, size=5)[0] == protocol.OK
    client.send(framed(protocol.DATA, b"12345"))
    assert b"another SHA-256" in client.receive().payload
    assert leftovers(client.folder) == []
    assert list((client.folder / "board-1").iterdir()) == []


def test_a_batch_cannot_be_overwritten(client: Client) -> None:
    data = packed(LINES)
    for _ in range(2):
        assert client.ask(protocol.PUT, name=OWN, size=len(data))[0] == protocol.OK
        client.send(framed(protocol.DATA, data))
        assert client.receive().type == protocol.OK
    assert (client.folder / "board-1" / OWN).read_bytes() == data


@pytest.mark.parametrize("size", [-1, 1 << 40, "3", None, 1.5, True])
def test_sizes_without_bounds_are_refused(client: Client, size: object) -> None:
    client.is_refused(protocol.PUT, "not a number of bytes", name=OWN, size=size)


def test_more_bytes_than_were_said(client: Client) -> None:
    assert client.ask(protocol.PUT, name=OWN, size=3)[0] == protocol.OK
    client.send(framed(protocol.DATA, b"12345"))
    assert b"not the rest of the batch" in client.receive().payload
    assert list((client.folder / "board-1").iterdir()) == []


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xffH", b"\0\0\0\0H", b"GET / HTTP/1.1\r\n\r\n"])
def test_what_are_no_frames_ends_the_conversation(client: Client, data: bytes) -> None:
    client.send(data)
    assert b"a frame of" in client.receive().payload
    assert client.process.wait(20) == 0


@pytest.mark.parametrize("payload", [b"", b"[]", b"{", b"\xff", b'{"name":1}', b"[" * 100_000])
def test_frames_without_sense(client: Client, payload: bytes) -> None:
    for kind in (protocol.HAVE, protocol.PUT, protocol.GET):
        client.send(framed(kind, payload))
        assert client.receive().type == protocol.REFUSED
    assert client.ask(1)[0] == protocol.GREETING


def test_another_store_of_the_same_name(client: Client) -> None:
    assert client.ask(protocol.HAVE, origin="1" * 16, batches=[])[0] == protocol.OK
    client.is_refused(protocol.HAVE, "two devices with one id", origin="2" * 16, batches=[])
    client.is_refused(protocol.HAVE, "not 16 hex digits", origin="../x", batches=[])


def test_a_forged_batch_of_another_device_is_caught_at_ingest(tmp_path: Path) -> None:
    """Behind `serve` only the name is known; what is inside is looked at before anything of it is stored."""
    filled(tmp_path / "x.db", 1, "board-2").close()
    with Store(tmp_path / "x.db") as other:
        run = other.load(other.runs()[0].id)
    data = packed(lines_of(run))
    check(tmp_path, batch(tmp_path / "in", data, device="board-1", run=run.id), "another device than its name")
