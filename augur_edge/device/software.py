"""Which runtimes are installed, told without importing them: an import takes longer than all of `probe` may."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

# what is imported, how this project calls it, the distributions that may bring it, what installs it
_RUNTIMES = (
    (
        "onnxruntime",
        "onnxruntime",
        ("onnxruntime", "onnxruntime-gpu", "onnxruntime-qnn", "onnxruntime-openvino"),
        "ort",
    ),
    ("ai_edge_litert", "litert", ("ai-edge-litert", "ai-edge-litert-nightly"), "litert"),
    ("tflite_runtime", "tflite_runtime", ("tflite-runtime", "tflite-runtime-nightly"), None),
)
EDGE_TPU_LIBRARY = "libedgetpu.so.1"


@dataclass(frozen=True)
class FoundRuntime:
    """A runtime that could be imported. version: None where the package does not say; problem: why it will not work."""

    name: str
    version: str | None
    problem: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def runtimes() -> list[FoundRuntime]:
    """The runtimes installed here, in order of preference."""
    out = []
    for module, name, distributions, _ in _RUNTIMES:
        if importlib.util.find_spec(module) is not None:
            version = next(filter(None, map(version_of, distributions)), None)
            out.append(FoundRuntime(name, version, _problem(name)))
    return out


def missing_extras() -> dict[str, str]:
    """Runtimes that are not installed, with the extra of this package that installs each."""
    return {name: extra for module, name, _, extra in _RUNTIMES if extra and importlib.util.find_spec(module) is None}


def version_of(distribution: str) -> str | None:
    """The installed version, or None."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _problem(name: str) -> str | None:
    numpy = version_of("numpy") or "1"
    if name == "tflite_runtime" and int(numpy.split(".")[0]) >= 2:
        return f"tflite_runtime 2.14 fails with numpy {numpy}; install 'numpy<2', or ai-edge-litert in its place"
    return None


def edge_tpu(root: Path = Path("/"), environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What there is of Coral: `library`, its path or None; `pycoral`, "google", "unrelated" or None."""
    prefix = (os.environ if environ is None else environ).get("PREFIX")  # Termux
    places = [*sorted(root.glob("usr/lib/*-linux-gnu*")), root / "usr/lib", root / "usr/local/lib"]
    places += [Path(prefix) / "lib"] if prefix else []
    library = next((p / EDGE_TPU_LIBRARY for p in places if (p / EDGE_TPU_LIBRARY).exists()), None)
    return {"library": str(library) if library else None, "pycoral": _pycoral()}


def _pycoral() -> str | None:
    """Google's has `utils/edgetpu.py`; the package of that name on PyPI is another tool altogether."""
    spec = importlib.util.find_spec("pycoral")
    if spec is None:
        return None
    folders = spec.submodule_search_locations or []
    return "google" if any((Path(f) / "utils" / "edgetpu.py").exists() for f in folders) else "unrelated"
