#!/usr/bin/python3
"""The release manifest: the SHA-256 of every file of the packages, and its signature (R-SEC3-55).

    manifest.py DEBIAN
        DEBIAN   the folder in which debhelper has gathered acbd/, acbctl/ and acb-verify/. The manifest goes to
                 acbd/usr/share/acbd/manifest.json, its signature beside it in manifest.json.sig.

From the environment: ACB_VERSION, ACB_RELEASE (a number that never decreases), ACB_COMMIT, and either ACB_SIGN_KEY
(the private release key, PEM, P-256) or ACB_SIGNATURE and ACB_RELEASE_KEY (a signature that was made elsewhere, and the
public key that it has to verify with). ECDSA with SHA-256, DER.

Example: ACB_VERSION=0.1.0 ACB_RELEASE=20261122070503 ACB_COMMIT=e6db06b ACB_SIGN_KEY=release.pem manifest.py debian
Exit status: 0 good, 1 a file of an unknown kind, or no good signature, 2 usage.
"""

import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

PACKAGES = ("acbd", "acbctl", "acb-verify")
PLACE = Path("usr/share/acbd/manifest.json")
# A site may leave these out (dpkg's path-exclude); what is there has to be right.
DOCUMENTATION = ("usr/share/doc/", "usr/share/man/")


class Problem(Exception):
    """Something is not as it should be; the text says what."""


def kind_of(path):
    if path.startswith("etc/"):
        return "configuration"  # a conffile: the site changes it
    return "documentation" if path.startswith(DOCUMENTATION) else "program"


def files_of(debian, package):
    root = debian / package
    if not root.is_dir():
        raise Problem(f"no {root}: manifest.py runs after dh_install")
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if name.startswith("DEBIAN/") or path.is_dir() and not path.is_symlink():
            continue
        if not stat.S_ISREG(path.lstat().st_mode):
            raise Problem(f"{path} is no regular file: the manifest has no way to say that; ship the file itself")
        octets = path.read_bytes()
        yield {"path": f"/{name}", "package": package, "kind": kind_of(name), "size": len(octets),
               "sha256": hashlib.sha256(octets).hexdigest()}


def make(debian, environment):
    files = [file for package in PACKAGES for file in files_of(debian, package)]
    return {"format": 1, "name": "acb-handover-signing", "version": environment["ACB_VERSION"],
            "release": environment["ACB_RELEASE"], "commit": environment["ACB_COMMIT"],
            "files": sorted(files, key=lambda file: file["path"])}


def openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Problem(f"openssl {words[0]}: {(done.stderr or done.stdout).strip()}")


def sign(manifest, signature, environment):
    if "ACB_SIGN_KEY" in environment:
        openssl("dgst", "-sha256", "-sign", environment["ACB_SIGN_KEY"], "-out", signature, manifest)
        return
    signature.write_bytes(Path(environment["ACB_SIGNATURE"]).read_bytes())
    try:
        openssl("dgst", "-sha256", "-verify", environment["ACB_RELEASE_KEY"], "-signature", signature, manifest)
    except Problem as problem:
        raise Problem(f"the signature in {environment['ACB_SIGNATURE']} is not of this build's manifest ({problem}): "
                      "the build differs from the one that was signed") from problem


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__)
        return 0 if sys.argv[1:] in (["--help"], ["-h"]) else 2
    debian = Path(sys.argv[1])
    place = debian / "acbd" / PLACE
    signature = place.with_name(place.name + ".sig")
    for path in (place, signature):
        path.unlink(missing_ok=True)
    content = make(debian, os.environ)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    sign(place, signature, os.environ)
    for path in (place, signature):
        path.chmod(0o644)
    print(f"manifest: {len(content['files'])} files, release {content['release']}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Problem, OSError) as problem:
        sys.exit(f"manifest.py: {problem}")
    except KeyError as missing:
        sys.exit(f"manifest.py: {missing} is not set in the environment (--help)")
