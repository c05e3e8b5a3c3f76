"""The few calls of NVIDIA's CUDA runtime that an engine needs, through ctypes: no package for it is asked for.

CUDA Runtime API (docs.nvidia.com/cuda/cuda-runtime-api): every function returns 0 or an error's number.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from pathlib import Path
from typing import Any

from augur_edge.errors import MissingExtraError

_HOST_TO_DEVICE = 1
_PLACES = ("/usr/local/cuda/lib64", "/usr/local/cuda/targets/aarch64-linux/lib")


class Cuda:
    """Memory and one stream. Errors are RuntimeError with CUDA's words; MissingExtraError without its library."""

    def __init__(self) -> None:
        self._library = _load()
        self._library.cudaGetErrorString.restype = ctypes.c_char_p
        stream = ctypes.c_void_p()
        self._check(self._library.cudaStreamCreate(ctypes.byref(stream)), "cudaStreamCreate")
        self.stream = int(stream.value or 0)

    def allocate(self, content: bytes) -> int:
        """The address of device memory that holds `content`; it is kept until the process ends."""
        address = ctypes.c_void_p()
        size = ctypes.c_size_t(max(len(content), 1))
        self._check(self._library.cudaMalloc(ctypes.byref(address), size), "cudaMalloc")
        copied = self._library.cudaMemcpy(address, content, ctypes.c_size_t(len(content)), _HOST_TO_DEVICE)
        self._check(copied, "cudaMemcpy")
        return int(address.value or 0)

    def wait(self) -> None:
        """Until the stream is done."""
        self._check(self._library.cudaStreamSynchronize(ctypes.c_void_p(self.stream)), "cudaStreamSynchronize")

    def _check(self, code: int, what: str) -> None:
        if code != 0:
            raise RuntimeError(f"{what}: {self._library.cudaGetErrorString(code).decode(errors='replace')}")


def _load() -> Any:
    found = ctypes.util.find_library("cudart")
    files = [str(p) for place in _PLACES for p in sorted(Path(place).glob("libcudart.so*"))]
    for name in [*([found] if found else []), *files]:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise MissingExtraError("libcudart.so is not here: it comes with JetPack (apt-get install nvidia-jetpack)")
