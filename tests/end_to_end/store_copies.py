"""Copies of a store's directory, taken while acbd runs or after it ended, and put back later.

A copy of a running store is one instant of it: acbd is stopped (SIGSTOP), its files are read, and it goes on. That is
what a snapshot of a disk gives. (Reading data.mdb while acbd writes gives pages of several instants, which no disk ever
held; LMDB does not promise anything about those.) The HSM's objects are elsewhere and are never copied.

Pages that several copies share are kept once, so that hundreds of copies of a store of some hundred MB fit on a disk.
"""

import array
import contextlib
import hashlib
import os
import shutil
import signal
from pathlib import Path

PAGE = 4096


@contextlib.contextmanager
def frozen(box):
    """The box's process does nothing inside; every system call it was in has ended."""
    os.kill(box.process.pid, signal.SIGSTOP)
    seen = os.waitid(os.P_PID, box.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    if seen.si_code != os.CLD_STOPPED:
        raise RuntimeError(f"acbd has ended with {seen.si_status}, and was to be stopped for a moment")
    try:
        yield
    finally:
        os.kill(box.process.pid, signal.SIGCONT)


def read(directory):
    """Every file below it: {relative path: (mode, octets, or None of a directory)}."""
    directory = Path(directory)
    found = {}
    for path in sorted(directory.rglob("*")):
        found[path.relative_to(directory)] = (path.stat().st_mode & 0o7777,
                                              None if path.is_dir() else path.read_bytes())
    return found


def write(files, directory):
    """The directory afterwards holds these files and nothing else."""
    directory = Path(directory)
    if directory.exists():
        shutil.rmtree(directory)
    directory.mkdir(mode=0o700)
    for path, (mode, octets) in files.items():
        if octets is None:
            (directory / path).mkdir()
        else:
            (directory / path).write_bytes(octets)
        (directory / path).chmod(mode)


class Pool:
    """Keeps copies, each page once."""

    def __init__(self, folder):
        self.file = open(Path(folder) / "pages", "w+b")  # pylint: disable=consider-using-with
        self.numbers = {}  # SHA-256 -> page number
        self.there = {}  # file -> (its pages, its times and size): as put_back() left it, if it is still so

    def keep(self, files):
        return {path: (mode, octets if octets is None else self._pages(octets), len(octets or b""))
                for path, (mode, octets) in files.items()}

    def put_back(self, kept, directory):
        """The directory afterwards holds this copy and nothing else. In a file that nobody has written to since it was
        put back the last time, only pages that differ are written."""
        directory = Path(directory)
        for path in sorted(directory.rglob("*"), reverse=True):
            if path.relative_to(directory) not in kept:
                path.rmdir() if path.is_dir() else path.unlink()
        for name, (mode, pages, size) in kept.items():
            path = directory / name
            if pages is None:
                path.mkdir(exist_ok=True)
            else:
                self._write(path, pages, size)
            path.chmod(mode)

    def _write(self, path, pages, size):
        before = ()
        if path.exists() and path in self.there:
            before, state = self.there[path]
            if state != self._state(path):
                before = ()
        self.file.flush()
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            for at, page in enumerate(pages):
                if at >= len(before) or before[at] != page:
                    os.pwrite(file, os.pread(self.file.fileno(), PAGE, page * PAGE).ljust(PAGE, b"\0"), at * PAGE)
            os.ftruncate(file, size)
        finally:
            os.close(file)
        self.there[path] = (pages, self._state(path))

    @staticmethod
    def _state(path):
        status = path.stat()
        return status.st_ino, status.st_size, status.st_mtime_ns

    def _pages(self, octets):
        pages = array.array("Q")
        for at in range(0, len(octets), PAGE):
            page = octets[at : at + PAGE]
            digest = hashlib.sha256(page).digest()
            number = self.numbers.get(digest)
            if number is None:
                number = self.numbers[digest] = len(self.numbers)
                self.file.seek(number * PAGE)
                self.file.write(page)
            pages.append(number)
        return pages

    def close(self):
        self.file.close()
