"""A page in a real browser, and what it did there."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any


class Browser:
    """Chromium with one page open."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, path: Path) -> None:
        """Load a file and wait until all its plots have drawn."""
        self.driver.get(path.as_uri())
        self.wait("document.documentElement.dataset.drawn")

    def run(self, script: str) -> Any:
        return self.driver.execute_script(script)

    def wait(self, expression: str, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not self.run(f"return Boolean({expression})"):
            assert time.monotonic() < end, f"never came true: {expression}; console: {self.console()}"
            time.sleep(0.02)

    def console(self) -> list[str]:
        """Lines of the page's console since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Addresses asked for since the last call."""
        events = (json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance"))
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]

    def print_to_pdf(self) -> str:
        """The page on paper, base64."""
        return str(self.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"])
