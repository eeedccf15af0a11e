#!/usr/bin/python3
"""The Debian packages: what is in them, that the same programs give the same octets, what they are made of, and what
their maintainer scripts refuse and say.

Issue 8, Packages; R-SEC3-55, reliability.md F26. Packages are made of the release build as it is, and nothing is
installed on this machine: tools/try-packages does that in a root of its own, tools/package --verify-reproducible
compiles twice.
"""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import unittest
import unittest.mock

import harness
from harness import ROOT, binary, temporary_directory

PACKAGES = ("acb-verify", "acbctl", "acbd")
PROGRAMS = {"acbd": "usr/sbin/acbd", "acbctl": "usr/bin/acbctl", "acb-verify": "usr/bin/acb-verify"}
# In no dependency of the verifier, which a reviewer installs elsewhere (design.md section 1).
NOT_FOR_THE_VERIFIER = ("liblmdb", "p11", "softhsm")
HEADERS_ONLY = ("libcli11-dev", "libboost1.81-dev")


def call(*words, good=0, env=None):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False,
                          env={**os.environ, **(env or {})})
    if good is not None and done.returncode != good:
        raise AssertionError(f"{' '.join(map(str, words[:5]))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def setUpModule():
    global FOLDER, FIRST  # pylint: disable=global-statement
    if "__asan_init" in call("readelf", "-W", "--dyn-syms", binary("platform", "acbd")).stdout:
        raise unittest.SkipTest("built with a sanitizer")
    FOLDER = unittest.enterModuleContext(temporary_directory())
    FIRST = build(FOLDER / "first")
    (FOLDER / "control").mkdir()
    for name in PACKAGES:
        call("dpkg-deb", "-x", deb(name), FOLDER / "unpacked")
        call("dpkg-deb", "-x", deb(name), FOLDER / name)
        call("dpkg-deb", "-e", deb(name), FOLDER / "control" / name)


def build(out, *more):
    folder = os.environ.get("ACB_BINARY_DIR", str(ROOT / "build" / "release"))
    call(ROOT / "tools/package", "--out", out, "--build-dir", folder, *more)
    return out


def deb(name):
    return next(FIRST.glob(f"{name}_*.deb"))


def field(name, what):
    return call("dpkg-deb", "-f", deb(name), what).stdout.strip()


class Content(harness.TestCase):
    """What is in the packages."""

    def test_lintian_has_nothing_to_say(self):
        done = call("lintian", "--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0",
                    *sorted(FIRST.glob("*.deb")), good=None)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)

    def test_there_are_three_with_programs_pages_and_completion(self):
        self.assertEqual(sorted(path.name.split("_")[0] for path in FIRST.glob("*.deb")), list(PACKAGES))
        for name, program in PROGRAMS.items():
            with self.subTest(name):
                self.assertTrue(os.access(FOLDER / name / program, os.X_OK))
                page = next((FOLDER / name / "usr/share/man").rglob(f"{name}.*.gz"))
                self.assertIn(name, call("zcat", page).stdout.replace("\\-", "-"))
                done = call("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page, env={"MANROFFSEQ": ""})
                self.assertEqual(done.stderr, "")
                call("bash", "-n", FOLDER / name / "usr/share/bash-completion/completions" / name)

    def test_completion_offers_what_the_program_takes(self):
        script = FOLDER / "acbctl/usr/share/bash-completion/completions/acbctl"

        def offered(*words):
            text = (f"source {script}; COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _acbctl; "
                    "printf '%s\\n' \"${COMPREPLY[@]}\"")
            return call("bash", "-c", text).stdout.split()

        self.assertEqual(offered("acbctl", "prov"), ["provision"])
        self.assertEqual(offered("acbctl", "--json", "counter", "ra"), ["raise"])
        self.assertIn("--reason", offered("acbctl", "counter", "raise", "--re"))
        self.assertEqual(offered("acbctl", "firmware", ""), ["verify", "--help"])

    def test_the_verifier_depends_on_neither_module_nor_store(self):
        depends = field("acb-verify", "Depends")
        self.assertIn("libssl3", depends)
        for library in NOT_FOR_THE_VERIFIER:
            self.assertNotIn(library, depends)
        self.assertIn("liblmdb0", field("acbd", "Depends"))

    def test_configuration_is_the_sites_and_nothing_else_is(self):
        self.assertEqual((FOLDER / "control/acbd/conffiles").read_text().split(), ["/etc/acbd/acbd.toml", "/etc/default/acbd"])
        self.assertEqual((FOLDER / "acbd/etc/acbd/acbd.toml").read_text(), (ROOT / "platform/acbd.toml").read_text())

    def test_programs_name_no_folder_of_their_build(self):
        for name, program in PROGRAMS.items():
            octets = (FOLDER / name / program).read_bytes()
            self.assertNotIn(str(ROOT).encode(), octets, name)
            self.assertEqual(re.findall(rb"[\w./-]+\.cc\0", octets), [], f"{name}: not even from where it was built")


class Reproducible(harness.TestCase):
    def test_the_same_programs_give_the_same_packages(self):
        """Elsewhere, with another umask, language and time zone; the signature is the one that was made before."""
        os.umask(0o077)
        self.addCleanup(os.umask, 0o022)
        more = ("--signature", FIRST / "manifest.json.sig", "--release-key", FIRST / "release-key.pem")
        with unittest.mock.patch.dict(os.environ, {"TZ": "Asia/Tokyo", "LANG": "C"}):
            second = build(FOLDER / "second-of-another-length", *more)
        self.assertEqual((second / "SHA256SUMS").read_text(), (FIRST / "SHA256SUMS").read_text())
        for line in (FIRST / "SHA256SUMS").read_text().splitlines():
            digest, name = line.split()
            self.assertEqual(hashlib.sha256((second / name).read_bytes()).hexdigest(), digest)

    def test_every_file_of_the_packages_has_the_commits_time(self):
        """Those of a working tree too: a clone has them all newer than the commit."""
        commit = int(call("git", "-C", ROOT, "log", "-1", "--format=%ct").stdout)
        for name in PACKAGES:
            (deb,) = FIRST.glob(f"{name}_*.deb")
            packed = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], capture_output=True, check=True).stdout
            with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
                self.assertEqual({member.mtime for member in archive}, {commit}, name)

    def test_the_sums_are_signed(self):
        """What the release's key vouches for is the packages whole, their scripts too."""
        check = ("openssl", "dgst", "-sha256", "-verify", FIRST / "release-key.pem", "-signature", FIRST / "SHA256SUMS.sig")
        call(*check, FIRST / "SHA256SUMS")
        other = FOLDER / "other-sums"
        other.write_text((FIRST / "SHA256SUMS").read_text().replace("0", "1", 1))
        call(*check, other, good=1)

    def test_a_signature_of_another_build_is_refused(self):
        debian = FOLDER / "debian"
        for name in PACKAGES:
            shutil.copytree(FOLDER / name, debian / name)
        first = json.loads((FIRST / "manifest.json").read_text())
        environment = {"ACB_VERSION": first["version"], "ACB_RELEASE": first["release"], "ACB_COMMIT": first["commit"],
                       "ACB_SIGNATURE": str(FIRST / "manifest.json.sig"),
                       "ACB_RELEASE_KEY": str(FIRST / "release-key.pem")}
        script = ("python3", "-B", ROOT / "platform/packaging/manifest.py", debian)
        call(*script, env=environment)
        self.assertEqual((debian / "acbd/usr/share/acbd/manifest.json").read_text(), (FIRST / "manifest.json").read_text())
        (debian / "acbctl/usr/bin/acbctl").write_bytes(b"another program")
        done = call(*script, env=environment, good=1)
        self.assertIn("the build differs from the one that was signed", done.stderr)


