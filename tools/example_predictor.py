"""Makes the predictor that comes with the package: `python tools/example_predictor.py STORE [STORE…]`.

STORE: what `measure --sample … --mode replay --runtime onnxruntime` wrote on an x86-64 server (tools/real_loop.py
measures one). Only latency: the machine has no power sensor, and an energy that nobody measured is not made up.
"""

from __future__ import annotations

import sys
from pathlib import Path

from augur_edge.dataset.reading import read_dataset
from augur_edge.host.distill import Budget
from augur_edge.host.training import Plan, train
from augur_edge.predict import example
from augur_edge.store.files import write_bytes

MAX_KB = 28.0
DEVICE = "x86-64 server processor with AVX-512"


def main() -> int:
    """Writes it into the package."""
    data = read_dataset([Path(name) for name in sys.argv[1:]])
    about = {"device": DEVICE, "note": "an example: of one machine, not of yours"}
    trained = train(data, Plan("latency", "trees", budget=Budget(max_kb=MAX_KB), about=about), print)
    path = Path(example.__file__).parent / example.NAME
    write_bytes(path, trained.data)
    print(f"{path.name}: {len(trained.data)} bytes, {len(data)} layers")
    return 0


if __name__ == "__main__":
    sys.exit(main())
