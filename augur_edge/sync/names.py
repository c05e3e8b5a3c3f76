"""Names that come from a device, a host or a command line: checked before anything is done with them."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from augur_edge.errors import DataError, RemoteError

SUFFIX = ".jsonl.gz"
PREDICTORS = "predictors"
ORIGIN = "origin"

_DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")
_BATCH = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,62})-([0-9a-f]{16})-([0-9a-f]{16})-([0-9a-f]{64})\.jsonl\.gz\Z")
_PREDICTOR = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.augpred\Z")
_PERSON = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_HOST = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?\])\Z")


def printable(text: str) -> str:
    """A name from elsewhere for one line of text, quoted where it has anything odd in it."""
    return text if re.fullmatch(r"[\w.@:/+-]+", text, re.ASCII) else ascii(text)[:120]


def device_name(text: str) -> str:
    """`text`, if it can name a device in file names on any host. Raises DataError."""
    if not _DEVICE.match(text):
        raise DataError(
            f"device {printable(text)}: not letters, digits and ._- (at most 63, first a letter or digit);"
            " name it with AUGUR_EDGE_DEVICE before measuring"
        )
    return text


@dataclass(frozen=True)
class BatchName:
    """A batch: its device, the first and last run in it, and the SHA-256 of the file."""

    device: str
    first: str
    last: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.device}-{self.first}-{self.last}-{self.sha256}{SUFFIX}"

    @staticmethod
    def parse(text: str) -> BatchName:
        """Raises DataError for what is no batch's name."""
        found = _BATCH.match(text)
        if not found or found[2] > found[3]:
            raise DataError(f"{printable(text)}: not a batch's name, <device>-<from>-<to>-<sha256>{SUFFIX}")
        return BatchName(*found.groups())


def partial(batch: str) -> str:
    """What a batch is called while it is being uploaded, each time something else; no reader looks at such a name."""
    return f".{batch}.{secrets.token_hex(4)}.part"


def is_partial(text: str) -> bool:
    """Whether a file is an upload that came to no end."""
    return text.startswith(".") and text.endswith(".part")


def predictor_name(text: str) -> str:
    """`text`, if it can name a predictor in a folder. Raises DataError."""
    if not _PREDICTOR.match(text):
        raise DataError(f"{printable(text)}: a predictor's name is letters, digits and ._-, and ends in .augpred")
    return text


@dataclass(frozen=True)
class Target:
    """Where to go: `host` with its user, as ssh takes it, and a path there (relative: to the user's home)."""

    host: str
    path: str

    def __str__(self) -> str:
        return f"{self.host}:{self.path}"

    @staticmethod
    def parse(text: str, default_path: str = "augur-edge") -> Target:
        """`[user@]host[:path]`; an IPv6 address stands in brackets. Raises RemoteError."""
        person, at, rest = text.rpartition("@")
        end = rest.find("]") + 1 if rest.startswith("[") else rest.find(":")
        host, path = (rest, "") if end < 0 else (rest[:end], rest[end:].removeprefix(":"))
        if not _HOST.match(host) or (at and not _PERSON.match(person)):
            raise RemoteError(f"{printable(text)}: not [user@]host[:path] (a user or host of letters, digits, ._-)")
        if any(ord(c) < 32 or ord(c) == 127 for c in path):
            raise RemoteError(f"{printable(text)}: the path has a control character in it; name another folder")
        path = path.removeprefix("~/") or default_path
        bare = host[1:-1] if host.startswith("[") else host
        return Target(f"{person}{at}{bare}", path)
