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

    def keep(self, files):
        return {path: (mode, octets if octets is None else self._pages(octets), len(octets or b""))
                for path, (mode, octets) in files.items()}

    def files(self, kept):
        return {path: (mode, None if pages is None else self._octets(pages, size))
                for path, (mode, pages, size) in kept.items()}

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

    def _octets(self, pages, size):
        self.file.flush()
        number = self.file.fileno()
        return b"".join(os.pread(number, PAGE, page * PAGE).ljust(PAGE, b"\0") for page in pages)[:size]

    def close(self):
        self.file.close()
