"""Searches of spaces small enough to know the answer, limits as people write them, and fronts."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from augur_edge import spaces
from augur_edge.errors import UsageError
from augur_edge.search import (
    Figure,
    Found,
    Limit,
    ObjectiveError,
    Problem,
    evolve,
    exhaustive,
    hypervolume,
    random_search,
)
from augur_edge.search.goals import check_together, limit_of
from augur_edge.search.moves import Moves, Seen

CELLS = spaces.get("nasbench201")
WORTH = np.random.default_rng(3).normal(size=(6, 5))
COST = np.random.default_rng(4).uniform(1, 5, (6, 5))
SCORE = Figure("score", "", lambda v: WORTH[np.arange(6), v].sum(axis=1) + 0.5 * (v[:, 0] == v[:, 5]))
LATENCY = Figure("latency", "ns", lambda v: 1e6 * COST[np.arange(6), v].sum(axis=1))
LIMIT = Limit(LATENCY, 20e6, text="latency_ms<=20")


def everything() -> np.ndarray:
    return np.array(list(itertools.product(range(5), repeat=6)), np.uint8)[:, ::-1]


def test_all_of_a_space_has_the_best_within_the_limits() -> None:
    vectors = everything()
    inside = vectors[LATENCY(vectors) <= 20e6]
    found = exhaustive(CELLS, Problem([SCORE], [LIMIT]))
    assert found.asked == len(vectors) == CELLS.size
    assert found.evaluations == len(inside)
    assert found.scores[0, 0] == SCORE(inside).max()
    assert found.best == tuple(inside[SCORE(inside).argmax()].tolist())


def test_evolution_finds_the_best_where_random_search_does_not() -> None:
    best = exhaustive(CELLS, Problem([SCORE], [LIMIT])).scores[0, 0]
    evolved = [evolve(CELLS, SCORE, [LIMIT], evaluations=400, seed=s).scores[0, 0] for s in range(5)]
    drawn = [random_search(CELLS, SCORE, [LIMIT], evaluations=400, seed=s).scores[0, 0] for s in range(5)]
    assert min(evolved) == best
    assert np.mean(drawn) < best


def test_nothing_is_evaluated_twice_and_never_beyond_the_limit() -> None:
    asked: list[tuple[int, ...]] = []

    def score(vectors: np.ndarray) -> np.ndarray:
        asked.extend(map(tuple, vectors.tolist()))
        return SCORE(vectors)

    found = evolve(CELLS, Figure("score", "", score), [LIMIT], evaluations=900, batch=7, seed=1)
    assert len(asked) == len(set(asked)) == found.evaluations == 900
    assert (LATENCY(np.array(asked, np.uint8)) <= 20e6).all()


def test_the_same_seed_finds_the_same() -> None:
    a, b, c = (evolve(CELLS, SCORE, [LIMIT], evaluations=200, seed=seed) for seed in (5, 5, 6))
    assert np.array_equal(a.vectors, b.vectors)
    assert not np.array_equal(a.vectors, c.vectors)


def test_a_space_that_is_used_up_ends_the_search() -> None:
    few = Limit(LATENCY, float(np.sort(LATENCY(everything()))[299]))
    found = evolve(CELLS, SCORE, [few], evaluations=1000, seed=0)
    assert found.complete
    assert 290 <= found.evaluations <= 300


def test_where_nothing_is_within_the_limits_the_nearest_is_known() -> None:
    least = LATENCY(everything()).min()
    found = exhaustive(CELLS, Problem([SCORE], [Limit(LATENCY, least / 2)]))
    assert found.nearest is not None
    assert LATENCY(found.nearest[0][None])[0] == least
    assert found.nearest[1] == pytest.approx(1.0)
    with pytest.raises(LookupError):
        _ = found.best


@pytest.mark.parametrize("answer", [lambda v: 1 / 0, lambda v: np.full(len(v), np.nan), lambda v: [1.0] * 7])
def test_an_objective_that_fails_is_named(answer: object) -> None:
    with pytest.raises(ObjectiveError, match="mine"):
        evolve(CELLS, Figure("mine", "", answer), evaluations=10)  # type: ignore[arg-type]


def test_a_space_with_rules_keeps_them() -> None:
    space = spaces.get("nasbench101")
    moves = Moves(space, np.random.default_rng(0))
    parents = moves.some(50)
    for vectors in (parents, moves.children(parents, parents[::-1], 0.9), moves.mutated(parents)):
        assert all(space.validate(v) for v in vectors.tolist())


def test_a_child_differs_from_its_mother_in_as_many_answers_as_asked() -> None:
    moves = Moves(CELLS, np.random.default_rng(0))
    mothers = moves.random(500)
    changed = (moves.children(mothers, mothers, 0.0) != mothers).sum(axis=1)
    assert (changed == 1).all()
    assert (moves.children(mothers, mothers, 0.0, 3) != mothers).sum(axis=1).max() == 3


@given(arrays(np.uint8, st.tuples(st.integers(1, 60), st.just(4)), elements=st.integers(0, 3)))
def test_what_was_met_is_not_new_again(vectors: np.ndarray) -> None:
    seen = Seen(4)
    new = seen.new(vectors)
    assert sorted(map(tuple, new.tolist())) == sorted(set(map(tuple, vectors.tolist())))
    assert len(seen.new(vectors)) == 0


@pytest.mark.parametrize("least", [2, 1 << 16])
def test_what_was_met_stays_met_while_there_are_places_and_after_it_was_kept(
    least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Seen, "LEAST", least)
    seen, vectors = Seen(6), everything()
    for some in np.array_split(vectors, 7):
        assert np.array_equal(seen.new(np.concatenate([some, some])), some)
    again = Seen(6)
    again.restore(seen.state())
    for one in (seen, again, copy.deepcopy(seen)):
        assert len(one.new(vectors)) == 0


def test_what_is_met_beyond_the_places_is_forgotten_alike_by_one_that_was_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Seen, "LEAST", 64)
    monkeypatch.setattr(Seen, "MOST", 1024)
    seen, vectors = Seen(6), everything()
    assert seen.exact and len(seen.new(vectors[:8000])) == 8000 and not seen.exact
    again = copy.deepcopy(seen)
    new = seen.new(vectors)
    assert len(new) > 7625 and np.array_equal(new, again.new(vectors))


def test_no_evaluations_are_refused() -> None:
    pytest.importorskip("pymoo", reason="the extra [search]")
    from augur_edge.search.nsga2 import nsga2

    for search in (evolve, random_search):
        with pytest.raises(UsageError, match="0 evaluations"):
            search(CELLS, SCORE, evaluations=0)
    with pytest.raises(UsageError, match="0 evaluations"):
        nsga2(CELLS, [SCORE, LATENCY], evaluations=0)


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (7, 6), (0, 5**6 + 1), (5**6 + 1, None)])
def test_indices_that_a_space_does_not_have_are_refused(start: int, stop: int | None) -> None:
    with pytest.raises(UsageError, match="nasbench201 has 0 to 15625"):
        exhaustive(CELLS, Problem([SCORE]), start=start, stop=stop)


def test_a_front_beyond_what_is_kept_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augur_edge.search.found.KEPT", 3)
    found = Found(Problem([LATENCY, Figure("energy", "uj", SCORE.score)]))
    places = np.arange(5)
    found.add(everything()[:5], np.stack([places, 5 - places], axis=1).astype(np.float64))
    assert (len(found.vectors), found.left_out, found.evaluations) == (3, 2, 5)
    assert found.scores[:, 0].tolist() == [0, 1, 2]


def test_limits_are_scaled_to_base_units() -> None:
    figures = {"latency": LATENCY, "cifar100_accuracy": Figure("cifar100_accuracy", "percent", SCORE.score)}
    assert limit_of("latency_ms <= 5", figures).bound == 5e6
    assert limit_of("latency_us<=250.5", figures).bound == 250_500
    at_least = limit_of("accuracy>=70", figures)
    assert (at_least.at_most, at_least.bound, at_least.figure.name) == (False, 70.0, "cifar100_accuracy")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("latency_ms", "not understood"),
        ("latency_ms<5", "position 11: '<'; limits are <= or >="),
        ("latency_ms<=five", "position 13: 'five' is no number"),
        ("latncy_ms<=5", "position 1: no figure is called 'latncy'; did you mean latency"),
        ("latency<=5", "position 1: latency is in ns; write latency_ns, latency_us, latency_ms"),
        ("latency_mj<=5", "position 1: latency is in ns"),
        ("score_ms<=5", "score has no unit; write score alone"),
    ],
)
def test_what_is_no_limit_is_refused_with_its_position(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        limit_of(text, {"latency": LATENCY, "score": SCORE})


def test_limits_that_contradict_each_other_are_refused() -> None:
    figures = {"latency": LATENCY}
    with pytest.raises(UsageError, match="contradict"):
        check_together([limit_of("latency_ms<=5", figures), limit_of("latency_ms>=6", figures)])


def test_nsga2_has_the_ends_of_the_front() -> None:
    pytest.importorskip("pymoo", reason="the extra [search]")
    from augur_edge.search.nsga2 import nsga2

    found = nsga2(CELLS, [SCORE, LATENCY], [LIMIT], evaluations=3000, seed=0)
    best = exhaustive(CELLS, Problem([SCORE, LATENCY], [LIMIT]))
    assert (found.scores[:, 1] <= 20e6).all()
    worst = np.array([10.0, 20e6])
    signs = np.array([-1.0, 1.0])
    assert hypervolume(found.scores * signs, worst) > 0.97 * hypervolume(best.scores * signs, worst)
