"""What `import` and `export` do with architectures of search spaces and with block tables."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from augur_edge import console
from augur_edge.errors import UsageError

if TYPE_CHECKING:
    from augur_edge.store import RunRecord
    from augur_edge.tables.stored import Architectures

READ = ("eagle", "latbench")
WRITTEN = ("latbench", "eagle", "arch", "lut")


def add_export(parser: argparse.ArgumentParser) -> None:
    """Options of `export` for these formats."""
    group = parser.add_argument_group("architectures and block tables")
    group.add_argument(
        "--statistic", choices=("median", "eagle"), default="median", help="of an architecture's samples"
    )
    group.add_argument("--normalize", action="store_true", help="latencies linearly to 0 … 1 (latbench)")
    group.add_argument("--predictor", type=Path, metavar="FILE", help="layer predictor that a lut is written from")
    group.add_argument("--resolution", type=int, default=224, metavar="PIXELS", help="of the images of a lut")
    group.add_argument("--width", type=int, default=100, metavar="PERCENT", help="of the channels of a lut's networks")


def add_import(parser: argparse.ArgumentParser) -> None:
    """Options of `import` for these formats."""
    parser.add_argument("--space", default="nasbench201", metavar="NAME", help="of eagle's and latbench's vectors")


def imported(path: Path, kind: str, space: str, device: str) -> list[RunRecord]:
    """Eagle's raw results (a folder or a file) or a LatBench pickle as a run."""
    from augur_edge.tables.eagle import Value, read_raw
    from augur_edge.tables.read import read_table
    from augur_edge.tables.stored import run_of_points

    points: dict[tuple[int, ...], Value]
    if kind == "eagle":
        points = dict(read_raw(path))
    else:
        table = read_table(path, space.partition("@")[0])
        rows, values, remarks = table.usable()
        for remark in remarks:
            console.warn(remark)
        vectors = table.vectors[rows].tolist()
        points = {tuple(v): [[ns / 1e9]] for v, ns in zip(vectors, values.tolist())}
    n_failed = sum(isinstance(v, str) for v in points.values())
    if n_failed:
        console.warn(f"{path}: {n_failed} of {len(points)} architectures could not be measured there")
    return [run_of_points(points, space, device, path.name)]


def exported(runs: Iterable[RunRecord], args: argparse.Namespace) -> None:
    """Write the architectures of runs as `args.format`."""
    from augur_edge.store.files import text_output
    from augur_edge.tables import eagle, write
    from augur_edge.tables.stored import architectures_of

    tables = [table for run in runs for table in architectures_of(run)]
    for table in tables:
        failed = [v for v in table.points.values() if isinstance(v, str)]
        if failed and args.format != "eagle":
            console.warn(f"{table.title}: {len(failed)} of {len(table.points)} failed and are left out ({failed[0]})")
    if args.format == "arch":
        columns = _columns(tables, args.statistic)
        if args.output is not None and args.output.suffix == ".npz":
            write.write_npz(columns, args.output)
            return
        with text_output(args.output) as stream:
            write.write_arch_csv(columns, stream)
        return
    if args.output is None:
        raise UsageError(f"--format {args.format} is not for stdout; name {_target(args.format)} with -o")
    if len(tables) > 1:
        names = ", ".join(table.title for table in tables)
        raise UsageError(f"--format {args.format} holds one device, these are {names}; `--format arch` holds several")
    if args.format == "eagle":
        eagle.write_raw(tables[0].points, args.output)
        return
    values = tables[0].seconds(args.statistic)
    eagle.write_latbench(eagle.normalise(values) if args.normalize else values, args.output)


def _target(kind: str) -> str:
    return "a folder" if kind == "eagle" else "a file"


def _columns(tables: list[Architectures], statistic: str) -> dict[str, dict[tuple[int, ...], float]]:
    if len({table.space for table in tables}) > 1:
        raise UsageError(f"these are of different spaces: {', '.join(sorted({t.space for t in tables}))}")
    columns: dict[str, dict[tuple[int, ...], float]] = {}
    for table in tables:
        if table.title in columns:
            raise UsageError(f"two runs of {table.title}; export one of them, or each by itself")
        columns[table.title] = table.seconds(statistic)
    return columns


def write_lut(args: argparse.Namespace) -> None:
    """A once-for-all block table, predicted."""
    from augur_edge.predict import Predictor
    from augur_edge.store.files import text_output
    from augur_edge.tables.blocks import ofa_keys, predicted_blocks, write_blocks

    if args.predictor is None:
        raise UsageError("--format lut is written from a predictor of layers; name it with --predictor")
    if not 32 <= args.resolution <= 1024 or not 10 <= args.width <= 400:
        raise UsageError("--resolution is 32 to 1024 pixels, --width 10 to 400 percent")
    predictor = Predictor.load(args.predictor)
    if not predictor.takes_layers or predictor.unit != "ns":
        raise UsageError(f"{args.predictor}: predicts {predictor.target} from {predictor.encoder}, not ns of layers")
    blocks = predicted_blocks(ofa_keys(args.resolution, args.width), predictor.predict)
    with text_output(args.output) as stream:
        write_blocks(blocks, stream)
