"""`augur-edge adapt`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from augur_edge import console, schema
from augur_edge.cli import setting_options, space_options
from augur_edge.errors import DataError, UsageError

if TYPE_CHECKING:
    from augur_edge.predict.model import Model


class AdaptCommand:
    """Move a predictor to another device, clock or thread count by a few measured layers.

    SAMPLES is what `train` takes: 5 to 50 layers measured in the new setting; numpy is enough. `--suggest N` instead
    names the N layers that are most worth measuring first.

    examples:
      augur-edge adapt board.augpred --suggest 20 -o layers.json
      augur-edge measure --suggested layers.json --threads 2 --store two.db
      augur-edge adapt board.augpred two.db -o two-threads.augpred
      augur-edge adapt cells.augpred --suggest 5     (architectures, where it was trained with --transfer-from)
    """

    name = "adapt"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("predictor", type=Path, metavar="PRED", help="the .augpred file to start from")
        parser.add_argument(
            "samples", nargs="*", type=Path, metavar="SAMPLES", help="layers measured in the new setting"
        )
        parser.add_argument(
            "-o", "--output", type=Path, metavar="NEW", help="the .augpred file to write, or with --suggest the list"
        )
        parser.add_argument(
            "--suggest",
            type=int,
            metavar="N",
            help="list N layers or architectures for `measure --suggested`, best first, as JSON",
        )
        parser.add_argument("--sample", default="conv2d:1000", metavar="SPEC", help="of the prior, to suggest from")
        parser.add_argument("--seed", type=int, default=0, help="of that sample")
        parser.add_argument("--format", choices=("augur", "store", "csv"), help="of the samples, if it cannot be told")
        parser.add_argument(
            "--clock-mhz", type=float, default=500.0, metavar="MHZ", help="of the cycles in Augur files"
        )

        space_options.add_table_options(parser)
        setting_options.add(parser)

    def run(self, args: argparse.Namespace) -> int:
        from augur_edge.predict.format import loads

        try:
            model = loads(args.predictor.read_bytes())
        except OSError as error:
            raise UsageError(f"{args.predictor}: {error.strerror}") from None
        except DataError as error:
            raise DataError(f"{args.predictor}: {error}") from None
        of_space = model.encoder not in ("raw/1", "layer/1")
        if args.suggest is not None and of_space:
            return space_options.suggest_space(model, args)
        if args.suggest is not None:
            return _suggested(model, args)
        if not args.samples or args.output is None:
            raise UsageError("name the measured SAMPLES and the new file, -o NEW; or ask --suggest N")
        return space_options.adapt_space(model, args) if of_space else _adapted(model, args)


def _suggested(model: Model, args: argparse.Namespace) -> int:
    from augur_edge.predict.adapt import suggest
    from augur_edge.predict.encode import layer_matrix
    from augur_edge.prior import sample_layers
    from augur_edge.store.files import text_output

    if args.suggest < 1:
        raise UsageError(f"--suggest {args.suggest}: at least 1 layer")
    layers = sample_layers(args.sample, args.seed)
    chosen = [layers[i] for i in suggest(model, layer_matrix(layers), args.suggest)]
    document = {"schema": schema.SUGGEST, "layers": [layer.to_dict() for layer in chosen]}
    with text_output(args.output) as stream:
        stream.write(json.dumps(document, indent=2) + "\n")
    return 0


def _adapted(model: Model, args: argparse.Namespace) -> int:
    from augur_edge.dataset.reading import read_dataset
    from augur_edge.predict.adapt import adapt
    from augur_edge.predict.format import dumps
    from augur_edge.store.files import write_bytes

    target = model.target.rpartition("_")[0]
    if target not in {"latency", "energy"}:
        raise UsageError(
            f"a predictor of {model.target}: only those of layers' latency_ns and energy_uj can be adapted"
        )
    data = read_dataset(args.samples, args.format, args.clock_mhz, setting=setting_options.wanted(args)).known(target)
    moved = adapt(model, data.layers, data.targets[target], data.devices)
    file = dumps(moved)
    write_bytes(args.output, file)
    about = moved.meta["adapted"]
    console.talk(
        f"{args.output}: {about['layers']} layers, mean error {about['mape_before']:.1f} % before, "
        f"{about['mape_left_out']:.1f} % after (each layer left out in turn)"
    )
    return 0
