"""Any run there can be, for property tests of the store and its files."""

from __future__ import annotations

import numpy as np
from handmade import CONV, POOL
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from augur_edge.store.records import Measurement, NetworkRecord, RunRecord

_text = st.text(st.characters(blacklist_categories=("Cs",)), max_size=8)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
    max_leaves=5,
)
_facts = st.dictionaries(_text, _json, max_size=3)
_numbers = st.integers(0, 2**40) | st.floats(0, 1e9)
_energy = st.builds(lambda facts, median: {**facts, "median": median}, _facts, _numbers)
_info = st.builds(
    lambda facts, load, notes: {**facts, "load_ns": load, "notes": notes},
    _facts,
    st.none() | _numbers,
    st.none() | st.lists(_text, max_size=2),
)
_verdict = st.builds(
    lambda steady, reasons: {"steady": steady, "reasons": [{"text": r} for r in reasons]},
    st.booleans(),
    st.lists(_text, max_size=2),
)


@st.composite
def measurements(draw: st.DrawFn) -> list[Measurement]:
    """Up to four, each in a place of its own."""
    places = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["layer", "whole", "floor"]),
                st.sampled_from(["replay", "isolated"]),
                st.integers(-1, 99),
            ),
            max_size=4,
            unique=True,
        )
    )
    return [
        Measurement(
            kind=kind,
            mode=mode,
            position=position,
            name=draw(_text),
            op=draw(_text),
            count=draw(st.integers(1, 9)),
            nodes=tuple(draw(st.lists(_text, max_size=2))),
            spec=draw(st.sampled_from([None, CONV, POOL])),
            status=draw(st.sampled_from(["ok", "partial", "failed"])),
            reason=draw(st.none() | _text),
            loops=draw(st.integers(1, 1000)),
            samples_ns=draw(arrays(np.int64, st.integers(0, 9), elements=st.integers(0, 2**62))),
            energy=draw(st.none() | _energy),
        )
        for kind, mode, position in sorted(places)
    ]


@st.composite
def runs(draw: st.DrawFn) -> RunRecord:
    """Any finished run, its parts in the order the store gives them back."""
    networks = [
        NetworkRecord(i, draw(_text), draw(_text), draw(st.sampled_from(["replay", "isolated"])), draw(_info),
                      draw(measurements()))
        for i in range(draw(st.integers(0, 2)))
    ]  # fmt: skip
    return RunRecord(
        id=f"{draw(st.integers(0, 2**64 - 1)):016x}",
        created_unix_ns=draw(st.integers(0, 2**62)),
        device=draw(_text),
        status=draw(st.sampled_from(["done", "failed", "interrupted"])),
        context=draw(_facts),
        plan=draw(_facts),
        verdict=draw(st.none() | _verdict),
        finished_unix_ns=draw(st.none() | st.integers(0, 2**62)),
        networks=networks,
    )
