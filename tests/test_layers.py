"""Layers: JSON, digests, and MACs against a count of every multiplication."""

from __future__ import annotations

import itertools
import json
from math import prod

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from augur_edge.layers import BYTES_PER_ELEMENT, Layer
from augur_edge.window import Window, conv2d, same_padding

SHAPES = st.lists(st.lists(st.integers(0, 300), max_size=5).map(tuple), max_size=3).map(tuple)
NUMBERS = st.one_of(st.integers(-9, 9), st.floats(allow_nan=False, allow_infinity=False), st.booleans())
VALUES = st.one_of(NUMBERS, st.text(max_size=4), st.lists(st.integers(0, 9), max_size=4).map(tuple))
PER_AXIS = st.lists(st.integers(1, 9), max_size=3).map(tuple)


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    return Layer(
        op=draw(st.sampled_from(["conv2d", "dense", "softmax", "com.example.Op"])),
        inputs=draw(SHAPES),
        outputs=draw(SHAPES),
        weights=draw(SHAPES),
        kernel=draw(PER_AXIS),
        stride=draw(PER_AXIS),
        padding=draw(PER_AXIS),
        dilation=draw(PER_AXIS),
        groups=draw(st.integers(1, 64)),
        dtype=draw(st.sampled_from(sorted(BYTES_PER_ELEMENT))),
        activation=draw(st.sampled_from([None, "relu", "clip"])),
        fused_add=draw(st.booleans()),
        attrs=tuple(draw(st.dictionaries(st.text(max_size=4), VALUES, max_size=3)).items()),
    )


@given(layers())
def test_json_gives_back_the_same_layer(layer: Layer) -> None:
    again = Layer.from_dict(json.loads(json.dumps(layer.to_dict())))
    assert again == layer
    assert again.digest == layer.digest
    assert hash(again) == hash(layer)


@given(layers(), layers())
def test_digests_are_equal_where_layers_are(a: Layer, b: Layer) -> None:
    assert (a.digest == b.digest) == (a == b)


def test_a_digest_is_blind_to_the_spelling_of_attrs() -> None:
    a = Layer("clip", ((4,),), ((4,),), attrs=(("min", 0.0), ("max", 6.0)))
    b = Layer("clip", ((4,),), ((4,),), attrs=(("max", 6), ("min", False)))
    assert a == b
    assert a.digest == b.digest


