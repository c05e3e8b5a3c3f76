"""The whole loop on this machine, as a user runs it: measure random layers, train, predict networks never sampled.

    python tools/real_loop.py FOLDER [--runtimes onnxruntime,litert] [--wrap 'chrt -f 20 taskset -c 1']

For each runtime: `measure --sample … --mode replay`, `train`, `measure` of the zoo as the test, once before the sample
and once after it, and for both a table of every op and every network; beside that, how far the two are apart. No exact
layer of the zoo is trained on. Stores and predictors already in FOLDER are not made again. Needs the extra [host] and
the runtimes.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from augur_edge import zoo
from augur_edge.console import table
from augur_edge.dataset.reading import read_dataset
from augur_edge.errors import AugurError
from augur_edge.host.training import Plan, train
from augur_edge.predict import Predictor
from augur_edge.predict.encode import layer_matrix
from augur_edge.stats import summarise
from augur_edge.store import RunRecord, Store
from augur_edge.store.records import NetworkRecord

SAMPLE = (
    "conv2d:1200,dense:240,pool:160,elementwise:300,activation:150,"
    "concat:60,norm:120,matmul:120,softmax:40,transpose:60"
)
LAYERS_AT_MOST, TOTAL_AT_MOST, NETWORKS_AT_LEAST, DEVICE_S_AT_MOST = 8.0, 7.0, 8, 120.0
SIZES_US = (0, 10, 50, 200, 1000, np.inf)
NOT_CNN = "vit_tiny_patch16_224"


def measured(store: Path, wrap: list[str], words: list[str]) -> None:
    """Runs `measure` into `store`, unless that is there."""
    if store.exists():
        return
    command = [*wrap, sys.executable, "-m", "augur_edge", "measure", *words, "--store", str(store)]
    if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
        store.unlink(missing_ok=True)
        raise AugurError(f"{' '.join(words)}: could not be measured")


def runs(path: Path) -> list[RunRecord]:
    """All of a store."""
    with Store(path, create=False) as store:
        return [store.load(run.id) for run in store.runs()]


def device_s(path: Path) -> float:
    """Seconds that the device spent in timed calls and in warming up, as the store has them."""
    timed = sum(float(m.samples_ns.sum()) for run in runs(path) for n in run.networks for m in n.measurements)
    warm = sum(sum(n.info.get("warmup_ns", [])) for run in runs(path) for n in run.networks)
    return (timed + warm) / 1e9


def medians(network: NetworkRecord, kind: str) -> list[tuple[Any, float]]:
    """Layer (None for the whole) and median in ns of what was measured, in order."""
    found = sorted((m for m in network.measurements if m.kind == kind and len(m.samples_ns)), key=lambda m: m.position)
    return [(m.spec, summarise(m.samples_ns, m.loops).median) for m in found]


def judged(predictor: Predictor, test: Path) -> tuple[dict[str, Any], dict[str, list[float]]]:
    """Per network whole, sum, prediction and layers' errors in percent; and the errors by op."""
    networks: dict[str, Any] = {}
    by_op: dict[str, list[float]] = defaultdict(list)
    for network in (n for run in runs(test) for n in run.networks):
        found = medians(network, "layer")
        layers, times = layer_matrix([layer for layer, _ in found]), np.array([t for _, t in found])
        errors = 100 * np.abs(predictor.predict_layers_of(layers) / times - 1)
        for (layer, _), error in zip(found, errors.tolist()):
            by_op[layer.op].append(error)
        whole = medians(network, "whole")[0][1]
        total = predictor.predict_network(layers)
        networks[network.name] = {"whole": whole, "sum": times.sum(), "predicted": total, "errors": errors}
    return networks, by_op


def network_table(networks: dict[str, Any]) -> str:
    """A line a network."""
    lines = [
        (name, str(len(n["errors"])), f"{n['errors'].mean():.2f}", f"{np.median(n['errors']):.2f}",
         f"{n['whole'] / 1e6:.2f}", f"{100 * (n['sum'] / n['whole'] - 1):+.1f}", f"{n['predicted'] / 1e6:.2f}",
         f"{100 * (n['predicted'] / n['whole'] - 1):+.1f}")
        for name, n in networks.items()
    ]  # fmt: skip
    header = ("network", "layers", "mean %", "median %", "whole ms", "layers' sum %", "predicted ms", "error %")
    return table(header, lines)


