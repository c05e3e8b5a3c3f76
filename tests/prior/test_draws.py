"""Draws: the same everywhere, within bounds, and as likely as they say."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from augur_edge.prior.draws import Draws


def test_draws_never_change() -> None:
    # What a seed stands for is part of every run that used it.
    d = Draws(7, "layers/conv2d")
    assert [d.integer(0, 999) for _ in range(6)] == [643, 961, 995, 877, 717, 930]
    assert [d.octave(1, 2048) for _ in range(6)] == [5, 1, 684, 689, 27, 12]
    assert d.fraction() == 0.9309792419430951


def test_purposes_and_seeds_have_streams_of_their_own() -> None:
    streams = [Draws(seed, purpose) for seed in (0, 1) for purpose in ("a", "b")]
    assert len({tuple(d.integer(0, 1 << 30) for _ in range(3)) for d in streams}) == 4


@given(st.integers(0, 2**64), st.integers(1, 5000), st.integers(0, 5000))
def test_draws_stay_in_bounds(seed: int, low: int, more: int) -> None:
    d = Draws(seed, "bounds")
    for _ in range(5):
        assert low <= d.integer(low, low + more) <= low + more
        assert low <= d.octave(low, low + more) <= low + more
        assert 0 <= d.fraction() < 1


def test_doublings_are_equally_likely() -> None:
    d = Draws(0, "doublings")
    counts = Counter(d.octave(1, 1023).bit_length() for _ in range(10_000))
    assert sorted(counts) == list(range(1, 11))
    assert all(900 < n < 1100 for n in counts.values())


def test_the_last_doubling_is_not_crowded_where_it_is_cut() -> None:
    d = Draws(0, "cut")
    assert Counter(d.octave(1, 2048) for _ in range(10_000))[2048] < 10


def test_weights_are_kept() -> None:
    d = Draws(0, "weights")
    counts = Counter(d.pick("abc", (1, 3, 0)) for _ in range(4000))
    assert counts["c"] == 0
    assert 900 < counts["a"] < 1100
