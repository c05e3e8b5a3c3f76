"""What is measured: names and files of the command line, made into model bytes for a runtime."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from augur_edge.errors import DataError, UsageError
from augur_edge.layers import Layer, Shape
from augur_edge.network import Network
from augur_edge.runtime import RuntimeOptions, check_name, default_name
from augur_edge.spaces.base import Space, Vector

FORMATS = {"onnxruntime": "onnx", "litert": "tflite", "tflite_runtime": "tflite", "fake": "json"}
SUFFIXES = {".onnx": "onnx", ".tflite": "tflite", ".json": "json"}


@dataclass(frozen=True)
class Request:
    """One choice of how to run a network; the command line's lists make several of them."""

    runtime: str | None = None
    batch: int = 1
    dtype: str = "float32"
    threads: int = 1
    delegate: str | None = None
    shapes: dict[str, Shape] = field(default_factory=dict)

    @property
    def options(self) -> RuntimeOptions:
        """The part of it the runtime takes."""
        return RuntimeOptions(self.threads, self.delegate, self.shapes)


@dataclass(frozen=True)
class Target:
    """A network to measure. model: makes its bytes; name: as told to people and stored.

    sampled: random layers strung together, which are wanted in the replay only. mode: how to measure unless told.
    """

    name: str
    runtime: str
    request: Request
    model: Callable[[], bytes]
    sampled: bool = False
    mode: str = "replay"


@dataclass(frozen=True)
class LayerSet:
    """Single layers to measure, each a network of its own: random ones, or those of a file."""

    name: str
    runtime: str
    request: Request
    layers: tuple[Layer, ...]


def write(network: Network, runtime: str, dtype: str) -> bytes:
    """The network in the runtime's model format."""
    if FORMATS[runtime] == "onnx":
        from augur_edge.models.onnx_write import to_onnx

        return to_onnx(network, dtype=dtype)
    if FORMATS[runtime] == "tflite":
        from augur_edge.models.tflite_write import to_tflite

        return to_tflite(network, dtype=dtype)
    raise UsageError(f"--runtime {runtime} runs no named networks")


def resolve(net: str, request: Request) -> Target | LayerSet:
    """What NET on the command line means: a model file, a CSV of layers, or a network of the zoo.

    Raises UsageError for an unknown name, with the nearest ones, and for a file the runtime cannot read.
    """
    path = Path(net)
    if request.runtime is not None:
        check_name(request.runtime)
    if path.suffix in SUFFIXES:
        return _file(path, request)
    runtime = request.runtime or default_name()
    if path.suffix == ".csv":
        from augur_edge.models.augur_csv import read_augur_csv

        return LayerSet(path.name, runtime, request, tuple(read_augur_csv(_existing(path))))
    from augur_edge import spaces, zoo

    if spaces.is_architecture(net):
        return architecture(*spaces.resolve(net), request)
    if net not in zoo.names():
        near = difflib.get_close_matches(net, zoo.names(), 3, 0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else f"networks: {', '.join(zoo.names())}"
        if ":" in net:
            hint = f"search spaces: {', '.join(spaces.names())}"
        raise UsageError(f"{net}: neither a network's name nor a .onnx, .tflite or .csv file; {hint}")
    return Target(
        _label(net, request), runtime, request, lambda: write(zoo.build(net, request.batch), runtime, request.dtype)
    )


def architecture(space: Space, vector: Vector, request: Request) -> Target:
    """One architecture of a search space, by its title; what cannot be built is said when its turn comes."""
    runtime = request.runtime or default_name()
    name = _label(space.title(vector), request)
    return Target(name, runtime, request, lambda: write(space.network(vector, request.batch), runtime, request.dtype))


def space_targets(head: str, count: int | None, order: str, seed: int, request: Request) -> list[Target | LayerSet]:
    """Architectures of the space named `SPACE` or `SPACE@OPTION=VALUE,…`.

    count: how many; None for all. order: `random`, drawn with `seed`, or `index`, position 0 changing fastest, which
    is Eagle's. Architectures whose input does not reach their output are passed over. Raises UsageError.
    """
    from augur_edge import spaces

    space = spaces.parse(head)
    vectors = spaces.pick(space, count, order, seed)
    return [replace(architecture(space, vector, request), mode="whole") for vector in vectors]


def _label(name: str, request: Request) -> str:
    parts = [name]
    if request.dtype != "float32":
        parts.append(request.dtype)
    if request.batch != 1:
        parts.append(f"batch {request.batch}")
    if request.threads != 1:
        parts.append(f"{request.threads} threads")
    return ", ".join(parts)


def _existing(path: Path) -> Path:
    if path.is_dir():
        raise UsageError(f"{path}: a folder, not a file; name a file in it")
    if not path.exists():
        raise UsageError(f"{path}: no such file")
    return path


def _file(path: Path, request: Request) -> Target:
    _existing(path)
    runtime = request.runtime or ("fake" if path.suffix == ".json" else default_name(path.suffix))
    if FORMATS.get(runtime, "") != SUFFIXES[path.suffix]:
        raise UsageError(f"{path}: --runtime {runtime} reads .{FORMATS.get(runtime, '?')} files, not {path.suffix}")
    if request.batch != 1 or request.dtype != "float32":
        raise UsageError(
            f"{path}: --batch and --dtype are for named networks; a file is measured as it is (see --shape)"
        )
    return Target(_label(path.name, request), runtime, request, lambda: read_model(path))


def read_model(path: Path) -> bytes:
    """The bytes of a model file, an ONNX file's external data brought inside. Raises DataError."""
    try:
        data = path.read_bytes()
    except OSError as e:
        raise DataError(f"{path}: {e.strerror}") from e
    if path.suffix != ".onnx":
        return data
    from augur_edge.models.onnx_proto import decode_model, encode_model

    try:
        return encode_model(decode_model(data, path.parent))
    except DataError as e:
        raise DataError(f"{path}: {e}") from e


def sample_targets(spec: str, seed: int, mode: str, request: Request) -> list[Target | LayerSet]:
    """Random layers of the prior: one by one, or strung into random networks for the replay."""
    from augur_edge.prior import sample_chains, sample_layers

    runtime = request.runtime or default_name()
    if mode == "isolated":
        return [LayerSet(f"sample {spec} seed {seed}", runtime, request, tuple(sample_layers(spec, seed)))]
    return [_chain(network, runtime, request) for network in sample_chains(spec, seed)]


def _chain(network: Network, runtime: str, request: Request) -> Target:
    return Target(network.name, runtime, request, lambda: write(network, runtime, request.dtype), sampled=True)
