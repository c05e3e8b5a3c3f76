from __future__ import annotations

import copy
import multiprocessing
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from forests import answers, full_model, random_model, random_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from augur_edge import _kernel
from augur_edge.errors import DataError, UsageError
from augur_edge.layers import Layer
from augur_edge.predict import Predictor, encode
from augur_edge.predict.example import example
from augur_edge.predict.format import dumps, loads
from augur_edge.predict.model import Base, Feature, Level, Model
from augur_edge.zoo import build

LAYER_FEATURES = ["macs", "bytes_moved", "in_c", "out_c", "kernel_area", "out_places", "padded_8", "op"]


def layer_model(link: str = "exp") -> Model:
    """layer/1 over eight features: a roofline, and trees on top."""
    ids = encode.feature_ids(LAYER_FEATURES)
    features = tuple(Feature(n, i, 0.0, 1e9) for n, i in zip(LAYER_FEATURES, ids))
    base = Base("roofline", 500.0, np.array([[0.1, 0, 0, 0, 0, 0, 0, 0], [0, 0.3, 0, 0, 0, 0, 0, 0]], np.float64))
    grid = random_model(4, [6] * 30, 8, 40)
    trees = tuple(
        replace(t, thresholds=(10 ** np.abs(t.thresholds)).astype(np.float32), leaves=t.leaves / 100)
        for t in grid.trees
    )
    levels = (Level(0.5, -0.1, 0.1), Level(0.95, -0.3, 0.4))
    return Model(features, trees, "layer/1", link=link, base=base, levels=levels, overhead=1000.0)


PREDICTOR = Predictor(dumps(layer_model()))
CONV = (3, 56, 56, 64, 64, 1, 1, 1)


def test_one_layer_in_all_its_forms():
    shape = (1, 64, 56, 56)
    layer = Layer("conv2d", (shape,), (shape,), ((64, 64, 3, 3),), (3, 3), (1, 1), (1, 1, 1, 1), (1, 1))
    integers = encode.layer_integers(layer)
    value = PREDICTOR.predict(*CONV)
    assert value == PREDICTOR.predict(*integers) == PREDICTOR.predict(layer) == PREDICTOR.predict(*map(np.int64, CONV))
    assert value == PREDICTOR.predict_many(np.array([CONV], np.int64))[0]
    assert value == PREDICTOR.predict_many(np.array([integers], np.int64))[0]
    features = encode.encode(np.array([integers], np.int64))[:, encode.feature_ids(LAYER_FEATURES)]
    assert value == PREDICTOR.predict_many(features.copy())[0]
    assert value == pytest.approx(answers(layer_model(), features)[0], rel=1e-6)


@pytest.mark.parametrize("kind", ["linear", "log-linear", "roofline"])
@pytest.mark.parametrize("link", ["identity", "exp"])
def test_base_terms_and_links(kind, link):
    rng = np.random.default_rng(0)
    rows = 2 if kind == "roofline" else 1
    model = random_model(1, [6] * 10, 5, 20, link=link, base=Base(kind, 0.25, rng.normal(size=(rows, 5)) / 4))
    x = (10 * random_rows(2, model, 300)).clip(-8, 80)
    got = Predictor(dumps(model)).predict_many(x)
    np.testing.assert_allclose(got, answers(model, x), rtol=2e-6, atol=1e-5)


@given(st.floats(-690, 690), st.floats(1, 3e38))
def test_exp_and_ln_within_float32(score, power):
    feature = (Feature("x", 0),)
    exp = Predictor(dumps(Model(feature, (), link="exp", bias=score)))
    with np.errstate(over="ignore"):
        want = np.float32(min(np.exp(score), 3.4028234663852886e38))
    assert exp.predict(0.0) == pytest.approx(want, rel=1.2e-7)
    ln = Predictor(dumps(Model(feature, (), base=Base("log-linear", 0.0, np.array([[1.0]])))))
    assert ln.predict(power) == pytest.approx(np.log(max(np.float64(np.float32(power)), 1)), rel=1.2e-7, abs=1e-12)


@settings(deadline=None)
@given(st.integers(0, 1000), st.floats(0.01, 0.9))
def test_an_interval_contains_its_point(seed, level):
    model = full_model()
    x = random_rows(seed, model, 2)[1]
    predictor = Predictor(dumps(model))
    found = predictor.interval(*x.tolist(), level=level)
    assert found.low <= found.value <= found.high
    assert found.value == predictor.predict(*x.tolist())
    assert found.in_domain == bool((np.abs(x) <= 4).all())


