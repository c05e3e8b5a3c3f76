"""Every op of a Network has TFLite operators that the interpreter accepts, whatever layout is around it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")

from tflite_samples import inputs_for, outputs, run, small_network

from augur_edge.errors import UsageError
from augur_edge.layers import Layer
from augur_edge.models.tflite_cut import cut_ops
from augur_edge.models.tflite_write import to_tflite
from augur_edge.network import Network, Node, TensorInfo
from augur_edge.window import Window, conv2d


def single(layer: Layer, *names: str) -> Network:
    """A network of one layer."""
    names = names or tuple(f"in{i}" for i in range(len(layer.inputs)))
    inputs = tuple(TensorInfo(n, s) for n, s in zip(names, layer.inputs))
    outs = tuple(f"out{i}" for i in range(len(layer.outputs)))
    return Network("single", inputs, (Node("out", layer, names, outs),), outs)


SHAPE = (1, 6, 4, 4)
LAYERS = [
    Layer("max", (SHAPE, SHAPE), (SHAPE,)),
    Layer("pow", (SHAPE,), (SHAPE,), attrs=(("value", 2.0),)),
    Layer("clip", (SHAPE,), (SHAPE,), attrs=(("max", 0.4), ("min", -0.3))),
    Layer("clip", (SHAPE,), (SHAPE,), attrs=(("max", 1.0), ("min", 0.0))),
    Layer("leaky_relu", (SHAPE,), (SHAPE,), attrs=(("alpha", 0.2),)),
    Layer("elu", (SHAPE,), (SHAPE,)),
    Layer("softmax", (SHAPE,), (SHAPE,), attrs=(("axis", 1),)),
    Layer("softmax", (SHAPE,), (SHAPE,), attrs=(("axis", 2),)),
    Layer("global_max_pool", (SHAPE,), ((1, 6, 1, 1),)),
    Layer("reduce_mean", (SHAPE,), ((1, 6),), attrs=(("axes", (2, 3)),)),
    Layer("reduce_mean", (SHAPE,), ((1, 4, 4),), attrs=(("axes", (1,)),)),
    Layer("pad", (SHAPE,), ((1, 6, 5, 6),), attrs=(("pads", (0, 0, 1, 0, 0, 0, 0, 2)),)),
    Layer("pad", (SHAPE,), ((1, 6, 4, 6),), attrs=(("mode", "reflect"), ("pads", (0, 0, 0, 1, 0, 0, 0, 1)))),
    Layer("pad", (SHAPE,), ((1, 7, 4, 4),), attrs=(("pads", (0, 0, 0, 0, 0, 1, 0, 0)), ("value", 0.5))),
    Layer("slice", (SHAPE,), ((1, 3, 4, 2),), attrs=(("starts", (0, 1, 0, 2)),)),
    Layer("slice", (SHAPE,), ((1, 3, 4, 4),), attrs=(("starts", (0, 0, 0, 0)), ("steps", (1, 2, 1, 1)))),
    Layer("split", (SHAPE,), ((1, 3, 4, 4),) * 2, attrs=(("axis", 1),)),
    Layer("split", (SHAPE,), ((1, 2, 4, 4), (1, 4, 4, 4)), attrs=(("axis", 1),)),
    Layer("transpose", (SHAPE,), ((1, 4, 6, 4),), attrs=(("perm", (0, 3, 1, 2)),)),
    Layer("reshape", (SHAPE,), ((2, 48),)),
    Layer("batch_norm", (SHAPE,), (SHAPE,), ((6,), (6,))),
    Layer("rms_norm", ((1, 5, 8),), ((1, 5, 8),), ((8,),)),
    Layer("matmul", ((2, 5, 8),), ((2, 5, 3),), ((8, 3),)),
    Layer("resize", (SHAPE,), ((1, 6, 8, 8),), attrs=(("mode", "linear"),)),
    Layer("resize", (SHAPE,), ((1, 6, 8, 8),), attrs=(("mode", "nearest"),)),
    Layer(
        "conv_transpose2d", (SHAPE,), ((1, 5, 8, 8),), ((6, 5, 2, 2), (5,)),
        (2, 2), (2, 2), (0, 0, 0, 0), (1, 1), attrs=(("output_padding", (0, 0)),),
    ),
    Layer(
        "conv_transpose2d", (SHAPE,), ((1, 5, 9, 9),), ((6, 5, 3, 3), (5,)),
        (3, 3), (2, 2), (0, 0, 0, 0), (1, 1), attrs=(("output_padding", (0, 0)),),
    ),
]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.op)
def test_each_op_runs_next_to_an_image(layer: Layer) -> None:
    """A pool before it makes its input an image, so that axes, sizes and padding have to follow the layout."""
    network = single(layer)
    if len(layer.inputs[0]) == 4:
        pool = Layer("max_pool2d", (SHAPE,), (SHAPE,), (), (1, 1), (1, 1), (0, 0, 0, 0), (1, 1))
        inputs = tuple(TensorInfo(f"raw{i}", SHAPE) for i in range(len(layer.inputs)))
        pools = tuple(Node(f"pool{i}", pool, (f"raw{i}",), (f"in{i}",)) for i in range(len(layer.inputs)))
        network = Network("single", inputs, (*pools, *network.nodes), network.outputs)
    data = to_tflite(network)
    got = outputs(run(data, inputs_for(data)))
    assert [v.size for v in got] == [int(np.prod(s)) for s in layer.outputs]
    assert all(np.all(np.isfinite(v)) for v in got)


def test_what_tflite_lacks_is_named_with_the_layer() -> None:
    with pytest.raises(UsageError, match="out0: TFLite has no operator for 'erf'"):
        to_tflite(single(Layer("erf", (SHAPE,), (SHAPE,))))
    with pytest.raises(UsageError, match="dtype 'float16'"):
        to_tflite(small_network(), dtype="float16")


@st.composite
def convolutions(draw: st.DrawFn) -> Layer:
    """Of every kind the sampler draws: grouped, depthwise, dilated, strided, padded unevenly, down to one pixel."""
    groups = draw(st.sampled_from([1, 1, 2, 4, 8]))
    channels, out = groups * draw(st.sampled_from([1, 2, 3])), groups * draw(st.sampled_from([1, 2, 5]))
    window = Window(
        kernel=(draw(st.integers(1, 7)), draw(st.integers(1, 5))),
        stride=draw(st.integers(1, 3)),
        padding=draw(st.just("same") | st.tuples(*[st.integers(0, 3)] * 4)),
        dilation=draw(st.sampled_from([1, 1, 2])),
    )
    size = draw(st.integers(1, 14)), draw(st.integers(1, 14))
    try:
        return conv2d((draw(st.integers(1, 2)), channels, *size), out, window, groups=groups, bias=draw(st.booleans()))
    except ValueError:  # the window is larger than the padded input
        reject()


@given(convolutions(), st.sampled_from(["float32", "int8"]))
@settings(max_examples=100, deadline=None)
def test_any_convolution_runs_and_reads_back(layer: Layer, dtype: str) -> None:
    data = to_tflite(single(layer), dtype=dtype)
    values = outputs(run(data, inputs_for(data)))[0]
    n, c, h, w = layer.outputs[0]
    assert values.shape == (n, h, w, c)
    (op,) = cut_ops(data)
    back, same = op.layer, ("op", "inputs", "outputs", "kernel", "stride", "dilation", "groups", "macs")
    assert [getattr(back, f) for f in same] == [getattr(layer, f) for f in same]
    assert back.weights[0] == layer.weights[0]
