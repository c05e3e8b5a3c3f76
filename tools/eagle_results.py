"""Latency-limited search on NAS-Bench-201, on measured devices: `python tools/eagle_results.py DATA OUT [PART...]`.

DATA holds latbench/*.pickle, nasbench201_latency_ms.npz and nasbench201_accuracy.csv.gz (CIFAR-100). Parts: table,
help, predictor (all unless named). Objective is the table's accuracy, one look-up an evaluation. The tables of
docs/eagle.md are printed, each goal with `ok` or `MISSED`; OUT gets a picture, and as CSV what
`predictor` found, which grows as it goes on. Needs the extra [host].
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Callable

import numpy as np
from cells import QUICK, SPACE, Effort, Outcome, Picked, best_of, figure_of, pick, predictor_of, searched
from results import BLACK, BLUE, GREY, ORANGE, figure, markdown, save

from augur_edge.host.arch.training import Plan
from augur_edge.search import Figure, Limit, evolve
from augur_edge.store.files import text_output
from augur_edge.tables import ArchTable, read_table

PARTS = ("table", "help", "predictor")
TWIN = "desktop-gpu-gtx-1080ti-fp32"  # the i7's file again, within 0.6 %
HELD = ("desktop-cpu-core-i7-7820x-fp32", "embedded-gpu-jetson-nono-fp16", "mobile-cpu-snapdragon-855-kryo-485-int8")
NEAR, SHARE = 0.3, 0.8  # points of accuracy below the best, and share of the seeds that have to be that near
SOURCES = (
    "1080ti_1", "1080ti_32", "1080ti_256", "silver_4114", "silver_4210r", "samsung_a50", "pixel3", "essential_ph_1",
    "samsung_s7",
)  # fmt: skip
HELP_SAMPLES = 10
# README of HayeonLee/HELP, table 4: limit, latency found (ms), accuracy found (%); MetaD2A proposes, HELP predicts. Its
# gold_6226 and eyeriss are not in the file.
HELP = {
    "titan_rtx_256": ((18, 17.8, 69.7), (21, 18.9, 71.5), (25, 24.2, 71.8)),
    "pixel2": ((14, 13.0, 69.7), (18, 19.0, 71.8), (22, 25.0, 73.2)),
    "fpga": ((4, 3.8, 70.2), (5, 4.7, 71.8), (6, 7.4, 73.5)),
}  # fmt: skip


def devices(data: Path, names: Sequence[str]) -> dict[str, ArchTable]:
    """LatBench's tables, by device, those of HELD first."""
    paths = sorted((data / "latbench").glob("*.pickle"), key=lambda p: (p.stem not in HELD, p.stem))
    return {p.stem: read_table(p) for p in paths if p.stem != TWIN and (not names or p.stem in names)}


def by_table(accuracy: Figure, tables: dict[str, ArchTable], effort: Effort) -> list[Outcome]:
    """The limit at each device's median, held against the table itself."""
    found = []
    for name, table in tables.items():
        latency = figure_of(table)
        bound = float(np.median(table.usable()[1]))
        methods = searched(accuracy, latency, latency, bound, seeds=effort.seeds, evaluations=effort.evaluations)
        best = best_of(accuracy, table, bound)
        found += [Outcome(name, 0, 0.5, bound, best, method, picked) for method, picked in methods.items()]
    return found


def table_text(found: Sequence[Outcome], effort: Effort) -> str:
    """A line a device, and the goal of those of HELD."""
    rows, said, by_device = [], [], [found[i : i + 3] for i in range(0, len(found), 3)]
    for evolved, drawn, _ in by_device:
        near = [int((o.gaps <= NEAR).sum()) for o in (evolved, drawn)]
        better = evolved.gaps.mean() < drawn.gaps.mean()
        cells = [f"{n} of {effort.seeds}, {o.gaps.mean():.2f}" for n, o in zip(near, (evolved, drawn))]
        rows.append((evolved.device, f"{evolved.limit_ns / 1e6:.3g}", f"{evolved.best:.2f}", *cells))
        if evolved.device in HELD:
            held = near[0] >= SHARE * effort.seeds and better
            said.append(
                f"{evolved.device}: within {NEAR} points in {near[0]} of {effort.seeds} seeds, "
                f"{'' if better else 'not '}better than random: {'ok' if held else 'MISSED'}"
            )
    exact = sum(every.gaps[0] == 0 for *_, every in by_device)
    said.append(f"all cells tried: the true best on {exact} of {len(by_device)} devices")
    header = ("device", "limit, ms", "true best, %", f"evolution: within {NEAR}, mean gap", "random")
    return "\n".join([markdown(header, rows), "", *said])


