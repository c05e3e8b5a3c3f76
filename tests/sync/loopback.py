"""A real sshd on a loopback port, with keys, host key and configurations of its own in a temporary folder."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from augur_edge.sync.ssh import Ssh

ROOT = Path(__file__).parents[2]
SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
HOST = "board"

# SHLVL: not the first of its shells, so bash reads no ~/.bashrc, as it else does under sshd. Whoever runs the tests may
# have slow things in there, or things that one killed in the middle leaves locked for the next.
CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
PidFile {folder}/sshd.pid
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100:30:200
LogLevel ERROR
SetEnv XDG_DATA_HOME={folder}/data SHLVL=2
Subsystem sftp {sftp}
{more}
"""
CLIENT = """
Host *
  HostName 127.0.0.1
  Port {port}
  IdentityFile {key}
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile /dev/null
  HostKeyAlias board
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def make_key(path: Path) -> str:
    """A key without a passphrase; its public half."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
    return path.with_name(path.name + ".pub").read_text().strip()


class Sshd:
    """One sshd below `folder`; what users of it need is there too: client configuration, a program, a home for data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        make_key(folder / "host_key")
        self.public_key = make_key(folder / "key")
        self.authorize(self.public_key)
        self.know_host()
        self.config = self.client(folder / "key")
        self.ssh = Ssh(self.config)
        self.program = self._program()
        self.pid = 0

    def authorize(self, *lines: str) -> None:
        (self.folder / "authorized_keys").write_text("".join(f"{line}\n" for line in lines))

    def know_host(self) -> None:
        key = (self.folder / "host_key.pub").read_text().strip()
        (self.folder / "known_hosts").write_text(f"board {key}\n")

    def client(self, key: Path, suffix: str = ".config", **values: object) -> Path:
        """A client's configuration that uses `key`."""
        path = key.with_name(key.name + suffix)
        path.write_text(CLIENT.format(**{"port": self.port, "key": key, "folder": self.folder, **values}))
        return path

    def _program(self) -> Path:
        """`augur-edge` from this checkout."""
        path = self.folder / "augur-edge"
        path.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m augur_edge "$@"\n')
        path.chmod(0o755)
        return path

    def start(self, more: str = "", sftp: str = "internal-sftp") -> Sshd:
        config = self.folder / "sshd_config"
        config.write_text(CONFIG.format(port=self.port, folder=self.folder, sftp=sftp, more=more))
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # where it separates privileges; the package's service makes it
        assert SSHD is not None
        log = (self.folder / "sshd.log").open("ab")
        with log:
            self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(config)], stdout=log, stderr=log)
        self.pid = self.process.pid
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            assert self.process.poll() is None, (self.folder / "sshd.log").read_text()
            time.sleep(0.02)
        raise AssertionError("sshd does not listen")

    def stop(self) -> None:
        """The listener; connections that are open go on."""
        self.process.terminate()
        self.process.wait()

    def sessions(self) -> list[int]:
        """Processes that serve open connections: all that descend from the listener."""
        found, todo = [], [self.pid]
        while todo:
            for child in children(todo.pop()):
                found.append(child)
                todo.append(child)
        return found

    def kill_sessions(self) -> None:
        for pid in self.sessions():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
