"""What of a store has gone where: each run's content at the time it was offered to a target, and acknowledged by it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from augur_edge.store import sql
from augur_edge.store.owner import is_alive
from augur_edge.store.store import Store

FINAL = ("done", "failed")


@dataclass(frozen=True)
class Unsent:
    """A run that a target has not acknowledged. state: names its content, and changes with it."""

    run: str
    device: str
    created_unix_ns: int
    state: bytes
    final: bool


class Ledger:
    """The runs of `store` and the targets they went to; a target is any text that names a host and folder."""

    def __init__(self, store: Store) -> None:
        self._db = store._db

    @property
    def origin(self) -> str:
        """16 hex digits that tell this store from every other one."""
        ((origin,),) = self._db.read("SELECT id FROM origin")
        return str(origin)

    def unsent(self, target: str) -> list[Unsent]:
        """Runs that `target` has not acknowledged as they are now, in order of id; none that is being measured."""
        with self._db.transaction(write=False):
            return list(self._unsent(target))

    def _unsent(self, target: str) -> Iterator[Unsent]:
        for run_id, device, created, status, digest, owner, acknowledged in self._db.read(sql.UNSENT, (target,)):
            if status == "running" and owner is not None and is_alive(owner):
                continue
            # A run that was interrupted may go on later, and its own row would not show it.
            final = status in FINAL
            state = bytes(digest) if final else self.content(run_id, bytes(digest))
            if state != acknowledged:
                yield Unsent(run_id, device, created, state, final)

    def content(self, run_id: str, digest: bytes = b"") -> bytes:
        """A digest over those of the run's networks and measurements: equal content, equal digest, in every store."""
        hasher = hashlib.blake2b(digest, digest_size=16)
        for (part,) in self._db.rows(sql.DIGESTS_OF, (run_id,)):
            hasher.update(part)
        return hasher.digest()

    def offer(self, target: str, batch: str, runs: Iterable[Unsent]) -> None:
        """Note that these runs are on their way to `target` in `batch`."""
        with self._db.transaction():
            self._db.write_many(sql.OFFER, [(target, unsent.run, unsent.state, batch) for unsent in runs])

    def offered(self, target: str) -> list[str]:
        """Batches that were on their way to `target` when something came in between."""
        query = "SELECT DISTINCT batch FROM sent WHERE target = ? AND NOT acknowledged ORDER BY batch"
        return [batch for (batch,) in self._db.read(query, (target,))]

    def acknowledge(self, target: str, batch: str) -> None:
        """`batch` is at `target`, whole."""
        with self._db.transaction():
            query = "UPDATE sent SET acknowledged = 1 WHERE target = ? AND batch = ?"
            self._db.write(query, (target, batch))

    def sent(self, target: str) -> dict[str, str]:
        """Runs that `target` acknowledged, and the batch each went in."""
        query = "SELECT run, batch FROM sent WHERE target = ? AND acknowledged"
        return dict(self._db.read(query, (target,)))

    def forget(self, target: str, batches: Iterable[str]) -> None:
        """These batches are no longer at `target`: their runs are unsent again."""
        with self._db.transaction():
            self._db.write_many("DELETE FROM sent WHERE target = ? AND batch = ?", [(target, b) for b in batches])
