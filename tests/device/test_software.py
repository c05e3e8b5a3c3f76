from __future__ import annotations

import sys
from pathlib import Path

import pytest

from augur_edge.device import software


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for all that is installed beside the standard library."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setattr(sys, "path", [str(folder), *(p for p in sys.path if "-packages" not in p)])
    for module in ("onnxruntime", "ai_edge_litert", "tflite_runtime", "pycoral"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    return folder


def install(folder: Path, distribution: str, module: str, version: str, *files: str) -> None:
    for name in ("__init__.py", *files):
        path = folder / module / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("raise RuntimeError('imported')\n")
    info = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")


def test_nothing_installed(packages: Path) -> None:
    assert software.runtimes() == []
    assert software.missing_extras() == {"onnxruntime": "ort", "litert": "litert"}


def test_runtimes_are_found_without_being_imported(packages: Path) -> None:
    install(packages, "ai-edge-litert", "ai_edge_litert", "2.3.0")
    install(packages, "onnxruntime-gpu", "onnxruntime", "1.20.0")
    assert [(r.name, r.version, r.problem) for r in software.runtimes()] == [
        ("onnxruntime", "1.20.0", None),
        ("litert", "2.3.0", None),
    ]
    assert software.missing_extras() == {}


def test_an_unknown_build_of_a_runtime_has_no_version(packages: Path) -> None:
    install(packages, "onnxruntime-special", "onnxruntime", "1.0")
    (found,) = software.runtimes()
    assert found.version is None


@pytest.mark.parametrize(("numpy", "works"), [("1.26.4", True), ("2.0.2", False)])
def test_the_old_tflite_runtime_wants_the_old_numpy(packages: Path, numpy: str, works: bool) -> None:
    install(packages, "tflite-runtime", "tflite_runtime", "2.14.0")
    install(packages, "numpy", "numpy", numpy)
    (found,) = software.runtimes()
    assert (found.problem is None) == works


def test_the_other_pycoral_is_not_taken_for_google_s(packages: Path) -> None:
    assert software.edge_tpu(packages, {})["pycoral"] is None
    install(packages, "pycoral", "pycoral", "1.0", "cli.py")
    assert software.edge_tpu(packages, {})["pycoral"] == "unrelated"
    (packages / "pycoral/utils").mkdir()
    (packages / "pycoral/utils/edgetpu.py").write_text("")
    assert software.edge_tpu(packages, {})["pycoral"] == "google"


def test_the_edge_tpu_library_is_found_where_systems_put_it(tmp_path: Path) -> None:
    assert software.edge_tpu(tmp_path, {})["library"] is None
    termux = tmp_path / "prefix/lib"
    termux.mkdir(parents=True)
    (termux / "libedgetpu.so.1").touch()
    assert software.edge_tpu(tmp_path, {"PREFIX": str(tmp_path / "prefix")})["library"] == str(
        termux / "libedgetpu.so.1"
    )
    debian = tmp_path / "usr/lib/aarch64-linux-gnu"
    debian.mkdir(parents=True)
    (debian / "libedgetpu.so.1").touch()
    assert software.edge_tpu(tmp_path, {})["library"] == str(debian / "libedgetpu.so.1")
