"""Eagle's predictors (Dudziak et al., BRP-NAS, NeurIPS 2020) as baselines: the graph network, and the MLP beside it.

Four graph convolutions of 600 units with LayerNorm over Eagle's 9x9 graph (host.arch.graph); the global vertex is read
out. AdamW, L1, the learning rate halved on a plateau of the validation loss, and an early stop.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any, Callable

import numpy as np

from augur_edge.errors import UsageError
from augur_edge.host.arch.graph import eagle_arrays
from augur_edge.host.extra import torch_of
from augur_edge.predict.designs import F64, I64

Talk = Callable[[str], None]


@dataclass(frozen=True)
class Preset:
    """How a network is built and trained. validation: samples held out of those given; patience in epochs."""

    kind: str = "gcn"
    layers: int = 4
    hidden: int = 600
    dropout: float = 0.002
    epochs: int = 250
    learning_rate: float = 4e-4
    weight_decay: float = 5e-4
    batch: int = 5
    plateau_patience: int = 10
    stop_patience: int = 35
    warm_epochs: int = 20
    schedule: str = "plateau"
    validation: float = 0.1


PRESETS = {
    "eagle-gcn": Preset(),
    "eagle-mlp": Preset(kind="mlp"),
    "eagle-accuracy": Preset(dropout=0.2, learning_rate=3.5e-4, batch=64, schedule="cosine"),
}


def build(preset: Preset, outputs: int = 1) -> Any:
    """A fresh network: forward(adjacency [n, 9, 9], features [n, 9, 6]) gives [n, outputs]; `embed` what is before."""
    torch = torch_of()
    nn = torch.nn

    class Body(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            width = 6 if preset.kind == "gcn" else 9 * 6 + 9 * 9
            sizes = [width, *[preset.hidden] * preset.layers]
            self.steps = nn.ModuleList([nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])])
            self.norms = nn.ModuleList([nn.LayerNorm(preset.hidden) for _ in range(preset.layers)])
            self.drop = nn.Dropout(preset.dropout)
            self.last = nn.Linear(preset.hidden, outputs)

        def embed(self, adjacency: Any, features: Any) -> Any:
            x = features if preset.kind == "gcn" else torch.cat([features.flatten(1), adjacency.flatten(1)], 1)
            for i, (step, norm) in enumerate(zip(self.steps, self.norms)):
                if preset.kind == "gcn":
                    rows = adjacency[:, :1] if i == preset.layers - 1 else adjacency  # only vertex 0 is read out
                    x = step.bias + torch.bmm(rows, x @ step.weight.T)
                else:
                    x = step(x)
                x = self.drop(torch.relu(norm(x)))
            return x[:, 0] if preset.kind == "gcn" else x

        def forward(self, adjacency: Any, features: Any) -> Any:
            return self.last(self.embed(adjacency, features))

    return Body()


def tensors(cells: I64) -> tuple[Any, Any]:
    """Eagle's graph of cells, float32 tensors."""
    torch = torch_of()
    adjacency, features = eagle_arrays(cells)
    return torch.tensor(adjacency, dtype=torch.float32), torch.tensor(features, dtype=torch.float32)


def take_body(network: Any, start: Any) -> None:
    """All but the last layer of a fitted teacher's network into another one; nothing of None."""
    if start is not None:
        body = {k: v for k, v in start.network.state_dict().items() if not k.startswith("last.")}
        network.load_state_dict(body, strict=False)


class Eagle:
    """A baseline teacher for NAS-Bench-201: fit(cells int64[n, 6], y float64[n]), predict(cells) float64[m]."""

    refits = False

    def __init__(
        self,
        seed: int = 0,
        preset: Preset = PRESETS["eagle-gcn"],
        talk: Talk = lambda line: None,
        start: Any = None,
        *,
        warm_up: int = 5,
    ) -> None:
        """start: a fitted network (Eagle or Relation) whose body is taken over; its last layer is fresh, and is trained
        alone for `warm_up` epochs first.
        """
        self.seed, self.preset, self.talk, self.start, self.warm_up = seed, preset, talk, start, warm_up
        self.name = f"eagle-{preset.kind}"
        self.network: Any = None
        self.scale = 1.0
        self.left_out = np.zeros(0)

    def fit(self, vectors: I64, y: F64, held: tuple[I64, F64] | None = None) -> Eagle:
        """Trains on the samples; `held`, further ones as Eagle has them, or else a tenth, say when to stop.

        Raises UsageError for fewer than 10 samples.
        """
        if len(y) < 10:
            raise UsageError(f"{len(y)} samples: {self.name} needs at least 10")
        torch = torch_of()
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            self.network = build(self.preset)
            take_body(self.network, self.start)
            self.scale = float(y.mean())
            rows = np.zeros(0, np.int64)
            samples = vectors
            if held is None:
                rows, rest = np.split(*_held_out(len(y), self.preset.validation, self.seed))
                held = vectors[rows], y[rows]
                vectors, y = vectors[rest], y[rest]
            parts = [
                (*tensors(v), torch.tensor(t / self.scale, dtype=torch.float32)[:, None])
                for v, t in ((vectors, y), held)
            ]
            warm_up = self.warm_up if self.start is not None else 0
            for part, epochs in ((self.network.last, warm_up), (self.network, self.preset.epochs)):
                chosen = list(part.parameters())
                _epochs(self.network, chosen, parts, preset=replace(self.preset, epochs=epochs), talk=self.talk)
        self.left_out = np.full(len(samples), np.nan)
        self.left_out[rows] = self.predict(samples[rows])
        return self

    def predict(self, vectors: I64) -> F64:
        torch = torch_of()
        self.network.eval()
        with torch.no_grad():
            parts = [self.network(*tensors(part)) for part in np.array_split(vectors, len(vectors) // 1024 + 1)]
        return np.asarray(torch.cat(parts)[:, 0].double().numpy() * self.scale)


def _held_out(n: int, share: float, seed: int) -> tuple[I64, list[int]]:
    """A random order of n samples, and where those end in it that are held out."""
    return np.random.default_rng(seed).permutation(n), [max(1, round(share * n))]


def _epochs(network: Any, parameters: list[Any], parts: Any, *, preset: Preset, talk: Talk) -> None:
    """Leaves the network with the weights of the least validation loss."""
    torch = torch_of()
    optimizer = torch.optim.AdamW(parameters, lr=preset.learning_rate, weight_decay=preset.weight_decay, fused=True)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=preset.plateau_patience, threshold=0.01
    )
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=max(preset.epochs, 1))
    (adjacency, features, z), (held_a, held_f, held_z) = parts
    least, best, since = float("inf"), copy.deepcopy(network.state_dict()), 0
    epoch = -1
    for epoch in range(preset.epochs):
        network.train()
        for rows in torch.randperm(len(z)).split(preset.batch):
            optimizer.zero_grad()
            (network(adjacency[rows], features[rows]) - z[rows]).abs().sum().backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            loss = float((network(held_a, held_f) - held_z).abs().mean())
        since = 0 if loss < least else since + 1
        if loss < least:
            least, best = loss, copy.deepcopy(network.state_dict())
        if preset.schedule == "cosine":
            cosine.step()
        elif epoch > preset.warm_epochs:
            plateau.step(loss)
        if epoch > preset.warm_epochs and since > preset.stop_patience:
            break
    if epoch >= 0:
        talk(f"{epoch + 1} epochs, validation error {least:.4f} of the mean")
    network.load_state_dict(best)
