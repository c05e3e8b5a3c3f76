"""Values on the command line, each with one clear line where it is wrong."""

from __future__ import annotations

import argparse
import math
import re
from typing import TYPE_CHECKING

from augur_edge.errors import UsageError

if TYPE_CHECKING:
    from augur_edge.layers import Shape


def numbers(text: str) -> list[int]:
    """`1,4`: whole numbers from 1 on."""
    return _whole_numbers(text, 1)


def processors(text: str) -> list[int]:
    """`0,2`: numbers of processors; or `big`, `mid` or `little`, those of a cluster of this device."""
    from augur_edge import device
    from augur_edge.device import cpu

    if text in cpu.CLUSTER_WORDS:
        try:
            return list(cpu.cluster_called(text, device.identify().clusters).cpus)
        except UsageError as e:
            raise argparse.ArgumentTypeError(str(e)) from e
    return _whole_numbers(text, 0)


def cpus(text: str) -> list[int]:
    """`0,2` or `4-7`: numbers of processors, as the kernel writes them."""
    from augur_edge.device.reading import cpu_list

    found = cpu_list(text) if re.fullmatch(r"\d{1,4}(-\d{1,4})?(,\d{1,4}(-\d{1,4})?)*", text) else []
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r}: numbers of processors, as 0,2 or 4-7")
    return found


def megahertz(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: a clock in MHz, a whole number from 1 on")
    return int(text)


def _whole_numbers(text: str, least: int) -> list[int]:
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < least:
        raise argparse.ArgumentTypeError(f"{text!r}: whole numbers from {least} on, separated by commas")
    return found


def seed(text: str) -> int:
    """A whole number from 0 on."""
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise argparse.ArgumentTypeError(f"{text!r}: a seed, a whole number from 0 on")
    return int(text)


def share(text: str) -> float:
    """Above 0 and below 1."""
    value = _number(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: a share between 0 and 1, say 0.01")
    return value


def seconds(text: str) -> float:
    """Above 0."""
    value = _number(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: seconds, more than 0")
    return value


def celsius(text: str) -> float:
    """A temperature some device could have: above 0 and below 150 C."""
    value = _number(text)
    if not 0 < value < 150:
        raise argparse.ArgumentTypeError(f"{text!r}: degrees Celsius, between 0 and 150")
    return value


def _number(text: str) -> float:
    """NaN, which is within no limits, for what is no number."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def shape(text: str) -> tuple[str, Shape]:
    """`NAME=1,3,224,224`. Raises UsageError."""
    name, separator, sizes = text.rpartition("=")
    try:
        found = tuple(int(size) for size in sizes.split(","))
    except ValueError:
        found = ()
    if not separator or not name or not found or min(found) < 1:
        raise UsageError(f"--shape {text}: write NAME=1,3,224,224 with sizes from 1 on")
    return name, found


def bytes_per_s(text: str) -> float:
    """`500k`, `2M`: bytes a second, with k, M or G for 1000, 10^6 or 10^9 of them."""
    scale = {"k": 1e3, "M": 1e6, "G": 1e9}.get(text[-1:], 1.0)
    value = _number(text[:-1] if scale > 1 else text) * scale
    if not 1 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: bytes a second, such as 500k or 2M")
    return value
