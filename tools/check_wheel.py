"""check_wheel.py [--glibc 2.28] WHEEL: at most 1 MB; the profiles, the types' marker, the native modules; no tests.

With --glibc the modules' symbols too: auditwheel must find that they ask for no newer glibc, and for no other library.
Such a wheel has the C++ library in it; the limit on size is for what `make wheel` makes, and not held against it.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import zipfile
from pathlib import Path

MAX_BYTES = 1_000_000
WANTED = ("augur_edge/py.typed", "augur_edge/cli/probe.py", "augur_edge/device_profiles/generic-aarch64.json")


def problems(wheel: Path, most_bytes: int | None = MAX_BYTES) -> list[str]:
    """What is wrong with the wheel, a line each. most_bytes: None for any size."""
    names = zipfile.ZipFile(wheel).namelist()
    out = [f"{name} is missing" for name in WANTED if name not in names]
    for module in ("_timing", "_kernel"):
        if not any(name.startswith(f"augur_edge/{module}.") and name.endswith(".so") for name in names):
            out.append(f"the native module {module} is missing")
    out += [f"{name} does not belong there" for name in names if not name.startswith(("augur_edge/", "augur_edge-"))]
    size = wheel.stat().st_size
    return out + ([f"{size} bytes, more than {most_bytes}"] if most_bytes is not None and size > most_bytes else [])


def symbol_problems(audited: str, glibc: str) -> list[str]:
    """What is wrong by the words of `auditwheel show` with a wheel that is to run on that glibc."""
    text = " ".join(audited.split())
    tag = re.search(r'tag:? "manylinux_(\d+)_(\d+)_\w+"', text)
    if tag is None:
        return [f"fits no manylinux: {text[:300]}"]
    out = []
    if (int(tag[1]), int(tag[2])) > tuple(map(int, glibc.split("."))):
        out.append(f"needs glibc {tag[1]}.{tag[2]}, newer than {glibc}")
    if "external shared libraries are required" in text:
        out.append(f"needs libraries that are not in every Linux: {text[-200:]}")
    return out


def _audited(wheel: Path) -> str:
    command = [sys.executable, "-m", "auditwheel", "show", str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def main() -> int:
    """0 if the wheel is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--glibc", metavar="X.Y", help="the oldest one it must run on")
    parser.add_argument("wheel", type=Path)
    args = parser.parse_args()
    wheel = args.wheel
    found = problems(wheel, None) + symbol_problems(_audited(wheel), args.glibc) if args.glibc else problems(wheel)
    for line in found:
        print(f"{wheel.name}: {line}", file=sys.stderr)
    if not found:
        print(f"{wheel.name}: {wheel.stat().st_size / 1000:.0f} KB, content as it should be")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
