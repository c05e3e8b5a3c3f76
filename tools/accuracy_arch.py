"""Every figure of docs/accuracy-architectures.md: `python tools/accuracy_arch.py DATA [PART...] [--seeds 0,1,2,3,4]`.

DATA holds latbench, jetson_ofa_blocks, nasbench201_latency_ms.npz, fbnet_latency_ms.npz and pi5_nasbench201.csv.gz.
Parts: latbench, pi5, transfer, ceiling, blocks, gcn, mlp (all unless named). Every architecture that was not sampled is
a test; predictions are the student's, by the kernel. A figure's goals stand beside it with `ok` or `MISSED`.
With `--keep FILE` every single figure is added to FILE as soon as it is found, and taken from there the next time, so
that a stopped run goes on; begin a new one after any change of the code. Needs the extra [host].
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Callable, NamedTuple

import numpy as np

from augur_edge.host.arch.blocks import Blocks
from augur_edge.host.arch.evaluate import evaluate
from augur_edge.host.arch.gcn import PRESETS, Eagle
from augur_edge.host.arch.samples import Samples, samples_of
from augur_edge.host.arch.training import Plan, train
from augur_edge.metrics import acc
from augur_edge.predict import Predictor
from augur_edge.tables import ArchTable, read_table
from augur_edge.tables.blocks import Block, read_blocks

LATBENCH = {
    "embedded-gpu-jetson-nono-fp16": (0.28, 0.88, 0.985),
    "embeeded-tpu-edgetpu-int8": (0.16, 0.70, 0.93),
    "mobile-cpu-snapdragon-855-kryo-485-int8": (0.25, 0.80, 0.94),
    "desktop-cpu-core-i7-7820x-fp32": (0.42, 0.92, 0.98),
}
REST = ["silver_4114", "silver_4210r", "samsung_a50", "pixel3", "essential_ph_1", "samsung_s7"]
# file, sources beside REST, choice, samples, {target: least Spearman}
TRANSFER = [
    ("nasbench201", ("1", "32", "256"), "optimal", 5, {"titan_rtx_256": 0.993, "pixel2": 0.89, "fpga": 0.993}),
    ("nasbench201", ("1", "32", "256"), "random", 10, {"titan_rtx_256": 0.985, "pixel2": 0.87, "fpga": 0.99}),
    ("fbnet", ("1", "32", "64"), "optimal", 5, {"fpga": 0.95, "gold_6226": 0.95, "titan_rtx_32": 0.965}),
    ("fbnet", ("1", "32", "64"), "optimal", 50, {"fpga": 0.97}),
]
# training samples of the i7 file: shares within 1, 5 and 10 % of the network as others re-ran it
GCN = {153: (0.13, 0.51, 0.77), 306: (0.21, 0.68, 0.89), 764: (0.32, 0.82, 0.96)}
EAGLE = {"gcn": "eagle-gcn", "mlp": "eagle-mlp"}
PARTS = ("latbench", "pi5", "transfer", "ceiling", "blocks", *EAGLE)
PERCENT = (1, 5, 10)


class Runs:
    """The seeds, and the figures found so far, by name and seed, in a file of a line each; of no file: none is kept."""

    def __init__(self, seeds: Sequence[int], path: Path | None) -> None:
        self.seeds, self.path = seeds, path
        lines = path.read_text(encoding="utf-8").splitlines() if path and path.exists() else []
        self.found: dict[str, Any] = dict(map(json.loads, lines))

    def each(self, name: str, find: Callable[[int], Any]) -> Iterator[tuple[int, Any]]:
        """Every seed, and what is kept of it, or else what `find` gives."""
        for seed in self.seeds:
            key = f"{name}, seed {seed}"
            if key not in self.found:
                self.found[key] = find(seed)
                if self.path is not None:
                    with self.path.open("a", encoding="utf-8") as file:
                        file.write(json.dumps([key, self.found[key]]) + "\n")
            yield seed, self.found[key]


class Found(NamedTuple):
    """Shares within 1, 5 and 10 % of the student and of its teacher; the student's rank correlation, and its coverage:
    the share of truths within the file's intervals of 0.9."""

    student: list[float]
    teacher: list[float]
    rank: float
    coverage: float

    @property
    def gap(self) -> float:
        """Largest difference between student and teacher, in points."""
        return 100 * max(abs(a - b) for a, b in zip(self.student, self.teacher))


