"""Files to data sets: merged, in units, refused in one line."""

from __future__ import annotations

import json

import numpy as np
import pytest
from machine import HEADER, short_layers, write_augur

from augur_edge.dataset import reading
from augur_edge.dataset.reading import read_dataset
from augur_edge.dataset.rows import Row, folds, leave_out, merge, summary
from augur_edge.dataset.setting import Setting
from augur_edge.errors import AugurError, DataError, UsageError
from augur_edge.predict.encode import from_short
from augur_edge.store import Measurement, NetworkRecord, RunRecord, Store
from augur_edge.store.flat import write_csv
from augur_edge.window import Window, conv2d

ROW = "3,56,56,64,64,1,1,1"


def test_an_augur_file_in_units(tmp_path):
    path = tmp_path / "net.csv"
    path.write_text(f"{HEADER}\n{ROW},1000,2000000\n{ROW},1000,2000000\n1,7,7,8,8,1,0,1,50,\n")
    data = read_dataset([path], clock_mhz=500)
    assert len(data) == 2 and data.n_rows == 3 and data.n_conflicts == 0
    assert data.targets["latency"].tolist() == [2000.0, 100.0]
    assert data.targets["energy"][0] == 2.0 and np.isnan(data.targets["energy"][1])
    assert data.names == ["net"] and data.networks == ({"net": 2}, {"net": 1})
    assert len(data.known("energy")) == 1


def test_equal_layers_with_different_targets_give_their_median_and_a_warning(tmp_path, capsys):
    path = tmp_path / "net.csv"
    path.write_text(f"{HEADER}\n" + "".join(f"{ROW},{c},1\n" for c in (100, 200, 300)))
    data = read_dataset([path])
    assert data.targets["latency"].tolist() == [400.0]
    assert "1 layers were measured more than once" in capsys.readouterr().err


def test_any_table_with_its_units(tmp_path):
    spec = conv2d((1, 64, 56, 56), 64, Window(3, 1, 1))
    wide = tmp_path / "wide.csv"
    specs = tmp_path / "specs.csv"
    text = json.dumps(spec.to_dict()).replace('"', '""')
    specs.write_text(f'spec,latency_ms\n"{text}",0.002\n')
    first = read_dataset([specs])
    assert first.targets["latency"].tolist() == pytest.approx([2000.0])
    wide.write_text(f"{','.join(HEADER.split(',')[:8])},latency_us,energy_mj,network\n{ROW},2,0.5,a\n")
    second = read_dataset([wide])
    assert second.targets["energy"].tolist() == [500.0] and second.names == ["a"]
    assert first.keys() == second.keys()


