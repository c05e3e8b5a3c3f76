"""Sizes as real networks have them, on the block sizes of kernels and off them."""

from __future__ import annotations

from augur_edge.layers import Shape
from augur_edge.prior.draws import Draws

_PIXELS = (7, 8, 10, 12, 13, 14, 15, 16, 20, 24, 26, 27, 28, 32, 38, 40, 48, 52, 54, 55, 56, 64, 75, 80, 96, 104, 109,
           112, 128, 150, 160, 192, 208, 224)  # fmt: skip


def channels(d: Draws, low: int = 1, high: int = 2048) -> int:
    """Channels or features: every doubling alike, eleven in twelve cut to a multiple of 4, 8, 16 or 32.

    Channels that are no multiple of 4 fall to slower kernels on most runtimes; few networks have them.
    """
    n = d.octave(low, high)
    block = d.pick((1, 4, 8, 16, 32), (1, 1, 4, 4, 2))
    return max(n // block * block, low) if n >= block else n


def pixels(d: Draws) -> tuple[int, int]:
    """Height and width of a feature map, 7 to 224: usual sizes or any; one in seven is not square."""
    height, width = (d.pick(_PIXELS) if d.chance(0.6) else d.octave(7, 224) for _ in range(2))
    return (height, width if d.chance(1 / 7) else height)


def feature_map(d: Draws, least: int = 1) -> Shape:
    """(1, C, H, W) inside a network, of at least `least` channels."""
    return (1, channels(d, least), *pixels(d))


def image(d: Draws) -> Shape:
    """(1, C, H, W) as a network sees it first: mostly colours, 96 to 320 pixels."""
    size = d.pick((96, 128, 160, 192, 224, 224, 240, 256, 300, 320)) if d.chance(0.7) else d.integer(96, 320)
    return (1, d.pick((3, 1, 4), (18, 1, 1)), size, size if d.chance(0.85) else d.integer(96, 320))


def tokens(d: Draws) -> int:
    """Length of a sequence, 1 to 1024: those of image patches, or any."""
    return d.pick((49, 50, 64, 128, 196, 197, 256)) if d.chance(0.4) else d.octave(1, 1024)


def sequence(d: Draws) -> Shape:
    """(1, T, C)."""
    return (1, tokens(d), channels(d, 4, 2048))


def any_shape(d: Draws) -> Shape:
    """A feature map, a sequence or a vector."""
    return d.pick((feature_map, feature_map, sequence, vector))(d)


def vector(d: Draws) -> Shape:
    """(1, C)."""
    return (1, channels(d, 4, 4096))
