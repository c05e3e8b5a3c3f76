"""The builder, by the name it had when only the zoo used it."""

from __future__ import annotations

from augur_edge.builder import Builder

__all__ = ["Builder"]
