"""Every figure of docs/accuracy.md, from Augur's published layers: `python tools/accuracy.py DATA [PART...]`.

DATA holds torchvision_models, fb_convnets, neuralpower_convnets and supernet_convnets. Parts: networks, blind, folds,
curve, node, kernel (all unless named). Each figure's goal stands beside it, with `ok` or `MISSED`. Needs the
extra [host].
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from augur_edge.console import table
from augur_edge.dataset.reading import read_dataset
from augur_edge.dataset.rows import Dataset, folds
from augur_edge.host.evaluate import LEVEL, published
from augur_edge.host.roofline import Roofline
from augur_edge.host.teachers import TEACHERS
from augur_edge.host.training import Plan, Trained, train
from augur_edge.host.validate import tiles_of
from augur_edge.metrics import coverage, mape, medape
from augur_edge.predict import Predictor, kernels
from augur_edge.predict.bench import bench
from augur_edge.predict.format import loads

SETS = ("torchvision_models", "fb_convnets", "neuralpower_convnets", "supernet_convnets")
PARTS = ("networks", "blind", "curve", "folds", "node", "kernel")
# Networks whose figures, left out as a whole, no decision was taken on; single layers of theirs stood in random folds.
BLIND = (
    *(f"fb_convnet_{i}" for i in (3, 4, 5, 6)), "profiled_alexnet", "profiled_cifar-10-conv", "profiled_nin",
    "profiled_vgg16",
)  # fmt: skip
TARGETS = ("latency", "energy")
NETWORKS_AT_MOST = {"latency": 4.8, "energy": 5.0}
ERRORS = ("roofline", "teacher", "student", "median", "published")
CURVE_AT_MOST = {0.10: 15.0, 0.25: 8.5, 0.50: 6.5, 1.0: 5.5}


def read(folder: Path) -> Dataset:
    """All layers of the four sets; the accuracy tables of whole networks are no layers and stay out."""
    return read_dataset([path for name in SETS for path in sorted((folder / name).glob("*.csv"))])


def names_of(data: Dataset, folder: Path) -> list[str]:
    """The networks whose files lie in this folder, as the data set calls them."""
    stems = sorted(path.stem for path in folder.glob("*.csv"))
    return [next(n for n in data.names if n.rpartition("/")[2] == stem) for stem in stems]


def verdict(value: float, limit: float) -> str:
    """`value <= limit` in words."""
    return f"{'ok' if value <= limit else 'MISSED'} (at most {limit:g})"


def figures(trained: Trained, data: Dataset, test: Any, target: str) -> dict[str, Any]:
    """Errors of the teacher and of the student in the kernel, the interval's coverage, its median width; percent."""
    y, layers = data.targets[target][test], data.layers[test]
    predictor = Predictor(trained.data)
    student = predictor.predict_many(layers)
    rows = [predictor.interval(*row, level=LEVEL) for row in layers.tolist()]
    low, high = [r.low for r in rows], [r.high for r in rows]
    return {
        "teacher": mape(y, trained.teacher.predict(layers)),
        "student": mape(y, student),
        "median": medape(y, student),
        "coverage": coverage(y, np.array(low), np.array(high)),
        "width": 100 * float(np.median((np.array(high) - np.array(low)) / np.array([r.value for r in rows]))),
        "new": 1 - float(np.mean([r.in_domain for r in rows])),
    }


def networks(data: Dataset, names: Sequence[str], targets: Sequence[str], seed: int) -> None:
    """Leave one network out: its exact layers are in no other file's share of the training data."""
    for target in targets:
        print(f"\n{target}: leave one network out, mean absolute percentage error (seed {seed})", flush=True)
        lines, found = [], []
        for name in names:
            test = data.of_network(name)
            rest = data.take(np.setdiff1d(np.arange(len(data)), test))
            trained = train(rest, Plan(target, seed=seed))
            base = Roofline.from_dict(trained.report["roofline"])
            f = figures(trained, data, test, target)
            f |= {"roofline": mape(data.targets[target][test], base.predict(data.layers[test])), "n": len(test)}
            f |= {"published": published(name, target), "kind": trained.report["teacher"], "name": name}
            found.append(f)
            lines.append(_line(f))
            print("  ".join(lines[-1]), flush=True)
        print(table(("network", "teacher is", "n", *ERRORS, "covered", "width", "new"), lines, left=2))
        _network_verdicts(found, target)


def _line(f: dict[str, Any]) -> tuple[str, ...]:
    errors = ["-" if f[name] is None else f"{f[name]:.2f}" for name in ERRORS]
    return f["name"], f["kind"], str(f["n"]), *errors, *(f"{f[name]:.2f}" for name in ("coverage", "width", "new"))


