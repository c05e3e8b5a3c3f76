from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augur_edge import spaces
from augur_edge.errors import UsageError
from augur_edge.models.onnx_write import to_onnx
from augur_edge.models.tflite_write import to_tflite
from augur_edge.spaces import nasbench101, nasbench201

SMALL = {
    "nasbench201": "nasbench201@image=8,cells=1",
    "nasbench101": "nasbench101@image=8,channels=8,modules=1",
    "darts": "darts@image=8,channels=4,cells=3",
    "fbnet": "fbnet@image=32,last=16,classes=10",
    "nasbench_asr": "nasbench_asr@frames=8",
    "ofa_mbv3": "ofa_mbv3@classes=10",
}
DARTS_V2 = (
    "|sep_conv_3x3~0|sep_conv_3x3~1|+|sep_conv_3x3~0|sep_conv_3x3~1|+|sep_conv_3x3~1|skip_connect~0|+"
    "|skip_connect~0|dil_conv_3x3~2|/|max_pool_3x3~0|max_pool_3x3~1|+|skip_connect~2|max_pool_3x3~1|+"
    "|max_pool_3x3~0|skip_connect~2|+|skip_connect~2|max_pool_3x3~1|"
)
FBNET_C = (
    "k3_e1,k3_e6,k3_e1,k3_e1,skip,k5_e6,k5_e3,k5_e6,k3_e6,k5_e6,k5_e3,k5_e6,k5_e6,k5_e6,k5_e6,k5_e6,k5_e3,"
    "k5_e6,k5_e6,k5_e6,k5_e6,k3_e6"
)
SPACES = st.sampled_from(spaces.names())


def drawn(name: str, seed: int, count: int = 1) -> list[spaces.Vector]:
    return spaces.get(name).sample(count, random.Random(seed))


@settings(max_examples=150, deadline=None)
@given(SPACES, st.integers(0, 10**6))
def test_text_vector_and_index_are_one(name, seed):
    space = spaces.get(name)
    (vector,) = drawn(name, seed)
    assert space.encode(space.decode(vector)) == vector
    assert space.encode(",".join(map(str, vector))) == vector
    assert space.at(space.index(vector)) == vector == space.encode(f"#{space.index(vector)}")
    same, again = spaces.resolve(space.title(vector))
    assert (same, again) == (space, vector)


@settings(max_examples=60, deadline=None)
@given(SPACES, st.integers(0, 10**6))
def test_moves_stay_in_the_space(name, seed):
    space, rng = spaces.get(name), random.Random(seed)
    a, b = space.sample(2, rng)
    mutant = space.mutate(a, rng)
    assert sum(x != y for x, y in zip(a, mutant)) == 1
    assert mutant in set(space.neighbours(a))
    child = space.crossover(a, b, rng)
    assert space.validate(child) == child
    assert all(c in pair for c, pair in zip(child, zip(a, b)))


@pytest.mark.parametrize("name", spaces.names())
def test_samples_differ_and_repeat_with_their_seed(name):
    vectors = drawn(name, 3, 40)
    assert len(set(vectors)) == 40
    assert vectors == drawn(name, 3, 40) != drawn(name, 4, 40)


def test_sizes():
    cells = spaces.get("nasbench201")
    assert cells.size == 15625 and spaces.get("fbnet").size == 9**22
    assert spaces.get("nasbench_asr").size == 13824
    assert spaces.get("darts").size == (3 * 6 * 10 * 7**8) ** 2
    assert len(spaces.pick(cells, None, "index", 0)) == 15284  # LatBench's


def test_nasbench101_counts_its_valid_modules():
    index = np.arange(1 << 21)
    edges = (index[:, None] >> np.arange(21) & 1).astype(bool)
    edges = edges[edges.sum(axis=1) <= nasbench101.MAX_EDGES]
    reached = np.zeros((len(edges), 7), bool)
    reached[:, 0] = True
    for i, (a, b) in enumerate(nasbench101.EDGES):
        reached[:, b] |= reached[:, a] & edges[:, i]
    assert reached[:, 6].sum() * 3**5 == spaces.get("nasbench101").size


