"""Runs made by hand, shared by the tests of the store and of its commands."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augur_edge.layers import Layer
from augur_edge.store.flat import write_csv
from augur_edge.store.lines import write_lines
from augur_edge.store.records import Measurement, NetworkRecord, RunRecord

CONV = Layer(
    "conv2d",
    inputs=((1, 64, 56, 56),),
    outputs=((1, 128, 28, 28),),
    weights=((128, 64, 3, 3), (128,)),
    kernel=(3, 3),
    stride=(2, 2),
    padding=(1, 1, 1, 1),
    dilation=(1, 1),
    activation="relu",
)
POOL = Layer("max_pool2d", ((1, 128, 28, 28),), ((1, 128, 14, 14),), kernel=(2, 2), stride=(2, 2), padding=(0,) * 4)
# what the fake runtime measures: 20 us, 40 us, …
FAKE_LAYERS = [{"name": f"layer{i}", "op": "conv2d", "durations_ns": [20_000 * (i + 1)]} for i in range(8)]


def samples(median_ns: int, n: int = 21, seed: int = 0) -> np.ndarray:
    """n block times, n odd, within 1 % of their median, which is exactly `median_ns`; in an order by `seed`."""
    steps = np.arange(n) - n // 2
    return np.random.default_rng(seed).permutation(median_ns + steps * median_ns // (100 * (n // 2)))


def layer(position: int, name: str, median_ns: int | None, **fields: Any) -> Measurement:
    """A measured layer in replay mode, or a failed one where `median_ns` is None."""
    values = {"kind": "layer", "mode": "replay", "op": "conv2d", "nodes": (f"/{name}",), "spec": CONV, **fields}
    if median_ns is None:
        return Measurement(position=position, name=name, status="failed", reason="no kernel for it", **values)
    return Measurement(position=position, name=name, samples_ns=samples(median_ns, seed=position), **values)


def whole(median_ns: int, mode: str = "replay", **fields: Any) -> Measurement:
    """The network in one call."""
    return Measurement("whole", mode, -1, "net", "network", samples_ns=samples(median_ns, seed=99), **fields)


def floor(median_ns: int, mode: str = "replay") -> Measurement:
    """The price of a call."""
    return Measurement("floor", mode, -1, "identity", "identity", loops=10, samples_ns=samples(10 * median_ns))


def network(index: int = 0, **fields: Any) -> NetworkRecord:
    """Two convolutions and a pool: 10 + 20 + 5 us, the whole 33 us, a floor of 1 us."""
    values: dict[str, Any] = {
        "name": "tiny",
        "runtime": "onnxruntime",
        "mode": "replay",
        "info": {"load_ns": 2_000_000, "first_ns": 300_000, "peak_rss_bytes": 1 << 26, "energy_reason": "no sensor"},
        "measurements": [
            layer(0, "stem.conv", 10_000),
            layer(1, "body.conv", 20_000, op="fused_conv"),
            layer(2, "pool", 5_000, op="max_pool2d", spec=POOL),
            layer(0, "stem.conv", 9_000, mode="isolated", count=1),
            whole(33_000),
            floor(1_000),
        ],
        **fields,
    }
    return NetworkRecord(index=index, **values)


def run(run_id: str = "00000000000000a1", **fields: Any) -> RunRecord:
    """A finished run of one network."""
    values: dict[str, Any] = {
        "created_unix_ns": 1_790_000_000_000_000_000,
        "device": "board-1",
        "status": "done",
        "context": {"runtime": {"name": "onnxruntime", "version": "1.2"}, "threads": 1, "temperature_c": None},
        "plan": {"precision": 0.01},
        "verdict": {"steady": True, "reasons": []},
        "finished_unix_ns": 1_790_000_060_000_000_000,
        "networks": [network()],
        **fields,
    }
    return RunRecord(id=run_id, **values)


def same(a: RunRecord, b: RunRecord) -> bool:
    """Whether two runs are equal, samples included."""
    return plain(a) == plain(b)


def plain(record: RunRecord) -> dict[str, Any]:
    """All of a run as values that `==` compares."""
    return {
        **vars(record),
        "networks": [
            {**vars(n), "measurements": [{**vars(m), "samples_ns": m.samples_ns.tolist()} for m in n.measurements]}
            for n in record.networks
        ],
    }


def lines_of(*records: RunRecord) -> str:
    """The runs as JSON Lines."""
    stream = io.StringIO()
    for record in records:
        write_lines(record, stream)
    return stream.getvalue()


def csv_of(*records: RunRecord) -> str:
    """The runs as a table in CSV."""
    stream = io.StringIO()
    write_csv(records, stream)
    return stream.getvalue()


def open_net(folder: Path) -> str:
    """A `.onnx` file of one convolution whose input `x` leaves its pixels open."""
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    weights = onnx.numpy_helper.from_array(np.ones((16, 3, 3, 3), np.float32), "w")
    ends = [helper.make_tensor_value_info(name, floats, ["n", c, "h", "w"]) for name, c in (("x", 3), ("y", 16))]
    node = helper.make_node("Conv", ["x", "w"], ["y"], "conv", pads=[1] * 4)
    graph = helper.make_graph([node], "open", ends[:1], ends[1:], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (folder / "open.onnx").write_bytes(model.SerializeToString())
    return str(folder / "open.onnx")
