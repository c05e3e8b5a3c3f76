from __future__ import annotations

import gzip
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from augur_edge.errors import DataError, UsageError
from augur_edge.tables import read_table
from augur_edge.tables.archtable import device_of
from augur_edge.tables.blocks import layers_of_key, ofa_keys, predicted_blocks, read_blocks, write_blocks
from augur_edge.tables.write import write_arch_csv, write_npz

CELLS = {(1, 0, 0, 2, 2, 4): 0.0015, (0, 1, 2, 3, 4, 0): 0.0021, (3, 3, 3, 3, 3, 3): 0.0040}


def latbench(path: Path, data: object) -> Path:
    path.write_bytes(pickle.dumps(data))
    return path


def test_latbench(tmp_path):
    table = read_table(latbench(tmp_path / "board.pickle", CELLS))
    rows, values, remarks = table.usable("board")
    assert table.space == "nasbench201" and table.columns["board"].unit == "ns" and remarks == []
    assert {tuple(table.vectors[r]): v / 1e9 for r, v in zip(rows, values)} == pytest.approx(CELLS)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "a dict of vector and latency"),
        ({(1, 2): 0.5}, "name it with --space"),
        ({(1,) * 6: 0.5, (1,) * 5: 0.5}, "tuples of whole numbers of one length"),
        ({"abcdef": 0.5}, "tuples of whole numbers"),
        ({(1, 2, 3, 4, 5, 0): 0.5}, r"position 4 \(edge 1>3\) is 5; legal: 0 none"),
        ({(1,) * 6: "fast"}, "is no number"),
    ],
)
def test_latbench_of_another_kind(data, message, tmp_path):
    with pytest.raises((DataError, UsageError), match=message):
        read_table(latbench(tmp_path / "x.pickle", data))


def test_help_arrays_both_ways(tmp_path):
    columns = {"a": CELLS, "b": {k: 2 * v for k, v in list(CELLS.items())[:2]}}
    write_npz(columns, tmp_path / "t.npz")
    with (tmp_path / "t.csv").open("w") as stream:
        write_arch_csv(columns, stream)
    for table, suffix in ((read_table(tmp_path / "t.npz"), ""), (read_table(tmp_path / "t.csv"), "_ms")):
        rows, values, remarks = table.usable(f"b{suffix}")
        assert [tuple(v) for v in table.vectors.tolist()] == list(CELLS)
        np.testing.assert_allclose(values, [3.0e6, 4.2e6])
        assert rows.tolist() == [0, 1] and "1 of 3 have no figure" in remarks[0]


def test_faults_of_a_measurement_are_counted(tmp_path):
    vectors = np.stack(np.unravel_index(np.arange(300), (5,) * 6), axis=1).astype(np.int8)
    values = np.random.default_rng(0).integers(10, 20, 300).astype(np.float64)
    values[:3], values[3] = 0, 1e-4
    np.savez(tmp_path / "t.npz", arch_vector=vectors, phone=np.rint(values), board=values)
    table = read_table(tmp_path / "t.npz")
    rows, kept, remarks = table.usable("board")
    assert len(rows) == len(kept) == 296
    assert "3 of 300 are zero or less" in remarks[0] and "1 of 300 are below 1%" in remarks[1]
    assert "whole numbers only, 10 different ones in 296 rows" in table.usable("phone")[2][-1]


def test_names_that_are_not_there(tmp_path):
    np.savez(tmp_path / "t.npz", arch_vector=np.zeros((1, 6), np.int8), pixel2=np.ones(1), pixel3=np.ones(1))
    table = read_table(tmp_path / "t.npz")
    with pytest.raises(UsageError, match="no device 'pixle2'; did you mean pixel2"):
        table.column("pixle2")
    with pytest.raises(UsageError, match="several devices; name one"):
        table.column()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.ones(3)}, "no arch_vector among a"),
        ({"arch_vector": np.zeros((2, 6), np.int8), "a": np.ones(2)}, r"\[0, 0, 0, 0, 0, 0\] is there 2 times"),
        ({"arch_vector": np.eye(2, 6, dtype=np.int8), "a": np.ones(3)}, "for 2 architectures"),
        ({"arch_vector": np.eye(2, 6), "a": np.ones(2)}, "whole numbers"),
        ({"arch_vector": np.eye(2, 6, dtype=np.int8), "a": np.array(["x", "y"])}, "no column of numbers"),
        ({"arch_vector": np.array([None, None]), "a": np.ones(2)}, "no arrays to be read"),
    ],
)
def test_bad_arrays(arrays, message, tmp_path):
    np.savez(tmp_path / "t.npz", **arrays)
    with pytest.raises(DataError, match=message):
        read_table(tmp_path / "t.npz")


def test_csv_with_units_and_rows_by_text(tmp_path):
    text = (
        "arch_vector,task,latency_ms,energy_mj,accuracy\n4 2 1 2 1 1,a,1.5,2.5,60\n4 2 1 2 1 1,b,3,4,70\n"
        "|nor_conv_3x3~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|,b,5,6,71\n"
    )
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    table = read_table(path, where={"task": "b"})
    assert {k: (c.unit, c.values.tolist()) for k, c in table.columns.items()} == {
        "latency_ms": ("ns", [3e6, 5e6]), "energy_mj": ("uj", [4e3, 6e3]), "accuracy": ("percent", [70.0, 71.0]),
    }  # fmt: skip
    assert table.vectors.tolist() == [[4, 2, 1, 2, 1, 1], [3, 0, 0, 3, 0, 0]]
    with pytest.raises(DataError, match="2 times"):
        read_table(path)
    with pytest.raises(UsageError, match="no column 'tsk'"):
        read_table(path, where={"tsk": "b"})
    path.write_bytes(gzip.compress(text.encode())[:40])
    with pytest.raises(DataError, match="damaged"):
        read_table(path)


