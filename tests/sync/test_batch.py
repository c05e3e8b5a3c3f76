"""Batches and the streams under them: what is packed is what is read, and names say what is inside."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from handmade import network, run
from helpers import filled
from hypothesis import given
from hypothesis import strategies as st

from augur_edge.errors import DataError, RemoteError
from augur_edge.store import RunRecord
from augur_edge.store.ledger import Ledger
from augur_edge.store.records import Measurement
from augur_edge.sync import batch
from augur_edge.sync.channel import Pace
from augur_edge.sync.names import BatchName, Target, device_name, is_partial, partial

pytestmark = pytest.mark.quiet


def test_packing_is_the_same_every_time_and_ends_when_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with filled(tmp_path / "s.db", 5, n_layers=50) as store:
        unsent = Ledger(store).unsent("h")
        path, packed, refused = batch.pack(store, unsent, tmp_path)
        again, _, _ = batch.pack(store, unsent, tmp_path)
        assert (path, packed, refused) == (again, unsent, {})
        assert path is not None
        assert [r.id for r in batch.records_of(path) if isinstance(r, RunRecord)] == [u.run for u in unsent]
        monkeypatch.setattr(batch, "_ENOUGH_TEXT", 50_000)
        _, first, _ = batch.pack(store, unsent, tmp_path)
        assert 1 <= len(first) < 5
        assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_a_run_that_no_reader_would_take_is_left_out(tmp_path: Path) -> None:
    long = Measurement("layer", "replay", 0, "a", "conv2d", samples_ns=np.full(400_000, 10**9))
    with filled(tmp_path / "s.db", 2) as store:
        store.add_run(run("00000001ffffffff", networks=[network(measurements=[long])]))
        first, large, last = Ledger(store).unsent("h")
        for order in ([first, large, last], [large, first, last], [first, last, large]):
            path, packed, refused = batch.pack(store, order, tmp_path)
            assert path is not None
            assert [r.id for r in batch.records_of(path) if isinstance(r, RunRecord)] == [first.run, last.run]
            assert packed == [first, last]
            assert list(refused) == [large]
            assert "a record of 44" in refused[large]
        assert batch.pack(store, [large], tmp_path) == (None, [], refused)
        assert list(tmp_path.glob(".packing")) == []


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", fullmatch=True), st.data())
def test_a_batchs_name_says_what_it_was_made_of(device: str, data: st.DataObject) -> None:
    digits = st.text("0123456789abcdef", min_size=16, max_size=16)
    first, last = sorted([data.draw(digits), data.draw(digits)])
    name = BatchName(device_name(device), first, last, data.draw(digits) * 4)
    assert BatchName.parse(str(name)) == name
    assert is_partial(partial(str(name)))
    assert partial(str(name)) != partial(str(name))
    with pytest.raises(DataError):
        BatchName.parse(partial(str(name)))


@given(st.text())
def test_any_text_is_a_batchs_name_or_refused(text: str) -> None:
    try:
        assert str(BatchName.parse(text)) == text
        assert "/" not in text
    except DataError as err:
        assert len(str(err).splitlines()) == 1


@given(st.text())
def test_any_text_is_a_target_or_refused(text: str) -> None:
    try:
        target = Target.parse(text)
    except RemoteError as err:
        assert len(str(err).splitlines()) == 1
    else:
        assert not target.host.startswith("-")
        assert not set(target.host) & set(" '\"$;`\n|&<>\\")


@pytest.mark.parametrize(
    ("text", "host", "path"),
    [
        ("host", "host", "augur-edge"),
        ("me@host:", "me@host", "augur-edge"),
        ("me@host:~/x y", "me@host", "x y"),
        ("host:/a:b", "host", "/a:b"),
        ("me@[fe80::1%eth0]:x", "me@fe80::1%eth0", "x"),
        ("[::1]", "::1", "augur-edge"),
    ],
)
def test_targets(text: str, host: str, path: str) -> None:
    assert Target.parse(text) == Target(host, path)


def test_the_pace_is_kept() -> None:
    pace, start = Pace(1_000_000), time.monotonic()
    for _ in range(20):
        pace.take(20_000)
    assert 0.36 <= time.monotonic() - start < 1.5  # the last one goes when the one before it has been paid for
