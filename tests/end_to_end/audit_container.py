"""An audit export in python, sharing no code with the programs: read, take apart, change, put together again and sign
with a key of one's own, as someone would who wants to pass off another log."""

import base64
import hashlib
import io
import json
import struct
import tarfile

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

FORMAT = "acb-audit-export-1"
WIDTH = 256


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def leaf_hash(octets):
    return hashlib.sha256(b"\0" + octets).digest()


def root_of(hashes):
    """RFC 6962 section 2.1 over leaf hashes, or hashes of complete subtrees of one height."""
    if not hashes:
        return hashlib.sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    return hashlib.sha256(b"\1" + root_of(hashes[:split]) + root_of(hashes[split:])).digest()


def tile_path(level, index, width):
    text = f"{index % 1000:03}"
    index //= 1000
    while index:
        text = f"x{index % 1000:03}/{text}"
        index //= 1000
    return f"tile/{level}/{text}" + (f".p/{width}" if width != WIDTH else "")


def header(name, size):
    fields = [name.encode().ljust(100, b"\0"), b"0000644\0", b"0000000\0", b"0000000\0", b"%011o\0" % size,
              b"00000000000\0", b"        ", b"0", bytes(100), b"ustar\0" b"00", bytes(64), b"0000000\0", b"0000000\0",
              bytes(167)]
    octets = b"".join(fields)
    assert len(octets) == 512
    return octets[:148] + b"%06o\0 " % sum(octets) + octets[156:]


class NoteSigner:
    """An Ed25519 key that signs notes under a name."""

    def __init__(self, origin):
        self.origin = origin
        self.key = ed25519.Ed25519PrivateKey.generate()
        self.raw = self.key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)

    @property
    def spki(self):
        return self.key.public_key().public_bytes(serialization.Encoding.DER,
                                                  serialization.PublicFormat.SubjectPublicKeyInfo)

    @property
    def pem(self):
        return self.key.public_key().public_bytes(serialization.Encoding.PEM,
                                                  serialization.PublicFormat.SubjectPublicKeyInfo)

    def vkey(self, kind=1):
        return f"{self.origin}+{self.key_hash(kind).hex()}+{base64.b64encode(bytes([kind]) + self.raw).decode()}"

    def key_hash(self, kind=1):
        return hashlib.sha256(self.origin.encode() + b"\n" + bytes([kind]) + self.raw).digest()[:4]

    def note(self, text):
        return text.encode() + b"\n" + self.line(self.key.sign(text.encode()))

    def line(self, signature, kind=1):
        signed = base64.b64encode(self.key_hash(kind) + signature).decode()
        return f"\u2014 {self.origin} {signed}\n".encode()

    def cosign(self, text, seconds):
        message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
        return self.line(struct.pack(">Q", seconds) + self.key.sign(message), kind=4)

    def checkpoint(self, size, root):
        return self.note(f"{self.origin}\n{size}\n{base64.b64encode(root).decode()}\n")


class Container:
    """The files of an export, in order. What is changed in one does not change the others until it is asked to."""

    def __init__(self, files):
        self.files = dict(files)

    @classmethod
    def read(cls, octets):
        with tarfile.open(fileobj=io.BytesIO(octets)) as tar:
            return cls((member.name, tar.extractfile(member).read()) for member in tar.getmembers())

    def copy(self):
        return Container(self.files)

    @property
    def manifest(self):
        return json.loads(self.files["manifest.json"])

    @property
    def entries(self):
        return self.files["entries.ndjson"].splitlines()

    @entries.setter
    def entries(self, lines):
        self.files["entries.ndjson"] = b"".join(line + b"\n" for line in lines)

    def octets(self):
        parts = []
        for name, octets in self.files.items():
            parts += [header(name, len(octets)), octets, bytes(-len(octets) % 512)]
        return b"".join(parts) + bytes(1024)

    def list_files(self, **changes):
        """The manifest says what the files are; its signature stays what it was."""
        manifest = self.manifest | changes
        manifest["files"] = [{"name": name, "octets": str(len(octets)), "sha256": hashlib.sha256(octets).hexdigest()}
                             for name, octets in self.files.items() if not name.startswith("manifest.")]
        self.files["manifest.json"] = canonical(manifest)

    def rebuild_tree(self):
        """Tiles of the entries as they are; only for an export from entry 0. Gives the root."""
        names = ("summary.html", "manifest.json", "manifest.sig")
        tail = {name: self.files.pop(name) for name in names}
        for name in [name for name in self.files if name.startswith("tile/")]:
            del self.files[name]
        level = 0
        hashes = leaves = [leaf_hash(line) for line in self.entries]
        while hashes:
            for index in range(0, len(hashes), WIDTH):
                tile = hashes[index:index + WIDTH]
                self.files[tile_path(level, index // WIDTH, len(tile))] = b"".join(tile)
            hashes = [root_of(hashes[at:at + WIDTH]) for at in range(0, len(hashes) // WIDTH * WIDTH, WIDTH)]
            level += 1
        self.files.update(tail)
        peaks, at = [], 0
        for bit in reversed(range(len(leaves).bit_length())):
            if len(leaves) >> bit & 1:
                peaks.append(root_of(leaves[at:at + (1 << bit)]))
                at += 1 << bit
        root = peaks.pop()
        while peaks:
            root = hashlib.sha256(b"\1" + peaks.pop() + root).digest()
        return root

    def sign(self, signer, tree=True):
        """Everything that a signature or a hash depends on, made anew with this key. Gives the checkpoint."""
        root = self.rebuild_tree() if tree else bytes.fromhex(self.manifest["root"])
        size = len(self.entries)
        keys = json.loads(self.files["keys.json"])
        for key in keys["keys"]:
            if key["role"] == "checkpoint":
                key |= {"spki": base64.b64encode(signer.spki).decode(), "vkey": signer.vkey(), "algorithm": "Ed25519"}
        self.files["keys.json"] = canonical(keys)
        checkpoint = signer.checkpoint(size, root)
        self.files["checkpoints"] = checkpoint
        self.list_files(root=root.hex(), tree_size=str(size), end=str(size), origin=signer.origin)
        digest = base64.b64encode(hashlib.sha256(self.files["manifest.json"]).digest()).decode()
        self.files["manifest.sig"] = signer.note(f"{FORMAT}\n{digest}\n")
        return checkpoint
