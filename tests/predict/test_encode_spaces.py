from __future__ import annotations

import random
import re
from pathlib import Path

import numpy as np
import pytest

from augur_edge import _kernel, spaces
from augur_edge.errors import DataError, UsageError
from augur_edge.predict import Predictor
from augur_edge.predict import encode_spaces as es
from augur_edge.predict.format import dumps, loads
from augur_edge.predict.model import ENCODERS, Base, Feature, Level, Model, Table, Tree

HEADER = (Path(__file__).parents[2] / "csrc/include/augur/format.h").read_text()
CELLS = np.stack(np.unravel_index(np.arange(15625), (5,) * 6, order="F"), axis=1).astype(np.uint8).copy()


pytestmark = pytest.mark.usefixtures("restore_kernel")


def vectors_of(name: str, count: int = 300) -> np.ndarray:
    if name == "nasbench201/1":
        return CELLS
    space = spaces.get(es.ENCODERS[name].space)
    return np.array(space.sample(count, random.Random(1)), np.uint8)


def model_of(name: str, seed: int, leaves: str = "float32", **fields) -> Model:
    """Trees over 20 features, a table for every slot that is small, a linear base, an exp link."""
    rng = np.random.default_rng(seed)
    names = es.feature_names(name)
    ids = rng.choice(len(names), 20, replace=False)
    x = es.features(name, vectors_of(name))[:, ids]
    trees = []
    for depth in (1, 3, 6, 6, 6, 8) * 4:
        features = rng.integers(0, 20, depth)
        cuts = np.array([rng.choice(x[:, f]) for f in features], np.float32)
        trees.append(Tree(features, cuts, rng.normal(size=1 << depth).astype(np.float32) / 50))
    sizes = es.slot_sizes(name)
    tables = tuple(Table(i, rng.normal(size=n).astype(np.float32) / 10) for i, n in enumerate(sizes) if n < 100)
    used = tuple(Feature(names[i], int(i), float(lo), float(hi)) for i, lo, hi in zip(ids, x.min(0), x.max(0)))
    base = Base("log-linear", 0.5, rng.normal(size=(1, 20)) / 100)
    model = Model(used, tuple(trees), name, link="exp", base=base, tables=tables[:128], **fields)
    return model.quantised() if leaves == "int16" else model


def answers(model: Model, vectors: np.ndarray) -> np.ndarray:
    """Point 6 of the format in numpy, to within its last bits."""
    x = es.features(model.encoder, vectors)[:, [f.id for f in model.features]]
    places = es.slots(model.encoder, vectors)
    score = np.full(len(x), model.bias)
    for tree in model.trees:
        index = ((x[:, tree.features] > tree.thresholds) << np.arange(tree.depth)).sum(axis=1)
        score += tree.leaves[index].astype(np.float64) * model.scale
    score += sum(t.values[places[:, t.slot]].astype(np.float64) for t in model.tables)
    if model.base is not None:
        score += model.base.constant + np.log(np.maximum(x.astype(np.float64), 1)) @ model.base.weights[0]
    return np.exp(score) if model.link == "exp" else score


def test_codes_and_counts_are_those_of_the_header():
    codes = dict(re.findall(r"AUGUR_ENCODER_(\w+) = (\d+)", HEADER))
    for name, encoder in es.ENCODERS.items():
        assert int(codes[encoder.space.upper()]) == encoder.code == ENCODERS[name][0]
        assert len(encoder.names) == len(set(encoder.names)) <= int(re.search(r"MAX_SPACE_FEATURES (\d+)", HEADER)[1])
    assert {e.space for e in es.ENCODERS.values()} == set(spaces.names())


@pytest.mark.parametrize("name", es.ENCODERS)
def test_the_kernel_and_its_twin_agree_bit_for_bit(name):
    vectors = vectors_of(name)
    want = es.features(name, vectors)
    np.testing.assert_array_equal(
        _kernel.encode_vectors(es.ENCODERS[name].code, vectors).view(np.uint32), want.view(np.uint32)
    )


def test_counts_are_those_of_the_networks():
    names = es.feature_names("nasbench201/1")
    pruned, raw = spaces.get("nasbench201"), spaces.get("nasbench201", view="raw")
    for i in np.random.default_rng(0).integers(0, 15625, 20):
        cell = CELLS[i].tolist()
        found = dict(zip(names, es.features("nasbench201/1", CELLS[i : i + 1])[0].tolist()))
        assert found["raw macs"] == np.float32(raw.network(cell).macs)
        if pruned.connected(cell):
            network = pruned.network(cell)
            assert found["macs"] == np.float32(network.macs)
            assert found["adds"] == sum(
                n.name.startswith("stage.0.cell.0") and n.layer.op == "add" for n in network.nodes
            )
    fbnet = spaces.get("fbnet")
    names = es.feature_names("fbnet/1")
    for vector in vectors_of("fbnet/1", 10):
        network = fbnet.network(vector.tolist())
        found = dict(zip(names, es.features("fbnet/1", vector[None])[0].tolist()))
        assert (found["macs"], found["params"]) == (np.float32(network.macs), np.float32(network.params))


def test_pruning_agrees_with_the_space():
    from augur_edge.spaces.nasbench201 import pruned

    assert [tuple(row) for row in es.prune(CELLS.astype(np.int64)).tolist()] == [pruned(c) for c in CELLS.tolist()]


