"""`augur-edge bench`."""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path

from augur_edge import __version__, console, schema


class BenchCommand:
    """Time a predictor's kernels on this machine: ns a row, for one row and for many at a time.

    Pin it for steady figures: `taskset -c 1 augur-edge bench …`.

    examples:
      augur-edge bench board.augpred
      augur-edge bench model.cbm --rows 1,10000 --kernel scalar --json
    """

    name = "bench"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("model", type=Path, metavar="MODEL", help="an .augpred file, or CatBoost's .json or .cbm")
        parser.add_argument("--rows", type=_numbers, default=[1, 10, 100, 10000], metavar="N,…", help="rows at a time")
        parser.add_argument("--kernel", help="one kernel instead of all that run here")
        parser.add_argument("--json", action="store_true", help=f"print one JSON document ({schema.BENCH})")

    def run(self, args: argparse.Namespace) -> int:
        from augur_edge.predict import Predictor, kernels, select_kernel
        from augur_edge.predict.bench import bench, touched_bytes
        from augur_edge.predict.files import read_predictor
        from augur_edge.predict.format import loads

        data = read_predictor(args.model)
        if args.kernel:
            select_kernel(args.kernel)
        predictor, model = Predictor(data), loads(data)
        results = bench(predictor, model, args.rows, [args.kernel] if args.kernel else list(kernels()))
        touched = {n: touched_bytes(model, n) for n in args.rows}
        if args.json:
            context = {"version": __version__, "machine": platform.machine(), "processor": platform.processor()}
            about: dict[str, object] = {"file_bytes": len(data), "trees": len(model.trees), "leaves": model.leaves}
            about["touched_bytes"] = touched
            document = {"schema": schema.BENCH, "context": context, "model": about, "kernels": results}
            print(json.dumps(document, indent=2))
            return 0
        head = ("ns a row, rows at a time:", *map(str, args.rows))
        rows = [(r["kernel"], *(f"{r['ns_per_row'][n]:.1f}" for n in args.rows)) for r in results]
        rows.append(("bytes touched", *(str(touched[n]) for n in args.rows)))
        print(console.table(head, rows))
        return 0


def _numbers(text: str) -> list[int]:
    numbers = [int(part) for part in text.split(",")]
    if min(numbers) < 1 or max(numbers) > 10_000_000:
        raise argparse.ArgumentTypeError(f"{text!r}: rows are 1 to 10 000 000")
    return numbers
