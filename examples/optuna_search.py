"""optuna_search.py [PREDICTOR.augpred] [--trials 60] [--limit-ms 1.0]: Optuna asks a predictor before it trains.

A small mobile network is shaped: width, kernel and repeats of each stage. A trial that would be too slow on the device
is pruned before anything is spent on it; of the others the worth is asked, here MACs, each further one less: put your
own training there. Needs `pip install optuna`.
"""

import argparse
import math
from pathlib import Path

import optuna

from augur_edge.builder import Builder
from augur_edge.network import Network
from augur_edge.predict import Predictor
from augur_edge.predict.example import example

STAGES = 4


def network(trial: optuna.Trial) -> Network:
    """Inverted residuals, 64x64 pixels. Activations are left out: a runtime makes them part of the convolutions."""
    b = Builder(f"trial {trial.number}", (1, 3, 64, 64))
    x = b.conv(b.input, 16, 3, stride=2, padding=1, name="stem")
    for stage in range(STAGES):
        channels = trial.suggest_int(f"channels {stage}", 16, 128, step=16)
        kernel = trial.suggest_categorical(f"kernel {stage}", [3, 5])
        repeats = trial.suggest_int(f"repeats {stage}", 1, 3)
        for i in range(repeats):
            stride = 2 if i == 0 else 1
            with b.scope(f"stage{stage}.{i}"):
                inner = 4 * b.shape(x)[1]
                y = b.conv(x, inner, 1, name="expand")
                y = b.conv(y, inner, kernel, stride=stride, padding=kernel // 2, groups=inner, name="depthwise")
                y = b.conv(y, channels, 1, name="project")
                x = b.add(x, y, name="add") if b.shape(x) == b.shape(y) else y
    return b.network(b.dense(b.flatten(b.global_avg_pool(x, name="pool"), name="flatten"), 10, name="classifier"))


def study(predictor: Predictor, trials: int, limit_ms: float, seed: int = 0) -> optuna.Study:
    """The most worth within the limit."""

    def objective(trial: optuna.Trial) -> float:
        chosen = network(trial)
        cost_ms = predictor.predict_network(chosen) / 1e6
        trial.set_user_attr("ms", cost_ms)
        if cost_ms > limit_ms:
            raise optuna.TrialPruned
        return math.log1p(chosen.macs / 1e6)

    made = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    made.optimize(objective, n_trials=trials)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("predictor", nargs="?", type=Path)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--limit-ms", type=float, default=1.0)
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    predictor = Predictor.load(args.predictor) if args.predictor else Predictor(example())
    made = study(predictor, args.trials, args.limit_ms)
    pruned = sum(trial.state == optuna.trial.TrialState.PRUNED for trial in made.trials)
    print(f"{len(made.trials)} trials, {pruned} of them too slow and pruned")
    if pruned == len(made.trials):
        raise SystemExit(f"nothing within {args.limit_ms:g} ms")
    best = made.best_trial
    print(f"worth {best.value:.4f}, {best.user_attrs['ms']:.3f} ms: {best.params}")


if __name__ == "__main__":
    main()