def by_predictor(
    accuracy: Figure, tables: dict[str, ArchTable], effort: Effort, done: list[Outcome], keep: Callable[[], None]
) -> None:
    """Each device, samples and limit: the search asks the predictor, then the best found are measured.

    done: grows; what is in it already is not made again. keep: called after each predictor.
    """
    there = {(o.device, o.samples) for o in done}
    for name, table in tables.items():
        latency, values = figure_of(table), table.usable()[1]
        for samples in (n for n in effort.samples if (name, n) not in there):
            start_s = time.monotonic()
            asked = predictor_of(table, Plan(samples=samples, teacher=effort.teacher))
            for quantile in effort.quantiles:
                bound = float(np.quantile(values, quantile))
                best = best_of(accuracy, table, bound)
                for method, picked in searched(
                    accuracy, asked, latency, bound, seeds=effort.seeds_asked, evaluations=effort.evaluations
                ).items():
                    done.append(Outcome(name, samples, quantile, bound, best, method, picked))
            print(f"  {name}, {samples} samples: {time.monotonic() - start_s:.0f} s", flush=True)
            keep()


def predictor_text(found: Sequence[Outcome], keys: Sequence[str]) -> str:
    """Means over the rest, by `keys` of an Outcome."""
    groups: dict[tuple[object, ...], dict[str, list[Outcome]]] = {}
    for o in found:
        groups.setdefault(tuple(getattr(o, k) for k in keys), {}).setdefault(o.method, []).append(o)
    rows = []
    for group, methods in groups.items():
        gaps = [f"{np.mean([o.gaps.mean() for o in methods[m]]):.2f}" for m in ("evolution", "random", "all cells")]
        picked = [p for o in methods["evolution"] for p in o.picked]
        near = np.mean([(o.gaps <= NEAR).mean() for o in methods["evolution"]])
        over = np.mean([p.first_over > 0 for p in picked])
        rows.append(
            (*map(str, group), *gaps, f"{near:.0%}", f"{over:.0%}", f"{np.mean([p.looks for p in picked]):.1f}")
        )
    header = (*keys, "evolution", "random", "all cells", f"within {NEAR}", "first beyond", "measured")
    return markdown(header, rows)


def beside_help(accuracy: Figure, data: Path, effort: Effort) -> str:
    """HELP's limits, its samples and its source devices: ours beside what it published, and the true best."""
    table = read_table(data / "nasbench201_latency_ms.npz")
    rows = []
    for device, limits in list(HELP.items())[: effort.devices]:
        latency = figure_of(table, device)
        asked = [predictor_of(table, Plan(device, HELP_SAMPLES, s, sources=SOURCES)) for s in range(effort.seeds)]
        for limit_ms, help_ms, help_accuracy in limits:
            bound = limit_ms * 1e6
            picked = [
                pick(evolve(SPACE, accuracy, [Limit(a, bound)], evaluations=effort.evaluations, seed=s), latency, bound)
                for s, a in enumerate(asked)
            ]
            ours, ms = (np.array([getattr(p, k) for p in picked]) for k in ("accuracy", "latency_ns"))
            cells = (
                f"{ours.mean():.2f} ({ours.min():.2f})",
                f"{ms.mean() / 1e6:.1f}",
                f"{help_accuracy}",
                f"{help_ms}",
            )
            rows.append((device, f"{limit_ms}", f"{best_of(accuracy, table, bound, device):.2f}", *cells))
    return markdown(("device", "limit, ms", "true best, %", "ours, % (worst)", "ms", "HELP, %", "ms"), rows)


def write_csv(found: Sequence[Outcome], path: Path) -> None:
    """Every seed's figures, a line each."""
    with text_output(path) as stream:
        lines = csv.writer(stream)
        lines.writerow(("device", "samples", "quantile", "limit_ns", "best", "method", "seed", *Picked._fields))
        for o in found:
            lines.writerows((*o[:-1], seed, *p) for seed, p in enumerate(o.picked))


