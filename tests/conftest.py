"""What tests of any folder use. Its being here lets them import what several share, too: `handmade`, `anyruns`."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Started in the background of a script, a process ignores Ctrl-C, and so do its children, which tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Two threads of a library on two busy processors wait for each other longer than one works.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A deadline for each example says how busy the machine is, not whether the property holds.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What else the machine does only ever adds time, so a figure that was disturbed is taken again, twice at most."""
    if config.pluginmanager.hasplugin("rerunfailures"):
        for item in items:
            if item.get_closest_marker("quiet"):
                item.add_marker(pytest.mark.flaky(reruns=2))


@pytest.fixture
def restore_kernel() -> Iterator[None]:
    """Afterwards the kernel is again the one that is chosen when nobody asks."""
    yield
    from augur_edge import _kernel

    _kernel.select_kernel()


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Files that other people measured: AUGUR_EDGE_TEST_DATA, or ../shared/data beside this clone."""
    named = os.environ.get("AUGUR_EDGE_TEST_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared/data"
    if not folder.is_dir():
        pytest.skip(f"no measured data of others at {folder}; AUGUR_EDGE_TEST_DATA names their folder")
    return folder
