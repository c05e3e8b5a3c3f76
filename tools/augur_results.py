"""The tables and pictures of Augur's README, with our figures: `python tools/augur_results.py DATA OUT [PART...]`.

DATA is facebookresearch/Augur's `dataset`: torchvision_models, fb_convnets, neuralpower_convnets, supernet_convnets.
Parts: folds (errors and box plots of every network, each layer predicted by the fold of five that never saw it),
supernets (from the same predictions: totals, fronts of latency, energy and accuracy) and whole (as folds, each network
left out whole, which takes three times as long); all unless named. Tables are printed as docs/augur.md has them; OUT
gets the pictures, a page and the figures as CSV. Needs the extras [host] and [report].
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable

import numpy as np
from accuracy import SETS, TARGETS, names_of, out_of_fold, read
from results import BLACK, BLUE, GREY, ORANGE, figure, markdown, save, verdict

from augur_edge.dataset.rows import Dataset
from augur_edge.errors import DataError
from augur_edge.host.boxes import box_plots
from augur_edge.host.distill import Budget
from augur_edge.host.evaluate import published
from augur_edge.host.training import Plan, train
from augur_edge.metrics import front_of, hypervolume, mape, medape, relative_errors, spearman
from augur_edge.predict import Predictor
from augur_edge.report import front
from augur_edge.report.figure import Section
from augur_edge.report.page import page
from augur_edge.store.files import text_output, write_bytes

PARTS = ("folds", "supernets", "whole")
Told = Callable[[str, str], Any]
ACCURACIES = "supernet_convnets/accuracy/SuperNet_NAS_Pareto_Data.csv"
# Augur's README: medians of its torchvision networks, latency and energy, and the means of its nine fb_convnets; the
# files here are named otherwise, and which is which is not said.
MEDIANS = {
    "mobilenetv2": (13.83, 12.13), "resnet18": (8.54, 4.70), "ResNet50": (6.22, 1.97), "resnext": (10.45, 6.78),
    "squeezenet": (30.91, 23.19),
}  # fmt: skip
FB_MEANS = {"latency": 8.41, "energy": 5.21}
ERROR_AT_MOST, SPEARMAN_AT_LEAST, VOLUME_OFF_AT_MOST = 2.5, 0.9, 2.0
QUICK = Plan("latency", "roofline", budget=Budget(max_kb=6, labelled=500))


def networks(data: Dataset, names: dict[str, list[str]], told: Told, out: Path, kind: str) -> None:
    """Tables and box plots of every torchvision and fb network. told: a network's predicted layers, by target."""
    for target in TARGETS:
        boxes: list[tuple[str, Any]] = []
        for folder in SETS[:2]:
            found = [_errors(data, network, target, told(network, target)) for network in names[folder]]
            boxes += [(_short(network), errors) for network, (errors, _) in zip(names[folder], found)]
            mean = f"{np.mean([errors.mean() for errors, _ in found]):.2f}"
            theirs = f"{FB_MEANS[target]:.2f}, of nine" if folder == "fb_convnets" else ""
            rows = [*(row for _, row in found), ("mean", "", mean, theirs, "")]
            header = (f"{target}, {folder}", "layers", "ours: mean (median) %", "Augur's", "of the whole, %")
            print(f"\n{kind}\n\n{markdown(header, rows)}", flush=True)
        path = out / f"{kind}-{target}.svg"
        write_bytes(path, box_plots(f"absolute error of {target} per layer, percent", boxes))
        print(f"{path}: written", flush=True)


def _errors(data: Dataset, network: str, target: str, answer: Any) -> tuple[Any, tuple[str, ...]]:
    """float64[layers] in percent, and a network's line. answer: float64[layers], in the order of its rows."""
    rows = data.of_network(network)
    truth, counts = data.targets[target][rows], np.array([data.networks[i][network] for i in rows], np.float64)
    mean, known = published(network, target), MEDIANS.get(_short(network))
    theirs = "-" if mean is None or known is None else f"{mean:.2f} ({known[TARGETS.index(target)]:.2f})"
    total = 100 * float((answer @ counts) / (truth @ counts) - 1)
    ours = f"{mape(truth, answer):.2f} ({medape(truth, answer):.2f})"
    return 100 * relative_errors(truth, answer), (_short(network), str(len(rows)), ours, theirs, f"{total:+.1f}")


def _short(network: str) -> str:
    return network.rpartition("/")[2].replace("_conv_layers", "")


def left_out(data: Dataset, network: str, plan: Plan) -> Any:
    """The student's answers for a network's layers, float64[layers], trained on all others."""
    test = data.of_network(network)
    trained = train(data.take(np.setdiff1d(np.arange(len(data)), test)), plan)
    return np.asarray(Predictor(trained.data).predict_many(data.layers[test]), np.float64)


