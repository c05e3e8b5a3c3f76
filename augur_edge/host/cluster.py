"""A Dask distributed cluster as the workers of a search, each piece done again where a worker is lost."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from types import TracebackType
from typing import Any

from augur_edge.errors import AugurError, MissingExtraError, RemoteError
from augur_edge.search.goals import ObjectiveError
from augur_edge.search.recipe import Recipe, done
from augur_edge.search.work import Job, Result, Task

CONNECT_S = 5.0
WORKERS_S = 15.0  # without any worker, till the search gives up: a nanny starts a lost one again in some seconds
_POLL_S = 1.0
_AHEAD = 3  # tasks for each thread of the cluster, so that none waits for us
_RETRIES = 5  # of a task whose workers were lost while they did it


class Cluster:
    """`Workers` of the scheduler at an address such as tcp://10.0.0.1:8786. Use it as a context manager.

    Raises MissingExtraError without distributed; RemoteError where no scheduler answers, where it has no workers, and
    where all of them or the scheduler itself are lost.
    """

    live = False

    def __init__(self, address: str, recipe: Recipe) -> None:
        try:
            import distributed
        except ImportError:
            raise MissingExtraError("--scheduler needs Dask's distributed: pip install 'augur-edge[scale]'") from None
        self.address = address
        self._packed = recipe.packed()
        try:
            connect: Any = distributed.Client  # untyped
            self._client = connect(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError, ImportError, asyncio.TimeoutError) as error:
            why = " ".join(str(error).split())[:120]
            raise RemoteError(
                f"no Dask scheduler answers at {address} within {CONNECT_S:g} s ({why}); `dask scheduler` starts one"
            ) from None
        self._seen_s = self._asked_s = time.monotonic()
        self._known_threads = 0
        self._recipe: Any = None

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None) -> None:
        self._client.close(timeout=2)

    def run(self, job: Job, tasks: Iterable[Task]) -> Iterator[Result]:
        """See `Workers`. What was not begun is taken back when the search ends."""
        left, waiting = iter(tasks), deque[Any]()
        if self._recipe is None:
            # a task of its own: the scheduler makes it again, elsewhere, where the worker that holds it is lost
            self._recipe = self._client.submit(bytes, self._packed, pure=False, retries=_RETRIES)
        try:
            while True:
                most = _AHEAD * max(self._threads(), 1)
                waiting.extend(map(self._sent, islice(left, max(most - len(waiting), 0))))
                if not waiting:
                    return
                yield self._result(waiting[0])
                waiting.popleft()
        finally:
            if waiting and self._client.status == "running":
                self._client.cancel(list(waiting))

    def _sent(self, task: Task) -> Any:
        return self._client.submit(done, self._recipe, task, pure=False, retries=_RETRIES)

    def _threads(self) -> int:
        """Of all workers, asked for now and then. Raises RemoteError where there are none for too long."""
        now_s = time.monotonic()
        if self._known_threads and now_s - self._asked_s < _POLL_S:
            return self._known_threads
        self._asked_s = now_s
        try:
            self._known_threads = sum(self._client.nthreads().values()) if self._client.status == "running" else 0
        except (OSError, asyncio.TimeoutError):  # the connection broke while it was asked
            self._known_threads = 0
        if self._known_threads:
            self._seen_s = now_s
        elif now_s - self._seen_s > WORKERS_S:
            here = self._client.status == "running"
            what = f"{self.address} has no workers" if here else f"the scheduler at {self.address} is lost"
            raise RemoteError(f"{what}, for {WORKERS_S:g} s" + ("; start some with `dask worker`" if here else ""))
        return self._known_threads

    def _result(self, future: Any) -> Result:
        while True:
            try:
                found = future.result(timeout=_POLL_S)
                break
            except (asyncio.TimeoutError, TimeoutError):
                self._threads()
            except (Exception, asyncio.CancelledError) as error:
                raise RemoteError(self._lost(error)) from error
        if isinstance(found, Result):
            return found
        text, part = found
        if part is None:
            raise AugurError(text)
        failed = ObjectiveError(text)
        failed.part = part
        raise failed

    def _lost(self, error: BaseException) -> str:
        kind, text = type(error).__name__, " ".join(str(error).split())[:200]
        if kind == "KilledWorker":
            return f"{self.address}: a piece of the search ended every worker that did it; look at the workers' logs"
        if kind in {"CancelledError", "FutureCancelledError"}:
            return f"the scheduler at {self.address} is lost"
        return f"{self.address}: {kind}: {text}"
