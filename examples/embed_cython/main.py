"""main.py MODEL.augpred: the cheapest of a hundred thousand random rows."""

import sys

import numpy as np
from cheapest import cheapest

from augur_edge.predict import Predictor

predictor = Predictor.load(sys.argv[1])
rows = np.random.default_rng(0).random((100_000, predictor.n_features), np.float32)
best, cost = cheapest(predictor, rows)
assert cost == predictor.predict_many(rows).min()
print(f"row {best} costs {cost:.3f} {predictor.unit}")
