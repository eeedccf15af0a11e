#!/usr/bin/python3
"""The rules of the house that a compiler does not see (style.md, design.md section 9).

    check_house_rules.py [ROOT]      checks the tree, prints `file:line: what`; exit 1 when any is broken
    check_house_rules.py --self-test plants each violation in a small tree of its own and sees it found

    where      what may not be there
    ---------  ------------------------------------------------------------------------------------
    LMDB       <lmdb.h> outside store/ (and tests/store, and tools/bench/raw_*)
    PKCS#11    a PKCS#11 header outside hsm/ (and tests/hsm, and tools/bench/raw_*)
    sockets    a socket header or call outside platform/ and tools/ (and tests/platform)
    includes   tools/acb-verify: firmware and itself only; firmware: firmware only; hsm and store: firmware and themselves; nothing but platform's own
               folder, tools and tests includes platform
    top level  anything but the entries of design.md section 9
    paths      a path of one machine
    globs      file(GLOB ...) in CMake
    pages      in a page (.md): `a file of ours` that is not there. A name alone, `test_x.py`, is one of tests/end_to_end
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

TOP_LEVEL = {"CMakeLists.txt", "CMakePresets.json", "README.md", "firmware", "hsm", "store", "platform", "tests",
             "tools"}
PARTS = ("firmware", "hsm", "store", "platform", "tools", "tests")
# Which parts a file of each part may include. tests/ may include anything; what it links is CMake's matter.
MAY_INCLUDE = {
    "firmware": {"firmware"},
    "hsm": {"firmware", "hsm"},
    "store": {"firmware", "store"},
    "platform": {"firmware", "hsm", "store", "platform"},
    "tools": {"firmware", "hsm", "store", "platform", "tools"},
}
VERIFIER = "tools/acb-verify/"
# Benchmarks need what tests need: a PKI, signed requests, a token in memory.
BENCHMARKS, BENCHMARKS_MAY_INCLUDE = "tools/bench/", ("tests/support/", "tests/fakes/")
CODE = {".cc", ".h", ".cpp", ".hpp", ".c", ".inc"}
TEXT = CODE | {".py", ".sh", ".md", ".txt", ".json", ".toml", ".cmake", ".yml", ".yaml", ".supp", ".service", ""}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
LMDB_HEADER = re.compile(r"^lmdb\.h$")
PKCS11_HEADER = re.compile(r"pkcs11|cryptoki", re.I)
SOCKET_HEADER = re.compile(r"^(sys/socket\.h|sys/un\.h|netinet/.*|arpa/inet\.h|netdb\.h|boost/(asio|beast)\b.*)")
SOCKET_CALL = re.compile(r"(?<![\w.>])(?:::)?(socket|socketpair|getaddrinfo|accept4)\s*\(")
GLOB = re.compile(r"file\s*\(\s*GLOB", re.I)
# What a page says shows something has to be there: `tests/store/damage_test.cc`, `test_kill9.py --cycles 9`.
NAMED_PATH = re.compile(r"`((?:firmware|hsm|store|platform|tests|tools)/[\w./-]+\.\w+)")
NAMED_TEST = re.compile(r"`((?:test|bench)_\w+\.py)")
TESTS = "tests/end_to_end/"
# Split so that this file does not hold what it looks for.
MACHINE_PATHS = ["/" + "work/", "/tmp/" + "brief", "/home/" + "user"]

# The floors that the benchmarks measure against are raw calls, with nothing of ours between the clock and the library:
# files of that name alone, whose headers show neither library.
RAW_FLOORS = "tools/bench/raw_"
ALLOWED = {
    "LMDB": ("store/", "tests/store/", RAW_FLOORS),
    "PKCS#11": ("hsm/", "tests/hsm/", RAW_FLOORS),
    "sockets": ("platform/", "tools/", "tests/platform/"),
}


def uncommented(line):
    """The line without a // comment: a rule is about code."""
    return line.split("//", 1)[0]


