"""`augur-edge predict`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augur_edge import console, schema
from augur_edge.cli import values
from augur_edge.errors import AugurError, UsageError

if TYPE_CHECKING:
    from augur_edge.ask import LayerCost, NetworkCost
    from augur_edge.predict import Predictor

_MODELS = {".augpred", ".json", ".cbm"}


class PredictCommand:
    """Ask a predictor what layers and networks cost; show, convert or embed it.

    MODEL is an .augpred file, or a model that CatBoost saved (.json, .cbm); without one the example that comes with
    augur_edge answers, which is about another machine. WHAT is numbers with commas - a layer's 16 integers, Augur's
    eight columns, or ready features - or a network: .onnx, .tflite, .csv, or a name. A network's layers are those that
    the predictor's runtime makes of it, where that is installed here. A predictor of a search space takes its
    architectures: their text, numbers with commas, or an index (#1234).

    examples:
      augur-edge predict resnet18
      augur-edge predict board.augpred 3,56,56,64,64,1,1,1
      augur-edge predict board.augpred resnet18 --level 0.9
      augur-edge predict cells.augpred 'nasbench201:|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|none~2|'
      augur-edge predict model.cbm --int16 -o model.augpred
      augur-edge predict board.augpred --to-c -o model.c
    """

    name = "predict"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("what", nargs="*", metavar="[MODEL] WHAT", help="the predictor; layers and networks")
        parser.add_argument(
            "--level", type=values.share, metavar="SHARE",
            help="of cases that the interval shall hold (default: 0.9, where the predictor has it)",
        )  # fmt: skip
        parser.add_argument("--dump", action="store_true", help="print all of the predictor as text")
        parser.add_argument("--to-c", action="store_true", help="print it as a C array, augur_model_data")
        parser.add_argument("--int16", action="store_true", help="round its leaves to 16 bits, with the error stated")
        parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the .augpred or C file here")
        parser.add_argument("--kernel", help="demand this kernel instead of the best one here")
        parser.add_argument("--json", action="store_true", help=f"print one JSON document ({schema.PREDICT})")

    def run(self, args: argparse.Namespace) -> int:
        from augur_edge.cli.predict_text import answer_text
        from augur_edge.predict import Predictor, select_kernel
        from augur_edge.predict.predictor import LEVEL

        args.model, args.what = _split(args.what)
        data = _read(args.model)
        if args.kernel:
            select_kernel(args.kernel)
        try:
            predictor = Predictor(data)
            if args.int16:
                data = _rounded(data)
                predictor = Predictor(data)
        except AugurError as error:
            raise type(error)(f"{args.model or 'the example'}: {error}") from None
        if args.dump or args.to_c or args.output:
            return _converted(args, data)
        if not args.what:
            raise UsageError("nothing to do: name layers or networks, or give --dump, --to-c or -o")
        answers = [_answer(predictor, what, args.level) for what in args.what]
        if args.json:
            about = {"model": str(args.model or "example"), "target": predictor.target, "unit": predictor.unit}
            print(json.dumps({"schema": schema.PREDICT, "context": about, "answers": answers}, indent=2))
        else:
            shown = (answer_text(a, predictor.target, predictor.unit, args.level or LEVEL) for a in answers)
            print("\n".join(shown))
        return 0


def _split(words: list[str]) -> tuple[Path | None, list[str]]:
    """The predictor, if the first word is one, and the rest."""
    if not words:
        return None, words
    first = Path(words[0])
    named = first.suffix in _MODELS or (first.is_file() and first.suffix not in {".onnx", ".tflite", ".csv"})
    return (first, words[1:]) if named else (None, words)


def _read(path: Path | None) -> bytes:
    from augur_edge.ask import ABOUT_EXAMPLE
    from augur_edge.predict.example import example
    from augur_edge.predict.files import read_predictor

    if path is not None:
        return read_predictor(path)
    console.warn(ABOUT_EXAMPLE)
    return example()


def _rounded(data: bytes) -> bytes:
    from augur_edge.predict.format import dumps, loads

    return dumps(loads(data).quantised())


def _converted(args: argparse.Namespace, data: bytes) -> int:
    from augur_edge.predict.dump import dump
    from augur_edge.predict.format import loads
    from augur_edge.predict.to_c import to_c

    if args.dump:
        print(dump(loads(data), len(data)))
        return 0
    if args.output:
        from augur_edge.store.files import write_bytes

        write_bytes(args.output, to_c(data).encode() if args.to_c else data)
        console.talk(f"{args.output}: written")
    else:
        print(to_c(data), end="")
    return 0


def _answer(predictor: Predictor, what: str, level: float | None) -> dict[str, Any]:
    from augur_edge.ask import predict_file

    if predictor.vector_length:
        return {"what": what, **_one(predictor, what, list(predictor.vector_of(what)), level)}
    numbers = _numbers(what, predictor.takes_layers)
    if numbers is not None:
        return {"what": what, **_one(predictor, what, numbers, level)}
    if not predictor.takes_layers:
        raise UsageError(f"{what}: this predictor takes {predictor.n_features} ready features, with commas")
    return _network(predict_file(what, predictor, level=level))


def _network(cost: NetworkCost) -> dict[str, Any]:
    for remark in cost.remarks:
        console.warn(remark)
    return {"what": cost.what, **_figures(cost), "layers": [_layer(layer) for layer in cost.layers]}


def _layer(layer: LayerCost) -> dict[str, Any]:
    return {"name": layer.name, "op": layer.op, **_figures(layer)}


def _figures(cost: NetworkCost | LayerCost) -> dict[str, Any]:
    if cost.low is None:
        return {"value": cost.value}
    return {"low": cost.low, "value": cost.value, "high": cost.high, "in_domain": cost.in_domain}


def _one(predictor: Predictor, what: str, numbers: list[Any], level: float | None) -> dict[str, Any]:
    from augur_edge.predict.predictor import LEVEL

    try:
        value = predictor.predict(*numbers)
        try:
            return predictor.interval(*numbers, level=level or LEVEL)._asdict()
        except ValueError:  # the file stores no such level, which matters to who asked for it
            if level is not None:
                raise
            return {"value": value}
    except (ValueError, TypeError) as error:
        raise UsageError(f"{what}: {error}") from None


def _numbers(what: str, whole: bool) -> list[Any] | None:
    """The numbers of a text with commas; None if it is none."""
    try:
        return [int(part) if whole else float(part) for part in what.split(",")]
    except ValueError:
        return None