def op_table(by_op: dict[str, list[float]]) -> str:
    """A line an op."""
    ordered = sorted(by_op.items(), key=lambda item: -len(item[1]))
    lines = [(op, str(len(e)), f"{np.mean(e):.2f}", f"{np.median(e):.2f}", f"{np.max(e):.0f}") for op, e in ordered]
    return table(("op", "layers", "mean %", "median %", "worst %"), lines)


def floor_text(first: Path, second: Path) -> str:
    """How far two measurements of the same networks are apart: what a predictor that knows the first would show."""
    one, two = (
        np.array([t for run in runs(path) for n in run.networks for _, t in medians(n, "layer")])
        for path in (first, second)
    )
    errors, us = 100 * np.abs(two / one - 1), one / 1e3
    lines = [("all", str(len(errors)), f"{errors.mean():.2f}", f"{np.median(errors):.2f}")]
    for low, high in zip(SIZES_US, SIZES_US[1:]):
        rows = (us >= low) & (us < high)
        if rows.any():
            mean, median = errors[rows].mean(), np.median(errors[rows])
            lines.append((f"{low:g} to {high:g}", str(rows.sum()), f"{mean:.2f}", f"{median:.2f}"))
    return table(("us", "layers", "mean %", "median %"), lines)


def verdict(met: bool, text: str) -> str:
    """`ok` or `MISSED`, and what it is about."""
    return f"{'ok    ' if met else 'MISSED'} {text}"


def loop(runtime: str, args: argparse.Namespace) -> None:
    """All of it for one runtime, printed."""
    folder, wrap = args.folder, shlex.split(args.wrap)
    sample, tests = folder / f"sample_{runtime}.db", [folder / f"truth{end}_{runtime}.db" for end in ("", "_again")]
    how = ["--runtime", runtime, "--mode", "replay"]
    measured(tests[0], wrap, [*zoo.names(), *how, "--no-isolated", "--max-time", "6"])
    measured(sample, wrap, ["--sample", SAMPLE, "--seed", "0", *how, "--max-time", f"{args.max_time:g}"])
    measured(tests[1], wrap, [*zoo.names(), *how, "--no-isolated", "--max-time", "6"])
    data = read_dataset([sample]).without(read_dataset([tests[0]], steady=False))
    file = folder / f"{runtime}.augpred"
    if not file.exists():
        file.write_bytes(train(data, Plan("latency", args.teacher), print).data)
    print(f"\n{runtime}: {len(data)} distinct layers sampled")
    print(f"\nthe zoo measured twice, first beside second\n{floor_text(*tests)}")
    for test in tests:
        judge(Predictor.load(file), test)
    seconds = device_s(sample)
    print(verdict(seconds <= DEVICE_S_AT_MOST, f"{seconds:.0f} s of device time"))


def judge(predictor: Predictor, test: Path) -> None:
    """Tables beside one measurement of the zoo."""
    networks, by_op = judged(predictor, test)
    print(f"\nbeside {test.name}", op_table(by_op), network_table(networks), sep="\n\n")
    every = np.concatenate([n["errors"] for n in networks.values()])
    far = {name: 100 * abs(n["predicted"] / n["whole"] - 1) for name, n in networks.items() if name != NOT_CNN}
    good = sum(error <= TOTAL_AT_MOST for error in far.values())
    mean, median = float(every.mean()), float(np.median(every))
    text = f"mean error of {len(every)} layers {mean:.2f} %, median {median:.2f} %"
    print(verdict(mean <= LAYERS_AT_MOST, text))
    print(verdict(good >= NETWORKS_AT_LEAST, f"{good} of {len(far)} CNNs within {TOTAL_AT_MOST:g} %"))


def main() -> None:
    """Prints the loop's goals, and what it gives."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--runtimes", default="onnxruntime,litert")
    parser.add_argument("--wrap", default="", help="what `measure` is started under")
    parser.add_argument("--max-time", type=float, default=1.2, help="seconds for each sampled network")
    parser.add_argument("--teacher", default="trees", help="as for train; trees takes least time")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    for runtime in args.runtimes.split(","):
        loop(runtime, args)


if __name__ == "__main__":
    main()