def check_code(name, lines):
    """Findings of one source file: (line, what)."""
    part = name.split("/", 1)[0]
    in_block_comment = False
    for number, raw in enumerate(lines, 1):
        line = uncommented(raw)
        if in_block_comment:
            in_block_comment = "*/" not in line
            continue
        if line.lstrip().startswith("/*"):
            in_block_comment = "*/" not in line
            continue
        include = INCLUDE.match(line)
        if include:
            kind, header = include.groups()
            # design.md section 1: a reviewer's program shares the rules and nothing that keeps or signs the log.
            if kind == '"' and name.startswith(VERIFIER) and not header.startswith(("firmware/", VERIFIER)):
                yield number, f"{VERIFIER} may not include {header}"
            rules = [("LMDB", LMDB_HEADER, "LMDB"), ("PKCS#11", PKCS11_HEADER, "PKCS#11"),
                     ("sockets", SOCKET_HEADER, "socket")]
            for rule, pattern, what in rules:
                # Our own headers, named by their path in the tree, fall under the include rule instead.
                ours = kind == '"' and header.split("/", 1)[0] in PARTS
                if pattern.search(header) and not ours and not name.startswith(ALLOWED[rule]):
                    yield number, f"{what} header <{header}> outside {', '.join(ALLOWED[rule])}"
            target = header.split("/", 1)[0]
            shared_with_tests = name.startswith(BENCHMARKS) and header.startswith(BENCHMARKS_MAY_INCLUDE)
            if (kind == '"' and part in MAY_INCLUDE and target in PARTS and target not in MAY_INCLUDE[part]
                    and not shared_with_tests):
                yield number, f"{part}/ may not include {header}"
        elif SOCKET_CALL.search(line) and not name.startswith(ALLOWED["sockets"]):
            yield number, f"socket call outside {', '.join(ALLOWED['sockets'])}: {line.strip()}"


def check_file(root, name):
    path = root / name
    if path.suffix not in TEXT:
        return
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return
    for number, line in enumerate(lines, 1):
        for machine_path in MACHINE_PATHS:
            if machine_path in line:
                yield number, f"names a path of one machine: {machine_path}"
    if path.suffix in CODE:
        yield from check_code(name, lines)
    if path.name == "CMakeLists.txt" or path.suffix == ".cmake":
        for number, line in enumerate(lines, 1):
            if GLOB.search(line.split("#", 1)[0]):
                yield number, "a glob in CMake: name the files"


def names_in_page(line):
    """Files of ours that a line of a page names."""
    yield from NAMED_PATH.findall(line)
    yield from (TESTS + name for name in NAMED_TEST.findall(line))


def check_page(root, name):
    """Findings of one page: what it names and is not there."""
    if not name.endswith(".md"):
        return
    for number, line in enumerate((root / name).read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        for named in names_in_page(line):
            if not (root / named).exists():
                yield number, f"names a file that is not there: {named}"


def files_of(root):
    """Tracked and new files, without what .gitignore names; every file where there is no git."""
    try:
        listed = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard", "-z"],
                                capture_output=True, check=True).stdout.decode()
        names = [name for name in listed.split("\0") if name and (root / name).is_file()]
        if names:
            return names
    except (OSError, subprocess.CalledProcessError):
        pass
    return [str(path.relative_to(root)) for path in root.rglob("*")
            if path.is_file() and not {".git", "build", "__pycache__"} & set(path.relative_to(root).parts)]


def check_tree(root):
    """All findings: (file, line, what)."""
    names = sorted(files_of(root))
    if not names:
        yield ".", 0, "no files found: wrong place?"
    for name in names:
        first = name.split("/", 1)[0]
        if first not in TOP_LEVEL and not first.startswith("."):
            yield name, 0, f"top level may not hold {first}"
        for number, what in [*check_file(root, name), *check_page(root, name)]:
            yield name, number, what


