"""What a loss of power leaves of a box: from one recording of an unmodified acbd, any number of disks (F3).

    recording = Recording(shim.record_file)      each write, sync, truncation ... in order, numbered from 1
    disk = Disk(base, recording)                 the box's directory as it was when the recording began
    disk.advance(number)                         to the crash: after this record
    disk.write(target, way, generator)           one image of what may be left

What a sync has reported to be on the disk is kept. Of the writes after it: all kept, all lost, some, or pieces of 512
octets in any order (WAYS). The syncs count as POSIX has them: fdatasync and fsync for what was written before they
began, an O_DSYNC write for itself alone. A file that was created is missing unless its directory was synced since, when
`strict`. The token's files are another device, which keeps what was written to it.

`without` strikes syncs out of the recording: a store that survives that was not tested.
"""

import struct
from pathlib import Path

from fault_shim import CALLS, SYNCS, WRITES

WAYS = ("kept", "lost", "some", "torn")
SECTOR = 512
CREATES, TRUNCATES, FLUSHES, ANSWER = 1, 2, 4, 8
TOKENS = "tokens/"
SIGNATURES = TOKENS + "signatures"  # where the tests' PKCS#11 shim writes down what it signed
_HEADER = struct.Struct("<IIQQqQQIIII")


class NotModelled(Exception):
    """The recording has a call that this file does not know the meaning of after a crash."""


class Record:
    """One record of fault_shim.cc."""

    __slots__ = ("call", "number", "begin", "result", "offset", "flags", "path", "second", "port", "data")

    def __init__(self, fields, body):
        (_, call, self.number, self.begin, self.result, self.offset, _, self.flags, path, second, self.port) = fields
        self.call = CALLS[call]
        self.path = body[:path].decode()
        self.second = body[path : path + second].decode()
        self.data = body[path + second :]


class Recording:
    """All records, with paths relative to the box's directory."""

    def __init__(self, file, directory):
        octets = Path(file).read_bytes()
        self.records = []
        at = 0
        while at < len(octets):
            fields = _HEADER.unpack_from(octets, at)
            record = Record(fields, octets[at + _HEADER.size : at + fields[0]])
            at += fields[0]
            record.path = record.path.removeprefix(str(directory) + "/")
            record.second = record.second.removeprefix(str(directory) + "/")
            self.records.append(record)
            if record.number != len(self.records):
                raise ValueError(f"record {record.number} is in place {len(self.records)}")
        self.answers = {}  # client's port -> numbers of the records at which something left for it
        for record in self.records:
            if record.flags & ANSWER:
                self.answers.setdefault(record.port, []).append(record.number)

    def __len__(self):
        return len(self.records)

    def left_at(self, port, seen):
        """The record at which the answer left that a client had when `seen` records were there."""
        return max((number for number in self.answers.get(port, []) if number <= seen), default=seen)

    def signatures(self):
        """(number, key, digest) of each that the token made."""
        return [(record.number, *line.split()[:2]) for record in self.records
                if record.path == SIGNATURES and record.call == "write" for line in record.data.decode().splitlines()]

    def syncs(self):
        """Numbers of the records at which a sync of the box's own files ended."""
        return [record.number for record in self.records if record.begin and
                (begin := self.records[record.begin - 1]).flags & FLUSHES and not begin.path.startswith(TOKENS)]


class _Write:
    def __init__(self, record):
        self.offset, self.data = record.offset, record.data
        self.done = False  # the call has returned: a sync that begins later covers it

    def apply(self, content):
        apply(content, self.offset, self.data)


class _Cut:
    """A truncation, or an extension."""

    def __init__(self, length):
        self.length, self.done = length, True

    def apply(self, content):
        if self.length < len(content):
            del content[self.length :]
        else:
            content.extend(bytes(self.length - len(content)))


def apply(content, offset, data):
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


class _File:
    def __init__(self, content, named):
        self.content = bytearray(content)  # on the disk for certain
        self.pending = []
        self.named = named  # the directory that names it was synced

    def settle(self, those):
        """These are on the disk now."""
        chosen = set(map(id, those))
        for change in those:
            change.apply(self.content)
        self.pending = [change for change in self.pending if id(change) not in chosen]


