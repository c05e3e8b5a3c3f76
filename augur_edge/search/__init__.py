"""Search for architectures within limits; on the device with numpy and the kernel alone."""

from augur_edge.metrics import front_of, hypervolume
from augur_edge.search.drive import Checkpoint
from augur_edge.search.evolve import evolve, exhaustive, random_search
from augur_edge.search.found import Found
from augur_edge.search.goals import Figure, Limit, ObjectiveError, Problem
from augur_edge.search.sources import from_callable, from_predictor, from_table
from augur_edge.search.work import Here

__all__ = [
    "Checkpoint", "Figure", "Found", "Here", "Limit", "ObjectiveError", "Problem", "evolve", "exhaustive",
    "from_callable", "from_predictor", "from_table", "front_of", "hypervolume", "random_search",
]  # fmt: skip