def test_the_spread_narrows_an_interval():
    """Against numpy: the share of point 7 on rows on both sides of each comparison, and on them."""
    model = full_model()
    x = random_rows(3, model, 64)
    x[:4, 1], x[2:6, 4] = 0, 0.5
    shares = model.spread.of(x)
    assert len(np.unique(shares)) == 4
    predictor, plain = Predictor(dumps(model)), Predictor(dumps(replace(model, spread=None)))
    for row, share in zip(x.tolist(), shares.tolist()):
        found, widest = predictor.interval(*row, level=0.9), plain.interval(*row, level=0.9)
        assert np.log(found.high / found.value) == pytest.approx(0.25 * share, abs=1e-5)
        assert np.log(found.low / found.value) == pytest.approx(-0.2 * share, abs=1e-5)
        assert found.value == widest.value and widest.low <= found.low and found.high <= widest.high


def test_intervals_by_level():
    low, wide = PREDICTOR.interval(*CONV, level=0.5), PREDICTOR.interval(*CONV)
    assert wide.low < low.low < low.value < low.high < wide.high
    assert low.high / low.value == pytest.approx(np.exp(0.1), rel=1e-5)
    assert not PREDICTOR.interval(3, 30000, 30000, 64, 64, 1, 1, 1).in_domain
    with pytest.raises(ValueError, match=r"level 0\.99"):
        PREDICTOR.interval(*CONV, level=0.99)


def test_a_network_is_the_sum_of_its_layers_and_the_overhead():
    network = build("mobilenet_v2")
    layers = [n.layer for n in network.nodes]
    total = PREDICTOR.predict_network(network)
    assert total == PREDICTOR.predict_network(layers) == PREDICTOR.predict_network(encode.layer_matrix(layers))
    assert total == pytest.approx(sum(PREDICTOR.predict(layer) for layer in layers) + 1000, rel=1e-12)
    assert PREDICTOR.predict_network([]) == 1000


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 70), st.lists(st.tuples(st.integers(0, 69), st.integers(1, 300)), max_size=12))
def test_a_changed_total_equals_the_total_from_scratch(n, changes):
    layers = encode.from_short(np.array([[3, 20, 20, 8 + i, 16, 1, 1, 1] for i in range(n)], np.int64))
    total = PREDICTOR.network_total(layers)
    assert total.total == PREDICTOR.predict_network(layers)
    for position, channels in changes:
        columns = (1, 20, 20, channels, 16, 1, 0, 1)
        layers[position % n] = encode.from_short(np.array([columns], np.int64))[0]
        assert total.change(position % n, *columns) == total.total == PREDICTOR.predict_network(layers)


def test_bad_changes_leave_the_total_alone():
    total = PREDICTOR.network_total(encode.from_short(np.array([CONV] * 3, np.int64)))
    before = total.total
    for wrong in ((3, *CONV), (-1, *CONV)):
        with pytest.raises(IndexError, match="of 3 layers"):
            total.change(*wrong)
    with pytest.raises(ValueError, match="out of range"):
        total.change(0, 0, *CONV[1:])
    assert total.total == before


RAW = random_model(7, [6] * 40 + [8] * 9, 8, 60, levels=(Level(0.9, -1.0, 1.0),))
RAW_PREDICTOR = Predictor(dumps(RAW))
X = random_rows(7, RAW, 1000)


def test_many_rows_equal_the_same_rows_one_by_one():
    many = RAW_PREDICTOR.predict_many(X)
    assert many.tolist() == [RAW_PREDICTOR.predict(*row) for row in X.tolist()]
    out = np.empty(1000, np.float32)
    assert RAW_PREDICTOR.predict_many(X, out) is out
    np.testing.assert_array_equal(out, many)
    assert len(RAW_PREDICTOR.predict_many(X[:0])) == 0


@pytest.mark.parametrize(
    ("x", "out", "error", "words"),
    [
        (X.astype(float), None, TypeError, "float32"),
        (X[:, :5].copy(), None, ValueError, "5 features"),
        (X[:, :5], None, ValueError, "C-contiguous"),
        (np.asfortranarray(X), None, ValueError, "contiguous"),
        (X[0], None, ValueError, "1 dimensions"),
        (X[::2], None, ValueError, "contiguous"),
        (X, np.empty(999, np.float32), ValueError, "999 items"),
        (X, np.empty(1000), TypeError, "float32"),
        (X, np.empty(2000, np.float32)[::2], ValueError, "contiguous"),
        (np.where(np.arange(8000).reshape(1000, 8) == 7000, np.nan, X).astype(np.float32), None, ValueError, "NaN"),
        (np.where(np.arange(8000).reshape(1000, 8) == 0, -np.inf, X).astype(np.float32), None, ValueError, "NaN"),
        ([[1.0] * 8], None, TypeError, "memoryview|bytes-like"),
    ],
)
def test_bad_rows_are_refused(x, out, error, words):
    for kernel in _kernel.kernels():
        _kernel.select_kernel(kernel)
        with pytest.raises(error, match=words):
            RAW_PREDICTOR.predict_many(x, out)
    _kernel.select_kernel()


