"""What the benches of whole runs share: `augur-edge measure`, as a user calls it."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from augur_edge.cli import main


def measured(store: Path, *words: str) -> Any:
    """The document of a run with these words, in a store of its own."""
    out = io.StringIO()
    with redirect_stdout(out):
        assert main(["measure", *words, "--store", str(store), "--quiet", "--json"]) == 0
    return json.loads(out.getvalue())


def reasons(document: Any) -> str:
    """Why the run was not steady; empty if it was."""
    return "; ".join(reason["text"] for reason in document["verdict"]["reasons"])
