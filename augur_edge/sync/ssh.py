"""The system's ssh: how it is called, and what went wrong in words that say what to do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from augur_edge.errors import MissingExtraError, RemoteError
from augur_edge.sync.names import printable

CONNECT_S = 15

# Parts of what ssh says on stderr, and what a user can do about it; the first that fits is told.
_WORDS = (
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", "its host key has changed; if that is right, `ssh-keygen -R {host}`"),
    ("Host key verification failed", "its host key is not known; compare its fingerprint and connect once with"
     " `ssh {host}`, or pass --accept-new-host-key"),
    ("Permission denied", "does not accept our key; add it to ~/.ssh/authorized_keys there, or name one in"
     " ~/.ssh/config"),
    ("Too many authentication failures", "does not accept our keys; name the right one in ~/.ssh/config"),
    ("Could not resolve hostname", "no host of that name is known; check its spelling and the network"),
    ("Connection refused", "refused the connection; is sshd running there, on that port?"),
    ("No route to host", "cannot be reached, no route; is it switched on and on this network?"),
    ("Network is unreachable", "cannot be reached, this device has no network"),
    ("timed out", "gives no answer; is it switched on and on this network?"),
    ("Timeout, server", "gives no answer any more; run again, it goes on where it was"),
    ("subsystem request failed", "its sshd offers no sftp; add `Subsystem sftp internal-sftp` there"),
    ("closed by", "the connection was lost; run again, it goes on where it was"),
    ("reset", "the connection was lost; run again, it goes on where it was"),
    ("Broken pipe", "the connection was lost; run again, it goes on where it was"),
    ("not known by", "no host of that name is known; check its spelling and the network"),
)  # fmt: skip


@dataclass(frozen=True)
class Ssh:
    """How to call ssh. config: a file in place of ~/.ssh/config; accept_new: trust a host that was never seen."""

    config: Path | None = None
    accept_new: bool = False

    def command(self, host: str, words: Sequence[str], *, subsystem: bool = False) -> list[str]:
        """The words of a process that runs `words` on `host`; never asks anything, never forwards anything.

        What is in `words` reaches the remote user's shell as one line: quote it with `shlex.quote`.
        Raises MissingExtraError where there is no ssh.
        """
        program = shutil.which("ssh")
        if program is None:
            raise MissingExtraError("no ssh here; install OpenSSH's client (Debian: openssh-client, Termux: openssh)")
        settings = {
            "BatchMode": "yes",
            "StrictHostKeyChecking": "accept-new" if self.accept_new else "yes",
            "ConnectTimeout": str(CONNECT_S),
            "ServerAliveInterval": "10",
            "ServerAliveCountMax": "3",
            "ClearAllForwardings": "yes",
            "ForwardAgent": "no",
            "ForwardX11": "no",
            "PermitLocalCommand": "no",
            "RequestTTY": "no",
            "EscapeChar": "none",
            "LogLevel": "ERROR",
        }
        options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
        config = ["-F", str(self.config)] if self.config else []
        return [program, *config, *options, *(["-s"] if subsystem else []), "--", host, *words]


def environment() -> Mapping[str, str]:
    """Ours, with ssh's words in English."""
    return {**os.environ, "LC_ALL": "C"}


def explained(host: str, said: str, code: int | None) -> RemoteError:
    """The error for a call of ssh that ended with `code` after it `said` something on stderr."""
    for part, words in _WORDS:
        if part.lower() in said.lower():
            return RemoteError(f"{printable(host)}: {words.format(host=printable(host))}")
    if code == 127:  # of its shell: no such program
        return RemoteError(f"{printable(host)}: no augur-edge there, or not on the PATH of ssh; name it with --program")
    lines = [line for line in said.splitlines() if line.strip()]
    if lines:
        return RemoteError(f"{printable(host)}: ssh says {ascii(lines[-1].strip())[:160]}")
    if code == 255 or code is None or code < 0:
        return RemoteError(f"{printable(host)}: the connection was lost; run again, it goes on where it was")
    return RemoteError(f"{printable(host)}: ended with code {code} and no word; try `ssh {printable(host)}`")
