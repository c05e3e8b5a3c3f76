"""main.py [MODEL.augpred]: the cheapest of a hundred thousand random convolutions, by the example without a MODEL."""

import sys

import numpy as np
from cheapest import cheapest

from augur_edge.predict import Predictor
from augur_edge.predict.encode import from_short
from augur_edge.predict.example import example

predictor = Predictor.load(sys.argv[1]) if len(sys.argv) > 1 else Predictor(example())
draw = np.random.default_rng(0)
kernel, size, channels = (
    draw.choice([1, 3, 5], 100_000),
    draw.choice([14, 28, 56], 100_000),
    draw.integers(16, 257, (2, 100_000)),
)
stride, padding = np.ones_like(kernel), kernel // 2
columns = np.stack([kernel, size, size, *channels, stride, padding, stride], axis=1)
layers = from_short(columns)
best, cost = cheapest(predictor, layers)
assert cost == predictor.predict_many(layers).min()
print(f"the cheapest is {','.join(map(str, columns[best]))}: {cost:.1f} {predictor.unit}")
