"""A TCP proxy in front of sshd that does something to the connection at a given byte."""

from __future__ import annotations

import socket
import threading
from typing import Callable


class Cutter:
    """Listens on `port` and passes everything on to `to`; after `at` bytes, both ways counted, calls `cut` once.

    Then the connection is closed on both sides, in the middle of whatever was being said.
    """

    def __init__(self, to: int, at: int, cut: Callable[[], None] = lambda: None) -> None:
        self._to = to
        self._left = at
        self._cut = cut
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.passed = 0
        self.done = False
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._listener.accept()
                there = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                return
            for a, b in ((here, there), (there, here)):
                threading.Thread(target=self._pass_on, args=(a, b), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(1 << 16):
                with self._lock:
                    data = data[: self._left]
                    self._left -= len(data)
                    self.passed += len(data)
                    last = self._left <= 0
                sink.sendall(data)
                if last:
                    break
        except OSError:
            pass
        with self._lock:
            if self._left <= 0 and not self.done:
                self.done = True
                self._cut()
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
