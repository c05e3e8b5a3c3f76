"""`search --verify`: the best are measured here, set against what was predicted, and ranked again."""

from __future__ import annotations

import argparse
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from augur_edge import console
from augur_edge.errors import AugurError, UsageError

if TYPE_CHECKING:
    from augur_edge.search import Figure, Found
    from augur_edge.search.work import Job
    from augur_edge.store.records import Measurement, NetworkRecord

_REFUSED = ("nets", "sample", "suggested", "space", "count", "resume", "json", "dry_run", "sustain")
_KINDS = {"ns": "latency", "uj": "energy"}


@dataclass(frozen=True)
class Plan:
    """count: how many to measure. options: of `measure`. level: of the intervals that are looked at."""

    count: int
    options: argparse.Namespace
    level: float


@dataclass
class Checked:
    """An architecture. before, rank: its place by prediction and by measurement, from 1. failed: why it has no figure.

    figures: by name, plain data: unit, predicted, low, high, within, measured, spread (a latency's MAD,
    an energy's uncertainty, None where that is unknown), off (a share of what was measured).
    over: limits that what was measured exceeds, as they were asked for.
    """

    name: str
    before: int
    rank: int = 0
    failed: str | None = None
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)
    over: list[str] = field(default_factory=list)
    cost: float = 0.0


@dataclass
class Verified:
    """checked: in the order of what was measured. error: what ended the measuring before its end."""

    run: str
    checked: list[Checked]
    level: float
    interrupted: bool = False
    error: AugurError | None = None

    def document(self) -> dict[str, Any]:
        """What `--json` has of it."""
        rows = [
            {
                "name": c.name,
                "rank": c.rank,
                "rank_predicted": c.before,
                "over": c.over,
                "failed": c.failed,
                **c.figures,
            }
            for c in self.checked
        ]
        return {"verified": {"run": self.run, "level": self.level, "architectures": rows}}

    def text(self) -> str:
        """For people."""
        lines = [line for c in self.checked for line in _lines(c)]
        header = ("measured", "was", "figure", "predicted", "from", "to", "measured", "±", "off", "remark")
        found = [f for c in self.checked for f in c.figures.values()]
        if not found:
            return "nothing was measured"
        mean = sum(abs(f["off"]) for f in found) / len(found)
        known = [f["within"] for f in found if f["within"] is not None]
        hits = f"; {sum(known)} of {len(known)} within the {self.level:.0%} interval" if known else ""
        return f"{console.table(header, lines)}\n\nmean error {mean:.1%}{hits}; run {self.run}, as `show` has it"


def _lines(c: Checked) -> list[tuple[str, ...]]:
    from augur_edge.cli.search_output import value_text

    name = f"{c.rank}. {c.name}"
    if c.failed:
        return [(name, str(c.before), *[""] * 7, f"failed: {c.failed}")]
    lines = []
    for figure, f in c.figures.items():
        inside = {None: "", True: "inside", False: "outside"}[f["within"]]
        cells = [
            value_text(f[k], f["unit"]) if f[k] is not None else ""
            for k in ("predicted", "low", "high", "measured", "spread")
        ]
        remark = ", ".join([*([inside] if inside else []), *(f"beyond {text}" for text in c.over)])
        lines.append((name, str(c.before), figure, *cells, f"{f['off']:+.1%}", remark))
    return lines


def planned(args: argparse.Namespace, job: Job) -> Plan | None:
    """What `--verify` asks for, with all that can be refused before the search; None without it."""
    from augur_edge.predict.predictor import LEVEL

    if args.verify is None:
        if args.words:
            raise UsageError(f"{args.words[0]}: what follows -- are options of `measure` for --verify N")
        return None
    if args.verify < 1:
        raise UsageError(f"--verify {args.verify}: at least 1")
    if not callable(getattr(job.space, "network", None)):
        raise UsageError(f"--verify: architectures of {job.space.name} have no network that could be measured here")
    if not any(figure.unit in _KINDS for figure in _figures(job)):
        raise UsageError("--verify: no objective and no limit is a latency or an energy, which is what can be measured")
    options = _options(args)
    for figure in _figures(job):
        _compare(figure, job, options)
    return Plan(args.verify, options, args.confidence or LEVEL)


def _options(args: argparse.Namespace) -> argparse.Namespace:
    from augur_edge import runtime
    from augur_edge.cli import load, parser_for

    parser = parser_for(load("measure"))
    options, unknown = parser.parse_known_args(args.words)
    wrong = [name for name in _REFUSED if (getattr(options, name) or None) != (parser.get_default(name) or None)]
    if unknown or wrong:
        raise UsageError(f"--verify: {unknown[0] if unknown else wrong[0]!r} after -- is no option that it takes")
    if options.mode not in (None, "whole") or len(options.threads) > 1 or len(options.batch) > 1:
        raise UsageError("--verify measures whole networks in one way: one --threads, one --batch, and no --mode")
    options.runtime = options.runtime or runtime.default_name()
    runtime.get(options.runtime)
    options.mode, options.store, options.given = "whole", args.store, frozenset()
    return options