@dataclass(frozen=True, eq=False)
class Supernets:
    """float64[networks] by target, in ns and uj: profiled, predicted by our student, and as Augur's file predicts."""

    names: Sequence[str]
    accuracy: Any
    profiled: dict[str, Any]
    predicted: dict[str, Any]
    augur: dict[str, Any]

    def costs(self, figures: dict[str, Any]) -> Any:
        """float64[networks, 3]: latency, energy and accuracy below 0; the less the better."""
        return np.stack([figures["latency"], figures["energy"], -self.accuracy], axis=1)


def supernets_of(data: Dataset, folder: Path, answers: dict[str, Any]) -> Supernets:
    """Every supernet whose layers are there. answers: float64[distinct layers] by target.

    Raises DataError where a network's accuracy is not known.
    """
    published_rows = _accuracies(folder / ACCURACIES)
    names = names_of(data, folder / SETS[3])
    keys = [f"SuperNet_{name.rpartition('_')[2]}" for name in names]
    lacking = [key for key in keys if key not in published_rows]
    if lacking:
        raise DataError(f"{folder / ACCURACIES}: no line of {lacking[0]} and {len(lacking) - 1} more")
    counts = np.array([[layer.get(name, 0) for layer in data.networks] for name in names], np.float64)
    profiled, predicted, theirs = {}, {}, {}
    for target, column, scale in (("latency", "Augur_Latency (ms)", 1e6), ("energy", "Augur_Energy (pJ)", 1e-6)):
        profiled[target] = counts @ data.targets[target]
        predicted[target] = counts @ answers[target]
        theirs[target] = scale * np.array([published_rows[key][column] for key in keys])
    accuracy = np.array([published_rows[key]["Accuracy (%)"] for key in keys])
    return Supernets(keys, accuracy, profiled, predicted, theirs)


def _accuracies(path: Path) -> dict[str, dict[str, float]]:
    """Augur's table of its 250 supernets, by name."""
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    return {line.pop("Net_ID"): {name: float(cell) for name, cell in line.items()} for line in lines}


def volumes(nets: Supernets, figures: dict[str, Any]) -> tuple[float, float]:
    """How far the predicted front's volume is off the profiled one's, percent: as predicted, and as profiled.

    The first measures the front where it was predicted to lie; the second profiles the networks that were chosen. Both
    up to the worst profiled latency, energy and accuracy of all networks.
    """
    true, told = nets.costs(nets.profiled), nets.costs(figures)
    worst, chosen = true.max(axis=0), front_of(told)
    whole = hypervolume(true[front_of(true)], worst)
    off = [100 * (hypervolume(costs[chosen], worst) / whole - 1) for costs in (told, true)]
    return off[0], off[1]


def supernets_text(nets: Supernets) -> str:
    """The table, and its goals."""
    constant = {target: np.full(len(y), np.median(y)) for target, y in nets.profiled.items()}
    rows, said = [], []
    for name, figures in (("ours", nets.predicted), ("Augur's own", nets.augur), ("a constant", constant)):
        errors = [mape(nets.profiled[t], figures[t]) for t in TARGETS]
        ranks = [spearman(nets.profiled[t], figures[t]) for t in TARGETS]
        off = volumes(nets, figures)
        cells = [f"{v:.2f}" for v in errors] + ["-" if r is None else f"{r:.4f}" for r in ranks]
        rows.append((name, *cells, *("-" if figures is constant else f"{v:+.2f}" for v in off)))
        if name == "ours":
            said += [f"mean error of {t}, {e:.2f} %: {verdict(e, ERROR_AT_MOST)}" for t, e in zip(TARGETS, errors)]
            said += [
                f"Spearman of {t}, {r or 0:.4f}: {verdict(r or 0, SPEARMAN_AT_LEAST, at_least=True)}"
                for t, r in zip(TARGETS, ranks)
            ]
            said += [
                f"volume of the front {how}, {v:+.2f} %: {verdict(abs(v), VOLUME_OFF_AT_MOST)}"
                for how, v in zip(("as predicted", "profiled"), off)
            ]
    fronts = [set(front_of(nets.costs(f)).tolist()) for f in (nets.profiled, nets.predicted)]
    counts = f"{len(fronts[0])} are on the profiled front, {len(fronts[1])} on ours, {len(fronts[0] & fronts[1])} both"
    header = (
        f"{len(nets.names)} supernets", "latency, %", "energy, %", "Spearman, latency", "energy",
        "volume as predicted, %", "profiled, %",
    )  # fmt: skip
    return "\n".join([markdown(header, rows), "", f"{counts}.", *said])