def test_parquet(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    pyarrow = pytest.importorskip("pyarrow")
    columns = dict(zip(HEADER.split(",")[:8], ([int(v)] for v in ROW.split(","))))
    parquet.write_table(pyarrow.table({**columns, "latency_us": [2.0]}), tmp_path / "t.parquet")
    assert read_dataset([tmp_path / "t.parquet"]).targets["latency"].tolist() == [2000.0]


def run_record(device="board"):
    spec = conv2d((1, 8, 14, 14), 16, Window(3, 1, 1))
    layers = [
        Measurement("layer", "isolated", i, f"c{i}", "conv2d", spec=spec, loops=2, samples_ns=np.array([200, 202, 198]))
        for i in range(2)
    ]
    layers[0].energy = {"median": 3.0}
    whole = Measurement("whole", "isolated", -1, "net", "", samples_ns=np.array([250]))
    return RunRecord(
        "0" * 15 + device[-1], 1, device, "done", {}, {}, {"steady": True, "reasons": []},
        networks=[NetworkRecord(0, "net", "fake", "isolated", measurements=[*layers, whole])],
    )  # fmt: skip


def test_a_store_and_its_export(tmp_path):
    with Store(tmp_path / "s.db") as store:
        store.add_run(run_record())
    with (tmp_path / "t.csv").open("w") as stream:
        write_csv([run_record()], stream)
    for name in ("s.db", "t.csv"):
        data = read_dataset([tmp_path / name])
        assert data.targets["latency"].tolist() == [100.0] and data.targets["energy"].tolist() == [3.0]
        assert data.networks == ({"net": 2},)
        assert [(w.name, len(w.layers), w.latency_ns) for w in data.wholes] == [("net", 2, 250.0)]


def test_two_devices_are_not_one(tmp_path):
    with Store(tmp_path / "s.db") as store:
        store.add_run(run_record("board-1"))
        store.add_run(run_record("board-2"))
    with pytest.raises(UsageError, match=r"layers of 2 settings \(board-1, fake; board-2, fake\),.* pick one"):
        read_dataset([tmp_path / "s.db"])


def test_one_of_several_settings_is_picked(tmp_path):
    """A store that was measured with two runtimes and numbers of threads is training data for each of them."""
    settings = [("onnxruntime", 1, 100), ("litert", 1, 200), ("litert", 2, 400)]
    spec = conv2d((1, 8, 14, 14), 8, Window(3, 1, 1))
    path = tmp_path / "s.db"
    with Store(path) as store:
        for i, (runtime, threads, ns) in enumerate(settings):
            timed = Measurement("layer", "isolated", 0, "a", "conv2d", spec=spec, samples_ns=np.full(9, ns))
            net = NetworkRecord(0, "n", runtime, "isolated", {"options": {"threads": threads}}, [timed])
            store.add_run(RunRecord(f"{i:016x}", i, "board", "done", {}, {}, networks=[net]))
    for runtime, threads, ns in settings:
        wanted = Setting(runtime=runtime, threads=threads)
        assert read_dataset([path], setting=wanted).targets["latency"].tolist() == [ns]
    assert read_dataset([path], setting=Setting("board", "onnxruntime")).devices == {"board, onnxruntime"}
    with pytest.raises(UsageError, match="litert; board, litert, 2 threads"):
        read_dataset([path], setting=Setting(runtime="litert"))
    with pytest.raises(UsageError, match="nothing was measured with tensorrt; it has board, litert; board, litert, 2"):
        read_dataset([path], setting=Setting(runtime="tensorrt"))
    (tmp_path / "net.csv").write_text(f"{HEADER}\n{ROW},1000,2000000\n")
    with pytest.raises(UsageError, match=r"net\.csv: a table"):
        read_dataset([tmp_path / "net.csv"], setting=Setting(runtime="litert"))
    assert len(read_dataset([path], steady=False)) == 1, "what is to be left out is so whatever it was measured in"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no layer columns"),
        ("a,b\n1,2\n", "no layer columns"),
        (f"{HEADER}\n{ROW},-5,1\n", "not a positive number"),
        (f"{HEADER}\n{ROW},nan,1\n", "not a positive number"),
        (f"{HEADER}\n{ROW},0,1\n", "not a positive number"),
        (f"{HEADER},colour\n{ROW},1,1,red\n", "unknown column"),
        (f"{','.join(HEADER.split(',')[:8])}\n{ROW}\n", "one column with its unit"),
        (f"{','.join(HEADER.split(',')[:8])},latency_us,latency_ms\n{ROW},1,2\n", "one column with its unit"),
        (f"{','.join(HEADER.split(',')[:8])},latency_us,hue\n{ROW},1,2\n", "unknown column 'hue'"),
        (f"{','.join(HEADER.split(',')[:8])},latency_us\n{ROW}\n", "8 values under 9 columns"),
        (f"{','.join(HEADER.split(',')[:8])},latency_us\n3,56,56,64,64,1,1,7,1\n", "not a layer"),
        (f"{','.join(HEADER.split(',')[:8])},latency_us\n3.5,56,56,64,64,1,1,1,1\n", "not a whole number"),
        (f"{','.join(HEADER.split(',')[:8])},latency_us\n1e300,56,56,64,64,1,1,1,1\n", "not a layer"),
        ('spec,latency_us\n"{}",1\n', "lacks its 'op'"),
        (f"{HEADER}\n{ROW},,\n", "no measured layers"),
    ],
)
def test_bad_files_in_one_line(tmp_path, text, words):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(AugurError) as error:
        read_dataset([path])
    assert words in str(error.value) and "\n" not in str(error.value)


def test_the_same_layer_in_two_units(tmp_path):
    (tmp_path / "a.csv").write_text(f"{','.join(HEADER.split(',')[:8])},latency_us\n{ROW},2000\n")
    (tmp_path / "b.csv").write_text(f"{','.join(HEADER.split(',')[:8])},latency_ms\n{ROW},2000\n")
    with pytest.raises(DataError, match=r"takes 2e\+06 ns in .*a\.csv and 2e\+09 in .*b\.csv: mixed units\?"):
        read_dataset([tmp_path])


def test_rows_without_a_device_beside_some_of_one(tmp_path, capsys):
    (tmp_path / "a.csv").write_text(
        f"{','.join(HEADER.split(',')[:8])},latency_us,device\n{ROW},2,board\n1{ROW[1:]},2,\n"
    )
    assert len(read_dataset([tmp_path])) == 2
    assert "1 of 2 rows name no device: taken to be of board" in capsys.readouterr().err


