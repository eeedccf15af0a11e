"""The other side of fault_shim.cc: puts the library before an acbd and says what it is to do.

    shim = FaultShim(folder / "shim")
    box.start(shim.environment(box))     the box runs with it; nothing is counted yet
    shim.arm(STATE, at=7, action=FAIL, error=errno.EIO)
    ...                                  the seventh call from here on fails
    shim.disarm(); shim.count; shim.fired; shim.rows()
"""

import ctypes
import mmap
import os
from pathlib import Path

from harness import binary

# What a call is on, and what is to be done about it: as in fault_shim.cc.
STATE, TOKEN, LOG, RECORD = 1, 2, 4, 8
COUNT, FAIL, KILL, LIE = range(4)

MAX_PATH = 512
MAX_ROWS = 16_384

# The system calls of x86-64 that the library traps, by number.
CALLS = {
    1: "write", 2: "open", 18: "pwrite64", 20: "writev", 26: "msync", 40: "sendfile", 44: "sendto", 46: "sendmsg",
    74: "fsync", 75: "fdatasync", 76: "truncate", 77: "ftruncate", 82: "rename", 83: "mkdir", 84: "rmdir",
    85: "creat", 86: "link", 87: "unlink", 88: "symlink", 257: "openat", 258: "mkdirat", 263: "unlinkat",
    264: "renameat", 265: "linkat", 266: "symlinkat", 275: "splice", 277: "sync_file_range", 285: "fallocate",
    296: "pwritev", 306: "syncfs", 316: "renameat2", 326: "copy_file_range", 328: "pwritev2", 437: "openat2",
}
SYNCS = ("fsync", "fdatasync", "msync", "syncfs", "sync_file_range")
WRITES = ("write", "pwrite64", "writev", "pwritev", "pwritev2")


class _Row(ctypes.Structure):
    _fields_ = [("call", ctypes.c_uint32), ("process", ctypes.c_uint32), ("flush", ctypes.c_uint32),
                ("place", ctypes.c_uint32), ("path", ctypes.c_char * (MAX_PATH - 16))]


class _Control(ctypes.Structure):
    _fields_ = [("armed", ctypes.c_uint32), ("action", ctypes.c_uint32), ("error", ctypes.c_uint32),
                ("fired", ctypes.c_uint32), ("at", ctypes.c_uint64), ("count", ctypes.c_uint64),
                ("flushes_after", ctypes.c_uint64), ("records", ctypes.c_uint64), ("lock", ctypes.c_uint32),
                ("reserved", ctypes.c_uint32), ("rows", _Row * MAX_ROWS)]


class Point:
    """One call that was counted."""

    def __init__(self, row, directory):
        self.call = CALLS.get(row.call, str(row.call))
        self.flush = bool(row.flush)
        self.place = row.place
        self.path = os.path.relpath(row.path.decode(), directory)

    @property
    def kind(self):
        return f"{self.call} (durable)" if self.flush and self.call not in SYNCS else self.call

    def __repr__(self):
        return f"{self.kind} {self.path}"


class FaultShim:
    """One control block. One box at a time."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.record_file = self.folder / "record"
        self.record_file.touch()
        self._file = open(self.folder / "control", "w+b")  # pylint: disable=consider-using-with
        self._file.truncate(ctypes.sizeof(_Control))
        self._map = mmap.mmap(self._file.fileno(), ctypes.sizeof(_Control))
        self._control = _Control.from_buffer(self._map)
        self._directory = None

    def environment(self, box):
        self._directory = box.directory
        return {"LD_PRELOAD": binary("tests/end_to_end", "libacb_fault_shim.so"),
                "ACB_FAULT_DIRECTORY": str(box.directory), "ACB_FAULT_CONTROL": str(self.folder / "control"),
                "ACB_FAULT_RECORD": str(self.record_file)}

    def arm(self, places, at=0, action=COUNT, error=0):
        """Counts from now on, from 1; the call number `at` is acted on."""
        control = self._control
        control.armed = 0
        control.count = control.fired = control.flushes_after = 0
        control.at, control.action, control.error = at, action, error
        control.armed = places

    def disarm(self):
        self._control.armed = 0

    def record(self):
        self._control.armed = RECORD

    @property
    def count(self):
        return self._control.count

    @property
    def acted_on(self):
        return self._control.at

    @property
    def fired(self):
        return self._control.fired != 0

    @property
    def flushes_after(self):
        return self._control.flushes_after

    @property
    def records(self):
        """How many records are in the file: each of them whole."""
        return self._control.records

    def rows(self):
        if self.count > MAX_ROWS:
            raise OverflowError(f"{self.count} calls, and there is room for {MAX_ROWS}")
        return [Point(row, self._directory) for row in self._control.rows[: self.count]]

    def row(self, number):
        return Point(self._control.rows[number - 1], self._directory)
