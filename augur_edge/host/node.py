"""NODE, Augur's teacher: dense layers of oblivious trees whose splits are soft and learnt by gradient descent.

Popov, Morozov and Babenko, Neural oblivious decision ensembles, ICLR 2020 (arXiv 1909.06312); entmax-1.5: Peters,
Niculae and Martins, ACL 2019 (arXiv 1905.05702). Parameters are named as in Augur's public checkpoints.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from augur_edge import console
from augur_edge.errors import DataError
from augur_edge.host.extra import torch_of
from augur_edge.host.features import F64, I64, Tiles
from augur_edge.host.teachers import Residual


@dataclass(frozen=True)
class Shape:
    """Of the network. tree_dim: values a tree gives; the first is the answer, all go on to the next layers."""

    layers: int = 2
    trees: int = 64
    depth: int = 5
    tree_dim: int = 3


SMALL, AUGUR = Shape(), Shape(6, 128, 8)


def entmax15(x: Any, dim: int) -> Any:
    """entmax with alpha 1.5 along `dim`: sums to 1, sparse; exact, by sorting."""
    torch = torch_of()
    x = (x - x.max(dim, keepdim=True).values) / 2
    ordered = x.sort(dim, descending=True).values
    size = x.shape[dim]
    rank = torch.arange(1, size + 1, dtype=x.dtype).view([-1 if i == dim % x.dim() else 1 for i in range(x.dim())])
    mean = ordered.cumsum(dim) / rank
    spread = rank * ((ordered**2).cumsum(dim) / rank - mean**2)
    tau = mean - ((1 - spread) / rank).clamp(min=1e-12).sqrt()  # at 0 its slope is infinite
    support = (tau <= ordered).sum(dim, keepdim=True)
    return (x - tau.gather(dim, support - 1)).clamp(min=0) ** 2


def entmoid15(x: Any) -> Any:
    """The first of entmax15([x, 0]): a sigmoid that reaches 0 and 1, at -2 and 2."""
    size = x.abs()
    tau = (size + (8 - size**2).clamp(min=1e-12).sqrt()) / 2
    tau = torch_of().where(tau <= size, 2.0, tau)
    low = 0.25 * (tau - size).clamp(min=0) ** 2
    return torch_of().where(x >= 0, 1 - low, low)


def network(n_inputs: int, shape: Shape) -> list[dict[str, Any]]:
    """Fresh parameters, a dict a layer, named as in the checkpoints."""
    torch = torch_of()
    made = []
    for i in range(shape.layers):
        width = n_inputs + i * shape.trees * shape.tree_dim
        made.append(
            {
                "response": torch.randn(shape.trees, shape.tree_dim, 2**shape.depth),
                "feature_selection_logits": torch.rand(width, shape.trees, shape.depth),
                "feature_thresholds": torch.zeros(shape.trees, shape.depth),
                "log_temperatures": torch.zeros(shape.trees, shape.depth),
            }
        )
    return made


def forward(parameters: list[dict[str, Any]], x: Any, adjust: bool = False) -> Any:
    """[n]: the mean of the first value of all trees. x: [n, inputs]. adjust: start the bins from this data."""
    torch = torch_of()
    heads = []
    for p in parameters:
        values = torch.einsum("nf,ftd->ntd", x, entmax15(p["feature_selection_logits"], 0))
        if adjust:
            _start_bins(p, values)
        score = (values - p["feature_thresholds"]) * torch.exp(-p["log_temperatures"])
        bins = torch.stack([entmoid15(score), entmoid15(-score)], dim=-1)
        leaves = torch.ones(*bins.shape[:2], 1)
        for d in reversed(range(bins.shape[2])):  # bit d of a leaf's index says: below threshold d
            leaves = (leaves.unsqueeze(-1) * bins[:, :, d].unsqueeze(-2)).flatten(2)
        answer = torch.einsum("ntl,tcl->ntc", leaves, p["response"])
        heads.append(answer[..., 0])
        x = torch.cat([x, answer.flatten(1)], dim=1)
    return torch.cat(heads, dim=1).mean(dim=1)


def _start_bins(p: dict[str, Any], values: Any) -> None:
    """Thresholds at random quantiles of the data; temperatures so that all of it falls within the soft part."""
    torch = torch_of()
    with torch.no_grad():
        ordered = values.sort(0).values
        place = (torch.rand(values.shape[1:]) * (len(values) - 1)).round().long()
        p["feature_thresholds"].copy_(ordered.gather(0, place.unsqueeze(0)).squeeze(0))
        widest = (values - p["feature_thresholds"]).abs().max(0).values
        p["log_temperatures"].copy_(widest.clamp(min=1e-6).log())


class QHAdam:
    """Quasi-hyperbolic Adam (Ma and Yarats, ICLR 2019), with NODE's nus 0.7, 1.0 and betas 0.95, 0.998."""

    def __init__(self, tensors: list[Any], rate: float) -> None:
        self.tensors, self.rate, self.step_count = tensors, rate, 0
        self.first = [t.detach().clone().zero_() for t in tensors]
        self.second = [t.detach().clone().zero_() for t in tensors]

    def step(self) -> None:
        """One update from the gradients, which are cleared."""
        self.step_count += 1
        weights = [1 - beta**self.step_count for beta in (0.95, 0.998)]
        with torch_of().no_grad():
            for t, m, v in zip(self.tensors, self.first, self.second):
                m.mul_(0.95).add_(t.grad, alpha=0.05)
                v.mul_(0.998).add_(t.grad**2, alpha=0.002)
                move = 0.3 * t.grad + 0.7 * m / weights[0]
                t.sub_(self.rate * move / ((v / weights[1]).sqrt() + 1e-8))
                t.grad = None


