"""A plugin of pytest for an emulated Python: a test that would start a process is skipped, and counted.

An emulator runs one program. A child's program would reach the real processor, which cannot run it.
"""

from __future__ import annotations

import os
import subprocess
from typing import Any, NoReturn

import pytest


def _refuse(*args: Any, **kwargs: Any) -> NoReturn:
    pytest.skip("it starts a process, which an emulated one cannot")


def pytest_configure() -> None:
    """From here on nothing starts a process; what is skipped for it shows in the summary."""
    subprocess.Popen.__init__ = _refuse  # type: ignore[method-assign]
    os.posix_spawn = os.system = _refuse  # type: ignore[assignment]