def test_a_csv_line_that_is_wrong_is_named(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("arch_vector,latency_ms\n4 2 1 2 1 1,1\n|conv~0|,2\n")
    with pytest.raises(DataError, match=r"t\.csv:3: nasbench201"):
        read_table(path)
    path.write_text("arch_vector,latency_ms\n4 2 1 2 1 1\n")
    with pytest.raises(DataError, match=r"t\.csv:2: not as many fields"):
        read_table(path)


def test_a_block_is_its_layers():
    key = "expanded_conv-input:10x10x136-output:5x5x192-expand:408-kernel:5-stride:2-idskip:0-se:1-hs:1"
    layers = layers_of_key(key)
    assert [x.op for x in layers if x.macs] == ["conv2d"] * 5
    expand, depthwise, _, _, project = (x for x in layers if x.macs)
    assert (expand.outputs, depthwise.outputs, project.outputs) == (
        ((1, 408, 10, 10),), ((1, 408, 5, 5),), ((1, 192, 5, 5),),
    )  # fmt: skip
    assert depthwise.groups == 408 and depthwise.kernel == (5, 5)
    for bad in (
        "x",
        key.replace("5x5x192", "6x6x192"),
        key.replace("kernel:5", "kernel:4"),
        key[:40],
        "Conv" + key[13:],
    ):
        with pytest.raises(ValueError):
            layers_of_key(bad)


def test_a_table_from_a_predictor_reads_back(tmp_path):
    blocks = predicted_blocks(ofa_keys(128), lambda layer: layer.macs / 7)
    with (tmp_path / "t.json").open("w") as stream:
        write_blocks(blocks, stream)
    again = read_blocks(tmp_path / "t.json")
    assert [(b.key, b.layers) for b in again] == [(b.key, b.layers) for b in blocks] and len(again) == 96
    np.testing.assert_allclose([b.mean_ns for b in again], [b.mean_ns for b in blocks])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON"),
        ("[]", "not a table"),
        ('{"Conv": {"mean": 1, "count": 1}}', "Conv: no key"),
        ('{"a": {"mean": 1, "std": 1}}', "a: not"),
        ('{"a": {"mean": 1, "count": null}}', "a: not"),
        ('{"a": {"mean": 1, "count": 1.5}}', "a: not"),
        ('{"a": {"count": 1}}', "a: not"),
        ('{"a": {"mean": -1}}', "a: not"),
    ],
)
def test_bad_block_tables(text, message, tmp_path):
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(DataError, match=message):
        read_blocks(tmp_path / "t.json")


@pytest.mark.parametrize("resolution", [160, 176, 192, 208, 224])
def test_the_blocks_of_once_for_all_are_those_measured_on_a_jetson(resolution, data_folder):
    measured = read_blocks(data_folder / f"jetson_ofa_blocks/{resolution}_lookup_table.json")
    assert {b.key for b in measured} == set(ofa_keys(resolution, 120))


def test_the_files_of_others(data_folder):
    table = read_table(data_folder / "latbench/embeeded-tpu-edgetpu-int8.pickle")
    assert len(table.vectors) == 15284
    wide = read_table(data_folder / "nasbench201_latency_ms.npz")
    assert len(wide.columns) == 24 and wide.usable("pixel2")[2] and wide.usable("pixel3")[2]
    assert read_table(data_folder / "fbnet_latency_ms.npz").space == "fbnet"
    pi = read_table(data_folder / "pi5_nasbench201.csv.gz", where={"framework": "litert", "task": "cifar100"})
    assert {c.unit for c in pi.columns.values()} == {"ns", "uj", "percent"}


def test_a_file_that_is_no_npz(tmp_path):
    np.save((tmp_path / "t.npz").open("wb"), np.zeros((2, 6), np.int8))
    (tmp_path / "u.npz").write_bytes(b"PK junk")
    for name in ("t.npz", "u.npz"):
        with pytest.raises(DataError, match="file that its name says"):
            read_table(tmp_path / name)
    with pytest.raises(UsageError, match="No such file"):
        read_table(tmp_path / "none.npz")


def test_a_deviation_that_is_not_known_is_none(tmp_path):
    path, key = tmp_path / "t.json", "Conv_2-input:1x1x8-output:1x1x16"
    for entry, std in (
        ('"count": 3, "mean": 1, "std": 0.5', 5e5),
        ('"count": 3, "mean": 1', None),
        ('"count": 0, "mean": 1, "std": 0', None),
    ):
        path.write_text(f'{{"{key}": {{{entry}}}}}')
        (block,) = read_blocks(path)
        assert block.std_ns == std
        with path.open("w") as stream:
            write_blocks([block], stream)
        assert json.loads(path.read_text())[key]["std"] == (None if std is None else 0.5)


@pytest.mark.parametrize(
    ("column", "device"),
    [("board_ms", "board"), ("x_onnxruntime_2threads_ms", "x_onnxruntime_2threads"), ("pixel2", "pixel2"), ("ms", "ms"),
     ("samsung_s7", "samsung_s7"), ("board_MJ", "board")],
)  # fmt: skip
def test_a_columns_unit_is_no_part_of_its_device(column, device):
    assert device_of(column) == device