def test_digests_never_change() -> None:
    # A store names layers by these: a change here orphans what users have measured.
    conv = conv2d((1, 3, 224, 224), 64, Window(7, 2, 3), bias=True)
    assert conv.digest == "705cc738801dda5c"
    assert Layer("softmax", ((1, 10),), ((1, 10),), attrs=(("axis", 1),)).digest == "ab02e98397a2615c"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dtype": "float31"}, "dtype 'float31' is none of float64"),
        ({"inputs": ((1, -1),)}, r"shape \(1, -1\) has a negative size"),
        ({"weights": ((-4,),)}, r"shape \(-4,\) has a negative size"),
    ],
)
def test_what_no_layer_can_be_is_refused(change: dict[str, object], message: str) -> None:
    fields = {"op": "add", "inputs": ((1, 2),), "outputs": ((1, 2),), **change}
    with pytest.raises(ValueError, match=f"add: {message}"):
        Layer(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"op": "add", "inputs": [], "outputs": [], "colour": 1}, "no field 'colour'"),
        ({"op": "add", "inputs": []}, "lacks its 'outputs'"),
    ],
)
def test_foreign_data_is_refused(data: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Layer.from_dict(data)


def count_conv2d(layer: Layer) -> int:
    """Walks the output, the input channels of its group and the window, padded pixels included."""
    (_, channels, *_), (_, out, *_) = layer.inputs[0], layer.outputs[0]
    count = 0
    for _, o, _, _ in itertools.product(*(range(n) for n in layer.outputs[0])):
        group = o * layer.groups // out
        count += sum(prod(layer.kernel) for c in range(channels) if c * layer.groups // channels == group)
    return count


@given(
    st.tuples(st.integers(1, 2), st.integers(1, 6), st.integers(1, 9), st.integers(1, 9)),
    st.integers(1, 6),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.integers(1, 3),
    st.one_of(st.integers(0, 3), st.just("same"), st.tuples(*[st.integers(0, 2)] * 4)),
    st.integers(1, 2),
)
def test_conv2d_covers_its_input_and_counts_each_multiplication(shape, out, kernel, stride, padding, dilation) -> None:  # type: ignore[no-untyped-def]
    groups = next(g for g in (shape[1], 2, 1) if shape[1] % g == 0 and out % g == 0)
    try:
        layer = conv2d(shape, out, Window(kernel, stride, padding, dilation), groups=groups, bias=True)
    except ValueError as error:
        assert "does not fit" in str(error)
        return
    for axis in (0, 1):
        end = layer.padding[axis] + shape[2 + axis] + layer.padding[2 + axis]
        reach = dilation * (kernel[axis] - 1) + 1
        starts = list(range(0, end - reach + 1, stride))
        assert layer.outputs[0][2 + axis] == len(starts)
    assert layer.macs == count_conv2d(layer)
    assert layer.params == prod(layer.weights[0]) + out


@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 4), st.integers(1, 3))
def test_same_padding_gives_one_output_a_stride(size: int, kernel: int, stride: int, dilation: int) -> None:
    top, left, bottom, right = same_padding(size, kernel, stride, dilation)
    assert (top, bottom) == (left, right)
    assert bottom - top in (0, 1)
    if stride == 1:
        assert top + bottom == dilation * (kernel - 1)
    layer = Window(kernel, stride, "same", dilation).layer("max_pool2d", (1, 1, size, size), 1)
    assert layer.outputs[0][2:] == (-(-size // stride),) * 2


@given(st.integers(1, 30), st.integers(1, 5), st.integers(1, 5), st.integers(0, 2))
def test_ceil_mode_adds_only_windows_that_begin_inside(size: int, kernel: int, stride: int, padding: int) -> None:
    assume(padding <= kernel // 2 and kernel <= size + 2 * padding)
    layer = Window(kernel, stride, padding, ceil_mode=True).layer("max_pool2d", (1, 2, size, size), 2)
    plain = Window(kernel, stride, padding).layer("max_pool2d", (1, 2, size, size), 2)
    starts = [s for s in range(0, size + padding, stride) if s == 0 or s - stride + kernel < size + 2 * padding]
    assert layer.outputs[0][2] == len(starts)
    assert layer.attr("ceil_mode", False) == (layer.outputs != plain.outputs)


def test_groups_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match="3 groups do not divide 4 -> 6 channels"):
        conv2d((1, 4, 8, 8), 6, Window(3), groups=3)


@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3))
def test_transposed_convolution_counts_each_multiplication(
    cin: int, h: int, w: int, per_group: int, groups: int
) -> None:
    shape, weights = (2, cin * groups, h, w), (cin * groups, per_group, 3, 2)
    output = (2, per_group * groups, 2 * h + 1, 2 * w)
    layer = Layer("conv_transpose2d", (shape,), (output,), (weights,), kernel=(3, 2), groups=groups)
    count = sum(per_group * 3 * 2 for _ in itertools.product(*(range(n) for n in shape)))
    assert layer.macs == count


@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(1, 9), st.integers(1, 9))
def test_dense_counts_each_multiplication(rest: list[int], size: int, out: int) -> None:
    layer = Layer("dense", ((*rest, size),), ((*rest, out),), ((out, size), (out,)))
    count = sum(1 for _ in itertools.product(*(range(n) for n in (*rest, out, size))))
    assert layer.macs == count


@given(
    st.lists(st.integers(1, 3), max_size=2),
    *[st.integers(1, 6)] * 3,
    *[st.booleans()] * 2,
    st.sampled_from(["both", "a", "b"]),
)
def test_matmul_counts_each_multiplication(
    batch: list[int], m: int, k: int, n: int, transpose_a: bool, transpose_b: bool, activations: str
) -> None:
    a = (*batch, k, m) if transpose_a else (*batch, m, k)
    b = (*batch, n, k) if transpose_b else (*batch, k, n)
    attrs = (("transpose_a", transpose_a), ("transpose_b", transpose_b), ("constants_first", activations == "b"))
    inputs, weights = {"both": ((a, b), ()), "a": ((a,), (b,)), "b": ((b,), (a,))}[activations]
    layer = Layer("matmul", inputs, ((*batch, m, n),), weights, attrs=attrs)
    count = sum(1 for _ in itertools.product(*(range(i) for i in (*batch, m, n, k))))
    assert layer.macs == count


def test_bytes_of_an_int8_layer_have_wide_biases() -> None:
    layer = conv2d((1, 8, 4, 4), 16, Window(3, padding=1), bias=True, dtype="int8")
    assert layer.weight_bytes == 16 * 8 * 9 + 4 * 16
    assert (layer.input_bytes, layer.output_bytes) == (8 * 16, 16 * 16)
    assert layer.bytes_moved == layer.weight_bytes + 8 * 16 + 16 * 16
    assert layer.intensity == layer.macs / layer.bytes_moved


def test_an_op_without_a_rule_has_bytes_and_no_macs() -> None:
    layer = Layer("com.example.Op", ((2, 3),), ((2, 5),), ((7,),), dtype="float16")
    assert (layer.macs, layer.intensity, layer.bytes_moved) == (0, 0.0, 2 * (6 + 10 + 7))
    assert Layer("constant", (), ()).intensity == 0.0