@pytest.mark.parametrize("leaves", ["float32", "int16"])
@pytest.mark.parametrize("name", es.ENCODERS)
def test_every_kernel_gives_the_same_answers(name, leaves):
    model = model_of(name, 3, leaves, bias=1.0)
    vectors = vectors_of(name)
    predictor = Predictor(dumps(model))
    want = answers(model, vectors)
    found = []
    for kernel in _kernel.kernels():
        _kernel.select_kernel(kernel)
        many = predictor.predict_many(vectors)
        assert [predictor.predict(*v) for v in vectors[:40].tolist()] == many[:40].tolist()
        found.append(many.view(np.uint32))
    np.testing.assert_allclose(many, want, rtol=2e-6)
    assert all(np.array_equal(f, found[0]) for f in found)


def test_a_whole_space_as_one_table():
    values = np.random.default_rng(0).normal(size=15625).astype(np.float32)
    model = Model((Feature("macs", 78),), (), "nasbench201/1", tables=(Table(12, values),))
    predictor = Predictor(dumps(model))
    np.testing.assert_array_equal(predictor.predict_many(CELLS), values)
    np.testing.assert_array_equal(predictor.predict_vectors(CELLS.astype(np.int64)), values)
    text = spaces.get("nasbench201").decode(CELLS[777].tolist())
    for asked in (text, f"nasbench201:{text}", "#777", "nasbench201:#777"):
        assert predictor.predict(asked) == values[777]
    again = loads(dumps(model))
    np.testing.assert_array_equal(again.tables[0].values, values)
    assert dumps(again) == dumps(model) and len(dumps(model)) < 64_000


def test_intervals_and_domain():
    model = model_of("nasbench201/1", 1, levels=(Level(0.9, -0.1, 0.2),))
    predictor = Predictor(dumps(model))
    found = predictor.interval(*CELLS[9000].tolist())
    assert found.low < found.value < found.high and found.in_domain
    assert found.value == predictor.predict(*CELLS[9000].tolist())
    assert found.high / found.value == pytest.approx(np.exp(0.2), rel=1e-5)


def test_what_is_no_vector_is_refused():
    predictor = Predictor(dumps(model_of("nasbench201/1", 1)))
    with pytest.raises(ValueError, match="beyond what its position"):
        predictor.predict(0, 1, 2, 3, 4, 5)
    with pytest.raises(ValueError, match="beyond what its position"):
        predictor.predict(0, 1, 2, 3, 4, -1)
    with pytest.raises(ValueError, match="has 6"):
        predictor.predict(0, 1)
    with pytest.raises(UsageError, match="not for fbnet"):
        predictor.predict("fbnet:#0")
    with pytest.raises(UsageError, match=r"position 5 \(edge 2>3\) is 5"):
        predictor.predict_vectors(np.array([[0, 0, 0, 0, 0, 5]]))
    with pytest.raises(ValueError, match="beyond what its position"):
        predictor.predict_many(np.full((3, 6), 5, np.uint8))
    with pytest.raises(ValueError, match="encoder"):  # its tables need more than ready features
        predictor.predict_many(np.zeros((1, predictor.n_features), np.float32))
    with pytest.raises(TypeError, match="uint8"):
        predictor.predict_many(CELLS.astype(np.int64))


def test_what_no_file_can_hold_is_refused():
    feature = (Feature("macs", 78),)
    good = np.zeros(5, np.float32)
    for tables, message in (
        ((Table(14, good),), "has 14"),
        ((Table(1, good), Table(0, good)), "slots ascend"),
        ((Table(0, good[:4]),), "5 finite values"),
        ((Table(0, np.full(5, np.nan, np.float32)),), "5 finite values"),
    ):
        with pytest.raises(DataError, match=message):
            dumps(Model(feature, (), "nasbench201/1", tables=tables))
    with pytest.raises(DataError, match="no slots"):
        dumps(Model((Feature("x", 0),), (), tables=(Table(0, good),)))
    with pytest.raises(DataError, match="the encoder nasbench201/1 has 82"):
        dumps(Model((Feature("x", 82),), (), "nasbench201/1"))


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [(0, 14, "slot"), (4, 4, "does not fit its slot"), (8, 0, "does not ascend")],
)
def test_a_damaged_table_is_seen_by_the_kernel(offset, value, message):
    import struct
    import zlib

    tables = (Table(0, np.zeros(5, np.float32)), Table(3, np.zeros(5, np.float32)))
    data = bytearray(dumps(Model((Feature("macs", 78),), (), "nasbench201/1", tables=tables)))
    n_sections = struct.unpack_from("<H", data, 38)[0]
    entries = [struct.unpack_from("<IIII", data, 128 + 16 * i) for i in range(n_sections)]
    start = next(e[1] for e in entries if e[0] == 12)
    struct.pack_into("<H", data, start + offset, value)
    struct.pack_into("<I", data, 12, zlib.crc32(bytes(data[16:])))
    with pytest.raises(DataError, match=message):
        Predictor(bytes(data))
    with pytest.raises(DataError):
        loads(bytes(data))


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parent / "golden/vectors").glob("*.augpred")), ids=lambda p: p.stem
)
def test_golden_files_of_version_1_2(path):
    want = np.load(path.with_suffix(".npz"))
    predictor = Predictor(path.read_bytes())
    np.testing.assert_array_equal(predictor.predict_many(want["vectors"]), want["answers"])
    assert dumps(loads(path.read_bytes())) == path.read_bytes()
