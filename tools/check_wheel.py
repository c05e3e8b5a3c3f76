"""check_wheel.py WHEEL: at most 600 KB, with the profiles, the types' marker and the native modules, and no tests."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

MAX_BYTES = 600_000
WANTED = ("augur_edge/py.typed", "augur_edge/cli/probe.py", "augur_edge/device_profiles/generic-aarch64.json")


def problems(wheel: Path) -> list[str]:
    """What is wrong with the wheel, a line each."""
    names = zipfile.ZipFile(wheel).namelist()
    out = [f"{name} is missing" for name in WANTED if name not in names]
    for module in ("_timing", "_kernel"):
        if not any(name.startswith(f"augur_edge/{module}.") and name.endswith(".so") for name in names):
            out.append(f"the native module {module} is missing")
    out += [f"{name} does not belong there" for name in names if not name.startswith(("augur_edge/", "augur_edge-"))]
    size = wheel.stat().st_size
    return out + ([f"{size} bytes, more than {MAX_BYTES}"] if size > MAX_BYTES else [])


def main() -> int:
    """0 if the wheel is as it should be."""
    wheel = Path(sys.argv[1])
    found = problems(wheel)
    for line in found:
        print(f"{wheel.name}: {line}", file=sys.stderr)
    if not found:
        print(f"{wheel.name}: {wheel.stat().st_size / 1000:.0f} KB, content as it should be")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
