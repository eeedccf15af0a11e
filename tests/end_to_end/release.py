"""A small release for the tests: a manifest of some files, signed by a key made here (platform/packaging/manifest.py has
the form of real ones).

    release = Release(folder)                  its key
    release.write({"/path": octets}, 7)        manifest.json and its signature, for release number 7
    release.cover(box, 7)                      a manifest of the acbd that the box runs, and [firmware] in its configuration
"""

import hashlib
import json
import os
import shutil
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import harness


class Release:
    """A release key and one manifest, written anew as often as a test wants."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.key = self.folder / "release-key.pem"
        self.key.write_bytes(self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        self.manifest = self.folder / "manifest.json"
        self.signature = self.folder / "manifest.json.sig"
        self.configuration = ()  # paths that the site may change

    def write(self, files, release, private=None):
        """`files`: path -> octets."""
        listed = [{"path": str(path), "package": "acbd", "size": len(octets),
                   "kind": "configuration" if str(path) in self.configuration else "program",
                   "sha256": hashlib.sha256(octets).hexdigest()} for path, octets in sorted(files.items())]
        self.manifest.write_text(json.dumps(
            {"format": 1, "name": "acb-handover-signing", "version": f"0.1.0+{release}", "release": str(release),
             "commit": "0" * 40, "files": listed}))
        self.sign(private)

    def sign(self, private=None):
        self.signature.write_bytes(
            (private or self.private).sign(self.manifest.read_bytes(), ec.ECDSA(hashes.SHA256())))

    def cover(self, box, release, *more):
        """`more`: further files that the release has."""
        program = os.path.realpath(box.program or harness.binary("platform", "acbd"))
        self.write({str(path): Path(path).read_bytes() for path in (program, *more)}, release)
        box.configure("firmware", manifest=str(self.manifest), key=str(self.key))

    def program_of_its_own(self, box):
        """The box runs a copy of acbd that a test may change."""
        copy = self.folder / "acbd"
        shutil.copy(harness.binary("platform", "acbd"), copy)
        box.program = str(copy)
        return copy
