"""The worker of `remote`: interpreters under an external delegate, loaded, run and timed on request."""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any

import numpy as np

from augur_edge import timing


class Interpreters:
    """What the requests of the parent act on. Every public method but `forget` is a request, its result the answer."""

    def __init__(self) -> None:
        self._make: Any = None
        self._tasks: dict[int, Any] = {0: timing.CallTask(lambda: None)}
        self._kept: dict[int, Any] = {}

    def open(self, package: str, library: str) -> dict[str, Any]:
        """Load `library` as a delegate with the interpreter of `package`; a delegate made to see whether it can be."""
        if package == "pycoral":
            edgetpu = importlib.import_module("pycoral.utils.edgetpu")
            interpreter = importlib.import_module("tflite_runtime.interpreter")
            self._make = lambda path: edgetpu.make_interpreter(path, delegate=interpreter.load_delegate(library))
        else:
            interpreter = importlib.import_module(f"{package}.interpreter")
            self._make = lambda path: interpreter.Interpreter(
                model_path=path, experimental_delegates=[interpreter.load_delegate(library)]
            )
        self._kept[0] = interpreter.load_delegate(library)
        return {}

    def load(self, id: int, path: str) -> dict[str, Any]:  # noqa: A002 - the word of the request
        """Interpreter number `id` of the model at `path`, with random inputs, run once."""
        start = timing.now_ns()
        interpreter = self._make(path)
        interpreter.allocate_tensors()
        load_ns = timing.now_ns() - start
        rng = np.random.default_rng(0)
        for detail in interpreter.get_input_details():
            interpreter.set_tensor(detail["index"], _random(rng, detail["shape"], np.dtype(detail["dtype"])))
        start = timing.now_ns()
        interpreter.invoke()
        self._kept[id], self._tasks[id] = interpreter, timing.CallTask(interpreter.invoke)
        return {"load_ns": load_ns, "first_ns": timing.now_ns() - start}

    def forget(self, ids: list[int]) -> None:
        """Let go of interpreters."""
        for i in ids:
            del self._tasks[i], self._kept[i]

    def time(self, id: int, loops: int, blocks: int) -> dict[str, Any]:  # noqa: A002
        """`blocks` blocks of `loops` calls."""
        out = np.zeros(blocks, np.int64)
        timing.time_blocks(self._tasks[id], loops, out)
        return {"ns": out.tolist()}

    def replay(self, ids: list[int], passes: int) -> dict[str, Any]:
        """The tasks one after the other, pass after pass."""
        out = np.zeros(passes * len(ids), np.int64)
        timing.replay([self._tasks[i] for i in ids], out)
        return {"ns": out.tolist()}


def _random(rng: np.random.Generator, shape: Any, dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "f":
        return rng.standard_normal(tuple(shape)).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(max(limits.min, -128), min(limits.max, 127), tuple(shape), dtype=dtype, endpoint=True)


def _serve(answers: Any) -> None:
    interpreters = Interpreters()
    for line in sys.stdin:
        request = json.loads(line)
        interpreters.forget(request.pop("forget"))
        try:
            answer = getattr(interpreters, request.pop("do"))(**request)
        except Exception as e:  # whatever a library raises is the parent's to tell
            answer = {"error": " ".join(str(e).split())[:500] or type(e).__name__, "kind": type(e).__name__}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    with os.fdopen(int(sys.argv[1]), "w") as stream:
        _serve(stream)
