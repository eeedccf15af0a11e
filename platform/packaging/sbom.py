#!/usr/bin/python3
"""A bill of materials for each package, CycloneDX 1.5 JSON: what its program is really made of (reliability.md F26).

    sbom.py DEBIAN
        DEBIAN   the folder in which debhelper has gathered acbd/, acbctl/ and acb-verify/. Each gets
                 usr/share/PACKAGE/sbom.cdx.json.

Listed are every shared library that the dynamic linker maps for the program (ldd), every Debian package of which a
header was compiled in (ninja's record of each object: so CLI11, toml++ and Boost, of which no library is left), and
the vendored files that acbd contains. Version and package are dpkg's, licences those that the package's copyright file
names. What is loaded at run time by configuration - the PKCS#11 module - is the site's, and not listed.

From the environment: ACB_VERSION, ACB_BUILD_DIRECTORY (of the release build), SOURCE_DATE_EPOCH.

Example: ACB_VERSION=0.1.0 ACB_BUILD_DIRECTORY=build/release SOURCE_DATE_EPOCH=1795327503 sbom.py debian
Exit status: 0 good, 1 a library or header that no package owns, 2 usage.
"""

import datetime
import gzip
import json
import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

# The program of each package: where it is installed, and its target in the build.
PROGRAMS = {"acbd": ("usr/sbin/acbd", "platform/acbd"), "acbctl": ("usr/bin/acbctl", "tools/acbctl"),
            "acb-verify": ("usr/bin/acb-verify", "tools/acb-verify/acb-verify")}
VENDORED = {"acbd": [{"name": "uPlot", "version": "1.6.32", "licences": ["MIT"], "use": "compiled in"}]}
# Names of Debian's copyright files that SPDX spells differently; what is not here and no SPDX identifier stays a name.
SPDX = {"Expat": "MIT", "BSD-3-clause": "BSD-3-Clause", "BSD-2-clause": "BSD-2-Clause", "Apache-2.0": "Apache-2.0",
        "BSL-1.0": "BSL-1.0", "GPL-2+": "GPL-2.0-or-later", "GPL-3+": "GPL-3.0-or-later", "LGPL-2.1": "LGPL-2.1-only",
        "LGPL-2.1+": "LGPL-2.1-or-later", "LGPL-3+": "LGPL-3.0-or-later", "ISC": "ISC", "MIT": "MIT", "Zlib": "Zlib",
        "zlib": "Zlib", "OpenLDAP-2.8": "OLDAP-2.8", "MPL-1.1": "MPL-1.1"}


class Problem(Exception):
    """Something is not as it should be; the text says what."""


