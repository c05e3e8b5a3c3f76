"""measured_cells.py [FOLDER]: measure random NAS-Bench-201 cells here, learn from most of them, predict the rest.

100 cells are measured whole (`--seed 0`), 60 train a predictor, the other 40 judge it, for five draws of the 60.
Prints the metrics, and fails where fewer than 0.85 are predicted within 10 %, in the mean. FOLDER keeps the store, the
table and the predictor; a second call with it measures nothing again. Needs the extras [ort] and [host].
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

CELLS, TRAINED, SEEDS, LIMIT = 100, 60, 5, 0.85


def augur(*words: str) -> str:
    """What a command of augur-edge prints; its talk goes to stderr, and its failure ends this script."""
    done = subprocess.run([sys.executable, "-m", "augur_edge", *words], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"augur-edge {words[0]} ended with {done.returncode}")
    return done.stdout


def main() -> None:
    """Measure, train, evaluate."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    store, table, predictor = (str(folder / name) for name in ("cells.db", "cells.csv", "cells.augpred"))
    if not Path(table).exists():
        what = ("--space", "nasbench201", "--count", str(CELLS), "--seed", "0")
        augur("measure", *what, "--max-time", "0.6", "--precision", "0.005", "--store", store, "--json")
        augur("export", "last", "--format", "arch", "-o", table, "--store", store)
    shares = []
    for seed in range(SEEDS):
        augur("train", "--space", "nasbench201", table, "--samples", str(TRAINED), "--seed", str(seed), "-o", predictor)
        found = json.loads(augur("evaluate", predictor, table, "--exclude-trained", "--json"))["overall"]
        shares.append(found["acc10"])
        within = ", ".join(f"{found[f'acc{n}']:.3f} within {n} %" for n in (1, 5, 10))
        ranks = f"Spearman {found['spearman']:.4f}, mean error {found['mape']:.1f} %"
        print(f"seed {seed}: {found['n']} cells, {within}, {ranks}")
    print(f"{sum(shares) / SEEDS:.3f} within 10 %, mean of {SEEDS} draws of the {TRAINED}")
    if sum(shares) / SEEDS < LIMIT:
        sys.exit(f"fewer than {LIMIT} are within 10 %")


if __name__ == "__main__":
    main()
