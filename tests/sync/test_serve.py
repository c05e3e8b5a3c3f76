"""Clients of `serve` that try to leave their folder: all refused."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import resource
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from handmade import lines_of
from helpers import a_run, leftovers
from loopback import ROOT

from augur_edge.errors import DataError
from augur_edge.sync import protocol
from augur_edge.sync.channel import Frame, framed
from augur_edge.sync.names import BatchName
from augur_edge.sync.serve import Folder

GOOD = a_run(1)
DATA = gzip.compress(lines_of(GOOD).encode(), 1, mtime=0)
OWN = str(BatchName("board-1", GOOD.id, GOOD.id, hashlib.sha256(DATA).hexdigest()))


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
    for _ in range(2):
        assert client.ask(protocol.PUT, name=OWN, size=len(DATA))[0] == protocol.OK
        client.send(framed(protocol.DATA, DATA))
        assert client.receive().type == protocol.OK
    assert (client.folder / "board-1" / OWN).read_bytes() == DATA


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


def test_an_origin_that_finds_no_room_is_not_taken_for_another_stores(tmp_path: Path) -> None:
    folder, (soft, hard) = Folder(tmp_path, "board-1"), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            folder.origin("0" * 16)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    folder.tidy()
    folder.origin("0" * 16)
    assert leftovers(tmp_path) == []
    with pytest.raises(DataError, match="another store"):
        folder.origin("1" * 16)


def test_a_predictor_that_cannot_be_had_holds_nothing_else_up(client: Client, tmp_path: Path) -> None:
    client.ask(1)
    there = client.folder / "board-1/predictors"
    there.mkdir()
    (there / "good.augpred").write_bytes(b"good")
    (there / "link.augpred").symlink_to(tmp_path)
    with (there / "large.augpred").open("wb") as file:
        file.truncate(protocol.LARGEST_PREDICTOR + 1)
    answer, said = client.ask(protocol.HAVE, origin="0" * 16, batches=[])
    assert (answer, list(said["predictors"])) == (protocol.OK, ["good.augpred"])  # type: ignore[call-overload]


def test_another_store_does_not_end_uploads_in_flight(client: Client, tmp_path: Path) -> None:
    assert client.ask(protocol.HAVE, origin="1" * 16, batches=[])[0] == protocol.OK
    assert client.ask(protocol.PUT, name=OWN, size=len(DATA))[0] == protocol.OK
    other = Client(client.folder)
    try:
        other.is_refused(protocol.HAVE, "two devices with one id", origin="2" * 16, batches=[])
    finally:
        other.close()
    client.send(framed(protocol.DATA, DATA))
    assert client.receive().type == protocol.OK
    assert (client.folder / "board-1" / OWN).read_bytes() == DATA