def test_tables_beyond_memory(tmp_path):
    for name in ("a.csv", "a.parquet"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(300 << 30)  # sparse: it takes no room
        with pytest.raises(DataError, match="322 GB; a table of layers has at most 1 GB"):
            read_dataset([tmp_path / name])


def test_a_small_parquet_file_of_too_many_rows(tmp_path, monkeypatch):
    parquet = pytest.importorskip("pyarrow.parquet")
    pyarrow = pytest.importorskip("pyarrow")
    monkeypatch.setattr(reading, "MOST_ROWS", 1000)
    parquet.write_table(pyarrow.table({"latency_us": [1.0] * 1001}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match="1001 rows; a table of layers has at most 1000"):
        read_dataset([tmp_path / "t.parquet"])


def test_the_summary_says_ranges_gaps_and_outliers(tmp_path):
    lines = [f"3,56,56,{c},{c},1,1,1,{c * c * 10}" for c in (*range(8, 40), 512)] + ["3,56,56,41,41,1,1,1,900000000"]
    (tmp_path / "a.csv").write_text(f"{','.join(HEADER.split(',')[:8])},latency_us\n" + "\n".join(lines))
    said = summary(read_dataset([tmp_path]), "latency")
    assert "34 distinct layers of 34 rows" in said[0]
    assert "out_c: 8 to 512, 34 values, none between 41 and 512" in said
    assert any("deviations" in line for line in said) and "stride_h: 1 to 1, 1 values" in said


def test_what_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        read_dataset([tmp_path / "none.csv"])
    with pytest.raises(UsageError, match=r"no \.csv or \.parquet"):
        read_dataset([tmp_path])


def test_no_exact_layer_on_both_sides_of_a_split(tmp_path):
    layers = short_layers(60)
    paths = [write_augur(tmp_path / f"n{i}.csv", layers[15 * i : 15 * i + 30]) for i in range(3)]
    data = read_dataset(paths)
    keys = data.keys()
    splits = [
        *folds(len(data), 5, 0),
        *((a, b) for _, a, b in leave_out(data)),
        *((a, b) for _, a, b in leave_out(data, "source")),
    ]
    assert len(splits) == 11
    for train, test in splits:
        assert len(test) and not {keys[i] for i in train} & {keys[i] for i in test}
        assert len(train) + len(test) == len(data)
    assert [len(data.take(a)) for _, a, _ in leave_out(data)] == [30, 30, 30]
    assert len(data.without(read_dataset(paths[:1]))) == 30


def test_folds_test_each_layer_once():
    tested = np.concatenate([test for _, test in folds(23, 5, 1)])
    assert sorted(tested.tolist()) == list(range(23))


def test_a_call_is_learnt_from_the_networks_that_were_replayed():
    short = np.array([[1, 14, 14, c, c, 1, 0, 1] for c in range(64, 84)], np.int64)
    layers = [tuple(row) for row in from_short(short).tolist()]
    rows = [
        Row(layer, {"latency": 5000.0 + 120 * i}, f"n{i}", "f", call_ns=1000.0 + 20 * i)
        for i, layer in enumerate(layers)
    ]
    data = merge(rows)
    assert data.calls is not None and data.calls.usual_ns == 1190.0
    assert data.targets["latency"].tolist() == [5190.0 + 100 * i for i in range(20)]
    assert data.calls.of(np.array([5190.0])) < data.calls.usual_ns < data.calls.of(np.array([7090.0]))
    assert data.take(np.arange(3)).calls == data.calls
    assert merge(rows[:7]).calls is None


def replayed(path, floors):
    """A store with a network for each of floors, in ns: its floor, and one layer of its own."""
    networks = []
    for i, floor in enumerate(floors):
        layer = conv2d((1, 8 + i, 14, 14), 8, Window(3, 1, 1))
        measured = [
            Measurement("floor", "replay", -1, "floor", "identity", samples_ns=np.full(9, floor)),
            Measurement("layer", "replay", 0, "a", layer.op, spec=layer, samples_ns=np.full(9, 5000), status="ok"),
        ]
        networks.append(NetworkRecord(i, f"n{i}", "onnxruntime", "replay", {}, measured))
    with Store(path) as store:
        run = RunRecord("1" * 16, 1, "board", "done", {}, {})
        store.start_run(run)
        for network in networks:
            store.put_network(run.id, network)
            store.save(run.id, network.index, network.measurements)
        store.finish_run(run.id, "done", None, {})


def test_networks_of_a_slowed_processor_are_left_out_and_said(tmp_path, capsys):
    replayed(tmp_path / "a.db", [930, 940, 1600, 1020])
    data = read_dataset([tmp_path / "a.db"])
    assert data.names == ["n0", "n1", "n3"]
    assert "a.db: 1 networks left out: an empty call took over 1.15 times" in capsys.readouterr().err
    assert len(read_dataset([tmp_path / "a.db"], steady=False)) == 4
    assert capsys.readouterr().err == ""
