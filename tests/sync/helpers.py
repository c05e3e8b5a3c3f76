"""Stores with runs in them, and what two stores have in common."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from handmade import CONV, network, plain, run

from augur_edge.predict.format import dumps, loads
from augur_edge.store import RunRecord, Store
from augur_edge.store.records import Measurement
from augur_edge.sync.channel import Pace
from augur_edge.sync.names import Target
from augur_edge.sync.push import Pushed, push
from augur_edge.sync.ssh import Ssh

GOLDEN = (Path(__file__).parents[1] / "predict/golden/layer-1.augpred").read_bytes()


def trained_for(device: str) -> bytes:
    """The golden predictor, saying where it was measured."""
    return dumps(replace(loads(GOLDEN), meta={"training": {"devices": [device]}}))


def many(n: int, seed: int = 0) -> list[Measurement]:
    """n layers with 21 random samples each."""
    samples = np.random.default_rng(seed).integers(100_000, 110_000, (n, 21))
    return [
        Measurement("layer", "replay", i, f"layer{i}", "conv2d", nodes=(f"/l{i}",), spec=CONV, samples_ns=samples[i])
        for i in range(n)
    ]


def filled(path: Path, n_runs: int = 3, device: str = "board-1", n_layers: int = 5, first: int = 1) -> Store:
    """A store with finished runs of one device."""
    store = Store(path)
    with store.transaction():
        for number in range(first, first + n_runs):
            store.add_run(a_run(number, device, n_layers))
    return store


def a_run(number: int, device: str = "board-1", n_layers: int = 5, **fields: object) -> RunRecord:
    """A run whose id and content follow from number and device."""
    seed = number + sum(map(ord, device))
    key = f"{number:08x}{sum(i * ord(c) for i, c in enumerate(device, 1)) & 0xFFFFFFFF:08x}"
    return run(key, device=device, networks=[network(measurements=many(n_layers, seed))], **fields)


def content(store: Store) -> dict[str, object]:
    """Everything in a store, by run."""
    return {r.id: plain(store.load(r.id)) for r in store.runs()}


def send(store: Store, ssh: Ssh, folder: Path) -> Pushed:
    return push(store, target(folder), ssh, Pace(None))


def target(folder: Path) -> Target:
    return Target("board", str(folder))


def leftovers(folder: Path) -> list[str]:
    """Files below a host's folder that are neither batches nor who sends them."""
    return [
        str(p) for p in folder.rglob("*") if p.is_file() and not p.name.endswith(".jsonl.gz") and p.name != "origin"
    ]
