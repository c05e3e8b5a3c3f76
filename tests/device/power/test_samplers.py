"""What comes on a stream or from a command and is no sample does not end the sampling, and hides nothing."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from augur_edge import timing
from augur_edge.device import power
from augur_edge.device.power import rows_of, trace_of
from augur_edge.device.power.meter import MeterSensor
from augur_edge.device.power.samplers import CommandSampler, LineSampler
from augur_edge.device.power.termux import parse as parse_termux
from augur_edge.errors import PowerError

from .conftest import until

pytestmark = pytest.mark.quiet

MS = 1_000_000


class Stream:
    """A named pipe with a meter at its end. names: of its columns, none if the first line has them."""

    def __init__(self, path: Path, names: tuple[str, ...]) -> None:
        os.mkfifo(path)
        self.sensor = MeterSensor(path, names=names)
        self.sampler = self.sensor.sampler()
        assert isinstance(self.sampler, LineSampler)
        self._thread_of: LineSampler = self.sampler
        self.writer: int | None = os.open(path, os.O_WRONLY)
        self.rows = np.empty((0, 1 + len(self.sensor.columns)), np.int64)
        self.sampler.start(())

    def send(self, *lines: str) -> None:
        assert self.writer is not None
        os.write(self.writer, "".join(f"{line}\n" for line in lines).encode())

    def got(self, n: int) -> np.ndarray:
        """At least n rows."""

        def enough() -> bool:
            self.rows = np.concatenate([self.rows, rows_of(self.sampler, self.sensor)])
            return len(self.rows) >= n

        until(enough)
        return self.rows

    def hang_up(self) -> None:
        if self.writer is not None:
            os.close(self.writer)
        self.writer = None

    def close(self) -> None:
        self.hang_up()
        self._thread_of._ends.set()
        self._thread_of._thread.join()  # type: ignore[union-attr]
        os.close(self._thread_of._file)


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[Callable[..., Stream]]:
    made: list[Stream] = []

    def make(*names: str) -> Stream:
        made.append(Stream(tmp_path / "meter", names))
        return made[-1]

    yield make
    made[-1].close()


@pytest.mark.parametrize("bad", ["inf", "1e300", "nan", "-1e400"])
def test_a_number_that_no_power_has_is_passed_over(stream: Callable[..., Stream], bad: str) -> None:
    opened = stream("power_w")
    opened.send("1", bad, "2")
    assert opened.got(2)[:, 1].tolist() == [1_000_000, 2_000_000]
    assert [code for _, code, _ in opened.sampler.failures] == [errno.EINVAL] and opened.sampler.lost == 0


def test_a_header_is_no_failure(stream: Callable[..., Stream]) -> None:
    opened = stream()
    opened.send("power_w", "1")
    opened.got(1)
    assert opened.sampler.failures == []


@pytest.mark.parametrize("first", ["power_w", "power_w\n0.5,cut off"])
def test_a_stream_that_ends_has_vanished_whatever_came_first(stream: Callable[..., Stream], first: str) -> None:
    opened = stream()
    opened.send(first, *"1234")
    rows = opened.got(4)
    opened.hang_up()
    until(lambda: any(code == errno.EPIPE for _, code, _ in opened.sampler.failures))
    with pytest.raises(PowerError, match="vanished"):
        trace_of(opened.sensor, rows, opened.sampler.failures)


@pytest.mark.parametrize("out", ['{"current": Infinity, "voltage": 4000}', '{"current": 1e300, "voltage": 4000}'])
def test_a_command_with_a_number_that_no_battery_has_is_asked_again(out: str) -> None:
    sampler = CommandSampler([sys.executable, "-S", "-c", f"print('{out}')"], parse_termux, 2, MS)
    sampler.start(())
    parts: list[bytes] = []

    def twice() -> bool:
        parts.append(sampler.take())
        return sum(map(len, parts)) >= 2 * 3 * 8

    try:
        until(twice)
    finally:
        sampler.stop()
    rows = np.frombuffer(b"".join(parts), np.int64).reshape(-1, 3)
    assert (rows[:, 1:] == timing.UNREADABLE).all()
    assert [code for _, code, _ in sampler.failures] == [errno.EINVAL]


def test_a_meter_whose_clock_goes_back_is_an_error() -> None:
    sensor = power.choose("meter:/dev/ttyACM0,columns=time_us+power_w")
    rows = np.array([[i * MS, 1000 + i, us] for i, us in enumerate((0, 1000, 1000, 3000))], np.int64)
    assert sensor.times_ns(rows).tolist() == [0, MS, MS, 3 * MS]
    rows[3, 2] = 999
    with pytest.raises(PowerError, match=r"^counter: the clock of /dev/ttyACM0 went back") as caught:
        trace_of(sensor, rows, [])
    assert caught.value.code == "counter"
