"""`train --space`, `evaluate` and `adapt` for architectures of a search space; their options and what they do."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augur_edge import console, schema
from augur_edge.cli import setting_options
from augur_edge.errors import DataError, UsageError

if TYPE_CHECKING:
    from augur_edge.host.arch.samples import Samples
    from augur_edge.predict.model import Model
    from augur_edge.tables import ArchTable

TEACHERS = ("process", "plain-process", "transfer", "relation", "eagle-gcn", "eagle-mlp", "eagle-accuracy")
"""Of architectures; trees and stack are there too."""


def add_table_options(parser: argparse.ArgumentParser) -> Any:
    """What picks figures out of a file of architectures; returns the group."""
    group = parser.add_argument_group("architectures of a search space")
    group.add_argument("--space", metavar="NAME", help="the data are architectures of this space, such as nasbench201")
    group.add_argument("--device", metavar="COLUMN", help="the column, or a store's device, to use of several")
    group.add_argument("--unit", metavar="UNIT", help="of columns that do not name theirs: s, ms, us, ns, j, mj, uj")
    group.add_argument(
        "--where", action="append", default=[], metavar="COLUMN=TEXT", help="only these rows of a CSV; can be repeated"
    )
    return group


def add_train_options(parser: argparse.ArgumentParser) -> None:
    """Those of `train --space`."""
    group = add_table_options(parser)
    group.add_argument("--samples", type=int, metavar="N", help="architectures to learn from, instead of all")
    group.add_argument(
        "--transfer-from",
        nargs="+",
        default=[],
        metavar="COLUMN",
        help="devices measured already; 3 samples are enough",
    )
    group.add_argument(
        "--select", choices=("random", "optimal", "active", "iterative"), default="random",
        help="the N samples: at random; the most telling, before any is measured; or after a first random one; of a "
        "relation, half the best that it knows so far, five times",
    )  # fmt: skip
    group.add_argument(
        "--warm-up", type=Path, metavar="FILE", help="latencies or zero-cost scores that a network learns first"
    )
    group.add_argument(
        "--layer-predictor", type=Path, metavar="FILE", help="whose sum over an architecture's layers is a feature"
    )


def add_evaluate_options(parser: argparse.ArgumentParser) -> None:
    """Those of `evaluate` for architectures."""
    group = add_table_options(parser)
    group.add_argument("--exclude-trained", action="store_true", help="leave out what the predictor was trained on")
    group.add_argument("--eagle-log", type=Path, metavar="FILE", help="append predictions as Eagle logs them")


def refuse(args: argparse.Namespace) -> None:
    """Raises UsageError where an option of architectures is given for layers."""
    of_training = ("samples", "transfer_from", "warm_up", "layer_predictor")
    names = ("space", "unit", "where", *of_training, "exclude_trained", "eagle_log")
    given = [name for name in names if getattr(args, name, None)]
    if given:
        raise UsageError(f"--{given[0].replace('_', '-')} is for architectures: name their --space")


def table_from(paths: Sequence[Path], args: argparse.Namespace, usual: str | None = None) -> ArchTable:
    """The files of architectures and stores, as the options say; of several, with the columns of all.

    usual: the space of stores where no option names one.
    """
    from augur_edge.tables import read_table
    from augur_edge.tables.join import joined
    from augur_edge.tables.measured import is_store, table_of_store

    where = {}
    for text in args.where:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--where {text}: write COLUMN=TEXT")
        where[name] = value
    space = args.space.partition("@")[0] if args.space else None

    def table(path: Path) -> ArchTable:
        of_stores = space or usual
        if of_stores is not None and is_store(path):
            return table_of_store(path, of_stores)
        return read_table(path, space, args.unit, where or None)

    return joined([table(path) for path in paths])


def train_space(args: argparse.Namespace, about: dict[str, Any]) -> int:
    """`train --space`: one predictor. about: digests of the data."""
    from augur_edge.host.arch.training import Plan, packages_of, train
    from augur_edge.host.distill import LEVELS
    from augur_edge.host.extra import demand
    from augur_edge.store.files import write_bytes

    setting_options.refuse(args)
    wrong = [name for name in ("exclude", "max_ns", "max_kb", "format") if getattr(args, name)]
    if wrong:
        raise UsageError(f"--{wrong[0].replace('_', '-')} is for layers, not for --space")
    levels = sorted({*LEVELS, *([args.coverage] if args.coverage else [])})
    plan = Plan(
        args.device, args.samples, args.seed, args.teacher, tuple(args.transfer_from), args.select, levels, about,
        args.warm_up, args.layer_predictor, args.space,
    )  # fmt: skip
    demand(*packages_of(plan))
    trained = train(table_from(args.data, args), plan, console.talk, console.warn)
    write_bytes(args.output, trained.data)
    report = trained.report
    console.talk(
        f"{args.output}: written, {len(trained.data)} bytes, {report['student']}; samples left out in turn "
        f"{_percent(report['left_out_mape'])}, student {report['student_to_teacher_mape']:.2f} % from its teacher"
    )
    return 0


def _percent(value: float | None) -> str:
    return "not known" if value is None else f"{value:.2f} %"


def evaluate_space(predictor: Any, args: argparse.Namespace) -> int:
    """`evaluate` of a predictor of architectures."""
    from augur_edge.host.arch.evaluate import append_eagle_log, evaluate, trained_vectors
    from augur_edge.host.arch.samples import samples_of
    from augur_edge.host.evaluate import evaluation_text

    setting_options.refuse(args)
    if args.exclude or args.plot or args.format:
        raise UsageError("a predictor of architectures takes none of --exclude, --plot and --format")
    table = table_from(args.data, args, predictor.encoder.partition("/")[0])
    data = samples_of(table, args.device, console.warn)
    vectors = trained_vectors(predictor) if args.exclude_trained or args.eagle_log else []
    if args.exclude_trained:
        data = data.without(vectors)
    else:
        _warn_of_trained(predictor, data)
    document = evaluate(predictor, data)
    if args.eagle_log:
        append_eagle_log(args.eagle_log, predictor, data, vectors)
    if args.json:
        print(json.dumps(document, indent=2))
    else:
        console.talk(f"{args.predictor}: {document['target']}, {len(data.y)} architectures")
        print(evaluation_text(document))
    return 0


def _warn_of_trained(predictor: Any, data: Samples) -> None:
    """How many of the architectures the predictor was trained on; nothing where it does not say."""
    from augur_edge.host.arch.evaluate import trained_vectors

    try:
        vectors = trained_vectors(predictor)
    except UsageError:
        return
    n = len(data.y) - len(data.without(vectors).y)
    if n:
        console.warn(
            f"the predictor was trained on {n} of these {len(data.y)} architectures, which flatters it: "
            "--exclude-trained leaves them out"
        )


def suggest_space(model: Model, args: argparse.Namespace) -> int:
    """`adapt --suggest` for a predictor with source devices: architectures to measure, best first."""
    from augur_edge import spaces
    from augur_edge.predict.adapt_space import suggested
    from augur_edge.store.files import text_output

    found = suggested(model, args.suggest, args.seed)
    space = spaces.get(model.encoder.partition("/")[0])
    names = [space.title(vector) for vector in found]
    with text_output(args.output) as stream:
        stream.write(json.dumps({"schema": schema.SUGGEST, "architectures": names, "vectors": found}, indent=2) + "\n")
    return 0


def adapt_space(model: Model, args: argparse.Namespace) -> int:
    """`adapt` of a predictor with source devices by measured architectures: a table of them, or a store."""
    from augur_edge.predict.adapt_space import adapted
    from augur_edge.predict.format import dumps
    from augur_edge.store.files import write_bytes
    from augur_edge.tables.measured import measured

    setting_options.refuse(args)
    space = model.encoder.partition("/")[0]
    args.space = args.space or space
    if args.space.partition("@")[0] != space:
        raise UsageError(f"--space {args.space}: the predictor is for {space}")
    found = measured(args.samples, space, lambda path: table_from([path], args), args.device, console.warn)
    vectors, y, unit, devices = found
    if unit != model.unit:
        raise DataError(f"the samples are in {unit}, the predictor in {model.unit}")
    moved = adapted(model, vectors, y, devices)
    file = dumps(moved)
    write_bytes(args.output, file)
    about = moved.meta["adapted"]
    console.talk(
        f"{args.output}: {about['samples']} architectures, mean error {about['mape_before']:.1f} % before, an answer "
        f"is within {about['typical_percent']:.1f} % of what a measurement gives, two times in three"
    )
    return 0