def _figures(job: Job) -> list[Figure]:
    found = [*job.problem.objectives, *(limit.figure for limit in job.problem.limits)]
    return list({figure.name: figure for figure in found}.values())


def _compare(figure: Figure, job: Job, options: argparse.Namespace) -> None:
    """A warning where a figure's source says that it is of another device or another way of running."""
    from augur_edge import device
    from augur_edge.tables.archtable import device_of
    from augur_edge.tables.stored import column_title

    source = figure.about.get("device")
    source = device_of(source) if isinstance(source, str) else None  # older files have the unit of the column, too
    way = [f"{options.threads[0]} threads"] if options.threads[0] != 1 else []
    here = column_title(device.identify(options.sysroot).id, options.runtime, ", ".join(way))
    if source and figure.unit in _KINDS and source != here:
        console.warn(
            f"{figure.name} is predicted for {source}, but measured here on {here}: what is off is no error of the "
            "predictor; measure there, or search with a predictor of this device and runtime"
        )


def verify(plan: Plan, job: Job, found: Found) -> Verified:
    """Measures the best, into the store, in a run that `measure --resume` goes on with where it is interrupted."""
    from augur_edge.cli.measure import measure_run, new_run
    from augur_edge.store import Store

    order = (found.scores[:, 0] * job.problem.signs[0]).argsort(kind="stable")
    places = [i for i in order.tolist() if job.space.runs(tuple(found.vectors[i].tolist()))][: plan.count]
    left_out = min(plan.count, len(order)) - len(places)
    if left_out:
        console.warn(f"{left_out} of the best cannot be measured: nothing is left to run, or no more were found")
    plan.options.nets = [job.space.title(found.vectors[i].tolist()) for i in places]
    run = new_run(plan.options)
    ended: BaseException | None = None
    with Store(plan.options.store) as store:
        try:
            run = measure_run(plan.options, store, run)
        except (KeyboardInterrupt, AugurError) as error:
            ended = error
            with suppress(UsageError):  # ended before anything was measured
                run = store.load(run.id)
    by_name = {network.name.partition(", ")[0]: network for network in run.networks}
    rank_of = {i: k + 1 for k, i in enumerate(order.tolist())}
    checked = []
    for i in places:
        vector = found.vectors[i : i + 1]
        cost = float(found.scores[i, 0] * job.problem.signs[0])
        own = Checked(job.space.title(vector[0].tolist()), rank_of[i], cost=cost)
        checked.append(_checked(job, own, vector, plan.level, _whole(by_name.get(own.name))))
    checked.sort(key=lambda c: (c.failed is not None, bool(c.over), c.cost))
    for k, c in enumerate(checked):
        c.rank = k + 1
    failure = ended if isinstance(ended, AugurError) else None
    return Verified(run.id, checked, plan.level, isinstance(ended, KeyboardInterrupt), failure)


def _checked(job: Job, own: Checked, vector: Any, level: float, whole: Measurement | str) -> Checked:
    """With its figures, the limits that they exceed, and its cost by them."""
    import numpy as np

    if isinstance(whole, str):
        own.failed = whole
        return own
    for figure in _figures(job):
        about = _figure(figure, vector, whole, level)
        if about is not None:
            own.figures[figure.name] = about
    if not own.figures:
        own.failed = "its energy could not be measured"
        return own
    measured = {name: f["measured"] for name, f in own.figures.items()}
    objective = job.problem.objectives[0].name
    own.cost = measured[objective] * float(job.problem.signs[0]) if objective in measured else own.cost
    own.over = [
        limit.text
        for limit in job.problem.limits
        if limit.figure.name in measured and limit.excess(np.array([measured[limit.figure.name]]))[0] > 0
    ]
    return own


def _whole(network: NetworkRecord | None) -> Measurement | str:
    """The measurement of the network in one call, or why there is none."""
    if network is None:
        return "not measured any more"
    if network.info.get("failed"):
        return str(network.info["failed"])
    found = next((m for m in network.measurements if m.kind == "whole" and len(m.samples_ns)), None)
    return "no samples were taken" if found is None else found


def _figure(figure: Figure, vector: Any, whole: Measurement, level: float) -> dict[str, Any] | None:
    """Predicted against measured, for a figure that is measured."""
    from augur_edge.stats import summarise

    if figure.unit == "ns":
        summary = summarise(whole.samples_ns, whole.loops)
        measured, spread = summary.median, summary.mad
    elif figure.unit == "uj" and whole.energy is not None and whole.energy["median"] > 0:
        measured, spread = whole.energy["median"], whole.energy["uncertainty"]
    else:
        return None
    predicted = float(figure(vector)[0])
    low = high = within = None
    if figure.interval is not None:
        try:
            low, high = figure.interval(vector, level)[0].tolist()
            within = low <= measured <= high
        except ValueError:  # it stores no interval of this level
            pass
    return {
        "unit": figure.unit, "predicted": predicted, "low": low, "high": high, "within": within,
        "measured": measured, "spread": spread, "off": predicted / measured - 1,
    }  # fmt: skip
