"""`augur-edge import`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from augur_edge import console
from augur_edge.cli import architectures
from augur_edge.cli.export import clock_mhz

if TYPE_CHECKING:
    from augur_edge.store import RunRecord

FORMATS = ("jsonl", "csv", "augur", *architectures.READ)


class ImportCommand:
    """Take runs from files into the store: all of them, or with one bad line none.

    Reads what `augur-edge export` writes as jsonl and csv, and Augur's CSV of layers (latency in cycles of
    --clock-mhz, energy in pJ), whose layers become a run of mode `imported`. A run that is in the store already is
    left as it is. Eagle's folders of raw results{N}.pickle and LatBench pickles become runs of --space's architectures.
    Pickles are read as plain data; nothing in them is run. The ids of the runs that are new go to stdout.

    examples:
      augur-edge import board-7.jsonl
      augur-edge import layers.csv profiled_vgg16.csv --measured-on accelerator
    """

    name = "import"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("files", metavar="FILE", nargs="+", type=Path, help="file to read")
        parser.add_argument("--format", choices=FORMATS, help="of all files; told from name and header if left out")
        parser.add_argument("--clock-mhz", type=clock_mhz, default=500.0, metavar="MHZ", help="clock of augur's cycles")
        parser.add_argument(
            "--measured-on",
            default="augur",
            metavar="NAME",
            help="what other people's layers and cells were measured on",
        )
        architectures.add_import(parser)

    def run(self, args: argparse.Namespace) -> int:
        from augur_edge.store import Store

        n_known = 0
        new: list[str] = []
        with Store(args.store) as store, store.transaction():
            for path in args.files:
                for run in _runs(path, args):
                    if store.add_run(run):
                        new.append(run.id)
                    else:
                        n_known += 1
        print(*new, sep="\n", end="\n" if new else "")
        known = f"; {n_known} here already" if n_known else ""
        console.talk(f"imported {len(new)} run{'' if len(new) == 1 else 's'}{known}")
        return 0


def _runs(path: Path, args: argparse.Namespace) -> Iterable[RunRecord]:
    from augur_edge.store.augur import run_of_augur
    from augur_edge.store.flat_read import read_csv
    from augur_edge.store.lines import read_lines

    kind = args.format or _kind(path)
    if kind in architectures.READ:
        return architectures.imported(path, kind, args.space, args.measured_on)
    if kind == "augur":
        return [run_of_augur(path, args.measured_on, args.clock_mhz)]
    return read_csv(path) if kind == "csv" else read_lines(path)


def _kind(path: Path) -> str:
    """jsonl begins with a brace; of the two CSVs, Augur's names the kernel size `kx`."""
    from augur_edge.store.files import opened

    if path.is_dir():
        return "eagle"
    if path.suffix in (".pickle", ".pkl"):
        return "eagle" if path.name.startswith("results") else "latbench"
    with opened(path) as file:
        header = file.readline(4096)
    if header.lstrip().startswith(b"{"):
        return "jsonl"
    names = header.decode("utf-8", "replace").lstrip("\ufeff").strip().split(",")
    return "augur" if "kx" in [name.strip() for name in names] else "csv"
