"""readme_picture.py RUN -o docs/report.png --store PATH: a report of a run as a browser shows it, for the README.

The first section's figures one below the other as far as they fit. Needs chromium, chromium-driver and selenium.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WIDTH, HEIGHT = 860, 985
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1")


def main() -> int:
    """Write the picture; 0 if it was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        words = ["report", args.run, "--store", str(args.store), "-o", str(page)]
        subprocess.run([sys.executable, "-m", "augur_edge", *words], check=True)
        args.output.write_bytes(shown(page, Path(folder)))
    print(f"{args.output}: {args.output.stat().st_size / 1e3:.0f} kB")
    return 0


def shown(page: Path, folder: Path) -> bytes:
    """PNG of the top of the page, once all its plots have drawn."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in (*FLAGS, f"--window-size={WIDTH},{HEIGHT}", f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    try:
        driver.get(page.as_uri())
        end = time.monotonic() + 60
        while not driver.execute_script("return document.documentElement.dataset.drawn"):
            if time.monotonic() > end:
                raise SystemExit(f"{page}: not drawn after a minute")
            time.sleep(0.1)
        picture: bytes = driver.get_screenshot_as_png()
        return picture
    finally:
        driver.quit()


if __name__ == "__main__":
    sys.exit(main())