def draw(nets: Supernets, path: Path) -> None:
    """Accuracy over latency and energy with both fronts, and predicted over profiled beside Augur's own."""
    drawn, axes = figure(11, 9, 2, 2)
    for column, (target, scale, unit) in enumerate((("latency", 1e-6, "ms"), ("energy", 1e-3, "mJ"))):
        true, ours, theirs = (scale * f[target] for f in (nets.profiled, nets.predicted, nets.augur))
        top, bottom = axes[column], axes[2 + column]
        for name, values, colour, mark in (("profiled", true, BLACK, "o"), ("predicted", ours, BLUE, "x")):
            chosen = front_of(np.stack([values, -nets.accuracy], axis=1))
            top.scatter(values, nets.accuracy, s=14, marker=mark, color=colour, alpha=0.35, linewidths=0.8)
            line = {"color": colour, "marker": mark, "where": "post", "label": f"front, {name}"}
            top.step(values[chosen], nets.accuracy[chosen], linestyle="-" if mark == "o" else "--", **line)
        top.set(xlabel=f"{target}, {unit}", ylabel="accuracy, %", title=f"accuracy over {target}")
        ends = [min(true.min(), ours.min()), max(true.max(), ours.max())]
        bottom.plot(ends, ends, color=GREY)
        for name, values, colour in (("Augur", theirs, ORANGE), ("augur_edge", ours, BLUE)):
            label = f"{name}, {mape(true, values):.2f} %"
            bottom.scatter(true, values, s=10, color=colour, alpha=0.6, label=label)
        bottom.set(xlabel=f"profiled {target}, {unit}", ylabel=f"predicted, {unit}", title=f"{target} of supernets")
        top.legend()
        bottom.legend()
    save(drawn, path)


def write_page(nets: Supernets, text: str, path: Path) -> None:
    """Both fronts as a page of `augur-edge report`: hovering names the network."""

    def section(title: str, figures: dict[str, Any]) -> Section:
        columns = {"latency_ms": figures["latency"] / 1e6, "energy_mj": figures["energy"] / 1e3}
        return front.section(title, front.Architectures(nets.names, {**columns, "accuracy": nets.accuracy}))

    said = Section("Figures", (), [line for line in text.splitlines() if line and not line.startswith("|")])
    sections = [said, section("Profiled", nets.profiled), section("Predicted", nets.predicted)]
    with text_output(path) as stream:
        stream.write(page("Augur's supernets, predicted beside profiled", sections))
    print(f"{path}: written", flush=True)


def write_csv(nets: Supernets, path: Path) -> None:
    """A line a network."""
    columns = [
        (f"{kind}_{target}", getattr(nets, kind)[target])
        for kind in ("profiled", "predicted", "augur")
        for target in TARGETS
    ]
    with text_output(path) as stream:
        lines = csv.writer(stream)
        units = {"latency": "ns", "energy": "uj"}
        lines.writerow(("network", "accuracy", *(f"{name}_{units[name.rpartition('_')[2]]}" for name, _ in columns)))
        lines.writerows(zip(nets.names, nets.accuracy, *(values for _, values in columns)))
    print(f"{path}: written", flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of Augur's layers")
    parser.add_argument("out", type=Path, help="folder for pictures, page and CSV")
    parser.add_argument("parts", nargs="*", default=[], help=f"of {', '.join(PARTS)}; all unless given")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--quick", action="store_true", help="a roofline for a teacher, one network a set: to see it work"
    )
    args = parser.parse_args(argv)
    parts = set(args.parts or PARTS)
    if not parts <= set(PARTS):
        parser.error(f"parts are {', '.join(PARTS)}")
    args.out.mkdir(parents=True, exist_ok=True)
    data = read(args.data)
    plan = replace(QUICK if args.quick else Plan("latency"), seed=args.seed)
    names = {folder: names_of(data, args.data / folder)[: 1 if args.quick else None] for folder in SETS[:2]}
    if parts & {"folds", "supernets"}:
        answers = {target: out_of_fold(data, replace(plan, target=target))[1] for target in TARGETS}
    if "folds" in parts:
        networks(data, names, lambda network, target: answers[target][data.of_network(network)], args.out, "folds")
    if "supernets" in parts:
        nets = supernets_of(data, args.data, answers)
        text = supernets_text(nets)
        print(f"\n{text}", flush=True)
        draw(nets, args.out / "supernets.png")
        write_page(nets, text, args.out / "supernets.html")
        write_csv(nets, args.out / "supernets.csv")
    if "whole" in parts:
        networks(
            data,
            names,
            lambda network, target: left_out(data, network, replace(plan, target=target)),
            args.out,
            "whole",
        )


if __name__ == "__main__":
    main()
