"""The power-cut scenario: from an empty directory on, every write is recorded, and disks are made of the recording.

Unlike test_power_cut.py the recording begins before `acbctl provision`: so the names of the store's files and of its
directory have to be durable too, before the first answer leaves (STRICT_POSIX: a name that was not synced may be gone).
"""

import hashlib
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

from fault_shim import FaultShim
from power_cut import WAYS, Disk, Recording
from test_power_cut import CheckStore

STORE = "store/"


class FreshDisk(Disk):
    """A disk that was empty: its directories have names that can be lost, too."""

    def __init__(self, base, recording):
        super().__init__(base, recording)
        self.directories = {}  # path -> whether its name is on the disk

    def _begin(self, record):
        if record.call in ("mkdir", "mkdirat"):
            self.directories.setdefault(record.path, False)
        elif record.path.startswith(STORE) or record.path == STORE.rstrip("/") or record.call in ("fsync", "fdatasync"):
            super()._begin(record)
        # What is outside the store is made anew by the operator who provisions again.

    def _begin_sync(self, record):
        super()._begin_sync(record)
        finish = self._under_way.get(record.number)
        # The path of the box's own directory is the one that has no prefix to remove.
        named = [path for path in self.directories
                 if str(Path(path).parent) == record.path or ("/" not in path and os.path.isabs(record.path))]

        def finish_both(result):
            finish(result)
            for path in named if result == 0 else ():
                self.directories[path] = True

        self._under_way[record.number] = finish_both

    def write(self, target, way, generator, strict=False, only=""):
        if strict and not self.directories.get(STORE.rstrip("/"), True) and generator.random() < 0.5:
            return
        super().write(target, way, generator, strict, only)


class PowerRun:
    """A recorded run: everything from the first system call of provisioning on."""

    def __init__(self, folder, directory):
        self.folder, self.directory = folder, directory
        self.shim = FaultShim(folder / "shim")
        self.base = folder / "empty"
        self.base.mkdir()
        self.told = []  # (record at which it left, lines for check_store)
        self._seen = []
        # The environment of every program that is started from here on.
        self._before = {name: os.environ.get(name) for name in self.environment()}
        os.environ.update(self.environment())
        self.shim.record()

    def environment(self):
        return self.shim.environment(SimpleNamespace(directory=self.directory))

    def programs_started(self):
        """What is started from now on has nothing preloaded, unless it is told so."""
        for name, value in self._before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

    def tell(self, client, answer):
        """A signed answer was received."""
        body, device = answer.json, answer.json["device"].replace("-", "").lower()
        self._seen.append((client.connection.sock.getsockname()[1], self.shim.records, [
            f"answer {body['request_id']} {answer.counter} {hashlib.sha256(answer.command).hexdigest()}",
            f"counter {device} {answer.counter}", f"entry {body['audit']['index']} {body['audit']['leaf']}"]))

    def end(self):
        self.shim.disarm()
        self.recording = Recording(self.shim.record_file, self.directory)
        self.told = sorted((self.recording.left_at(port, records), lines) for port, records, lines in self._seen)

    def problems(self, states, strict, generator):
        """(problems, names of what was looked at) of so many disks; each crash is at or after the first answer."""
        leaving = [left for left, _ in self.told]
        syncs = [number for number in self.recording.syncs() if number >= leaving[0]] or leaving
        crashes = sorted(generator.choice(leaving) if i % 4 < 2 else
                         max(leaving[0], generator.choice(syncs) - generator.randrange(2)) if i % 4 == 2 else
                         generator.randrange(leaving[0], len(self.recording) + 1) for i in range(states))
        disk, checker, found = FreshDisk(self.base, self.recording), CheckStore(), []
        place = self.folder / "image"
        try:
            for i, crash in enumerate(crashes):
                disk.advance(crash)
                way = WAYS[i % len(WAYS)]
                shutil.rmtree(place, ignore_errors=True)
                place.mkdir()
                disk.write(place, way, generator, strict and i % 2 == 0, STORE)
                lines = [line for left, told in self.told if left <= crash for line in told]
                found += [f"record {crash}, {way}: {problem}" for problem in checker.problems(place / "store", lines)]
        finally:
            checker.close()
            shutil.rmtree(place, ignore_errors=True)
        return found