class Disk:
    def __init__(self, base, recording, without=()):
        self.recording = recording
        self.without = without  # kinds of syncs that are struck out: "sync", "durable write"
        self.at = 0
        self.files = {}
        self._under_way = {}  # number of a begin -> what its end makes true
        for path in sorted(Path(base).rglob("*")):
            if path.is_file():
                self.files[str(path.relative_to(base))] = _File(path.read_bytes(), True)

    # -- to the crash --

    def advance(self, number):
        for record in self.recording.records[self.at : number]:
            if record.flags & ANSWER:
                continue
            if record.begin:
                finish = self._under_way.pop(record.begin, None)
                if finish is not None:
                    finish(record.result)
            elif not record.path.endswith("(deleted)"):
                self._begin(record)
        self.at = max(self.at, number)

    def _begin(self, record):
        if record.call in WRITES:
            self._begin_write(record)
        elif record.call in SYNCS:
            self._begin_sync(record)
        elif record.call in ("open", "openat", "creat"):
            self._begin_open(record)
        elif record.call in ("ftruncate", "truncate"):
            self._change(record.path, _Cut(record.offset))
        elif record.path.startswith(TOKENS) and record.call in ("unlink", "unlinkat"):
            self.files.pop(record.path, None)
        elif record.path.startswith(TOKENS) and record.call in ("rename", "renameat", "renameat2"):
            self.files[record.second] = self.files.pop(record.path)
        else:
            raise NotModelled(f"{record.call} {record.path}")

    def _change(self, path, change):
        file = self.files[path]
        file.pending.append(change)
        if path.startswith(TOKENS):
            file.settle([change])

    def _begin_open(self, record):
        if record.path not in self.files:
            if not record.flags & CREATES:
                return  # a file without a name, or a directory
            self.files[record.path] = _File(b"", record.path.startswith(TOKENS))
        if record.flags & TRUNCATES:
            self._change(record.path, _Cut(0))

    def _begin_write(self, record):
        write = _Write(record)
        self._change(record.path, write)

        def finish(result):
            if result != len(write.data):
                raise NotModelled(f"a write of {len(write.data)} octets to {record.path} that did {result}")
            write.done = True
            if record.flags & FLUSHES and "durable write" not in self.without:
                self.files[record.path].settle([write])

        self._under_way[record.number] = finish

    def _begin_sync(self, record):
        if record.call not in ("fsync", "fdatasync"):
            raise NotModelled(f"{record.call} {record.path}")
        file = self.files.get(record.path)
        covered = [change for change in file.pending if change.done] if file else []
        named = [other for path, other in self.files.items() if str(Path(path).parent) == record.path]

        def finish(result):
            if result != 0 or "sync" in self.without:
                return
            if file:
                file.settle([change for change in covered if change in file.pending])
            for other in named:
                other.named = True

        self._under_way[record.number] = finish

    # -- what is left --

    def write(self, target, way, generator, strict=False, only=""):
        """One image, of the files whose path begins with `only`."""
        target = Path(target)
        for path, file in self.files.items():
            if not path.startswith(only) or (strict and not file.named and generator.random() < 0.5):
                continue
            content = bytearray(file.content)
            for change in self._left(file.pending, way, generator):
                change.apply(content)
            place = target / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)

    @staticmethod
    def _left(pending, way, generator):
        if way == "kept":
            return pending
        if way == "lost":
            return []
        if way == "some":
            share = generator.random()
            return [change for change in pending if generator.random() < share]
        pieces = []
        for change in pending:
            pieces += _sectors(change) if isinstance(change, _Write) else [change]
        generator.shuffle(pieces)
        return [piece for piece in pieces if generator.random() < 0.5]


class _Piece:
    def __init__(self, offset, data):
        self.offset, self.data = offset, data

    def apply(self, content):
        apply(content, self.offset, self.data)


def _sectors(write):
    """A write in pieces that a disk writes whole."""
    pieces, at = [], 0
    while at < len(write.data):
        length = SECTOR - (write.offset + at) % SECTOR
        pieces.append(_Piece(write.offset + at, write.data[at : at + length]))
        at += length
    return pieces
