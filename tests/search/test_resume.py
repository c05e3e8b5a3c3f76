"""Searches in pieces: by threads, stopped anywhere and gone on with, and what is kept when an objective fails."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augur_edge import spaces
from augur_edge.errors import DataError, UsageError
from augur_edge.search import Checkpoint, Figure, Found, Here, Limit, ObjectiveError, Problem, evolve, exhaustive
from augur_edge.search import random_search as drawn
from augur_edge.search.draws import BLOCK, Draws

CELLS = spaces.get("nasbench201")
WORTH = np.random.default_rng(3).normal(size=(6, 5))
SCORE = Figure("score", "", lambda v: WORTH[np.arange(6), v].sum(axis=1))
COST = Figure("latency", "ns", lambda v: v.sum(axis=1) * 1e6)
LIMIT = Limit(COST, 14e6)


def front(**how: Any) -> Found:
    pytest.importorskip("pymoo", reason="the extra [search]")
    from augur_edge.search.nsga2 import nsga2

    return nsga2(CELLS, [SCORE, COST], [LIMIT], evaluations=700, **how)


SEARCHES = {
    "evolution": partial(evolve, CELLS, SCORE, [LIMIT], evaluations=150),
    "large batches": partial(evolve, CELLS, SCORE, [LIMIT], evaluations=2000, batch=100),
    "islands": partial(evolve, CELLS, SCORE, [LIMIT], evaluations=400, islands=3, population=20),
    "random": partial(drawn, CELLS, SCORE, [LIMIT], evaluations=9000),
    "exhaustive": partial(
        exhaustive, CELLS, Problem([Figure("score", "", SCORE.score, slow=True), COST], [LIMIT]), stop=4000
    ),
    "nsga2": front,
}


def same(a: Found, b: Found) -> bool:
    return (
        np.array_equal(a.vectors, b.vectors)
        and np.array_equal(a.scores, b.scores)
        and (a.asked, a.evaluations, a.left_out) == (b.asked, b.evaluations, b.left_out)
    )


class StoppedError(Exception):
    pass


@pytest.mark.parametrize(("name", "jobs"), [*((name, 1) for name in SEARCHES), ("islands", 3), ("random", 3)])
@pytest.mark.parametrize("stop", [1, 4])
def test_one_that_is_stopped_and_resumed_finds_the_same(
    name: str, jobs: int, stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What threads are still at when it is kept is done again."""
    search, path = SEARCHES[name], tmp_path / "search.partial"
    search = search if jobs == 1 else partial(search, workers=Here(jobs))
    whole, told = search(), []

    def progress(found: Found) -> None:
        told.append(found.evaluations)
        if len(told) == stop:
            raise StoppedError

    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        patch.setattr("augur_edge.search.drive._EVERY_S", 0.0)
        patch.setattr("augur_edge.search.drive._SHARE", 0.0)
        search(progress=progress, checkpoint=Checkpoint(path, "k"))
    again: list[int] = []
    resumed = search(progress=lambda f: again.append(f.evaluations), checkpoint=Checkpoint(path, "k", resume=True))
    assert same(whole, resumed)
    assert resumed.complete
    assert name == "nsga2" or again[0] >= told[-1] > 0, "it did not begin anew"


@pytest.mark.parametrize("name", ["evolution", "islands", "random", "exhaustive"])
def test_threads_find_the_same_as_one(name: str) -> None:
    assert same(SEARCHES[name](), SEARCHES[name](workers=Here(3)))


def test_the_answers_that_a_front_was_stopped_with_are_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pymoo", reason="the extra [search]")
    from augur_edge.search.nsga2 import nsga2

    monkeypatch.setattr("augur_edge.search.drive._EVERY_S", 0.0)
    monkeypatch.setattr("augur_edge.search.drive._SHARE", 0.0)
    asked: list[int] = []

    def score(vectors: np.ndarray) -> Any:
        asked.append(len(vectors))
        return SCORE(vectors)

    def stop(found: Found) -> None:
        if found.asked >= 200:
            raise StoppedError

    search = partial(nsga2, CELLS, [Figure("score", "", score), COST], evaluations=400)
    path = tmp_path / "p"
    with pytest.raises(StoppedError):
        search(progress=stop, checkpoint=Checkpoint(path, "k"))
    saved = sum(Checkpoint(path, "k", resume=True).load()[1]["lengths"])  # type: ignore[index]
    assert saved >= 200
    asked.clear()
    search(checkpoint=Checkpoint(path, "k", resume=True))
    assert sum(asked) == 400 - saved


