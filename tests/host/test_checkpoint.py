"""A training that was interrupted goes on where it was, to the same bytes."""

from __future__ import annotations

import numpy as np
import pytest
from machine import cycles, short_layers

from augur_edge.dataset.rows import Row, merge
from augur_edge.errors import DataError, UsageError
from augur_edge.host.checkpoint import Checkpoint, key_of
from augur_edge.predict.encode import from_short

pytest.importorskip("catboost", reason="the extra [host]")
pytest.importorskip("sklearn", reason="the extra [host]")
pytest.importorskip("scipy", reason="the extra [host]")

from augur_edge.host.distill import Budget
from augur_edge.host.training import Plan, train

LAYERS = from_short(short_layers(60))
DATA = merge([Row(tuple(r), {"latency": c}, "n", "f") for r, c in zip(LAYERS.tolist(), cycles(LAYERS).tolist())])
PLAN = Plan("latency", "roofline", budget=Budget(max_kb=6, labelled=2000))


def test_what_was_put_comes_back(tmp_path):
    path = tmp_path / "p.partial"
    first = Checkpoint(path, "k")
    first.put("a", np.arange(3.0))
    first.put("b", np.array([[np.pi]]))
    again = Checkpoint(path, "k", resume=True)
    assert len(again) == 2 and again.get("a").tolist() == [0, 1, 2] and again.get("b") == np.pi
    assert again.get("c") is None and [p.name for p in tmp_path.iterdir()] == ["p.partial"]
    again.drop()
    assert not path.exists()


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    path = tmp_path / "p.partial"
    with pytest.raises(UsageError, match="nothing to resume"):
        Checkpoint(path, "k", resume=True)
    Checkpoint(path, "k").put("a", np.zeros(1))
    with pytest.raises(UsageError, match="other data or options"):
        Checkpoint(path, "other", resume=True)
    whole = path.read_bytes()
    for bad in (b"", b"nothing", whole[: len(whole) // 2], whole[:-40] + bytes(40)):
        path.write_bytes(bad)
        with pytest.raises((DataError, UsageError), match="train without --resume"):
            Checkpoint(path, "k", resume=True)


def test_keys_tell_layers_targets_and_options_apart():
    part = DATA.take(np.arange(50))
    other = merge([Row(tuple(r), {"latency": 5.0 + i}, "n", "f") for i, r in enumerate(LAYERS.tolist())])
    assert len({key_of(DATA, 0), key_of(part, 0), key_of(other, 0), key_of(DATA, 1)}) == 4
    assert key_of(DATA, 0) == key_of(DATA.take(np.arange(60)), 0)


class StoppedError(Exception):
    pass


@pytest.mark.parametrize("after", [1, 4])
def test_interrupted_and_resumed_is_as_never_interrupted(tmp_path, after):
    path, key = tmp_path / "p.partial", key_of(DATA, "latency")

    def stop(line):
        if line.startswith(f"fold {after}"):
            raise StoppedError

    with pytest.raises(StoppedError):
        train(DATA, PLAN, stop, Checkpoint(path, key))
    said = []
    resumed = train(DATA, PLAN, said.append, Checkpoint(path, key, resume=True))
    assert sum("kept from before" in line for line in said) == after
    assert resumed.data == train(DATA, PLAN).data
