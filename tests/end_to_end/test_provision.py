#!/usr/bin/python3
"""Whose certificates and keys acbctl provision takes: the ACB's two and nobody else's, said before anything is made.

R-SEC3-47.
"""

import datetime
import json

import harness
from harness import binary, own_pki, run, temporary_directory
from own_pki import make_pki


class Certificates(harness.TestCase):
    def setUp(self):
        self.folder = self.enterContext(temporary_directory())
        self.pki = own_pki.Pki(self.folder / "pki")
        self.box = self.folder / "box"

    def made(self, label, *about, **change):
        """One more certificate, as make_pki.py's `leaf`: its label."""
        self.pki.made.leaf(label, *about, **change)
        self.pki.path(label).write_text(own_pki.pem_of_der(self.pki.der(label)))
        return label

    def provision(self, ds, ka, *more, ds_key="acb-ds", ka_key="acb-ka"):
        done = run(binary("tools", "acbctl"), "provision", "--json", "--module-test-rounds", "2", "--directory",
                   str(self.box), "--environment", "test", "--port", str(harness.free_port()), "--acb-ds-certificate",
                   str(self.pki.path(ds)), "--acb-ka-certificate", str(self.pki.path(ka)), "--import-key",
                   f"ds={self.pki.key_path(ds_key)}", "--import-key", f"ka={self.pki.key_path(ka_key)}", "--root",
                   str(self.pki.path("root")), *more, check=False)
        return done.returncode, json.loads(done.stdout)

    def assert_refused(self, reason, named, says, ds, ka, **keys):
        with self.subTest(ds=ds, ka=ka):
            code, answer = self.provision(ds, ka, **keys)
            self.assertEqual((code, answer["reason"]), (1, reason), answer)
            self.assertIn(str(self.pki.path(named)), answer["explanation"])
            self.assertIn(says, answer["explanation"])
            self.assertFalse(self.box.exists())

    def test_those_of_other_roles_are_refused(self):
        for ou in ("01", "02", "03", "05", "06", "87", "89"):
            for usage, pair in (("ds", ("{}", "acb-ka")), ("ka", ("acb-ds", "{}"))):
                label = self.made(f"role-{ou}-{usage}", ou, make_pki.ACB, usage)
                self.assert_refused("ROLE", label, "has not the role ACB", *(name.format(label) for name in pair))
        self.assert_refused("ROLE", "supplier-ds", "has not the role ACB", "supplier-ds", "supplier-ka",
                            ds_key="supplier-ds", ka_key="supplier-ka")
        der, _ = self.pki.device("00db1234567a0000", "ds")
        self.pki.path("a-device").write_text(own_pki.pem_of_der(der))
        self.assert_refused("ROLE", "a-device", "has not the role ACB", "a-device", "acb-ka")

    def test_those_of_a_root_or_an_issuing_ca_are_refused(self):
        self.made("acb-ca", "04", make_pki.ACB, "ds", extensions={"ca": make_pki.basic_constraints(0)})
        for label in ("root", "issuing-ca", "device-ca", "acb-ca"):
            self.assert_refused("ROLE", label, "is the certificate of a root or issuing CA", label, "acb-ka")
            self.assert_refused("ROLE", label, "is the certificate of a root or issuing CA", "acb-ds", label)

    def test_two_that_are_no_pair_are_refused(self):
        self.assert_refused("ACB_CERT", "acb-ka", "another keyUsage", "acb-ka", "acb-ds", ds_key="acb-ka", ka_key="acb-ds")
        self.assert_refused("ACB_CERT", "acb-ds", "another keyUsage", "acb-ds", "acb-ds", ka_key="acb-ds")
        other = self.made("acb-ka-of-another", "04", make_pki.SUPPLIER, "ka")
        self.assert_refused("ACB_CERT", other, "different EUI-64s", "acb-ds", other)
        same = self.made("acb-ka-of-one-key", "04", make_pki.ACB, "ka", key=self.pki.key("acb-ds"))
        self.assert_refused("ACB_CERT", same, "of one key", "acb-ds", same, ka_key="acb-ds")

    def test_those_that_have_run_out_are_the_starts_to_judge(self):
        """As the DCC's public test data."""
        past = datetime.datetime(2024, 1, 1)
        for usage in ("ds", "ka"):
            self.made(f"old-{usage}", "04", make_pki.ACB, usage, key=self.pki.key(f"acb-{usage}"), not_after=past)
        code, answer = self.provision("old-ds", "old-ka")
        self.assertEqual(code, 0, answer)

    def test_an_issuer_that_is_no_name_is_refused(self):
        code, answer = self.provision("acb-ds", "acb-ka", "--issuer-without-crl", "zz")
        self.assertEqual(code, 2, answer)
        self.assertIn("--issuer-without-crl takes a name", answer["explanation"])
        self.assertFalse(self.box.exists())


if __name__ == "__main__":
    harness.main()
