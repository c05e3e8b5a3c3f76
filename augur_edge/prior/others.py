"""Random layers without a window: dense, matrix products, and what moves or maps every element."""

from __future__ import annotations

from augur_edge.layers import Layer, Shape
from augur_edge.prior.dims import any_shape, channels, feature_map, sequence, tokens, vector
from augur_edge.prior.draws import Draws

PLAIN_ACTIVATIONS = ("relu", "relu6", "sigmoid", "hard_sigmoid", "hard_swish", "swish", "gelu", "tanh")


def _dense(d: Draws, shape: Shape, out: int) -> Layer:
    weights = ((out, shape[-1]), *(((out,),) if d.chance(0.9) else ()))
    return Layer("dense", (shape,), ((*shape[:-1], out),), weights, activation=d.pick((None, "relu"), (3, 1)))


def vector_dense(d: Draws) -> Layer:
    """Over features, or one in four over a flattened map of 2x2 to 7x7 pixels; to classes or features."""
    size = channels(d, 4, 512) * d.integer(2, 7) ** 2 if d.chance(0.25) else channels(d, 4, 4096)
    return _dense(d, (1, size), d.pick((10, 100, 1000)) if d.chance(0.2) else channels(d, 2, 4096))


def token_dense(d: Draws) -> Layer:
    """The projections of a transformer: the width itself, three or four times it, a quarter, or any."""
    shape = sequence(d)
    size = shape[-1]
    out = d.pick((size, 3 * size, 4 * size, -(-size // 4))) if d.chance(0.6) else channels(d, 4, 4096)
    return _dense(d, shape, min(out, 4096))


def _heads(d: Draws) -> tuple[int, int, int]:
    """Heads, tokens and features of a head."""
    return d.integer(1, 16), tokens(d), d.pick((16, 24, 32, 48, 64, 80, 96, 128))


def matmul(d: Draws) -> Layer:
    """Queries by keys, or weights by values, of equal or of different lengths."""
    heads, many, size = _heads(d)
    others = tokens(d) if d.chance(0.3) else many
    rows, inner, columns = d.pick(((many, size, others), (many, others, size)))
    inputs = ((1, heads, rows, inner), (1, heads, inner, columns))
    return Layer("matmul", inputs, ((1, heads, rows, columns),))


def elementwise(d: Draws) -> Layer:
    """Two equal shapes, a map and its gate, a parameter for every element, or a scalar."""
    op = d.pick(("add", "mul", "sub"), (5, 3, 1))
    way = d.pick(("equal", "gate", "parameter", "scalar"), (6, 3, 1, 2))
    shape = feature_map(d) if way == "gate" else any_shape(d)
    if way == "scalar":
        return Layer(op, (shape,), (shape,), attrs=(("value", d.integer(1, 255) / 16),))
    if way == "parameter":
        return Layer(op, (shape,), (shape,), (shape,))
    second = (*shape[:2], 1, 1) if way == "gate" else shape
    return Layer(op, (shape, second), (shape,))


def activation(d: Draws) -> Layer:
    """An activation that stands alone."""
    shape = any_shape(d)
    return Layer(d.pick(PLAIN_ACTIVATIONS), (shape,), (shape,))


def norm(d: Draws) -> Layer:
    """layer_norm over tokens or features, or a batch_norm that nothing took in."""
    if d.chance(0.6):
        shape = sequence(d) if d.chance(0.8) else vector(d)
        return Layer("layer_norm", (shape,), (shape,), (shape[-1:],) * 2, attrs=(("epsilon", 1e-5),))
    shape = feature_map(d)
    return Layer("batch_norm", (shape,), (shape,), (shape[1:2],) * 2, attrs=(("epsilon", 1e-5),))


def softmax(d: Draws) -> Layer:
    """Over attention's scores, or over classes."""
    heads, many, _ = _heads(d)
    shape = (1, heads, many, many) if d.chance(0.7) else vector(d)
    return Layer("softmax", (shape,), (shape,), attrs=(("axis", len(shape) - 1),))


def transpose(d: Draws) -> Layer:
    """Of heads, or of tokens and features."""
    heads, many, size = _heads(d)
    perms: tuple[tuple[int, ...], ...] = ((0, 2, 1), (0, 2, 1, 3), (0, 2, 3, 1))
    perm = d.pick(perms)
    shape = sequence(d) if len(perm) == 3 else (1, many, heads, size)
    return Layer("transpose", (shape,), (tuple(shape[i] for i in perm),), attrs=(("perm", perm),))


def concat(d: Draws) -> Layer:
    """Two to four maps or sequences, along channels or tokens."""
    first = feature_map(d) if d.chance(0.8) else sequence(d)
    rest = [(1, channels(d), *first[2:]) for _ in range(d.pick((1, 2, 3), (6, 2, 2)))]
    inputs = (first, *rest)
    output = (1, sum(s[1] for s in inputs), *first[2:])
    return Layer("concat", inputs, (output,), attrs=(("axis", 1),))