class Node(Residual):
    """NODE on the log residual over the roofline; the last five checkpoints averaged, stopped early on a tenth."""

    name = "node"
    most_steps, patience, every, batch = 1200, 6, 50, 256

    def __init__(self, seed: int = 0, tiles: Tiles | None = None, shape: Shape = SMALL) -> None:
        super().__init__(seed, tiles)
        self.shape = shape

    def _learn(self, x: F64, z: F64) -> None:
        torch = torch_of()
        self._mean, self._spread = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-9)
        self._scale = max(float(z.std()), 1e-6)
        order = np.random.default_rng(self.seed).permutation(len(z))
        inputs, wished = self._tensor(x[order]), torch.tensor(z[order] / self._scale, dtype=torch.float32)
        held = max(len(z) // 10, 1)
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            self._train(inputs[held:], wished[held:], (inputs[:held], wished[:held]))

    def _train(self, x: Any, z: Any, held: tuple[Any, Any]) -> None:
        torch = torch_of()
        parameters = network(x.shape[1], self.shape)
        with torch.no_grad():
            forward(parameters, x[:1000], adjust=True)
        tensors = [t.requires_grad_() for p in parameters for t in p.values()]
        optimiser, best, waited = QHAdam(tensors, 3e-3), np.inf, 0
        recent: list[list[dict[str, Any]]] = []
        with console.Progress(self.most_steps, self.name, "steps") as progress:
            for step in range(1, self.most_steps + 1):
                rows = torch.randint(0, len(x), (min(self.batch, len(x)),))
                ((forward(parameters, x[rows]) - z[rows]) ** 2).mean().backward()
                optimiser.step()
                if step % self.every:
                    continue
                recent = [*recent, [{k: t.detach().clone() for k, t in p.items()} for p in parameters]][-5:]
                mean = [
                    {k: torch.stack([r[i][k] for r in recent]).mean(0) for k in p} for i, p in enumerate(parameters)
                ]
                with torch.no_grad():
                    error = float((forward(mean, held[0]) - held[1]).abs().mean())
                progress.update(step, f"error on the layers held out {100 * error * self._scale:.2f} %")
                best, waited = (error, 0) if error < best else (best, waited + 1)
                if waited == 0:
                    self._parameters = copy.deepcopy(mean)
                if waited >= self.patience:
                    break

    def _residual(self, x: F64) -> F64:
        torch = torch_of()
        with torch.no_grad():
            parts = [forward(self._parameters, rows) for rows in self._tensor(x).split(512)]
        return np.asarray(torch.cat(parts).numpy(), np.float64) * self._scale

    def _tensor(self, x: F64) -> Any:
        return torch_of().tensor((x - self._mean) / self._spread, dtype=torch_of().float32).clamp(-5, 5)


def load_augur(path: Path) -> list[dict[str, Any]]:
    """The layers of one of Augur's checkpoints, for `predict_augur`; no code in the file is run. Raises DataError."""
    torch = torch_of()
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)["model"]
        layers: dict[int, dict[str, Any]] = {}
        for key, value in state.items():
            _, place, name = key.replace(".module.", ".").rsplit(".", 2)
            layers.setdefault(int(place), {})[name] = value.float()
        return [layers[i] for i in sorted(layers) if {"response", "feature_thresholds"} <= set(layers[i])]
    except Exception as error:
        raise DataError(f"{path}: not a checkpoint of Augur's: {str(error).splitlines()[0][:100]}") from None


def predict_augur(parameters: list[dict[str, Any]], short: I64) -> F64:
    """float64[n] cycles or pJ, as trained. short: int64[n, 8], Augur's columns in their order."""
    torch = torch_of()
    with torch.no_grad():
        return np.asarray(10.0 ** forward(parameters, torch.tensor(short, dtype=torch.float32)).double().numpy())