PLANTED = [
    ("firmware/a.cc", "#include <lmdb.h>", "LMDB header"),
    ("platform/a.cc", "#include <lmdb.h>", "LMDB header"),
    ("store/a.cc", "#include <p11-kit/pkcs11.h>", "PKCS#11 header"),
    ("tests/store/a.cc", '#include "p11-kit/pkcs11x.h"', "PKCS#11 header"),
    ("tools/bench/a.cc", "#include <lmdb.h>", "LMDB header"),
    ("tools/bench/b.cc", "#include <p11-kit/pkcs11.h>", "PKCS#11 header"),
    ("tools/raw_c.cc", "#include <lmdb.h>", "LMDB header"),
    ("tools/bench/d.cc", '#include "tests/store/raw_store.h"', "may not include"),
    ("tools/e.cc", '#include "tests/support/test_pki.h"', "may not include"),
    ("firmware/b.cc", "#include <sys/socket.h>", "socket header"),
    ("store/b.cc", "#include <netinet/in.h>", "socket header"),
    ("hsm/b.cc", "#include <boost/asio/ip/tcp.hpp>", "socket header"),
    ("hsm/c.cc", "  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);", "socket call"),
    ("firmware/c.cc", '#include "hsm/session.h"', "may not include"),
    ("firmware/d.cc", '#include "store/environment.h"', "may not include"),
    ("firmware/e.cc", '#include "platform/clock.h"', "may not include"),
    ("firmware/f.cc", '#include "tools/provision.h"', "may not include"),
    ("hsm/d.cc", '#include "store/environment.h"', "may not include"),
    ("store/d.cc", '#include "hsm/session.h"', "may not include"),
    ("store/e.cc", '#include "platform/clock.h"', "may not include"),
    ("hsm/e.cc", '#include "platform/clock.h"', "may not include"),
    ("tools/acb-verify/a.cc", '#include "store/store.h"', "may not include"),
    ("tools/acb-verify/b.cc", '#include "tools/acbctl/remote.h"', "may not include"),
    ("tools/acb-verify/c.cc", '#include "platform/tls.h"', "may not include"),
    ("platform/f.cc", '#include "tools/provision.h"', "may not include"),
    ("tools/acbctl/a.cc", '#include "tests/support/duis_signer.h"', "may not include"),
    ("notes/todo.md", "later", "top level may not hold"),
    ("README2.md", "later", "top level may not hold"),
    ("tests/g.cc", 'const char* kPlace = "' + MACHINE_PATHS[0] + 'shared";', "path of one machine"),
    ("tools/h.sh", "cat " + MACHINE_PATHS[1] + "/x", "path of one machine"),
    ("store/CMakeLists.txt", "file(GLOB SOURCES *.cc)", "a glob in CMake"),
    ("platform/a.md", "shown by `tests/store/gone_test.cc`", "a file that is not there"),
    ("platform/b.md", "shown by `test_gone.py --times 3`", "a file that is not there"),
]
CLEAN = [
    ("store/ok.cc", '#include <lmdb.h>\n#include "firmware/ports.h"\n#include "store/ok.h"'),
    ("hsm/ok.cc", '#include <p11-kit/pkcs11.h>\n#include "firmware/ports.h"'),
    ("tests/store/ok.cc", "#include <lmdb.h>"),
    ("tests/hsm/ok.cc", "#include <p11-kit/pkcs11.h>"),
    ("tools/bench/raw_ok.cc", "#include <lmdb.h>\n#include <p11-kit/pkcs11.h>"),
    ("tools/bench/ok.cc", '#include "tests/support/test_pki.h"\n#include "tests/fakes/fake_anchor_objects.h"'),
    ("platform/ok.cc", '#include <boost/asio.hpp>\n#include <sys/socket.h>\n#include "hsm/session.h"'),
    ("tools/ok.cc", '#include <boost/asio/ssl.hpp>\n#include "store/environment.h"'),
    ("tools/acb-verify/ok.cc", '#include "firmware/audit/note.h"\n#include "tools/acb-verify/findings.h"'),
    ("tools/bench/ok.cc", '#include "tests/support/duis_signer.h"'),
    ("firmware/ok.cc", '#include "firmware/base/result.h"\n// no socket() here, nor <lmdb.h>\nint websocket(int x);'),
    ("firmware/ok2.cc", "/* #include <lmdb.h>\n socket(1)\n*/\nint x;"),
    ("platform/ok.md", "`tests/store/ok.cc`, `/etc/acbd/acbd.toml`, `store/x` and tests/store/no.cc are no claims"),
    ("CMakeLists.txt", "# file(GLOB is not used\nproject(x)"),
    (".ci/run", "exit 0"),
]


def self_test():
    passed = failed = 0

    def check(what, good):
        nonlocal passed, failed
        passed, failed = passed + good, failed + (not good)
        if not good:
            print(f"WRONG  {what}")

    def write(root, name, text):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, text in CLEAN:
            write(root, name, text)
        findings = list(check_tree(root))
        check(f"the clean tree is clean: {findings}", not findings)
        for name, text, what in PLANTED:
            original = (root / name).read_text() if (root / name).exists() else None
            write(root, name, text)
            found = [finding for finding in check_tree(root) if finding[0] == name and what in finding[2]]
            check(f"{name}: {text}: not found", len(found) >= 1)
            if original is None:
                (root / name).unlink()
                if not any((root / name).parent.iterdir()):
                    (root / name).parent.rmdir()
            else:
                (root / name).write_text(original)
        check("clean again", not list(check_tree(root)))
    print(f"house rules self-test: {passed} passed, {failed} failed")
    return failed == 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return 0 if self_test() else 1
    if len(sys.argv) > 2 or sys.argv[1:2] and sys.argv[1].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    findings = list(check_tree(root))
    for name, number, what in findings:
        print(f"{name}:{number}: {what}")
    print(f"house rules: {len(findings)} broken" if findings else "house rules: kept")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
