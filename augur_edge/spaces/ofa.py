"""Once-for-all's MobileNetV3 space (Cai et al., ICLR 2020): depths, kernels, expansions, resolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from augur_edge.builder import Builder
from augur_edge.errors import UsageError
from augur_edge.network import Network
from augur_edge.spaces.base import Choice, Choices

DEPTHS, KERNELS, EXPANSIONS = (2, 3, 4), (3, 5, 7), (3, 4, 6)
RESOLUTIONS = tuple(range(128, 225, 4))
STAGES = 5
BLOCKS = 4
WIDTHS = (24, 40, 80, 112, 160)
STRIDES = (2, 2, 2, 1, 2)
SQUEEZE = (False, True, False, True, True)
ACTIVATIONS = ("relu", "relu", "hard_swish", "hard_swish", "hard_swish")
_STAGE = 1 + 2 * BLOCKS  # numbers of a stage in a vector


def _words(values: Sequence[int]) -> tuple[str, ...]:
    return tuple(map(str, values))


def _choices() -> tuple[Choice, ...]:
    found = []
    for stage in range(STAGES):
        found.append(Choice(f"stage {stage} depth", _words(DEPTHS)))
        for block in range(BLOCKS):
            found.append(Choice(f"stage {stage} block {block} kernel", _words(KERNELS)))
            found.append(Choice(f"stage {stage} block {block} expansion", _words(EXPANSIONS)))
    return (*found, Choice("resolution", _words(RESOLUTIONS)))


_CHOICES = _choices()


def divisible(channels: float) -> int:
    """The multiple of 8 next to `channels` that is no more than a tenth below it."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near


@dataclass(frozen=True)
class OfaMobileNetV3(Choices):
    """The space with its options. Vectors: per stage depth, kernel and expansion of four blocks; then the resolution.

    Blocks beyond a stage's depth are not built, so vectors that differ only there are one network. width: of all
    channels, in percent (100 and 120 are published).
    """

    width: int = 100
    classes: int = 1000
    name: ClassVar[str] = "ofa_mbv3"

    @property
    def choices(self) -> tuple[Choice, ...]:
        """See `Space`."""
        return _CHOICES

    def parse(self, text: str) -> list[int]:
        """`ks=7,7,…;e=6,…;d=4,…;r=224`: 20 kernels and expansions, five depths, the resolution: its authors' names."""
        parts = dict(part.partition("=")[::2] for part in text.replace(" ", "").split(";"))
        wanted = {"ks": (20, KERNELS), "e": (20, EXPANSIONS), "d": (STAGES, DEPTHS), "r": (1, RESOLUTIONS)}
        if set(parts) != set(wanted):
            raise UsageError(f"{self.name}: {text!r}: write ks=…;e=…;d=…;r=…")
        places: dict[str, list[int]] = {}
        for key, (count, legal) in wanted.items():
            found = parts[key].split(",")
            bad = [i for i, v in enumerate(found) if v not in _words(legal)]
            if bad or len(found) != count:
                what = f"position {bad[0]} is {found[bad[0]]!r}" if bad else f"{len(found)} numbers"
                raise UsageError(f"{self.name}: {key}: {what}; it takes {count} of {', '.join(_words(legal))}")
            places[key] = [legal.index(int(v)) for v in found]
        vector = []
        for stage in range(STAGES):
            vector.append(places["d"][stage])
            for i in range(BLOCKS * stage, BLOCKS * (stage + 1)):
                vector += [places["ks"][i], places["e"][i]]
        return [*vector, places["r"][0]]

    def decode(self, vector: Sequence[int]) -> str:
        """See `Space`."""
        found = self.validate(vector)
        stages = [found[i * _STAGE : (i + 1) * _STAGE] for i in range(STAGES)]
        ks = ",".join(str(KERNELS[v]) for stage in stages for v in stage[1::2])
        e = ",".join(str(EXPANSIONS[v]) for stage in stages for v in stage[2::2])
        d = ",".join(str(DEPTHS[stage[0]]) for stage in stages)
        return f"ks={ks};e={e};d={d};r={RESOLUTIONS[found[-1]]}"

    def _channels(self, base: int) -> int:
        return divisible(base * self.width / 100)

    def network(self, vector: Sequence[int], batch: int = 1) -> Network:
        """Stem, a first block, five stages of inverted residuals, 1x1 convolutions around the mean, classifier."""
        found = self.validate(vector)
        size = RESOLUTIONS[found[-1]]
        b = Builder(self.title(found), (batch, 3, size, size))
        x = _conv(b, b.input, self._channels(16), "stem", kernel=3, stride=2, activation="hard_swish")
        with b.scope("first"):
            y = _conv(b, x, b.shape(x)[1], "depthwise", kernel=3, groups=b.shape(x)[1], activation="relu")
            x = b.add(x, _conv(b, y, b.shape(x)[1], "project"), name="add")
        for stage in range(STAGES):
            depth, *rest = found[stage * _STAGE : (stage + 1) * _STAGE]
            for i in range(DEPTHS[depth]):
                with b.scope(f"stage.{stage}.block.{i}"):
                    shape = (self._channels(WIDTHS[stage]), KERNELS[rest[2 * i]], EXPANSIONS[rest[2 * i + 1]])
                    stride = STRIDES[stage] if i == 0 else 1
                    x = block(b, x, shape, stride=stride, activation=ACTIVATIONS[stage], squeeze=SQUEEZE[stage])
        x = _conv(b, x, self._channels(960), "expand", activation="hard_swish")
        x = b.conv(b.global_avg_pool(x, name="pool"), self._channels(1280), 1, name="mix")
        x = b.flatten(b.activation(x, "hard_swish", name="mix.act"), name="flatten")
        return b.network(b.dense(x, self.classes, name="classifier"))


def _conv(
    b: Builder, x: str, out: int, name: str, *, kernel: int = 1, stride: int = 1, groups: int = 1, activation: str = ""
) -> str:
    with b.scope(name):
        x = b.conv(x, out, kernel, stride=stride, padding=kernel // 2, groups=groups, name="conv")
        x = b.batch_norm(x, name="bn")
        return b.activation(x, activation, name="act") if activation else x


def block(b: Builder, x: str, shape: tuple[int, int, int], *, stride: int, activation: str, squeeze: bool) -> str:
    """An inverted residual. shape: output channels, kernel, expansion."""
    out, kernel, expansion = shape
    inner = divisible(b.shape(x)[1] * expansion)
    y = _conv(b, x, inner, "expand", activation=activation)
    y = _conv(b, y, inner, "depthwise", kernel=kernel, stride=stride, groups=inner, activation=activation)
    if squeeze:
        z = b.relu(b.conv(b.global_avg_pool(y, name="se.pool"), divisible(inner // 4), 1, bias=True, name="se.fc1"))
        z = b.activation(b.conv(z, inner, 1, bias=True, name="se.fc2"), "hard_sigmoid", name="se.gate")
        y = b.mul(y, z, name="se.mul")
    y = _conv(b, y, out, "project")
    return b.add(x, y, name="add") if b.shape(x) == b.shape(y) else y
