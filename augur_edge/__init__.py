"""Measure neural-network layers where they run, learn what they cost, and ask again in nanoseconds."""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own costs milliseconds of import
if TYPE_CHECKING:
    from augur_edge.ask import predict_file

__version__ = "0.1.0"
__all__ = ["__version__", "predict_file"]


def __getattr__(name: str) -> object:
    """`predict_file`, loaded when it is first asked for: importing augur_edge alone loads no numpy."""
    if name == "predict_file":
        from augur_edge.ask import predict_file

        return predict_file
    raise AttributeError(f"module 'augur_edge' has no attribute {name!r}")