def read_csv(path: Path) -> list[Outcome]:
    """What `write_csv` kept."""
    grouped: dict[Outcome, list[Picked]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for device, samples, quantile, limit_ns, best, method, _, accuracy, ns, looks, over in list(csv.reader(file))[
            1:
        ]:
            key = Outcome(device, int(samples), float(quantile), float(limit_ns), float(best), method, ())
            grouped.setdefault(key, []).append(Picked(float(accuracy), float(ns), int(looks), float(over)))
    return [key._replace(picked=picked) for key, picked in grouped.items()]


def draw(found: Sequence[Outcome], path: Path) -> None:
    """A panel a device: accuracy over the limit, the true best, evolution by each predictor, and random search."""
    names = list(dict.fromkeys(o.device for o in found))
    columns = min(5, len(names))
    drawn, axes = figure(3.4 * columns, 3.2 * -(-len(names) // columns), -(-len(names) // columns), columns)
    most = max(o.samples for o in found)
    colours = dict(zip(sorted({o.samples for o in found}, reverse=True), (BLUE, ORANGE)))
    for axis, name in zip(axes, names):
        mine = [o for o in found if o.device == name]
        best = [o for o in mine if o.method == "all cells" and o.samples == most]
        axis.plot([o.limit_ns / 1e6 for o in best], [o.best for o in best], color=BLACK, label="true best")
        for method, samples, colour in (
            ("random", most, GREY), *(("evolution", n, c) for n, c in sorted(colours.items())),
        ):  # fmt: skip
            lines = [o for o in mine if (o.method, o.samples) == (method, samples)]
            accuracies = [[p.accuracy for p in o.picked] for o in lines]
            middle = np.array([np.mean(a) for a in accuracies])
            spread = np.abs(np.array([[np.min(a), np.max(a)] for a in accuracies]).T - middle)
            shift = 1.01 if method == "random" else 1 / 1.01 if samples != most else 1.0  # beside each other
            x = [shift * o.limit_ns / 1e6 for o in lines]
            axis.errorbar(x, middle, spread, fmt="o", ms=4, color=colour, label=f"{method}, {samples} samples")
        axis.set(title=name.replace("-snapdragon", ""), xlabel="limit, ms", ylabel="accuracy, %")
        axis.title.set_fontsize(8)
    axes[0].legend(fontsize=7)
    for axis in axes[len(names) :]:
        axis.set_visible(False)
    save(drawn, path)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the files")
    parser.add_argument("out", type=Path, help="folder for eagle.csv and eagle.png")
    parser.add_argument("parts", nargs="*", default=[], help=f"of {', '.join(PARTS)}; all unless given")
    parser.add_argument("--device", action="append", default=[], help="of LatBench, by file name; all unless given")
    parser.add_argument("--resume", action="store_true", help="keep what OUT/eagle.csv has of predictors")
    parser.add_argument("--quick", action="store_true", help="few seeds, samples and limits, to see it work")
    args = parser.parse_args(argv)
    parts = set(args.parts or PARTS)
    if not parts <= set(PARTS):
        parser.error(f"parts are {', '.join(PARTS)}")
    effort = QUICK if args.quick else Effort()
    args.out.mkdir(parents=True, exist_ok=True)
    accuracy = figure_of(read_table(args.data / "nasbench201_accuracy.csv.gz", unit="percent"))
    tables = devices(args.data, args.device)
    if "table" in parts:
        text = table_text(by_table(accuracy, tables, effort), effort)
        print(f"\nlimit at the median, by table\n\n{text}", flush=True)
    if "help" in parts:
        print(f"\nHELP's limits, {HELP_SAMPLES} samples\n\n{beside_help(accuracy, args.data, effort)}", flush=True)
    if "predictor" in parts:
        path = args.out / "eagle.csv"
        found = read_csv(path) if args.resume else []
        by_predictor(accuracy, tables, effort, found, lambda: write_csv(found, path))
        for keys in (("samples", "quantile"), ("device", "samples")):
            print(f"\npoints below the true best, by predictor\n\n{predictor_text(found, keys)}", flush=True)
        draw(found, args.out / "eagle.png")


if __name__ == "__main__":
    main()
