"""`augur-edge evaluate`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from augur_edge import console, schema
from augur_edge.cli import setting_options, space_options

if TYPE_CHECKING:
    from augur_edge.dataset.rows import Dataset
    from augur_edge.predict import Predictor


class EvaluateCommand:
    """Say how good a predictor is on measured layers, network by network, beside the fitted roofline alone.

    DATA is what `train` takes. Layers that the predictor was trained on flatter it: leave them out of one or the other
    (`--exclude`, here and in `train`).

    examples:
      augur-edge evaluate board.augpred resnet18.csv
      augur-edge evaluate board.augpred store.db --json --plot errors.svg
      augur-edge evaluate cells.augpred latencies.npz --device pixel2 --exclude-trained
    """

    name = "evaluate"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("predictor", type=Path, metavar="PRED", help="the .augpred file")
        parser.add_argument("data", nargs="+", type=Path, metavar="DATA", help="measured layers")
        parser.add_argument("--format", choices=("augur", "store", "csv"), help="of the data, if it cannot be told")
        parser.add_argument(
            "--exclude", nargs="+", type=Path, default=[], metavar="FILE", help="leave out every exact layer of these"
        )
        parser.add_argument(
            "--clock-mhz", type=float, default=500.0, metavar="MHZ", help="of the cycles in Augur files"
        )
        parser.add_argument(
            "--plot", type=Path, metavar="FILE", help="box plots of the error per network, .svg or .png"
        )
        parser.add_argument("--json", action="store_true", help=f"print one JSON document ({schema.EVALUATE})")

        space_options.add_evaluate_options(parser)
        setting_options.add(parser)

    def run(self, args: argparse.Namespace) -> int:
        from augur_edge.dataset.reading import read_dataset
        from augur_edge.errors import UsageError
        from augur_edge.host.evaluate import evaluate, evaluation_text, target_of
        from augur_edge.predict import Predictor

        predictor = Predictor.load(args.predictor)
        if predictor.encoder not in ("raw/1", "layer/1"):
            return space_options.evaluate_space(predictor, args)
        space_options.refuse(args)
        target_of(predictor)
        if args.plot and args.plot.suffix.lower() not in {".svg", ".png"}:
            raise UsageError(f"--plot {args.plot}: a name that ends in .svg or .png")
        data = read_dataset(args.data, args.format, args.clock_mhz, setting=setting_options.wanted(args))
        if args.exclude:
            data = data.without(read_dataset(args.exclude, args.format, args.clock_mhz, steady=False))
            if not len(data):
                raise UsageError("--exclude leaves no layer to evaluate")
        _warn_of_trained(predictor, args.data)
        document = evaluate(predictor, data)
        if args.plot:
            _plot(args.plot, predictor, data)
        if args.json:
            print(json.dumps(document, indent=2))
        else:
            console.talk(f"{args.predictor}: {predictor.target}, {len(data)} distinct layers")
            print(evaluation_text(document))
        return 0


def _warn_of_trained(predictor: Predictor, paths: list[Path]) -> None:
    """Files that the predictor was trained on, by their digests; one that has changed since is not known again."""
    from augur_edge.cli.train import digest_of

    training = predictor.training
    data = training.get("data")
    known = {entry.get("sha256") for entry in data if isinstance(entry, dict)} if isinstance(data, list) else set()
    found = [str(path) for path in paths if known and digest_of(path)["sha256"] in known]
    if found:
        errors = training.get("out_of_fold_mape")
        error = errors.get(str(training.get("teacher"))) if isinstance(errors, dict) else None
        honest = f": out of fold it was {error:.2f} %" if isinstance(error, (int, float)) else ""
        console.warn(f"{', '.join(found)}: the predictor was trained on this, which flatters it{honest}")


def _plot(path: Path, predictor: Predictor, data: Dataset) -> None:
    from augur_edge.host.boxes import box_plots, box_plots_png
    from augur_edge.host.evaluate import errors_by_network
    from augur_edge.store.files import write_bytes

    draw = box_plots_png if path.suffix.lower() == ".png" else box_plots
    drawn = draw(f"error of {predictor.target}, percent", errors_by_network(predictor, data))
    write_bytes(path, drawn)
