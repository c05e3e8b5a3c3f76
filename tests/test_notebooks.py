"""The notebooks run from top to bottom, with small settings in a folder of their own, and are stored without output."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbformat, which reads notebooks, is not installed")
nbclient = pytest.importorskip("nbclient", reason="nbclient, which runs notebooks, is not installed")
pytest.importorskip("ipykernel", reason="ipykernel, which runs notebooks, is not installed")

ROOT = Path(__file__).parents[1]
BOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NEEDED = {"measure_train_query": ("onnxruntime", "catboost", "sklearn", "pandas"), "search": ("onnxruntime", "pandas")}
SMALL = {
    "NOTEBOOK_SAMPLE": "conv2d:60,dense:12,pool:8", "NOTEBOOK_TEACHER": "roofline", "NOTEBOOK_GUARD": "--no-guard",
    "NOTEBOOK_EVALUATIONS": "20000", "OMP_NUM_THREADS": "1",
}  # fmt: skip


def text_of(book: object) -> str:
    """All that its cells print and show."""
    parts = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]  # type: ignore[attr-defined]
    return "\n".join(str(part.get("text") or part.get("data", {}).get("text/plain", "")) for part in parts)


# quiet: `train` leaves out networks that were measured while something else had the processor, and then has too few
@pytest.mark.parametrize("path", [pytest.param(p, marks=pytest.mark.quiet, id=p.stem) for p in BOOKS])
def test_a_notebook_runs_to_its_end(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in NEEDED[path.stem]:
        pytest.importorskip(module, reason=f"{module} is not installed")
    for name, value in {**SMALL, "NOTEBOOK_FOLDER": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    book = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute()
    said = text_of(book)
    wanted = {"measure_train_query": "mean error on unseen layers", "search": "of them better"}
    assert wanted[path.stem] in said and " ms" in said


@pytest.mark.parametrize("path", BOOKS, ids=lambda p: p.stem)
def test_a_notebook_is_stored_without_outputs(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    assert len(cells) > 5
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