def shares(table: ArchTable, plan: Plan) -> Found:
    """Train, and judge by all architectures that were not sampled."""
    trained = train(table, plan, lambda line: None, lambda line: None)
    test = samples_of(table, plan.device, lambda line: None).without(trained.samples.vectors.tolist())
    student = np.asarray(Predictor(trained.data).predict_vectors(test.vectors), np.float64)
    teacher = trained.teacher.predict(test.vectors)
    found = [[acc(test.y, p, limit) for limit in PERCENT] for p in (student, teacher)]
    overall = evaluate(Predictor(trained.data), test)["overall"]
    return Found(found[0], found[1], overall["spearman"] or 0.0, overall["coverage"])


def verdict(found: Sequence[float], goals: Sequence[float | None]) -> str:
    """Each figure beside its goal."""
    return ", ".join("ok" if a is None or f >= a else f"MISSED {f:.4f} < {a:g}" for f, a in zip(found, goals))


def report(name: str, rows: list[list[float]], goals: Sequence[float | None]) -> None:
    """The mean over seeds, and its spread."""
    mean, spread = np.mean(rows, axis=0), np.std(rows, axis=0)
    cells = "  ".join(f"{m:.4f} (sd {s:.4f})" for m, s in zip(mean, spread))
    print(f"{name}, {len(rows)} seeds: {cells}: {verdict(mean.tolist(), goals)}", flush=True)


def found_of(name: str, table: ArchTable, plan: Plan, runs: Runs) -> list[Found]:
    """One device, all seeds."""
    found = []
    for seed, values in runs.each(name, lambda seed: shares(table, replace(plan, seed=seed))):
        found.append(Found(*values))
        words = " ".join(f"{v:.4f}" for v in found[-1].student)
        print(
            f"  {name} seed {seed}: {words}, spearman {found[-1].rank:.4f}, student {found[-1].gap:.2f} points off, "
            f"coverage {found[-1].coverage:.3f}",
            flush=True,
        )
    return found


def latbench(data: Path, runs: Runs) -> None:
    """LatBench: 900 samples of four devices, and 100 of the Jetson."""
    jetson = "embedded-gpu-jetson-nono-fp16"
    files = [(jetson, 100, (None, None, 0.95)), *((name, 900, goals) for name, goals in LATBENCH.items())]
    for name, count, goals in files:
        table, label = read_table(data / f"latbench/{name}.pickle"), f"{name}, {count}"
        report(label, [f.student for f in found_of(label, table, Plan(samples=count), runs)], goals)


def ceiling(data: Path) -> None:
    """What any function of the graph can reach: within cells that are the same graph, the best interval for each."""
    from augur_edge.host.arch.graph import same_graph

    for name in LATBENCH:
        found = samples_of(read_table(data / f"latbench/{name}.pickle"), None, lambda line: None)
        groups = [found.y[rows] for rows in same_graph(found.vectors) if len(rows) >= 30]
        total = sum(map(len, groups))
        best = [sum(_most(y, p / 100) for y in groups) / total for p in PERCENT]
        print(f"{name}: {total} cells in {len(groups)} groups of 30 and more equal graphs: at best", end=" ")
        print(" ".join(f"{b:.3f}" for b in best), flush=True)


def _most(y: np.ndarray, limit: float) -> int:
    """How many of y one prediction can be within `limit` of."""
    ordered = np.sort(y)
    return int((np.searchsorted(ordered, ordered * (1 + limit) / (1 - limit), side="right") - np.arange(len(y))).max())


def pi5(data: Path, runs: Runs) -> None:
    """Energy of a Raspberry Pi 5, of 900 samples and of 20 with latency as the source."""
    table = read_table(data / "pi5_nasbench201.csv.gz", where={"framework": "litert", "task": "cifar100"})
    name = "pi5 energy from latency, 20"
    found = found_of(name, table, Plan("energy_mj", 20, sources=("latency_ms",)), runs)
    report(f"{name}, spearman", [[f.rank] for f in found], (0.97,))
    name = "pi5 energy, 900"
    report(name, [f.student for f in found_of(name, table, Plan("energy_mj", 900), runs)], (None, 0.70, 0.93))


