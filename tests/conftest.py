"""Its being here lets tests of any folder import what several share: `handmade`, `anyruns`."""

import os
import signal

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
