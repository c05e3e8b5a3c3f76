"""An sshd for the tests of this folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import SSHD, Sshd


@pytest.fixture(scope="session")
def shared_sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    if SSHD is None or not shutil.which("ssh"):
        pytest.skip("openssh-server or openssh-client is not installed")
    sshd = Sshd(tmp_path_factory.mktemp("sshd")).start()
    yield sshd
    sshd.kill_sessions()
    sshd.stop()


@pytest.fixture
def sshd(shared_sshd: Sshd) -> Sshd:
    """For tests that leave it as it is."""
    return shared_sshd


@pytest.fixture
def own_sshd(shared_sshd: Sshd, tmp_path: Path) -> Iterator[Sshd]:
    """For tests that change its keys or configuration; not started yet."""
    sshd = Sshd(tmp_path / "own-sshd")
    yield sshd
    if sshd.pid and sshd.process.poll() is None:
        sshd.kill_sessions()
        sshd.stop()
