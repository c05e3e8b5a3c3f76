"""Every figure of docs/accuracy-architectures.md: `python tools/accuracy_arch.py DATA [PART...] [--seeds 0,1,2,3,4]`.

DATA holds latbench, jetson_ofa_blocks, nasbench201_latency_ms.npz, fbnet_latency_ms.npz and pi5_nasbench201.csv.gz.
Parts: latbench, pi5, transfer, ceiling, blocks, gcn (all unless named). Every architecture that was not sampled is a
test; predictions are the student's, by the kernel. A figure's goal stands beside it with `ok` or `MISSED`.
Needs the extra [host].
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from augur_edge.host.arch.blocks import Blocks
from augur_edge.host.arch.evaluate import evaluate
from augur_edge.host.arch.gcn import PRESETS, Eagle
from augur_edge.host.arch.samples import samples_of
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
PERCENT = (1, 5, 10)


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


def report(name: str, seeds: Sequence[int], rows: list[list[float]], goals: Sequence[float | None]) -> None:
    """The mean over seeds, and its spread."""
    mean, spread = np.mean(rows, axis=0), np.std(rows, axis=0)
    cells = "  ".join(f"{m:.4f} (sd {s:.4f})" for m, s in zip(mean, spread))
    print(f"{name}, {len(seeds)} seeds: {cells}: {verdict(mean.tolist(), goals)}", flush=True)


def by_shares(name: str, table: ArchTable, plan: Plan, seeds: Sequence[int], goals: Sequence[float | None]) -> None:
    """One file, all seeds."""
    rows = []
    for seed in seeds:
        start_s = time.monotonic()
        found = shares(table, Plan(plan.device, plan.samples, seed, plan.teacher))
        words = " ".join(f"{v:.4f}" for v in found.student)
        seconds = time.monotonic() - start_s
        print(
            f"  {name} seed {seed}: {words}, spearman {found.rank:.4f}, student {found.gap:.2f} points off, "
            f"coverage {found.coverage:.3f}, {seconds:.0f} s",
            flush=True,
        )
        rows.append(found.student)
    report(name, seeds, rows, goals)


def latbench(data: Path, seeds: Sequence[int]) -> None:
    """LatBench: 900 samples of four devices, and 100 of the Jetson."""
    jetson = "embedded-gpu-jetson-nono-fp16"
    by_shares(
        "jetson, 100", read_table(data / f"latbench/{jetson}.pickle"), Plan(samples=100), seeds, (None, None, 0.95)
    )
    for name, goals in LATBENCH.items():
        by_shares(f"{name}, 900", read_table(data / f"latbench/{name}.pickle"), Plan(samples=900), seeds, goals)


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


def pi5(data: Path, seeds: Sequence[int]) -> None:
    """Energy of a Raspberry Pi 5, of 900 samples and of 20 with latency as the source."""
    table = read_table(data / "pi5_nasbench201.csv.gz", where={"framework": "litert", "task": "cifar100"})
    rows = []
    for seed in seeds:
        plan = Plan("energy_mj", 20, seed, sources=("latency_ms",))
        rows.append([shares(table, plan).rank])
    report("pi5 energy from latency, 20 samples, spearman", seeds, rows, (0.97,))
    by_shares("pi5 energy, 900", table, Plan("energy_mj", 900), seeds, (None, 0.70, 0.93))


def transfer(data: Path, seeds: Sequence[int]) -> None:
    """HELP's devices: Spearman with few samples."""
    for space, batches, select, count, targets in TRANSFER:
        table = read_table(data / f"{space}_latency_ms.npz")
        sources = (*(f"1080ti_{b}" for b in batches), *REST)
        for target, goal in targets.items():
            rows = []
            for seed in seeds:
                plan = Plan(target, count, seed, sources=sources, select=select)
                found = shares(table, plan)
                rows.append([found.rank, found.gap, found.coverage])
            what = "spearman, student off by points, coverage at 0.9"
            report(f"{space} {target}, {count} {select}: {what}", seeds, rows, (goal, None, None))


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


def gcn(data: Path, seeds: Sequence[int], sizes: Sequence[int]) -> None:
    """Eagle's graph network on the i7 file, 100 more samples to say when to stop."""
    found = samples_of(read_table(data / "latbench/desktop-cpu-core-i7-7820x-fp32.pickle"), None, lambda line: None)
    for count in sizes:
        rows = []
        for seed in seeds:
            order = np.random.default_rng(seed).permutation(len(found.y))
            train_part, held, test = (found.take(r) for r in np.split(order, [count, count + 100]))
            model = Eagle(seed, PRESETS["eagle-gcn"])
            model.fit(train_part.vectors, train_part.y, held=(held.vectors, held.y))
            answer = model.predict(test.vectors)
            rows.append([acc(test.y, answer, limit) for limit in PERCENT])
            print(f"  gcn {count} seed {seed}: {' '.join(f'{v:.4f}' for v in rows[-1])}", flush=True)
        report(f"gcn, {count} samples", seeds, rows, [f - 0.02 for f in GCN[count]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the files")
    parser.add_argument(
        "parts", nargs="*", default=[], help="latbench, ceiling, blocks, pi5, transfer, gcn; all unless given"
    )
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--gcn-samples", default="153,306,764")
    args = parser.parse_args()
    seeds = [int(s) for s in args.seeds.split(",")]
    parts = {"latbench": latbench, "pi5": pi5, "transfer": transfer}
    for name in args.parts or [*parts, "ceiling", "blocks", "gcn"]:
        if name == "gcn":
            gcn(args.data, seeds, [int(n) for n in args.gcn_samples.split(",")])
        elif name in ("ceiling", "blocks"):
            {"ceiling": ceiling, "blocks": blocks}[name](args.data)
        else:
            parts[name](args.data, seeds)


if __name__ == "__main__":
    main()
