"""Architectures and what they cost, in the formats of other people: LatBench, HELP, Eagle's raw files, block tables."""

from augur_edge.tables.archtable import ArchTable, Column
from augur_edge.tables.read import read_table

__all__ = ["ArchTable", "Column", "read_table"]