def transfer(data: Path, runs: Runs) -> None:
    """HELP's devices: Spearman with few samples."""
    for space, batches, select, count, targets in TRANSFER:
        table = read_table(data / f"{space}_latency_ms.npz")
        sources = (*(f"1080ti_{b}" for b in batches), *REST)
        for target, goals in targets.items():
            name = f"{space} {target}, {count} {select}"
            found = found_of(name, table, Plan(target, count, sources=sources, select=select), runs)
            rows = [[f.rank, f.gap, f.coverage] for f in found]
            report(f"{name}: spearman, student off by points, coverage at 0.9", rows, (goals, None, None))


def blocks(data: Path) -> None:
    """Once-for-all's tables: four resolutions to learn from, the fifth to be told."""
    paths = sorted((data / "jetson_ofa_blocks").glob("*.json"))
    tables = {path.stem: read_blocks(path) for path in paths}
    found = []
    for name, test in tables.items():
        rest = [b for other, blocks in tables.items() if other != name for b in blocks]
        answer = Blocks().fit(rest).predict(test)[0]
        found.append(acc(np.array([b.mean_ns for b in test]), answer, 10))
        print(f"  {name}, {len(test)} blocks: {found[-1]:.3f} within 10 %: {verdict(found[-1:], (0.85,))}", flush=True)
    print(f"blocks, mean of five resolutions: {np.mean(found):.3f}")
    print(
        f"blocks that cost more at 160 pixels than the same at 176: {_falling(*list(tables.values())[:2]):.2f} of all"
    )


def _falling(small: list[Block], large: list[Block]) -> float:
    """Share of a table's blocks that cost more than the same ones at a larger size: what no cost model can follow."""

    def by_channels(table: list[Block]) -> dict[str, float]:
        return {re.sub(r"\d+x\d+x", "", b.key): b.mean_ns for b in table}

    first, second = by_channels(small), by_channels(large)
    both = first.keys() & second.keys()
    return sum(first[key] > second[key] for key in both) / len(both)


def eagle(data: Path, runs: Runs, preset: str, sizes: Sequence[int]) -> None:
    """One of Eagle's networks on the i7 file, 100 more samples to say when to stop; goals are of the graph network."""
    table = samples_of(read_table(data / "latbench/desktop-cpu-core-i7-7820x-fp32.pickle"), None, lambda line: None)
    for count in sizes:
        name, rows = f"{preset}, {count}", []
        for seed, row in runs.each(name, partial(_eagle_shares, table, preset, count)):
            print(f"  {name} seed {seed}: {' '.join(f'{v:.4f}' for v in row)}", flush=True)
            rows.append(row)
        goals = [f - 0.02 for f in GCN[count]] if preset == "eagle-gcn" else (None, None, None)
        report(name, rows, goals)


def _eagle_shares(table: Samples, preset: str, count: int, seed: int) -> list[float]:
    order = np.random.default_rng(seed).permutation(len(table.y))
    train_part, held, test = (table.take(r) for r in np.split(order, [count, count + 100]))
    model = Eagle(seed, PRESETS[preset])
    model.fit(train_part.vectors, train_part.y, held=(held.vectors, held.y))
    answer = model.predict(test.vectors)
    return [acc(test.y, answer, limit) for limit in PERCENT]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the files")
    parser.add_argument("parts", nargs="*", default=[], help=f"{', '.join(PARTS)}; all unless given")
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--gcn-samples", default="153,306,764")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="of figures found, to go on from")
    args = parser.parse_args()
    seeds, sizes = ([int(n) for n in text.split(",")] for text in (args.seeds, args.gcn_samples))
    runs = Runs(seeds, args.keep)
    seeded = {"latbench": latbench, "pi5": pi5, "transfer": transfer}
    for name in args.parts or PARTS:
        if name in EAGLE:
            eagle(args.data, runs, EAGLE[name], sizes)
        elif name in seeded:
            seeded[name](args.data, runs)
        else:
            {"ceiling": ceiling, "blocks": blocks}[name](args.data)


if __name__ == "__main__":
    main()
