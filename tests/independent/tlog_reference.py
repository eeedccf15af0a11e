#!/usr/bin/python3
"""A second reader of the audit log's public form (C2SP tlog-tiles, tlog-checkpoint, signed-note, tlog-cosignature; RFC
6962), written from those documents alone: it shares no code with the service.

    tlog_reference.py --url https://127.0.0.1:8621 --cacert CA --cert CERT --key KEY [--vkey FILE]

reads checkpoint, tiles and entries of a running box, recomputes the root from the entries, compares every tile with it,
and verifies the signature and a proof of each of some entries. It prints what it found, and ends with 1 when something
does not agree.
"""

import argparse
import base64
import hashlib
import http.client
import json
import ssl
import struct
import sys
import urllib.parse

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

TILE = 256
ED25519, P256, COSIGNATURE = 1, 2, 4


class Wrong(Exception):
    """What was read does not agree with itself, or with the key."""


# -- RFC 6962 section 2.1, as it is written there --

def leaf_hash(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(count):
    """The largest power of two smaller than count."""
    half = 1
    while half * 2 < count:
        half *= 2
    return half


def tree_hash(leaves):
    """Of a list of leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    # Complete levels from below; the last of an odd number goes up as it is, which is the same tree.
    level = list(leaves)
    while len(level) > 1:
        paired = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = paired + (level[-1:] if len(level) % 2 else [])
    return level[0]


def root_of_inclusion(index, size, leaf, proof):
    """The root that the proof leads to: PATH(m, D[n]) undone from its last hash, the one below the root."""
    if size == 1:
        if proof:
            raise Wrong("a proof that is too long")
        return leaf
    if not proof:
        raise Wrong("a proof that is too short")
    half = split(size)
    if index < half:
        return node_hash(root_of_inclusion(index, half, leaf, proof[:-1]), proof[-1])
    return node_hash(proof[-1], root_of_inclusion(index - half, size - half, leaf, proof[:-1]))


def roots_of_consistency(old, size, proof, old_root, whole=True):
    """(root of the old tree, root of the new) that SUBPROOF(m, D[n], b) leads to."""
    if old == size:
        if whole:
            if proof:
                raise Wrong("a proof that is too long")
            return old_root, old_root
        if len(proof) != 1:
            raise Wrong("a proof of the wrong length")
        return proof[0], proof[0]
    if not proof:
        raise Wrong("a proof that is too short")
    half = split(size)
    if old <= half:
        left_old, left_new = roots_of_consistency(old, half, proof[:-1], old_root, whole)
        return left_old, node_hash(left_new, proof[-1])
    right_old, right_new = roots_of_consistency(old - half, size - half, proof[:-1], old_root, False)
    return node_hash(proof[-1], right_old), node_hash(proof[-1], right_new)


def check_consistency(old, size, old_root, root, proof):
    if not 0 < old <= size or any(len(each) != 32 for each in proof):
        raise Wrong(f"no proof leads from {old} to {size}")
    if roots_of_consistency(old, size, list(proof), old_root) != (old_root, root):
        raise Wrong(f"the tree of {size} entries does not begin with that of {old}")


# -- signed-note --

class Key:
    """A vkey: name+hash+base64(type || key)."""

    def __init__(self, text):
        self.name, self.hash_hex, encoded = text.strip().split("+", 2)
        octets = base64.b64decode(encoded, validate=True)
        self.type, self.octets = octets[0], octets[1:]
        hashed = self.octets if self.type == P256 else self.name.encode() + b"\n" + octets
        if hashlib.sha256(hashed).hexdigest()[:8] != self.hash_hex:
            raise Wrong("the key's hash is another")

    def verify(self, text, signature):
        """Raises InvalidSignature. Gives the time of a cosignature."""
        if self.type == P256:
            serialization.load_der_public_key(self.octets).verify(signature, text, ec.ECDSA(hashes.SHA256()))
            return None
        public = ed25519.Ed25519PublicKey.from_public_bytes(self.octets)
        if self.type == ED25519:
            public.verify(signature, text)
            return None
        (seconds,) = struct.unpack(">Q", signature[:8])
        public.verify(signature[8:], b"cosignature/v1\ntime %d\n" % seconds + text)
        return seconds


def cosign(private, name, text, seconds):
    """A witness's signature line for a note's text (tlog-cosignature)."""
    public = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    key_hash = hashlib.sha256(name.encode() + b"\n" + bytes([COSIGNATURE]) + public).digest()[:4]
    signature = private.sign(b"cosignature/v1\ntime %d\n" % seconds + text)
    octets = key_hash + struct.pack(">Q", seconds) + signature
    return f"\u2014 {name} {base64.b64encode(octets).decode()}\n".encode()


def cosigner_vkey(private, name):
    public = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    octets = bytes([COSIGNATURE]) + public
    key_hash = hashlib.sha256(name.encode() + b"\n" + octets).hexdigest()[:8]
    return f"{name}+{key_hash}+{base64.b64encode(octets).decode()}"


class Note:
    def __init__(self, octets):
        text, separator, lines = octets.rpartition(b"\n\n")
        if not separator or not lines.endswith(b"\n"):
            raise Wrong("no signed note")
        self.octets = octets
        self.text = text + b"\n"
        self.signatures = []
        for line in lines.decode().splitlines():
            dash, name, encoded = line.split(" ")
            if dash != "\u2014":
                raise Wrong("a line that is no signature")
            signature = base64.b64decode(encoded, validate=True)
            self.signatures.append((name, signature[:4].hex(), signature[4:]))

    def verify(self, key):
        """The time of a cosignature, None of a signature. Wrong when the key has not signed, or not this."""
        for name, key_hash, signature in self.signatures:
            if (name, key_hash) != (key.name, key.hash_hex):
                continue
            try:
                return key.verify(self.text, signature)
            except InvalidSignature:
                raise Wrong(f"the signature of {name} is not over this text") from None
        raise Wrong(f"not signed by {key.name}")

    def signed_by(self, key):
        return any((name, key_hash) == (key.name, key.hash_hex) for name, key_hash, _ in self.signatures)


class Checkpoint(Note):
    def __init__(self, octets):
        super().__init__(octets)
        lines = self.text.decode().split("\n")
        if len(lines) != 4 or lines[3]:
            raise Wrong("a checkpoint has three lines")
        self.origin, size, root = lines[:3]
        self.size = int(size)
        self.root = base64.b64decode(root, validate=True)
        if len(self.root) != 32:
            raise Wrong("a root is 32 octets")


def notes_of(octets):
    """The notes of a file that has them one after the other."""
    notes, lines, in_signatures = [], [], False
    for line in octets.decode().splitlines(keepends=True):
        signature = line.startswith("\u2014 ")
        if in_signatures and not signature:
            notes.append("".join(lines).encode())
            lines = []
        in_signatures = signature
        lines.append(line)
    if lines:
        notes.append("".join(lines).encode())
    return [Checkpoint(note) for note in notes]


# -- tlog-tiles --

def number_path(number):
    groups = [f"{number % 1000:03d}"]
    while number >= 1000:
        number //= 1000
        groups.insert(0, f"x{number % 1000:03d}")
    return "/".join(groups)


def tile_path(level, number, width):
    return f"tile/{level}/{number_path(number)}" + ("" if width == TILE else f".p/{width}")


class Log:
    """The log as `fetch(path)` gives it: the octets of /v1/audit/<path>."""

    def __init__(self, fetch, key):
        self.fetch = fetch
        self.key = key

    def checkpoint(self):
        checkpoint = Checkpoint(self.fetch("checkpoint"))
        if checkpoint.origin != self.key.name:
            raise Wrong(f"a checkpoint of {checkpoint.origin}")
        checkpoint.verify(self.key)
        return checkpoint

    def entries(self, size):
        found = []
        for number in range((size + TILE - 1) // TILE):
            width = min(TILE, size - number * TILE)
            octets = self.fetch(tile_path("entries", number, width))
            for _ in range(width):
                (length,) = struct.unpack(">H", octets[:2])
                if len(octets) < 2 + length:
                    raise Wrong("a bundle that is cut off")
                found.append(octets[2:2 + length])
                octets = octets[2 + length:]
            if octets:
                raise Wrong("a bundle with more than its entries")
        return found

    def check(self, checkpoint):
        """Recomputes everything from the entries; gives them."""
        entries = self.entries(checkpoint.size)
        level_hashes = [leaf_hash(entry) for entry in entries]
        if tree_hash(level_hashes) != checkpoint.root:
            raise Wrong("the entries do not give the checkpoint's root")
        level = 0
        while level_hashes:
            for number in range((len(level_hashes) + TILE - 1) // TILE):
                part = level_hashes[number * TILE:(number + 1) * TILE]
                if self.fetch(tile_path(level, number, len(part))) != b"".join(part):
                    raise Wrong(f"tile {level}/{number} is not what the entries give")
            level_hashes = [tree_hash(level_hashes[i:i + TILE])
                            for i in range(0, len(level_hashes) - TILE + 1, TILE)]
            level += 1
        for index, entry in enumerate(entries):
            if json.loads(entry)["index"] != str(index):
                raise Wrong(f"entry {index} says that it is another")
        return entries

    def check_receipt(self, receipt, leaf=None):
        """What /v1/audit/proof/{index} answers; `leaf` as the answer of the service gave it, in hex."""
        checkpoint = Checkpoint(receipt["checkpoint"].encode())
        checkpoint.verify(self.key)
        index, size = int(receipt["index"]), int(receipt["tree_size"])
        own = leaf_hash(receipt["entry"].encode())
        if own.hex() != receipt["leaf"] or leaf not in (None, receipt["leaf"]):
            raise Wrong("the entry does not hash to its leaf")
        if (size, receipt["root"]) != (checkpoint.size, checkpoint.root.hex()) or not 0 <= index < size:
            raise Wrong("the proof is of another tree than its checkpoint")
        proof = [bytes.fromhex(text) for text in receipt["proof"]]
        if any(len(each) != 32 for each in proof) or root_of_inclusion(index, size, own, proof) != checkpoint.root:
            raise Wrong("the proof does not lead to the root")
        return checkpoint


def fetcher(url, context):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPSConnection(parts.hostname, parts.port, context=context, timeout=60)

    def fetch(path):
        connection.request("GET", f"/v1/audit/{path}")
        response = connection.getresponse()
        octets = response.read()
        if response.status != 200:
            raise Wrong(f"{path}: {response.status} {octets[:200]!r}")
        fetch.headers = response.headers
        return octets

    return fetch


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("url", "cacert", "cert", "key"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--vkey", help="file with the log's key; else the one that comes with the checkpoint")
    options = parser.parse_args()
    context = ssl.create_default_context(cafile=options.cacert)
    context.load_cert_chain(options.cert, options.key)
    fetch = fetcher(options.url, context)
    try:
        if options.vkey:
            with open(options.vkey, encoding="utf-8") as file:
                key = Key(file.read())
        else:
            fetch("checkpoint")
            key = Key(fetch.headers["ACB-Checkpoint-Key"])
        log = Log(fetch, key)
        checkpoint = log.checkpoint()
        entries = log.check(checkpoint)
        proven = sorted({0, checkpoint.size // 2, checkpoint.size - 1})
        for index in proven:
            log.check_receipt(json.loads(fetch(f"proof/{index}")))
    except (Wrong, InvalidSignature) as error:
        print(f"WRONG: {error}")
        return 1
    print(f"{checkpoint.origin}: {len(entries)} entries, root {checkpoint.root.hex()}, signed by {key.name}; "
          f"every tile agrees; proofs of entries {', '.join(map(str, proven))} verify")
    return 0


if __name__ == "__main__":
    sys.exit(main())