def test_overlapping_and_read_only_outputs_are_refused():
    memory = np.zeros(9000, np.float32)
    with pytest.raises(ValueError, match="overlaps"):
        RAW_PREDICTOR.predict_many(memory[:8000].reshape(1000, 8), memory[7999:8999])
    frozen = np.empty(1000, np.float32)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="writable"):
        RAW_PREDICTOR.predict_many(X, frozen)


@pytest.mark.parametrize(
    ("predictor", "numbers", "error", "words"),
    [
        (RAW_PREDICTOR, (1.0,) * 7, ValueError, "7 features given, the predictor takes 8"),
        (RAW_PREDICTOR, (float("nan"),) + (1.0,) * 7, ValueError, "NaN or infinite"),
        (RAW_PREDICTOR, (1e39,) + (1.0,) * 7, ValueError, "NaN or infinite"),
        (RAW_PREDICTOR, ("1",) * 8, TypeError, "float|number"),
        (PREDICTOR, (1,) * 7, ValueError, "7 integers given"),
        (PREDICTOR, (3.5, *CONV[1:]), TypeError, "integer"),
        (PREDICTOR, (-3, *CONV[1:]), ValueError, "out of range"),
        (PREDICTOR, (10**30, *CONV[1:]), ValueError, "out of range"),
        (PREDICTOR, (9, 4, 4, *CONV[3:]), ValueError, "out of range"),
        (PREDICTOR, ("conv2d",), TypeError, "str"),
        (PREDICTOR, (), ValueError, "0 integers"),
    ],
)
def test_bad_questions_are_refused(predictor, numbers, error, words):
    with pytest.raises(error, match=words):
        predictor.predict(*numbers)
    with pytest.raises(error, match=words):
        predictor.interval(*numbers)


def test_layers_of_a_wrong_width_are_refused():
    with pytest.raises(ValueError, match="9 integers"):
        PREDICTOR.predict_many(np.ones((2, 9), np.int64))
    with pytest.raises(TypeError, match="int64"):
        PREDICTOR.predict_many(np.ones((2, 8), np.int32))
    with pytest.raises(ValueError, match="not 16"):
        PREDICTOR.predict_network(np.ones((2, 8), np.int64))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"nothing\.augpred: No such file"):
        Predictor.load(tmp_path / "nothing.augpred")
    (tmp_path / "x.augpred").write_bytes(b"hello")
    with pytest.raises(DataError, match=r"x\.augpred: predictor file, byte 5"):
        Predictor.load(tmp_path / "x.augpred")


def test_pickles_and_copies():
    again = pickle.loads(pickle.dumps(PREDICTOR))
    assert type(again) is Predictor and again.to_bytes() == PREDICTOR.to_bytes()
    assert again.predict(*CONV) == PREDICTOR.predict(*CONV)
    assert copy.copy(PREDICTOR) is PREDICTOR and copy.deepcopy(PREDICTOR) is PREDICTOR


def _in_child(queue):
    queue.put(PREDICTOR.predict(*CONV))


def test_threads_and_forks_share_it():
    want = RAW_PREDICTOR.predict_many(X)
    with ThreadPoolExecutor(4) as pool:
        for got in pool.map(lambda _: RAW_PREDICTOR.predict_many(X), range(16)):
            np.testing.assert_array_equal(got, want)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_in_child, args=(queue,))
    child.start()
    assert queue.get(timeout=20) == PREDICTOR.predict(*CONV)
    child.join()


def test_what_it_says_of_itself():
    assert (PREDICTOR.target, PREDICTOR.unit, PREDICTOR.n_features, PREDICTOR.n_trees) == ("latency_ns", "ns", 8, 30)
    assert PREDICTOR.takes_layers and not RAW_PREDICTOR.takes_layers
    assert PREDICTOR.overhead == 1000 and '"macs"' in PREDICTOR.meta_json
    assert _kernel.abi_version() == 1


def test_an_op_that_was_not_learnt_is_out_of_domain():
    """Ops are numbers to the trees: gelu's lies between others', and would pass for known."""
    model = loads(example())
    learnt = {**model.meta["training"], "ops": ["conv2d", "dense"]}
    p = Predictor(dumps(replace(model, meta={**model.meta, "training": learnt})))
    gelu, conv = (Layer(op, ((1, 64, 24, 24),), ((1, 64, 24, 24),), **more) for op, more in (
        ("gelu", {}),
        ("conv2d", {"weights": ((64, 64, 3, 3),), "kernel": (3, 3), "stride": (1, 1), "padding": (1,) * 4,
                    "dilation": (1, 1)}),
    ))  # fmt: skip
    assert Predictor(example()).interval(gelu).in_domain and p.interval(conv).in_domain
    assert not p.interval(gelu).in_domain
    assert not p.interval(*p.layer_integers(gelu)).in_domain and p.interval(*p.layer_integers(conv)).in_domain
    assert p.network_interval([conv, conv]).in_domain and not p.network_interval([conv, gelu]).in_domain
