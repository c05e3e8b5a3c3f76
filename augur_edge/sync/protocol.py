"""What `serve` and its clients say to each other: frames of one type byte, with JSON or a block of a file.

Version 1. A client begins with SFTP's own INIT, so that one call finds out who answers: an sftp server with VERSION,
`serve` with GREETING {"serve": 1, "device"}. Then the client asks, one question at a time, and is answered with OK
and an object, or with REFUSED {"error"}, which also ends what was asked.

  HAVE {"origin", "batches": [names]}  -> OK {"batches": [those that are there], "predictors": {name: {size, sha256}}}
  PUT {"name", "size"}                 -> OK {}, then the client sends DATA of `size` bytes   -> OK {}
  GET {"name"}                         -> OK {"size", "sha256"}, then DATA of `size` bytes

and, where it runs as `serve --pull`, for a host that fetches:

  NEXT {"target"}          -> OK {"name", "size"}, then DATA of `size` bytes; OK without them: there is nothing to send.
                              Beside them {"refused": {run: why}}, runs that stay there, too large for a batch
  DONE {"target", "name"}  -> OK {}: the batch is in the host's store
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from augur_edge.errors import DataError
from augur_edge.sync.channel import framed

NUMBER = 1
GREETING, HAVE, PUT, GET, NEXT, DONE, DATA, OK, REFUSED = b"AHPGNKDOX"
BLOCK = 128 << 10
MOST_NAMES = 500
LARGEST_PREDICTOR = 64 << 20


def said(kind: int, /, **values: Any) -> bytes:
    """A frame with an object."""
    return framed(kind, json.dumps(values).encode())


def heard(payload: bytes) -> Mapping[str, Any]:
    """The object of a frame. Raises DataError where it is none."""
    try:
        found = json.loads(payload.decode("utf-8"))
    except (ValueError, RecursionError) as err:
        raise DataError("a frame without an object in JSON") from err
    if not isinstance(found, dict):
        raise DataError("a frame without an object in JSON")
    return found


def text(values: Mapping[str, Any], name: str) -> str:
    """A field that must be text. Raises DataError."""
    if not isinstance(values.get(name), str):
        raise DataError(f"{name} is no text")
    return str(values[name])


def size(values: Mapping[str, Any], limit: int) -> int:
    """The field `size`. Raises DataError where it is no number of bytes up to `limit`."""
    found = values.get("size")
    if type(found) is not int or not 0 <= found <= limit:
        raise DataError(f"size is {str(found)[:40]}, not a number of bytes up to {limit}")
    return found
