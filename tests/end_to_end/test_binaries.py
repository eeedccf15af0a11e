#!/usr/bin/python3
"""The programs themselves: position independent, nothing writable that need not be, guarded and probed stacks, checked
string calls.

Issue 8, Hardening; reliability.md F26. Read from the files with readelf; a small program built without any of it shows
that the test can fail. Sanitised builds are left out: their flags are others.
"""

import re
import subprocess

import harness
from harness import binary, temporary_directory

PROGRAMS = (("platform", "acbd"), ("tools", "acbctl"), ("tools/acb-verify", "acb-verify"))


def readelf(option, path):
    return subprocess.run(["readelf", "-W", option, path], capture_output=True, text=True, check=True).stdout


def missing(path):
    """What the file at `path` lacks."""
    found = []
    header, segments, dynamic = readelf("-h", path), readelf("-l", path), readelf("-d", path)
    symbols = readelf("--dyn-syms", path)
    if not re.search(r"Type:\s+DYN", header) or "INTERP" not in segments:
        found.append("position independent")
    if "GNU_RELRO" not in segments:
        found.append("read-only relocations")
    if not re.search(r"BIND_NOW|Flags:.*\bNOW\b", dynamic):
        found.append("bound at the start")
    stack = re.search(r"GNU_STACK\s+\S+\s+\S+\s+\S+\s+\S+\s+\S+\s+(\S+)", segments)
    if stack is None or "E" in stack[1]:
        found.append("no code on the stack")
    if re.search(r"LOAD\s.*\bRWE\b", segments):
        found.append("no segment both writable and code")
    if re.search(r"RPATH|RUNPATH", dynamic):
        found.append("no library path of its own")
    if "TEXTREL" in dynamic:
        found.append("no relocation of code")
    if "__stack_chk_fail" not in symbols:
        found.append("guarded stacks")
    if not re.search(r"__\w+_chk\b", symbols.replace("__stack_chk_fail", "")):
        found.append("checked string calls")
    # -fstack-clash-protection touches each page of a large frame: in x86-64 by this, which nothing else compiles to.
    if "X86-64" in header and not probes_its_stack(path):
        found.append("probed stacks")
    return found


def probes_its_stack(path):
    with subprocess.Popen(["objdump", "-d", "--no-show-raw-insn", path], stdout=subprocess.PIPE, text=True) as code:
        return any(re.search(r"\borq? +\$0x0,\(%rsp\)", line) for line in code.stdout)


class TestBinaries(harness.TestCase):
    def test_each_program_has_what_hardens_it(self):
        for part, name in PROGRAMS:
            path = binary(part, name)
            if "__asan_init" in readelf("--dyn-syms", path) or "__tsan_init" in readelf("--dyn-syms", path):
                self.skipTest("built with a sanitizer")
            self.assertEqual(missing(path), [], name)

    def test_a_program_without_it_is_found_out(self):
        with temporary_directory() as folder:
            (folder / "soft.c").write_text("#include <stdio.h>\nint main(void) { char t[64]; return scanf(\"%63s\", t); }\n")
            subprocess.run(["gcc", "-no-pie", "-fno-stack-protector", "-U_FORTIFY_SOURCE", "-Wl,-z,norelro,-z,lazy,-z,execstack",
                            "-Wl,-rpath,/opt", str(folder / "soft.c"), "-o", str(folder / "soft")], check=True)
            self.assertEqual(missing(str(folder / "soft")),
                             ["position independent", "read-only relocations", "bound at the start", "no code on the stack",
                              "no library path of its own", "guarded stacks", "checked string calls",
                              "probed stacks"])


if __name__ == "__main__":
    harness.main()