class Bill(harness.TestCase):
    """CycloneDX 1.5."""

    def needed(self, file, seen):
        """Every library that is needed, and what those need: read from the files, without the linker's help."""
        for soname in re.findall(r"\(NEEDED\)\s+Shared library: \[([^\]]+)\]", call("readelf", "-dW", file).stdout):
            if soname not in seen:
                path = next(path for folder in ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/lib")
                            if os.path.exists(path := f"{folder}/{soname}"))
                seen.add(soname)
                self.needed(path, seen)
        return seen

    def bill(self, name):
        return json.loads((FOLDER / name / "usr/share" / name / "sbom.cdx.json").read_text())

    def test_every_library_is_listed_with_version_and_licence(self):
        for name, program in PROGRAMS.items():
            bill = self.bill(name)
            listed = {}
            for part in bill["components"]:
                for key in ("name", "version", "purl", "bom-ref"):
                    self.assertTrue(part[key], part)
                self.assertTrue(part["licenses"], part)
                for prop in part["properties"]:
                    if prop["name"] == "acb:soname":
                        listed[prop["value"]] = part
            for soname in self.needed(FOLDER / name / program, set()):
                with self.subTest(f"{name}: {soname}"):
                    self.assertIn(soname, listed)
                    part = listed[soname]
                    self.assertEqual(part["version"], call("dpkg-query", "-W", "-f", "${Version}\n", part["name"]).stdout
                                     .splitlines()[0])

    def test_what_leaves_no_library_behind_is_listed_too(self):
        for name in PROGRAMS:
            parts = {part["name"] for part in self.bill(name)["components"]}
            for package in HEADERS_ONLY:
                self.assertIn(package, parts, name)
        self.assertIn("libtomlplusplus-dev", {part["name"] for part in self.bill("acbd")["components"]})
        self.assertIn("uPlot", {part["name"] for part in self.bill("acbd")["components"]})
        self.assertNotIn("liblmdb-dev", {part["name"] for part in self.bill("acb-verify")["components"]})

    def test_it_has_the_form_of_the_standard(self):
        for name in PROGRAMS:
            bill = self.bill(name)
            self.assertEqual((bill["bomFormat"], bill["specVersion"]), ("CycloneDX", "1.5"))
            self.assertRegex(bill["serialNumber"], r"^urn:uuid:[0-9a-f-]{36}$")
            references = [part["bom-ref"] for part in bill["components"]]
            self.assertEqual(len(references), len(set(references)))
            for dependency in bill["dependencies"]:
                self.assertLessEqual(set(dependency["dependsOn"]), set(references))
            beside = FIRST / f"{deb(name).stem}.cdx.json"
            self.assertEqual(json.loads(beside.read_text()), bill)


