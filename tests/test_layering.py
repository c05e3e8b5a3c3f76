"""Who may import whom: docs/architecture.md has the ranks, and this holds the source to them."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "augur_edge"
FILES = sorted(PACKAGE.rglob("*.py"))
NATIVE = {"_kernel", "_timing"}
TIMING = {"timing", "_timing", "_timing_py"}  # one module in three files: the choice, the native one and its twin


def unit(path: Path) -> str:
    """What has a rank: a subpackage, or a module of the top."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def ranks() -> dict[str, int]:
    """Of the table in docs/architecture.md; words that name no module are explanation."""
    known = {unit(p) for p in FILES} | NATIVE
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", (ROOT / "docs/architecture.md").read_text(), re.MULTILINE)
    return {word: int(rank) for rank, text in rows for word in re.findall(r"\w+", text) if word in known}


def imports(tree: ast.AST) -> Iterator[str]:
    """Full names of all that is imported, anywhere in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            if node.module == "augur_edge":
                yield from (f"augur_edge.{alias.name}" for alias in node.names)
            else:
                yield node.module or ""


def at_import(tree: ast.Module) -> Iterator[ast.stmt]:
    """Statements that run when the module is imported: not those inside functions, nor for type checkers only."""
    todo: list[ast.AST] = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.stmt):
            yield node
        todo.extend(ast.iter_child_nodes(node))


def test_every_module_has_a_rank() -> None:
    without = {unit(p) for p in FILES} - set(ranks()) - {"__init__", "__main__"}
    assert not without, f"in no row of docs/architecture.md: {sorted(without)}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_a_module_imports_its_own_package_and_lower_ranks_only(path: Path) -> None:
    own, table = unit(path), ranks()
    for name in imports(ast.parse(path.read_text())):
        parts = name.split(".")
        if parts[0] != "augur_edge" or len(parts) < 2 or parts[1] in {own, "__version__"}:
            continue
        if own in {"__main__", "__init__"}:
            assert parts[1] == ("cli" if own == "__main__" else "ask")
            continue
        allowed = table[parts[1]] < table[own] or {own, parts[1]} <= TIMING
        assert allowed, f"{own} (rank {table[own]}) imports {name} (rank {table[parts[1]]})"


@pytest.mark.skipif(sys.version_info < (3, 10), reason="sys.stdlib_module_names came with Python 3.10")
@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_importing_takes_numpy_and_the_standard_library_at_most(path: Path) -> None:
    for statement in at_import(ast.parse(path.read_text())):
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            for name in imports(statement):
                top = name.partition(".")[0]
                assert top in {"numpy", "augur_edge"} or top in sys.stdlib_module_names, f"{name} at import"


def test_only_the_binding_file_knows_python() -> None:
    sources = [p for p in (ROOT / "csrc").rglob("*") if p.suffix in {".cc", ".h", ".cpp", ".c"}]
    knowing = [p.name for p in sources if re.search(r'#include\s*[<"](pybind11/|Python\.h|numpy/)', p.read_text())]
    assert len(sources) > 1 and len(knowing) <= 1, knowing
