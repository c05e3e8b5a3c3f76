"""The shared memory of replayed layers: nothing alive is ever overwritten, and memory is really shared."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from augur_edge.runtime.arena import ALIGNMENT, Step, allocate, fill, plan


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Step], dict[str, int], list[str], list[str]]:
    """Random graphs: each step reads some earlier tensors and writes one or two, perhaps in place or as an alias."""
    sizes = {"x": draw(st.integers(1, 300))}
    steps = []
    for i in range(draw(st.integers(1, 12))):
        inputs = draw(st.lists(st.sampled_from(sorted(sizes)), min_size=1, max_size=3, unique=True))
        outputs = [f"t{i}.{k}" for k in range(draw(st.integers(1, 2)))]
        kind = draw(st.sampled_from(["fresh", "in_place", "alias"]))
        sizes.update({o: draw(st.integers(1, 300)) for o in outputs})
        in_place = {}
        if kind != "fresh":
            sizes[outputs[0]] = sizes[inputs[0]]
            in_place = {outputs[0]: inputs[0]}
        steps.append(Step(inputs, outputs, in_place, alias=kind == "alias"))
    outputs = draw(st.lists(st.sampled_from(sorted(sizes)), min_size=1, max_size=2, unique=True))
    return steps, sizes, ["x"], outputs


@given(graphs())
def test_every_tensor_is_intact_when_it_is_read(graph: tuple[list[Step], dict[str, int], list[str], list[str]]) -> None:
    steps, sizes, inputs, outputs = graph
    layout = plan(steps, sizes, inputs, outputs)
    memory = np.zeros(layout.n_bytes, np.int64)  # one tag per byte: who wrote it last
    tag = {}

    def write(name: str, value: int) -> None:
        tag[name] = value
        memory[layout.offsets[name] : layout.offsets[name] + sizes[name]] = value

    def intact(name: str) -> bool:
        return bool((memory[layout.offsets[name] : layout.offsets[name] + sizes[name]] == tag[name]).all())

    for replay in range(2):
        if replay == 0:
            write("x", -1)
        for i, step in enumerate(steps):
            assert all(intact(name) for name in step.inputs)
            for k, out in enumerate(step.outputs):
                if step.alias and k == 0:
                    tag[out] = tag[step.in_place[out]]
                    assert layout.offsets[out] == layout.offsets[step.in_place[out]]
                else:
                    write(out, 100 * replay + 3 * i + k + 1)
        assert all(intact(name) for name in outputs)
        assert intact("x"), "every pass starts from the same input"


def test_a_chain_needs_two_buffers_however_long_it_is() -> None:
    names = [f"t{i}" for i in range(50)]
    steps = [Step([a], [b]) for a, b in zip(names, names[1:])]
    layout = plan(steps, dict.fromkeys(names, 1000), ["t0"], ["t49"])
    assert layout.n_bytes == 3 * 1024  # the input stays, and two take turns


def test_in_place_takes_over_memory_only_when_its_input_dies() -> None:
    sizes = dict.fromkeys("xabc", 64)
    dies = plan([Step("x", "a"), Step("a", "b", {"b": "a"}), Step("b", "c")], sizes, ["x"], ["c"])
    assert dies.offsets["b"] == dies.offsets["a"]
    lives = plan([Step("x", "a"), Step("a", "b", {"b": "a"}), Step("ab", "c")], sizes, ["x"], ["c"])
    assert lives.offsets["b"] != lives.offsets["a"]


def test_memory_is_aligned_and_inputs_are_plain_numbers() -> None:
    block = allocate(1000)
    assert block.ctypes.data % ALIGNMENT == 0
    assert len(block) == 1000
    rng = np.random.default_rng(0)
    fill(block, "float32", rng)
    assert 0.9 < np.std(block.view(np.float32)) < 1.1
    fill(block, "int64", rng)
    assert (block.view(np.int64) == 1).all()
    fill(block, "bool", rng)
    assert (block == 1).all()


def test_an_op_that_rereads_its_input_never_overwrites_it() -> None:
    sizes = dict.fromkeys("xaby", 64)
    steps = [Step("x", "a"), Step("a", "b", {"b": "a"}, alias=True), Step("ab", "y", {"y": "a"}, rereads=True)]
    layout = plan(steps, sizes, ["x"], ["y"])
    assert layout.offsets["b"] == layout.offsets["a"]
    assert layout.offsets["y"] != layout.offsets["a"]
