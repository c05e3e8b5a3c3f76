"""BRP-NAS's binary relation predictor (Dudziak et al., NeurIPS 2020): which of two cells is better, and by it an order.

The graph network embeds both cells; one linear layer on the two embeddings side by side gives two logits, which are
taught by KL divergence from the softmax of the pair's values, over all ordered pairs.
"""

from __future__ import annotations

import functools
from typing import Any, Callable

import numpy as np

from augur_edge.errors import UsageError
from augur_edge.host.arch.gcn import PRESETS, Preset, build, take_body, tensors
from augur_edge.host.extra import torch_of
from augur_edge.predict.designs import F64, I64

_LEAST = 4
_PAIRS = 20_000  # of an epoch at most; all of them from 141 samples down


class Relation:
    """fit(cells int64[n, 6], y float64[n], larger is better); predict: y of the sample at the same rank, float64[m]."""

    name = "relation"
    refits = False

    def __init__(
        self, seed: int = 0, preset: Preset = PRESETS["eagle-accuracy"], start: Any = None, warm_up: int = 5
    ) -> None:
        """start: a fitted network whose body is taken over (Relation or Eagle); its last layer warms up alone first."""
        self.seed, self.preset, self.start, self.warm_up = seed, preset, start, warm_up
        self.left_out = np.zeros(0)
        self.network: Any = None

    def fit(self, vectors: I64, y: F64) -> Relation:
        """Raises UsageError for fewer than 4 samples."""
        if len(y) < _LEAST:
            raise UsageError(f"{len(y)} samples: a relation predictor needs at least {_LEAST}")
        torch = torch_of()
        self._known = np.sort(y)
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            self.network = build(self.preset, 2)
            self.network.last = torch.nn.Linear(2 * self.preset.hidden, 2)
            take_body(self.network, self.start)
            z = torch.tensor((y - y.mean()) / max(float(y.std()), 1e-12), dtype=torch.float32)
            graph = tensors(vectors)
            if self.start is not None:
                self._epochs(graph, z, list(self.network.last.parameters()), self.warm_up)
            self._epochs(graph, z, list(self.network.parameters()), self.preset.epochs)
        return self

    def _epochs(self, graph: Any, z: Any, parameters: list[Any], epochs: int) -> None:
        torch = torch_of()
        preset = self.preset
        optimizer = torch.optim.AdamW(parameters, lr=preset.learning_rate, weight_decay=preset.weight_decay)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=max(epochs, 1))
        pairs = torch.cartesian_prod(torch.arange(len(z)), torch.arange(len(z)))
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        self.network.train()
        for _ in range(epochs):
            for some in pairs[torch.randperm(len(pairs))[:_PAIRS]].split(preset.batch):
                optimizer.zero_grad()
                cells, place = some.unique(return_inverse=True)  # each cell of the batch is embedded once
                found = self.network.embed(graph[0][cells], graph[1][cells])[place].flatten(1)
                answer = torch.log_softmax(self.network.last(found), 1)
                wanted = torch.softmax(z[some], 1)
                torch.nn.functional.kl_div(answer, wanted, reduction="sum").backward()
                optimizer.step()
            schedule.step()
        self.network.eval()

    def order(self, cells: I64) -> I64:
        """int64[m]: places of the cells from worst to best, sorted with the network as the comparison."""
        torch = torch_of()
        with torch.no_grad():
            parts = [self.network.embed(*tensors(part)) for part in np.array_split(cells, len(cells) // 1024 + 1)]
            found = torch.cat(parts).double().numpy()
        weight = self.network.last.weight.detach().double().numpy()
        bias = self.network.last.bias.detach().double().numpy()
        apart, half = weight[0] - weight[1], self.preset.hidden
        first, second, constant = found @ apart[:half], found @ apart[half:], float(bias[0] - bias[1])

        def better(i: int, j: int) -> float:
            return float(first[i] + second[j] + constant)

        return np.array(sorted(range(len(cells)), key=functools.cmp_to_key(better)), np.int64)  # type: ignore[arg-type]

    def predict(self, vectors: I64) -> F64:
        ranks = np.empty(len(vectors))
        ranks[self.order(vectors)] = np.linspace(0, 1, len(vectors))
        return np.asarray(np.quantile(self._known, ranks))


def iterate(
    pool: I64,
    measure: Callable[[I64], F64],
    budget: int,
    *,
    rounds: int = 5,
    alpha: float = 0.5,
    seed: int = 0,
    make: Callable[[], Relation] = Relation,
) -> tuple[Relation, I64]:
    """BRP-NAS's iterative sampling: a relation predictor and the places in `pool` that were measured, in order.

    The first round is random; each later one takes the share `alpha` from the best unseen by the predictor so far, the
    rest at random from the better alpha^i of the order. pool: int64[m, 6]; measure: values float64[n] of vectors.
    """
    if not 1 <= rounds <= budget <= len(pool) or budget // rounds < _LEAST:
        raise UsageError(f"{budget} samples in {rounds} rounds of {len(pool)}: at least {_LEAST} a round")
    rng = np.random.default_rng(seed)
    sizes = np.diff(np.linspace(0, budget, rounds + 1).round().astype(int)).tolist()
    taken = rng.permutation(len(pool))[: sizes[0]].tolist()
    values = measure(pool[taken])
    model = make().fit(pool[taken], values)
    for i, size in enumerate(sizes[1:], 1):
        seen = set(taken)
        unseen = [p for p in model.order(pool)[::-1].tolist() if p not in seen]
        best = unseen[: round(alpha * size)]
        better = [p for p in unseen[: max(round(len(unseen) * alpha**i), size)] if p not in best]
        more = best + rng.permutation(better)[: size - len(best)].tolist()
        values = np.concatenate([values, measure(pool[more])])
        taken += more
        model = make().fit(pool[taken], values)
    return model, np.array(taken, np.int64)
