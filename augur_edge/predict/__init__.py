"""Ask what a layer costs: predictors, their files, and where they come from.

from augur_edge.predict import Predictor
p = Predictor.load("board.augpred")
p.predict(3, 56, 56, 64, 64, 1, 1, 1)  # ns of a convolution, by Augur's eight columns
"""

from augur_edge._kernel import kernel, kernels, select_kernel
from augur_edge.predict.predictor import Interval, Predictor

__all__ = ["Interval", "Predictor", "kernel", "kernels", "select_kernel"]
