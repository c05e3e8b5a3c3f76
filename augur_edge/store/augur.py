"""Measured convolutions to and from Augur's CSV of layers, which counts cycles of a clock and picojoules."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from augur_edge.layers import Layer
from augur_edge.models.augur_csv import AugurRow, read_augur_rows
from augur_edge.stats import summarise
from augur_edge.store.flat_read import FROM_ELSEWHERE
from augur_edge.store.records import Measurement, NetworkRecord, RunRecord
from augur_edge.window import Window, conv2d

MODE = "imported"


def augur_rows(run: RunRecord, clock_mhz: float) -> tuple[list[AugurRow], int]:
    """Rows for the measured convolutions that the format can hold, each as often as it stands in its network.

    Latency is the median in cycles of `clock_mhz`. Also returns how many other measured layers were left out.
    """
    rows: list[AugurRow] = []
    n_left_out = 0
    for network in run.networks:
        for m in network.measurements:
            if m.kind != "layer" or m.mode != network.mode or len(m.samples_ns) == 0:
                continue
            layer = None if m.spec is None else _as_augur_has_it(m.spec)
            if layer is None:
                n_left_out += m.count
                continue
            cycles = summarise(m.samples_ns, m.loops).median * clock_mhz / 1000
            rows += [AugurRow(layer, cycles, m.energy["median"] * 1e6 if m.energy else None)] * m.count
    return rows, n_left_out


def _as_augur_has_it(layer: Layer) -> Layer | None:
    """The convolution with one kernel size, stride and padding; None where that is another convolution.

    TensorFlow pads one more at the end when it strides; the format's single padding then gives the same output.
    """
    square = len(set(layer.kernel)) == len(set(layer.stride)) == len(set(layer.dilation)) == 1
    if layer.op != "conv2d" or not square or layer.dilation[0] != 1 or layer.inputs[0][0] != 1:
        return None
    padding = (max(layer.padding[0] + layer.padding[2], layer.padding[1] + layer.padding[3]) + 1) // 2
    window = Window(layer.kernel[0], layer.stride[0], padding)
    try:
        alike = conv2d(layer.inputs[0], layer.outputs[0][1], window, groups=layer.groups)
    except ValueError:
        return None
    return alike if alike.outputs == layer.outputs else None


def run_of_augur(path: Path, device: str, clock_mhz: float) -> RunRecord:
    """The layers of a file as a run of mode `imported`, one sample each; the same file always has the same id.

    Raises DataError and UsageError as `read_augur_rows` does.
    """
    rows = read_augur_rows(path)
    key = hashlib.sha256(path.read_bytes() + f"\0{device}\0{clock_mhz:g}".encode()).hexdigest()
    network = NetworkRecord(
        0, path.stem, "augur", MODE, measurements=[_measurement(i, row, clock_mhz) for i, row in enumerate(rows)]
    )
    return RunRecord(
        id=key[:16],
        created_unix_ns=time.time_ns(),
        device=device,
        status="done",
        context={"imported_from": path.name, "clock_mhz": clock_mhz},
        plan={},
        verdict={"steady": False, "reasons": [FROM_ELSEWHERE]},
        networks=[network],
    )


def _measurement(position: int, row: AugurRow, clock_mhz: float) -> Measurement:
    m = Measurement("layer", MODE, position, f"conv{position}", "conv2d", spec=row.layer)
    if row.energy_pj is not None:
        m.energy = {"median": row.energy_pj / 1e6}
    if row.latency_cycles is None:
        return replace(m, status="failed", reason="the file has no latency for it")
    return replace(m, samples_ns=np.array([round(row.latency_cycles * 1000 / clock_mhz)], np.int64))