def test_eagles_order():
    space = spaces.get("nasbench201")
    assert [space.at(i) for i in (0, 1, 5, 15624)] == [(0,) * 6, (1, 0, 0, 0, 0, 0), (0, 1, 0, 0, 0, 0), (4,) * 6]
    first = spaces.pick(space, 3, "index", 0)
    assert [space.index(v) for v in first] == sorted(i for i in range(400) if space.runs(space.at(i)))[:3]


@given(st.tuples(*[st.integers(0, 4)] * 6))
def test_pruning_again_changes_nothing_and_only_drops(cell):
    once = nasbench201.pruned(cell)
    assert nasbench201.pruned(once) == once
    assert all(a in (0, b) for a, b in zip(once, cell))


PUBLISHED = [
    # NAS-Bench-201's own api: 220.11969 MFLOPs with the classifier's 10 biases, 1.531546 M parameters
    ("nasbench201", ",".join("3" * 6), 220_119_690 - 10, 1_531_546),
    ("nasbench201", "1,1,1,1,1,1", 7_783_050 - 10, 73_306),
    # google-research/nasbench, README: the Inception-like cell
    ("nasbench101", "0>1+0>2+0>3+0>5+1>6+2>6+3>4+4>6+5>6/conv1x1,conv3x3,conv3x3,conv3x3,maxpool3x3", None, 2_694_282),
    # quark0/darts: param size of DARTS_V2 on CIFAR-10
    ("darts", DARTS_V2, None, 3_349_342),
]


@pytest.mark.parametrize(("name", "text", "macs", "params"), PUBLISHED)
def test_published_counts(name, text, macs, params):
    space = spaces.get(name)
    network = space.network(space.encode(text))
    assert network.params == params
    assert macs in (None, network.macs)


def test_published_sizes_that_are_rounded():
    fbnet = spaces.get("fbnet", last=1984)
    network = fbnet.network(fbnet.encode(FBNET_C))  # the paper: 5.5 M and 375 M; timm's fbnetc_100: 5.57 M
    assert network.params == pytest.approx(5.57e6, rel=1e-3)
    assert network.macs == pytest.approx(375e6, rel=0.03)
    ofa = spaces.get("ofa_mbv3")
    largest = ofa.network(ofa.encode(f"ks={','.join('7' * 20)};e={','.join('6' * 20)};d=4,4,4,4,4;r=224"))
    assert largest.params == pytest.approx(7.7e6, rel=0.01)  # the paper's MobileNetV3 supernet
    assert largest.macs < 600e6  # "mobile setting"


def test_ofa_blocks_have_the_shapes_of_the_measured_tables():
    wide = spaces.get("ofa_mbv3", width=120)
    network = wide.network(wide.encode(f"ks={','.join('3' * 20)};e={','.join('6' * 20)};d=2,2,2,2,2;r=160"))
    shapes = {n.name: n.layer.outputs[0] for n in network.nodes}
    assert shapes["stem.act"] == (1, 24, 80, 80)
    assert shapes["stage.0.block.0.project.bn"] == (1, 32, 40, 40)
    assert shapes["stage.3.block.1.add"] == (1, 136, 10, 10)
    assert shapes["expand.act"] == (1, 1152, 5, 5) and shapes["mix.act"] == (1, 1536, 1, 1)


