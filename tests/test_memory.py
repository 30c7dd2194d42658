"""Memory that a server has freed goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import ctypes, sys
from rag.web.opening import return_memory
if sys.argv[1] == "ours":
    return_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
def allocate(size):
    block = libc.malloc(ctypes.c_size_t(size))
    ctypes.memset(block, 1, size)
    return block
libc.free(allocate(20_000_000))  # from now on glibc takes blocks up to this size from the heap, if it may
blocks = [allocate(8_000_000) for _ in range(8)]
last = allocate(1_000_000)  # lies on top of them
for block in blocks:
    libc.free(block)
print(int(open("/proc/self/statm").read().split()[1]) // 256)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have other settings")
def test_freed_memory_goes_back() -> None:
    held = {}
    for settings in ("ours", "usual"):
        command = [sys.executable, "-c", PROGRAM, settings]
        held[settings] = int(
            subprocess.run(command, cwd=Path(__file__).parent.parent, capture_output=True, check=True).stdout
        )
    assert held["usual"] - held["ours"] > 40  # mebibytes