def _network_verdicts(found: list[dict[str, Any]], target: str) -> None:
    teacher, student = (float(np.mean([f[name] for f in found])) for name in ("teacher", "student"))
    total = sum(f["n"] for f in found)
    covered = sum(f["coverage"] * f["n"] for f in found) / total
    print(f"mean, student: {student:.2f} %: {verdict(student, NETWORKS_AT_MOST[target])}")
    rivals = [f for f in found if f["published"] is not None]
    below = sum(f["student"] < f["published"] for f in rivals)
    if rivals:
        print(f"below the published figure: {below} of {len(rivals)}: {'ok' if below >= 4 else 'MISSED'} (at least 4)")
    print(f"student less teacher: {student - teacher:+.2f} points: {verdict(student - teacher, 0.3)}")
    right = 0.87 <= covered <= 0.93
    print(f"coverage at {LEVEL}: {covered:.3f} of {total} layers: {'ok' if right else 'MISSED'} (0.87 to 0.93)")


def out_of_fold(data: Dataset, plan: Plan, share: float = 1.0) -> Any:
    """float64[2, n], of teacher and student: each distinct layer predicted from a share of the folds it is not in."""
    answers = np.empty((2, len(data)))
    for train_rows, test in folds(len(data), 5, plan.seed):
        kept = np.random.default_rng(plan.seed).permutation(train_rows)[: round(share * len(train_rows))]
        trained = train(data.take(np.sort(kept)), plan)
        answers[0, test] = trained.teacher.predict(data.layers[test])
        answers[1, test] = Predictor(trained.data).predict_many(data.layers[test])
    return answers


def curve(data: Dataset, seed: int, shares: list[float]) -> None:
    """The learning curve, five-fold at each share of the training layers; 100 % is the five-fold figure."""
    lines = []
    for share in shares:
        answers = out_of_fold(data, Plan("latency", seed=seed), share)
        teacher, student = (mape(data.targets["latency"], a) for a in answers)
        n = round(share * 0.8 * len(data))
        lines.append(
            (f"{share:.0%}", str(n), f"{teacher:.2f}", f"{student:.2f}", verdict(student, CURVE_AT_MOST[share]))
        )
    print("\nlatency: five-fold over all distinct layers, by share of the training layers")
    print(table(("share", "layers", "teacher", "student", ""), lines, left=1))


def node(data: Dataset, seed: int) -> None:
    """NODE against boosted trees as teachers, five-fold, and the longest fit in seconds."""
    y = data.targets["latency"]
    answers = {"node": np.empty(len(y)), "trees": np.empty(len(y))}
    longest_s = 0.0
    for train_rows, test in folds(len(y), 5, seed):
        part = data.take(train_rows)
        for name, found in answers.items():
            start_s = time.monotonic()
            teacher = TEACHERS[name](seed, tiles_of(part, seed)).fit(part.layers, part.targets["latency"])
            longest_s = max(longest_s, time.monotonic() - start_s)
            found[test] = teacher.predict(data.layers[test])
    errors = {name: mape(y, found) for name, found in answers.items()}
    apart = errors["node"] - errors["trees"]
    print(f"\nlatency, five-fold: NODE {errors['node']:.2f} %, trees {errors['trees']:.2f} %: {verdict(apart, 1.5)}")
    print(f"longest fit {longest_s:.0f} s: {verdict(longest_s, 900)}")


def in_kernel(data: Dataset, seed: int) -> None:
    """Size of the student and ns a row here, by kernel."""
    trained = train(data, Plan("latency", seed=seed))
    model = loads(trained.data)
    predictor = Predictor(trained.data)
    print(
        f"\nstudent of all layers: {len(model.trees)} trees, {len(model.features)} features, {len(trained.data)} bytes"
    )
    for entry in bench(predictor, model, [1, 1000], list(kernels())):
        one, many = entry["ns_per_row"][1], entry["ns_per_row"][1000]
        said = f": {verdict(many, 110)}" if entry["kernel"] == "avx2" else ""
        print(f"kernel {entry['kernel']}: {one:.0f} ns for one row, {many:.0f} ns a row of 1000 at a time{said}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of Augur's layers")
    parser.add_argument("parts", nargs="*", default=[], help=f"of {', '.join(PARTS)}; all unless given")
    parser.add_argument("--target", choices=TARGETS, action="append", help="of networks and blind; both unless given")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    start_s = time.monotonic()
    data = read(args.data)
    print(f"{len(data)} distinct layers of {data.n_rows} rows")
    wanted = set(args.parts or PARTS)
    if not wanted <= set(PARTS):
        parser.error(f"parts are {', '.join(PARTS)}")
    if "networks" in wanted:
        networks(data, names_of(data, args.data / SETS[0]), args.target or TARGETS, args.seed)
    if "blind" in wanted:
        networks(data, BLIND, args.target or TARGETS, args.seed)
    if wanted & {"folds", "curve"}:
        curve(data, args.seed, [1.0] if "curve" not in wanted else sorted(CURVE_AT_MOST))
    if "node" in wanted:
        node(data, args.seed)
    if "kernel" in wanted:
        in_kernel(data, args.seed)
    print(f"\n{time.monotonic() - start_s:.0f} s")


if __name__ == "__main__":
    main()
