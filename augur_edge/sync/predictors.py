"""Predictors on this device: looked at before they replace another, which is kept; and the way back."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

from augur_edge import config
from augur_edge.device import identify
from augur_edge.errors import AugurError, DataError, RemoteError, UsageError
from augur_edge.store.files import write_bytes
from augur_edge.sync.names import Target, predictor_name
from augur_edge.sync.ssh import Ssh, environment, explained

PREVIOUS = ".previous"
_EXIT_CODES = (1, 2, 5, 7)
_LONGEST_S = 120
_FIGURE = re.compile(r"(latency|energy)(_[a-z]+)?")  # a column that is called by what it holds, of no device


def folder_here() -> Path:
    """Where predictors lie unless told otherwise: `predictors`, beside the default store."""
    return config.default_store_path().parent / "predictors"


class UnsaidError(DataError):
    """A predictor that does not say what it was trained on."""


def check(data: bytes, name: str, any_device: bool = False) -> None:
    """Raises DataError unless `data` is a predictor that this device's kernel runs, and was trained for its kind.

    UnsaidError where it does not say for which. any_device: leaves out what it was trained for.
    """
    from augur_edge.predict import Predictor

    try:
        predictor = Predictor(data)
        meta = json.loads(predictor.meta_json or "{}")
    except (ValueError, DataError) as err:
        raise DataError(f"{name}: not a predictor for this device's kernel: {err}") from err
    if any_device:
        return
    trained, here = _trained(meta.get("training") if isinstance(meta, dict) else None), identify().id
    if not trained:
        raise UnsaidError(f"{name}: does not say what it was trained on, this is {here}; if that fits, --any-device")
    # an id ends in what tells one board from another of its kind; before that stands the kind
    if not any(_kind(here) in _kinds(device) for device in trained):
        raise DataError(f"{name}: trained for {', '.join(trained)[:80]}, this is {here}; or pass --any-device")


def _trained(training: object) -> list[str]:
    """Devices that a predictor says it was trained on: those of its layers, or the column of its architectures."""
    found = training if isinstance(training, dict) else {}
    devices = found.get("devices", [found.get("device")])
    names = [name for name in devices if isinstance(name, str)] if isinstance(devices, list) else []
    return [name for name in names if name and not _FIGURE.fullmatch(name)]


def _kinds(name: str) -> set[str]:
    """The kinds that `board-1, onnxruntime` may be of, or a column, `board-1_onnxruntime`, as ids may have a _ too."""
    parts = name.split(",", maxsplit=1)[0].split("_")
    return {_kind("_".join(parts[:n])) for n in range(1, len(parts) + 1)}


def _kind(device: str) -> str:
    return device.rpartition("-")[0] or device


def install(data: bytes, path: Path, any_device: bool = False) -> bool:
    """Put a predictor at `path` in one step, once it has passed `check`; the one it replaces stays as .previous.

    False where the same one is there already. Raises DataError, and AugurError where the folder cannot be written.
    """
    predictor_name(path.name)
    check(data, path.name, any_device)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            if path.read_bytes() == data:
                return False
            _second_name(path).replace(path.with_name(path.name + PREVIOUS))
        write_bytes(path, data)
    except OSError as err:
        raise AugurError(f"{path}: cannot be written: {err.strerror}") from err
    return True


def rollback(path: Path) -> None:
    """Swap the predictor and the one before it. Raises UsageError where none was kept."""
    previous = path.with_name(path.name + PREVIOUS)
    if not previous.is_file():
        raise UsageError(f"{path}: no predictor before it was kept")
    try:
        check(previous.read_bytes(), previous.name, any_device=True)
        current = _second_name(path) if path.exists() else None
        previous.replace(path)
        if current is not None:
            current.replace(previous)
    except OSError as err:
        raise AugurError(f"{path}: cannot be rolled back: {err.strerror}") from err


def _second_name(path: Path) -> Path:
    """For what is at `path`, so that at no time there is no predictor."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.previous")
    temporary.unlink(missing_ok=True)
    os.link(path, temporary)
    return temporary


def remote(ssh: Ssh, device: Target, words: list[str], data: bytes) -> str:
    """Run our program on a device with `data` on its stdin; what it printed.

    Raises RemoteError, and the program's own error with its exit code.
    """
    command = ssh.command(device.host, [shlex.quote(word) for word in words])
    try:
        done = subprocess.run(  # noqa: S603 - words, no shell
            command, input=data, capture_output=True, env=environment(), timeout=_LONGEST_S, check=False
        )
    except subprocess.TimeoutExpired as err:
        raise RemoteError(f"{device.host}: no end after {_LONGEST_S} s; what was there before is still there") from err
    said = done.stderr.decode("utf-8", "replace")
    if done.returncode == 127:
        raise _failed(6, f"{device.host}: no {words[0]} there; name it with --program")
    if done.returncode in _EXIT_CODES and "augur-edge: error: " in said:
        raise _failed(done.returncode, f"{device.host}: {said.split('augur-edge: error: ')[-1].strip()}")
    if done.returncode:
        raise explained(device.host, said, done.returncode)
    return done.stdout.decode("utf-8", "replace")


def _failed(code: int, text: str) -> AugurError:
    err = AugurError(text)
    err.exit_code = code
    return err