def model_answers(network, runtime: str) -> np.ndarray:
    x = np.random.default_rng(0).normal(size=network.inputs[0].shape).astype(np.float32)
    if runtime == "onnxruntime":
        session = pytest.importorskip("onnxruntime").InferenceSession(to_onnx(network))
        return session.run(None, {session.get_inputs()[0].name: x})[0]
    interpreter = pytest.importorskip("ai_edge_litert.interpreter").Interpreter(model_content=to_tflite(network))
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]
    # channels last, as the format has pictures
    y = np.moveaxis(x, 1, -1) if tuple(given["shape"]) != x.shape else x
    interpreter.set_tensor(given["index"], np.ascontiguousarray(y))
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.parametrize("name", spaces.names())
def test_networks_run_on_both_runtimes(name):
    space = spaces.parse(SMALL[name])
    for vector in spaces.pick(space, 1 if name == "nasbench_asr" else 2, "random", 5):
        network = space.network(vector)
        onnx, tflite = (model_answers(network, runtime) for runtime in ("onnxruntime", "litert"))
        assert onnx.size == tflite.size == network.nodes[-1].layer.outputs[0][-1] * onnx.size // onnx.shape[-1]
        assert np.isfinite(onnx).all() and np.isfinite(tflite).all()


def test_the_raw_view_runs_what_the_pruned_one_refuses():
    raw = spaces.get("nasbench201", view="raw", image=8, cells=1)
    assert np.isfinite(model_answers(raw.network((0,) * 6), "onnxruntime")).all()
    with pytest.raises(UsageError, match="no path from the cell's input"):
        spaces.get("nasbench201").network((0,) * 6)


BAD = [
    ("nasbench201:|nor_conv_3x3~0|+|none~0|none~1|", "2 nodes between"),
    ("nasbench201:|nor_conv_3x3~0|+|nor_conv_5x5~0|none~1|+|none~0|none~1|none~2|", r"position 1.*legal: none, skip"),
    ("nasbench201:|nor_conv_3x3~0|+|none~1|none~1|+|none~0|none~1|none~2|", "position 1.*OP~0"),
    ("nasbench201:1,2,3", "6 numbers, this one 3"),
    ("nasbench201:1,2,3,4,5,0", r"position 4 \(edge 1>3\) is 5; legal: 0 none"),
    ("nasbench201:#15625", "not within 0 to 15624"),
    ("nasbench201:#-1", "no index"),
    ("nasbench201@classes=0:#3", "classes takes a whole number"),
    ("nasbench201@clases=9:#3", "did you mean classes"),
    ("nasbench201@view=full:#3", "pruned, raw"),
    ("nasbench201@view:#3", "no OPTION=VALUE"),
    ("nasbench210:#3", "did you mean nasbench201"),
    ("fbnet:" + FBNET_C.replace("skip", "k3_e66"), "position 4.*did you mean k3_e6"),
    ("fbnet:k3_e1,skip", "2 answers with commas, not 22"),
    ("nasbench101:0>1+1>6/conv3x3", "five of conv3x3"),
    ("nasbench101:0>7/conv3x3,conv3x3,conv3x3,conv3x3,conv3x3", "edge '0>7' is none of"),
    ("nasbench101:0>1/conv3x3,conv3x3,conv3x3,conv3x3,conv3x3", "no path from vertex 0"),
    ("nasbench101:" + ",".join("1" * 21 + "0" * 5), "21 edges, at most 9"),
    ("darts:|sep_conv_3x3~0|", "two cells"),
    ("darts:" + DARTS_V2.replace("dil_conv_3x3~2", "dil_conv_3x3~6"), "position 9"),
    ("ofa_mbv3:ks=3;e=3", "write ks="),
    ("ofa_mbv3:ks=4" + ",3" * 19 + ";e=3" + ",3" * 19 + ";d=2,2,2,2,2;r=224", "ks: position 0 is '4'"),
    ("nasbench_asr:linear", "1 answers with commas, not 9"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_what_is_no_architecture_is_said_with_its_place(text, message):
    with pytest.raises(UsageError, match=message):
        spaces.resolve(text)


def test_too_many_are_refused():
    with pytest.raises(UsageError, match="it has 15625"):
        spaces.get("nasbench201").sample(15626, random.Random(0))
    with pytest.raises(UsageError, match="--count"):
        spaces.pick(spaces.get("darts"), None, "random", 0)
    with pytest.raises(UsageError, match="only 15284"):
        spaces.pick(spaces.get("nasbench201"), 15625, "index", 0)
