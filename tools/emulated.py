"""A plugin of pytest for an emulated Python: a test that would start a process is skipped, and counted.

An emulator runs one program: a child's program would reach the real processor, which cannot run it. And as it takes ten
to twenty times as long, Hypothesis tries fewer examples, and does not ask how fast they are made.
"""

from __future__ import annotations

import os
import subprocess
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, settings


def _refuse(*args: Any, **kwargs: Any) -> NoReturn:
    pytest.skip("it starts a process, which an emulated one cannot")


def pytest_configure() -> None:
    """From here on nothing starts a process; what is skipped for it shows in the summary."""
    subprocess.Popen.__init__ = _refuse  # type: ignore[method-assign]
    os.posix_spawn = os.system = _refuse  # type: ignore[assignment]
    settings.register_profile("emulated", max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("emulated")
