"""make_predictors.py [BOARD.augpred] [-o FOLDER]: a predictor of layers becomes one of FBNet's 9^22 architectures.

Each of FBNet's 22 layers is one of nine blocks whose sizes do not depend on the others, so that a network is nearly
a sum over a table of 22 x 9. Nine predicted networks, each of one block throughout, fill it; random ones scale it,
since a layer also pays for the company it keeps, and others say how far off the sum then is. FOLDER gets
cost.augpred, that table, and worth.augpred, which stands in for accuracy until you have a predictor of it: it likes
MACs, each further one less. Without BOARD the example that comes along answers, which is about another machine.
"""

import argparse
import random
import re
from pathlib import Path

import numpy as np

from augur_edge import predict_file, spaces
from augur_edge.predict import Predictor
from augur_edge.predict.example import example
from augur_edge.predict.format import dumps
from augur_edge.predict.model import Feature, Model, Table
from augur_edge.spaces.fbnet import BLOCKS

SPACE = spaces.get("fbnet")
LENGTH, FIT = len(SPACE.choices), 8


def costs(board: Predictor) -> "tuple[np.ndarray, str, str]":
    """float64[22, 9] of every block at every layer, target and unit."""
    table = np.zeros((LENGTH, len(BLOCKS)))
    for block in range(len(BLOCKS)):
        found = predict_file(SPACE.title([block] * LENGTH), board)
        for layer in found.layers:
            place = re.match(r"layers\.(\d+)\.", layer.name)
            if place:
                table[int(place[1]), block] += layer.value + board.layer_overhead
    return table, found.target, found.unit


def fitted(table: np.ndarray, board: Predictor, vectors: "list[tuple[int, ...]]") -> "tuple[np.ndarray, float]":
    """Table and constant, scaled to what these architectures cost layer by layer."""
    summed = np.array([table[np.arange(LENGTH), list(v)].sum() for v in vectors])
    layered = np.array([predict_file(SPACE.title(v), board).value for v in vectors])
    slope, constant = np.polyfit(summed, layered, 1)
    return slope * table, float(constant)


def predictor(table: np.ndarray, constant: float, target: str, unit: str) -> bytes:
    """The .augpred file of a sum over a table."""
    tables = tuple(Table(i, row.astype(np.float32)) for i, row in enumerate(table))
    features = (Feature("macs", 229),)  # a file has at least one; sums of tables use none
    return dumps(Model(features, (), "fbnet/1", target, unit, bias=constant, tables=tables))


def worth() -> bytes:
    """The stand-in for accuracy, in percent of nothing in particular."""
    macs = np.zeros((LENGTH, len(BLOCKS)))
    for block in range(len(BLOCKS)):
        for node in SPACE.network([block] * LENGTH).nodes:
            place = re.match(r"layers\.(\d+)\.", node.name)
            if place:
                macs[int(place[1]), block] += node.layer.macs
    return predictor(np.log1p(macs / 1e6), 0.0, "score", "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("board", nargs="?", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path())
    parser.add_argument("--check", type=int, default=3, help="random architectures to compare with")
    args = parser.parse_args()
    board = Predictor.load(args.board) if args.board else Predictor(example())
    args.output.mkdir(parents=True, exist_ok=True)
    table, target, unit = costs(board)
    drawn = SPACE.sample(FIT + args.check, random.Random(0))
    table, constant = fitted(table, board, drawn[:FIT])
    made = args.output / "cost.augpred"
    made.write_bytes(predictor(table, constant, target, unit))
    (args.output / "worth.augpred").write_bytes(worth())
    whole = Predictor.load(made)
    for vector in drawn[FIT:]:
        layered, summed = predict_file(SPACE.title(vector), board).value, whole.predict(*vector)
        title, off = SPACE.title(vector)[:40], summed / layered - 1
        print(f"{title}…: layer by layer {layered:.6g} {unit}, by the table {off:+.1%}")


if __name__ == "__main__":
    main()
