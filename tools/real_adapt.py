"""`adapt` from one setting to another, beside no adapting and a full training: `real_adapt.py PRED STORE [--full]`.

PRED: a predictor of the first setting. STORE: sampled layers measured in the second. Half of them, drawn at random, are
the test; layers to adapt with are chosen from the other half by `suggest`, which is also what a full training gets.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from augur_edge.console import table
from augur_edge.dataset.reading import read_dataset
from augur_edge.host.training import Plan, train
from augur_edge.metrics import mape, medape
from augur_edge.predict import Predictor
from augur_edge.predict.adapt import adapt, suggest
from augur_edge.predict.format import dumps, loads


def main() -> None:
    """A line for each way, for each number of layers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("predictor", type=Path, metavar="PRED")
    parser.add_argument("store", type=Path, metavar="STORE")
    parser.add_argument("--layers", type=int, nargs="+", default=[5, 10, 20, 50])
    parser.add_argument("--full", action="store_true", help="train on the half too, which takes minutes")
    args = parser.parse_args()
    data = read_dataset([args.store]).known("latency")
    order = np.random.default_rng(0).permutation(len(data))
    new, test = data.take(order[: len(data) // 2]), data.take(order[len(data) // 2 :])
    model, y = loads(args.predictor.read_bytes()), test.targets["latency"]
    ways = [("as it was", dumps(model))]
    chosen = suggest(model, new.layers, max(args.layers))
    for n in args.layers:
        rows = np.array(chosen[:n], np.int64)
        ways.append((f"adapted, {n} layers", dumps(adapt(model, new.layers[rows], new.targets["latency"][rows]))))
    if args.full:
        ways.append((f"trained, {len(new)} layers", train(new, Plan("latency", "trees"), print).data))
    lines = []
    for name, file in ways:
        found = Predictor(file).predict_many(test.layers)
        lines.append((name, f"{mape(y, found):.2f}", f"{medape(y, found):.2f}"))
    print(table((f"on {len(test)} other layers", "mean %", "median %"), lines))


if __name__ == "__main__":
    main()
