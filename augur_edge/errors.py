"""Every error a user can meet, each with the exit code the program ends with.

The text of an error is one line: what is wrong, where, and what to do next.
"""

from __future__ import annotations


class AugurError(Exception):
    """Base of all errors meant for people; anything else is a bug."""

    exit_code = 1


class UsageError(AugurError):
    """The command line, a name or a shape is wrong; `.exit_code` 2."""

    exit_code = 2


class UnsteadyError(AugurError):
    """Measured under `--strict`, but the device was not steady; `.exit_code` 3."""

    exit_code = 3


class DeviceNotReadyError(AugurError):
    """The device is too hot, too busy or slowed down, or cannot be set, and waiting did not help; `.exit_code` 4."""

    exit_code = 4


class DataError(AugurError):
    """A file is truncated, foreign, inconsistent or newer than this program; `.exit_code` 5."""

    exit_code = 5


class NewerDataError(DataError):
    """Data that a newer program wrote: sound, but not for this one to read."""


class RemoteError(AugurError):
    """A host or a device that is reached over SSH: refused, unknown, gone, full; `.exit_code` 6."""

    exit_code = 6


class MissingExtraError(AugurError):
    """An optional package or a runtime is not installed; `.exit_code` 7."""

    exit_code = 7


class InferenceError(AugurError):
    """A runtime refused a model or failed while running it; the text carries its own words."""


class PowerError(AugurError):
    """A power sensor gives nothing to rely on; `.exit_code` 4. code: one word for programs (`frozen`), said first."""

    exit_code = 4

    def __init__(self, code: str, *words: str) -> None:
        super().__init__(": ".join([code, *words]))
        self.code = code
