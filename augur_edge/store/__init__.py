"""The store of measurements: what was measured, where and how, with every raw sample."""

from augur_edge.store.document import measure_document
from augur_edge.store.records import Measurement, NetworkRecord, RunRecord
from augur_edge.store.store import Store, new_run_id

__all__ = ["Measurement", "NetworkRecord", "RunRecord", "Store", "measure_document", "new_run_id"]
