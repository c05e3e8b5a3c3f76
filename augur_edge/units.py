"""Base units to text for people. Files and fields hold base units (ns, uj, mw, bytes); only the CLI scales them."""

from __future__ import annotations

_TIMES = ((1e9, "s"), (1e6, "ms"), (1e3, "us"), (1.0, "ns"))
_ENERGIES = ((1e6, "J"), (1e3, "mJ"), (1.0, "uJ"), (1e-3, "nJ"))
_SIZES = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B"))
_COUNTS = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))


def _scaled(value: float, scales: tuple[tuple[float, str], ...], digits: int) -> str:
    for scale, name in scales:
        if abs(value) >= scale:
            return f"{value / scale:.{digits}f} {name}".rstrip()
    return f"{value / scales[-1][0]:.{digits}f} {scales[-1][1]}".rstrip()


def time_text(ns: float | None, digits: int = 2) -> str:
    """`1500.0` ns -> `"1.50 us"`; `None` (unknown) -> `"-"`."""
    return "-" if ns is None else _scaled(ns, _TIMES, digits)


def energy_text(uj: float | None, digits: int = 2) -> str:
    """`1500.0` uJ -> `"1.50 mJ"`; `None` (unknown) -> `"-"`."""
    return "-" if uj is None else _scaled(uj, _ENERGIES, digits)


def size_text(n_bytes: float | None, digits: int = 1) -> str:
    """`1536` bytes -> `"1.5 KiB"`; `None` (unknown) -> `"-"`."""
    return "-" if n_bytes is None else _scaled(n_bytes, _SIZES, digits)


def count_text(count: float | None, digits: int = 1) -> str:
    """`1814083944` -> `"1.8 G"` (MACs, parameters); `None` (unknown) -> `"-"`."""
    return "-" if count is None else _scaled(count, _COUNTS, digits)