class Manifest(harness.TestCase):
    """The release as acbctl verifies it before an installation."""

    def verify(self, good, text, root=None, manifest=None):
        done = call(binary("tools", "acbctl"), "firmware", "verify", manifest or FIRST / "manifest.json", "--key",
                    FIRST / "release-key.pem", "--root", root or FOLDER / "unpacked", "--installed", FOLDER / "none",
                    good=good)
        self.assertIn(text, done.stdout + done.stderr)

    def test_what_was_added_to_the_release_is_named(self):
        """A drop-in of a unit would be installed with the rest, and run as root."""
        def link(path):
            path.symlink_to("/etc/shadow")

        for number, (name, add) in enumerate((
                ("/etc/systemd/system/acbd.service.d/x.conf", lambda path: path.write_text("[Service]\n")),
                ("/usr/lib/x.so", link), ("/usr/share/acbd/manifest.json", lambda path: path.write_text("{}")))):
            root = FOLDER / f"added-{number}"
            shutil.copytree(FOLDER / "unpacked", root, symlinks=True)
            path = root / name[1:]
            path.parent.mkdir(parents=True, exist_ok=True)
            add(path)
            self.verify(1, f"not of the release: {name}", root)

    def test_the_unpacked_packages_are_the_release(self):
        self.verify(0, "files of 3 packages are as it says")

    def test_every_file_is_in_it(self):
        listed = {file["path"] for file in json.loads((FIRST / "manifest.json").read_text())["files"]}
        there = {"/" + path.relative_to(FOLDER / "unpacked").as_posix() for path in (FOLDER / "unpacked").rglob("*")
                 if path.is_file()}
        self.assertEqual(there - listed, {"/usr/share/acbd/manifest.json", "/usr/share/acbd/manifest.json.sig"})
        self.assertEqual(listed - there, set())

    def test_one_octet_of_a_program_is_found(self):
        root = FOLDER / "tampered"
        shutil.copytree(FOLDER / "unpacked", root)
        program = root / "usr/bin/acbctl"
        octets = bytearray(program.read_bytes())
        octets[len(octets) // 2] ^= 1
        program.write_bytes(octets)
        self.verify(1, "changed: /usr/bin/acbctl", root)


class Scripts(harness.TestCase):
    """What dpkg runs, on a root that is a folder (DPKG_ROOT)."""

    def run_script(self, name, *words, root):
        return subprocess.run(["sh", str(FOLDER / "control/acbd" / name), *words], capture_output=True, text=True,
                              check=False, env={**os.environ, "DPKG_ROOT": str(root), "DPKG_MAINTSCRIPT_PACKAGE": "acbd"})

    def root(self, record=None):
        root = FOLDER / self.id().rsplit(".", 1)[1]
        state = root / "var/lib/acbd"
        state.mkdir(parents=True, exist_ok=True)
        if record is not None:
            (state / "store-format").write_text(record)
        return root

    def format(self):
        return int((FOLDER / "acbd/usr/share/acbd/store-format").read_text())

    def test_the_format_is_the_stores(self):
        self.assertIn(f"# Format of the store, version {self.format()}\n", (ROOT / "store/FORMAT.md").read_text())

    def test_a_version_that_cannot_read_the_store_is_refused_before_anything_is_unpacked(self):
        done = self.run_script("preinst", "upgrade", "9.9", root=self.root(f"{self.format() + 1}\n"))
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"reads the store's format {self.format()}", done.stderr)
        self.assertIn("rm /", done.stderr)
        again = self.run_script("preinst", "install", root=self.root())
        self.assertEqual(again.returncode, 1, "a removal in between changes nothing")

    def test_what_can_be_read_is_taken(self):
        for record in (None, f"{self.format()}\n", f"{self.format()}"):
            root = self.root(record)
            self.assertEqual(self.run_script("preinst", "upgrade", "0.0.1", root=root).returncode, 0, record)

    def test_an_older_store_that_this_version_cannot_read_is_refused(self):
        done = self.run_script("preinst", "upgrade", "0.0.1", root=self.root(f"{self.format() - 1}\n"))
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"the store is of format {self.format() - 1}", done.stderr)

    def test_a_record_that_says_nothing_is_refused(self):
        for record in ("", "\n", "nonsense\n", "3x\n", "-1\n"):
            done = self.run_script("preinst", "upgrade", "0.0.1", root=self.root(record))
            self.assertEqual(done.returncode, 1, record)
            self.assertIn("does not say which format", done.stderr)

    def test_a_purge_deletes_no_state_and_says_so(self):
        root = self.root("3\n")
        store = root / "var/lib/acbd/store"
        store.mkdir(exist_ok=True)
        (store / "data.mdb").write_text("counters")
        for act in ("remove", "purge"):
            done = self.run_script("postrm", act, root=root)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("left in place: /var/lib/acbd", done.stdout)
        self.assertIn("closes the device's", done.stdout)
        self.assertEqual((store / "data.mdb").read_text(), "counters")

    def test_nothing_is_enabled_by_the_installation(self):
        text = (FOLDER / "control/acbd/postinst").read_text()
        # debhelper's form for units that are enabled only where they were before.
        self.assertIn("if deb-systemd-helper debian-installed 'acbd.service'", text)
        self.assertIn("deb-systemd-invoke stop", (FOLDER / "control/acbd/prerm").read_text())
        # The user comes before the directories, which are that user's.
        self.assertLess(text.index("systemd-sysusers"), text.index("systemd-tmpfiles"))


if __name__ == "__main__":
    harness.main()