def output(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Problem(f"{' '.join(map(str, words[:4]))}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


# --- What a program is made of --------------------------------------------------------------------


def linked(program):
    """{SONAME: file} of all libraries that the dynamic linker maps, directly needed or not."""
    found = {}
    for line in output("ldd", program).splitlines():
        match = re.match(r"\s+(?:(\S+) => )?(/\S+) \(0x", line)
        if match:
            found[match[1] or Path(match[2]).name] = os.path.realpath(match[2])
        elif "not found" in line:
            raise Problem(f"{program}: {line.strip()}")
    return found


def headers(build, target):
    """Every header outside the tree of which something was compiled into the target."""
    objects = {line for line in output("ninja", "-C", build, "-t", "inputs", target).splitlines() if line.endswith(".o")}
    found, current = set(), None
    for line in output("ninja", "-C", build, "-t", "deps").splitlines():
        if line and not line.startswith(" "):
            current = line.split(":", 1)[0]
        elif current in objects and line.strip().startswith("/usr/"):
            found.add(os.path.realpath(line.strip()))
    if not found:
        raise Problem(f"{build} has no record of what {target} was compiled from: build it with ninja first")
    return found


def owners(paths):
    """{file: package}. dpkg knows some files below / by the name they have below /usr, and the other way round."""
    names = {}
    for path in paths:
        names[path] = path
        names[path.removeprefix("/usr") if path.startswith("/usr/lib") else path] = path
    done = subprocess.run(["dpkg-query", "-S", *sorted(names)], capture_output=True, text=True, check=False)
    found = {}
    for line in done.stdout.splitlines():
        package, _, file = line.partition(": ")
        if file in names and "diversion" not in package:
            found[names[file]] = package.split(",")[0]
    lost = sorted(set(paths) - set(found))
    if lost:
        raise Problem(f"no Debian package owns {', '.join(lost[:5])}")
    return found


# --- What is known of a package -------------------------------------------------------------------


def copyright_text(package):
    file = Path("/usr/share/doc") / package.split(":")[0] / "copyright"
    if file.exists():
        return file.read_text(encoding="utf-8", errors="replace")
    packed = file.with_name("copyright.gz")
    if packed.exists():
        return gzip.decompress(packed.read_bytes()).decode("utf-8", errors="replace")
    raise Problem(f"{file} is missing: the licence of {package} cannot be said (does dpkg leave out /usr/share/doc?)")


def licences(package):
    """Names of the copyright file's License fields (DEP 5); else the common licences that its text refers to or has."""
    text = copyright_text(package)
    if text.lstrip().startswith("Format:"):
        names = [name.strip() for name in re.findall(r"(?m)^License:[ \t]*(\S.*)$", text)]
    else:
        names = re.findall(r"/usr/share/common-licenses/([A-Za-z0-9.+-]*[A-Za-z0-9+])", text)
        if re.search(r"(?i)runtime library exception", text):
            names.append("GCC Runtime Library Exception")
        if "Permission is hereby granted, free of charge" in text:
            names.append("MIT")
    return sorted(set(names)) or [f"see /usr/share/doc/{package.split(':')[0]}/copyright"]


def facts(packages):
    """{package: (version, source package)}."""
    shape = "${binary:Package}\t${Package}\t${Version}\t${source:Package}\n"
    found = {}
    for line in output("dpkg-query", "-W", "-f", shape, *sorted(packages)).splitlines():
        full, short, version, source = line.split("\t")
        for name in (full, short):
            found[name] = (version, source)
    return found


def licence_field(name):
    known = SPDX.get(name)
    return {"license": {"id": known} if known else {"name": name}}


def component(package, fact, uses, libraries=()):
    version, source = fact
    name = package.split(":")[0]
    purl = f"pkg:deb/debian/{name}@{version.replace('+', '%2B').replace(':', '%3A')}?distro=bookworm"
    properties = [{"name": "acb:use", "value": use} for use in sorted(uses)]
    properties += [{"name": "acb:soname", "value": library} for library in sorted(libraries)]
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl,
            "licenses": [licence_field(licence) for licence in licences(package)],
            "properties": [{"name": "acb:source", "value": source}, *properties]}


def vendored(part):
    purl = f"pkg:generic/{part['name']}@{part['version']}"
    return {"type": "library", "bom-ref": purl, "name": part["name"], "version": part["version"], "purl": purl,
            "licenses": [licence_field(licence) for licence in part["licences"]],
            "properties": [{"name": "acb:use", "value": part["use"]}]}


def bill(package, program, target, build):
    libraries = linked(program)
    owner = owners(set(libraries.values()) | headers(build, target))
    uses, sonames = {}, {}
    for soname, file in libraries.items():
        uses.setdefault(owner[file], set()).add("linked")
        sonames.setdefault(owner[file], set()).add(soname)
    for file, name in owner.items():
        if file not in libraries.values():
            uses.setdefault(name, set()).add("headers")
    known = facts(uses)
    components = [component(name, known[name], uses[name], sonames.get(name, ())) for name in sorted(uses)]
    components += [vendored(part) for part in VENDORED.get(package, [])]
    version = os.environ["ACB_VERSION"]
    when = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
    reference = f"pkg:deb/{package}@{version.replace('+', '%2B')}"
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
            "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, reference)}",
            "metadata": {"timestamp": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
                         "component": {"type": "application", "bom-ref": reference, "name": package, "version": version,
                                       "purl": reference}},
            "components": components,
            "dependencies": [{"ref": reference, "dependsOn": [part["bom-ref"] for part in components]}]}


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__)
        return 0 if sys.argv[1:] in (["--help"], ["-h"]) else 2
    debian = Path(sys.argv[1])
    for package, (path, target) in PROGRAMS.items():
        content = bill(package, debian / package / path, target, os.environ["ACB_BUILD_DIRECTORY"])
        file = debian / package / "usr/share" / package / "sbom.cdx.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        file.chmod(0o644)
        print(f"bill of materials of {package}: {len(content['components'])} components")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Problem, OSError) as problem:
        sys.exit(f"sbom.py: {problem}")
    except KeyError as missing:
        sys.exit(f"sbom.py: {missing} is not set in the environment (--help)")
