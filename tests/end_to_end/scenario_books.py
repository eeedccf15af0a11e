"""What a scenario's harness knows, outside every box: each request sent, each answer received, and what must follow.

The invariants of counter-scenarios are checked per device, over all users and cells, instances and restores: the ACB
has one counter a device, which is stricter than one a user. "In order of release": an answer that was received before
another request was sent has the smaller counter, and no counter is there twice.
"""

import base64
import copy
import hashlib
import json
import threading
from dataclasses import dataclass

import harness


@dataclass(frozen=True)
class Release:
    """One signed command that left a box."""

    device: str
    counter: int
    request_id: str
    command: bytes
    index: int
    leaf: str
    instance: int
    sent_at: float
    received_at: float


class Books:
    """Thread-safe."""

    def __init__(self):
        self.lock = threading.Lock()
        self.releases = {}  # request id -> Release
        self.greatest = {}  # device -> greatest counter received
        self.owners = {}  # (device, counter) -> request id
        self.problems = []
        self.refused = []  # (sent at, what)

    def __deepcopy__(self, memo):
        """Another world that begins with what is known now."""
        other = Books()
        for name in ("releases", "greatest", "owners", "problems", "refused"):
            setattr(other, name, copy.copy(getattr(self, name)))
        return other

    def complain(self, text):
        with self.lock:
            self.problems.append(text)

    def before(self, device):
        """The greatest counter of the device that was received up to now: to be taken before a request is sent."""
        with self.lock:
            return self.greatest.get(device, 0)

    def release(self, new, before):
        """A signed answer was received, to a request that was sent when `before` was the greatest."""
        with self.lock:
            old = self.releases.get(new.request_id)
            if old is not None:
                if (old.counter, old.command, old.index) != (new.counter, new.command, new.index):
                    self.problems.append(f"P5: {new.request_id}: answered with counter {old.counter}, later with "
                                         f"{new.counter}")
                return
            owner = self.owners.setdefault((new.device, new.counter), new.request_id)
            if owner != new.request_id:
                self.problems.append(f"P1: device {new.device}: counter {new.counter} released for {owner} and for "
                                     f"{new.request_id}")
            if new.counter <= before:
                self.problems.append(f"P1: device {new.device}: counter {new.counter} released after {before}")
            self.releases[new.request_id] = new
            self.greatest[new.device] = max(self.greatest.get(new.device, 0), new.counter)

    def refuse(self, sent_at, what):
        with self.lock:
            self.refused.append((sent_at, what))


# -- the log, recomputed --


def leaf_hash(octets):
    return hashlib.sha256(b"\x00" + octets).digest()


def root_of(leaves):
    """RFC 6962 section 2.1."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + root_of(leaves[:split]) + root_of(leaves[split:])).digest()


@dataclass(frozen=True)
class Checkpoint:
    size: int
    root: bytes


def checkpoint_of(entries):
    return Checkpoint(len(entries), root_of([leaf_hash(octets) for octets, _ in entries]))


def served_checkpoint(box):
    """What the box says of its log (C2SP tlog-checkpoint), or None where it says nothing."""
    answer = box.get("/v1/audit/checkpoint")
    if answer.status != 200:
        return None
    lines = answer.octets.decode().splitlines()
    return Checkpoint(int(lines[1]), base64.b64decode(lines[2], validate=True))


def log_problems(entries, served=None, since=None):
    """What is wrong with a log: a list. `served`: its own checkpoint, `since`: one that was exported before."""
    leaves = [leaf_hash(octets) for octets, _ in entries]
    found = []
    for what, checkpoint in (("served", served), ("exported", since)):
        if checkpoint is None:
            continue
        if checkpoint.size > len(leaves):
            found.append(f"the {what} checkpoint is of {checkpoint.size} entries, the log has {len(leaves)}")
        elif root_of(leaves[: checkpoint.size]) != checkpoint.root:
            found.append(f"the first {checkpoint.size} entries are not those of the {what} checkpoint")
    last = {}
    for octets, entry in entries:
        if json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() != octets:
            found.append(f"entry {entry['index']} is not canonical")
        if entry["kind"] in ("signed", "abandoned", "reserved-elsewhere") and "originator_counter" in entry:
            device, counter = harness.plain(entry["device"]), int(entry["originator_counter"])
            if counter <= last.get(device, 0):
                found.append(f"device {device}: entry {entry['index']} has counter {counter} after {last[device]}")
            last[device] = counter
    return found


def unrecorded(books, entries, instances=None):
    """Released commands without their `signed` entry (P4): a list. `instances`: of these boxes alone."""
    found = []
    for release in books.releases.values():
        if instances is not None and release.instance not in instances:
            continue
        octets, entry = entries[release.index] if release.index < len(entries) else (b"", {"kind": "missing"})
        told = (entry["kind"], entry.get("originator_counter"), entry.get("command_sha256"), leaf_hash(octets).hex())
        if told != ("signed", str(release.counter), hashlib.sha256(release.command).hexdigest(), release.leaf):
            found.append(f"P4: {release.request_id}: released with counter {release.counter}, entry {release.index} "
                         f"is {entry['kind']}")
    return found