def test_a_checkpoint_that_is_damaged_or_anothers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p"
    with pytest.raises(UsageError, match="nothing to resume"):
        Checkpoint(path, "k", resume=True)
    SEARCHES["random"](checkpoint=Checkpoint(path, "k"))
    with pytest.raises(UsageError, match="other data or options"):
        Checkpoint(path, "other", resume=True)
    for cut in (0, 10, 300):
        path.write_bytes(path.read_bytes()[:cut] if cut else b"nothing")
        with pytest.raises(DataError, match="search without --resume"):
            Checkpoint(path, "k", resume=True)


@given(st.integers(0, 2**32), st.sampled_from([1, 3, 64]))
@settings(max_examples=10, deadline=None)
def test_streams_hold_each_architecture_of_a_small_space_once(seed: int, streams: int) -> None:
    met = []
    for stream in range(streams):
        draws, place, last = Draws(CELLS, seed, stream, streams), 0, -1
        while place != last:
            last = place
            vectors, places, place = draws.piece(place, 1000)
            assert len(vectors) == len(places) == place - last
            met.append(vectors)
    assert len(np.unique(np.concatenate(met), axis=0)) == sum(map(len, met)) == CELLS.size


@pytest.mark.parametrize("name", ["nasbench201", "fbnet", "nasbench101"])
def test_a_stream_is_the_same_in_whatever_pieces_it_is_drawn_and_evenly_spread(name: str) -> None:
    draws = Draws(spaces.get(name), 7, 0, 1)
    whole, _, end = draws.piece(0, BLOCK)
    parts = [draws.piece(first, 1000)[0] for first in range(0, BLOCK, 1000)]
    assert end == BLOCK and np.array_equal(np.concatenate(parts)[: len(whole)], whole)
    if name != "nasbench101":
        for i, choice in enumerate(draws_choices(name)):
            counts = np.bincount(whole[:, i], minlength=choice)
            expected = BLOCK / choice
            assert (np.abs(counts - expected) < 6 * np.sqrt(expected)).all()


def draws_choices(name: str) -> list[int]:
    return [len(c.ops) for c in spaces.get(name).choices]


@pytest.mark.parametrize("how", ["raises", "nan"])
@pytest.mark.parametrize("batch", [1, 50])
def test_an_objective_that_fails_names_the_architecture_and_what_was_before_is_kept(how: str, batch: int) -> None:
    whole, latest = evolve(CELLS, SCORE, evaluations=200, batch=batch), []
    bad = next(v for v in reversed(whole.vectors.tolist()) if v != whole.vectors[0].tolist())

    def score(vectors: np.ndarray) -> Any:
        wrong = (vectors == np.array(bad)).all(axis=1)
        if how == "raises" and wrong.any():
            raise ValueError("not this one")
        return np.where(wrong, np.nan, SCORE(vectors))

    with pytest.raises(ObjectiveError) as error:
        evolve(CELLS, Figure("mine", "", score), evaluations=200, batch=batch, progress=latest.append)
    assert CELLS.title(bad) in str(error.value)
    assert latest and latest[-1].evaluations == len(latest[-1].vectors)
    assert bad not in latest[-1].vectors.tolist()
    assert np.isfinite(latest[-1].scores).all()


def test_a_population_that_has_converged_goes_further_for_what_is_new() -> None:
    space = spaces.get("fbnet")
    worth = np.random.default_rng(0).random((22, 9))
    asked: list[np.ndarray] = []

    def score(vectors: np.ndarray) -> np.ndarray:
        asked.append(vectors)
        return worth[np.arange(22), vectors].sum(axis=1)

    found = evolve(space, Figure("cost", "", score), evaluations=20_000, batch=128)
    assert found.evaluations == len(np.unique(np.concatenate(asked), axis=0)) == 20_000
    assert found.asked < 5 * found.evaluations, "it asks for what it knows again and again"
    assert found.scores[0, 0] == pytest.approx(worth.min(axis=1).sum())


def test_evolution_ends_when_it_has_met_all_of_a_space_each_once() -> None:
    found = evolve(CELLS, SCORE, evaluations=20_000, batch=1000)
    assert found.evaluations == CELLS.size
    assert len(np.unique(found.vectors, axis=0)) == len(found.vectors)


def test_evolution_finds_what_random_architectures_never_meet() -> None:
    space = spaces.get("fbnet")
    steps = Figure("latency", "ns", lambda v: v.astype(float).sum(axis=1))
    few = Limit(steps, 30.0)  # of 176; the mean of random ones is 88, their deviation 12
    found = evolve(space, Figure("cost", "", lambda v: v[:, 0] + 1.0), [few], evaluations=60, seed=1)
    assert found.evaluations == 60
    assert steps(found.vectors).max() <= 30
