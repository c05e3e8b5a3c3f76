"""`augur-edge export`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from augur_edge import console
from augur_edge.cli import architectures
from augur_edge.errors import UsageError

if TYPE_CHECKING:
    from augur_edge.store import RunRecord, Store

FORMATS = ("jsonl", "csv", "parquet", "augur", *architectures.WRITTEN)


class ExportCommand:
    """Write runs to a file or stdout, for another store, a spreadsheet, a data frame or Augur.

    jsonl has everything, raw samples and context included, and `augur-edge import` reads it back as it was.
    csv and parquet have a row for each measurement: its figures in ns of one call, its raw samples and its spec.
    augur is the CSV of convolutions that Augur trains on: latency in cycles of --clock-mhz, energy in pJ.
    Of the architectures of a search space: latbench is a pickle of {vector: seconds}, eagle a folder of raw
    results{N}.pickle, arch a table of vectors and one column per run (CSV, or arrays if FILE ends in .npz).
    lut is once-for-all's table of block latencies, from --predictor instead of runs.

    examples:
      augur-edge export > last.jsonl
      augur-edge export 0657a1 0657b2 --format csv -o layers.csv
      augur-edge export last --format latbench -o cells.pickle
      augur-edge export --format lut --predictor board.augpred --resolution 160 --width 120 -o 160_lookup_table.json
      augur-edge export last --format augur -o resnet18_conv_layers.csv
      augur-edge export --dataset s3://bucket/layers
    """

    name = "export"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "runs", metavar="RUN", nargs="*", help="`last`, `last~1`, an id or how one begins; last if left out"
        )
        parser.add_argument("--format", choices=FORMATS, default="jsonl", help="see above")
        parser.add_argument(
            "-o", "--output", type=Path, metavar="FILE", help="written whole or not at all; else stdout"
        )
        parser.add_argument("--clock-mhz", type=clock_mhz, default=500.0, metavar="MHZ", help="clock of augur's cycles")
        architectures.add_export(parser)

        parser.add_argument(
            "--dataset", metavar="URL", help="add every finished run to the Parquet data set there: a folder or s3://…"
        )

    def run(self, args: argparse.Namespace) -> int:
        if args.format == "lut":
            architectures.write_lut(args)
            return 0
        from augur_edge.store import Store

        if args.dataset is not None:
            return _append(args)
        with Store(args.store, create=False) as store:
            ids = list(dict.fromkeys(store.resolve(name) for name in args.runs or ["last"]))
            _write(_loaded(store, ids), args)
        if args.output is not None:
            console.talk(f"wrote {len(ids)} run{'s' if len(ids) > 1 else ''} to {args.output}")
        return 0


def _append(args: argparse.Namespace) -> int:
    from augur_edge.store import Store
    from augur_edge.store.dataset import append_dataset

    if args.runs or args.output is not None:
        raise UsageError(
            "--dataset adds every finished run of the store that is not there yet, so it takes no RUN and no -o: "
            f"`augur-edge export --dataset {args.dataset}`"
        )
    with Store(args.store, create=False) as store:
        n_runs, n_files = append_dataset(store, args.dataset)
    console.talk(f"added {n_runs} runs in {n_files} files to {args.dataset}")
    return 0


def clock_mhz(text: str) -> float:
    """A clock in MHz, more than 0."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} MHz is no clock; Augur's own is 500")
    return value


def _loaded(store: Store, ids: list[str]) -> Iterator[RunRecord]:
    for run_id in ids:
        yield store.load(run_id)


def _write(runs: Iterator[RunRecord], args: argparse.Namespace) -> None:
    from augur_edge.store.files import text_output
    from augur_edge.store.flat import write_csv, write_parquet
    from augur_edge.store.lines import write_lines

    if args.format in architectures.WRITTEN:
        architectures.exported(runs, args)
        return
    if args.format == "parquet":
        if args.output is None:
            raise UsageError("--format parquet is binary and not for stdout; name a file with -o")
        write_parquet(runs, args.output)
        return
    with text_output(args.output) as stream:
        if args.format == "csv":
            write_csv(runs, stream)
        elif args.format == "augur":
            _write_augur(runs, args.clock_mhz, stream)
        else:
            for run in runs:
                write_lines(run, stream)


def _write_augur(runs: Iterator[RunRecord], clock: float, stream: TextIO) -> None:
    from augur_edge.models.augur_csv import write_augur_csv
    from augur_edge.store.augur import augur_rows

    rows, n_left_out = [], 0
    for run in runs:
        more, left_out = augur_rows(run, clock)
        rows += more
        n_left_out += left_out
    write_augur_csv(rows, stream)
    if n_left_out:
        console.talk(f"measured layers left out, being no convolutions of Augur's kind: {n_left_out}")
