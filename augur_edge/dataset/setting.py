"""Which measurements of a store: a predictor is of one device, one runtime and one number of threads."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from augur_edge.errors import UsageError
from augur_edge.store.records import NetworkRecord, RunRecord


@dataclass(frozen=True)
class Setting:
    """What a network was measured in. As a wish, None leaves a part open."""

    device: str | None = None
    runtime: str | None = None
    threads: int | None = None

    def __bool__(self) -> bool:
        """Whether anything is asked for."""
        return self != Setting()

    def __str__(self) -> str:
        """`board-1, onnxruntime, 2 threads`; one thread goes without saying."""
        threads = f"{self.threads} threads" if self.threads not in (None, 1) else None
        return ", ".join(part for part in (self.device, self.runtime, threads) if part)

    def takes(self, other: Setting) -> bool:
        """Whether `other` is what this asks for."""
        wanted = (self.device, self.runtime, self.threads)
        return all(w in (None, o) for w, o in zip(wanted, (other.device, other.runtime, other.threads)))


def setting_of(run: RunRecord, network: NetworkRecord) -> Setting:
    """What a network of a run was measured in."""
    return Setting(run.device, network.runtime, network.info.get("options", {}).get("threads", 1))


def picked(runs: Sequence[RunRecord], wanted: Setting, source: str) -> Sequence[RunRecord]:
    """The runs with those of their networks alone that are as `wanted`.

    Raises UsageError, with the settings there are, where none is.
    """
    if not wanted:
        return runs
    there = {setting_of(run, network) for run in runs for network in run.networks}
    if not any(map(wanted.takes, there)):
        names = "; ".join(sorted(map(str, there))[:5]) or "nothing"
        raise UsageError(f"{source}: nothing was measured with {wanted}; it has {names}")
    for run in runs:
        run.networks = [network for network in run.networks if wanted.takes(setting_of(run, network))]
    return runs


def demand_store(wanted: Setting, kind: str, path: Path) -> None:
    """Raises UsageError where something is asked for of a file that does not tell settings apart."""
    if wanted and kind != "store":
        raise UsageError(f"{path}: a table, of which nothing can be picked by --device, --runtime or --threads")


def several(names: Collection[str]) -> UsageError:
    """What to say of layers of more than one setting."""
    listed = "; ".join(sorted(names)[:5])
    return UsageError(
        f"layers of {len(names)} settings ({listed}), which cost differently: of a store pick one with --device, "
        "--runtime or --threads, of tables give those of one"
    )
