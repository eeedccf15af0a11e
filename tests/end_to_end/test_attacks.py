#!/usr/bin/python3
"""What an attacker tries at the front, one row each, and what came of it; a good client works on meanwhile.

    test_attacks.py [--sockets 1000]

reliability.md F18, F23; ecosystem.md section 4. The times are printed, not judged, but for a generous bound.
"""

import argparse
import selectors
import socket
import ssl
import sys
import tarfile
import threading
import time
from collections import Counter

import clients
import harness
from clients import Authority
from harness import ROLES, World, temporary_directory

SOCKETS = 1000
REQUEST_SECONDS = 5  # [limits] request_seconds: what is slower is dropped
PAUSE_SECONDS = 0.05  # of the good client, between two requests
BOUND_MS = 10_000  # of its slowest answers: a stuck service, not a slow machine
MIB = 1024 * 1024

CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


def post(headers, body, version=b"1.1"):
    return (b"POST /v1/feeds/parties HTTP/" + version + b"\r\nHost: x\r\nContent-Type: text/csv\r\n" + headers + b"\r\n"
            + body)


def get(target=b"/healthz", headers=b"Host: x\r\n", version=b"1.1"):
    return b"GET " + target + b" HTTP/" + version + b"\r\n" + headers + b"\r\n"


# The forms of ecosystem.md section 4, those that Beast takes and those that it does not.
SMUGGLING = {
    "Content-Length, then chunked": post(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", CHUNKS),
    "chunked, then Content-Length": post(b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", CHUNKS),
    "Transfer-Encoding: gzip, Content-Length": post(b"Transfer-Encoding: gzip\r\nContent-Length: 5\r\n", b"hello"),
    "Transfer-Encoding: gzip alone": post(b"Transfer-Encoding: gzip\r\n", b""),
    "Transfer-Encoding: chunked, chunked": post(b"Transfer-Encoding: chunked, chunked\r\n", CHUNKS),
    "two Transfer-Encodings": post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", CHUNKS),
    "chunked in HTTP/1.0": post(b"Transfer-Encoding: chunked\r\n", CHUNKS, b"1.0"),
    "two equal Content-Lengths": post(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello"),
    "two different Content-Lengths": post(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"hello!"),
    "Content-Length: 5, 5": post(b"Content-Length: 5, 5\r\n", b"hello"),
    "Content-Length: +5": post(b"Content-Length: +5\r\n", b"hello"),
    "Content-Length of 20 digits": post(b"Content-Length: 99999999999999999999\r\n", b"hello"),
    "folded header": get(headers=b"Host: x\r\nA: b\r\n c\r\n"),
    "no Host": get(headers=b""),
    "two Hosts": get(headers=b"Host: x\r\nHost: y\r\n"),
    "absolute target": get(b"http://x/healthz"),
    "bare LF": b"GET /healthz HTTP/1.1\nHost: x\n\n",
    "blank before the colon": post(b"Content-Length : 5\r\n", b"hello"),
    "NUL in a header": get(headers=b"Host: x\r\nA: b\0c\r\n"),
    "bad chunk size": post(b"Transfer-Encoding: chunked\r\n", b"0x5\r\nhello\r\n0\r\n\r\n"),
    "negative chunk size": post(b"Transfer-Encoding: chunked\r\n", b"-1\r\nhello\r\n0\r\n\r\n"),
    "chunk longer than it says": post(b"Transfer-Encoding: chunked\r\n", b"2\r\nhello\r\n0\r\n\r\n"),
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /healthz\r\n\r\n",
}

TRAVERSAL = (b"/assets/../../acbd.toml", b"/assets/%2e%2e/%2e%2e/acbd.toml", b"/assets/..%2f..%2facbd.toml",
             b"/assets/%252e%252e%252facbd.toml", b"/assets/review.css%00.toml", b"/v1/./reasons", b"//healthz",
             b"/v1/audit/tile/../../../../etc/passwd", b"/v1/audit/tile/entries/..%2f..%2f..%2fetc%2fpasswd",
             b"/v1/reports/..%5c..%5cacbd.toml", b"/assets/\xc0\xae\xc0\xae/acbd.toml")

BAD_JSON = (b"", b"{", b"}", b"[]", b"null", b"1", b'"x"', b"{]", b'{"a"}', b'{"a":}', b'{"a":1,}', b"{'a':1}", b'{a:1}',
            b'{"a":01}', b'{"a":+1}', b'{"a":.5}', b'{"a":1.}', b'{"a":NaN}', b'{"a":Infinity}', b'{"a":1e999}',
            b'{"a":"\xff"}', b'{"a":"\\ud800"}', b'{"a":"\\x00"}', b'{"a":"\x00"}', b'{"a":"\n"}', b'{"a":1}{"a":1}',
            b'{"a":1} x', b"\xef\xbb\xbf{}", b'/*c*/{}', b'{"a":' * 1000, b"[" * 100_000, b'{"' + b"a" * 70_000,
            b'{"\\u0000":1}', b"{" + b'"a":{' * 40 + b"}" * 41, b"\xff\xfe{\x00}\x00")
TWICE = (b'{"scope":"party","scope":"all","subject":"SUPP","action":"suspend","authority":"x"}',
         b'{"scope":"party","subject":"SUPP","action":"suspend","action":"lift","authority":"x"}',
         b'{"scope":"party","subject":"SUPP","action":"suspend","authority":"x","x":{"y":1,"y":2}}',
         b'{"scope":"party","s\\u0063ope":"all","subject":"SUPP","action":"suspend","authority":"x"}')
BAD_CSV = (b"", b"\n", b"\0", b"a,b,c\n", b"user_id,party,role,status,from,to,uept,notice_to_cease",
           b"user_id,party,role,status,from,to,uept,notice_to_cease\n\"open,SUPP,IS,active,2016-01-01,,yes,\n",
           b"user_id,user_id,party,role,status,from,to,uept,notice_to_cease\n",
           b"user_id,party,role,status,from,to,uept,notice_to_cease\n1,2\n",
           b"user_id,party,role,status,from,to,uept,notice_to_cease\n=cmd|'/c calc'!A1,X,IS,active,2016-01-01,,yes,\n",
           b"user_id,party,role,status,from,to,uept,notice_to_cease\n\xff\xfe,X,IS,active,2016-01-01,,yes,\n",
           b"user_id,party,role,status,from,to,uept,notice_to_cease\n" + b"x" * MIB,
           b"user_id,party,role,status,from,to,uept,notice_to_cease\n" + b"," * 100_000,
           b"user_id;party;role\n1;2;3\n", b"\xff\xfeu\0s\0e\0r\0", b"user_id\rparty\r",
           b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"\x1f\x8b\x08\0\0\0\0\0")
FEEDS = ("parties", "devices", "registrations", "mpan-prefixes", "working-days", "certified-products",
         "proxy-certificates", "organisation-certificates", "device-certificates", "repository-status",
         "revocation-lists")
# Where nobody sends JSON to a good end with what stands above.
JSON_ENDPOINTS = (("northbound", "/v1/observations"), ("operator", "/v1/suspension"),
                  ("operator", "/v1/counters/00DB1234567A0000/raise"), ("dsp", "/v1/counters/00DB1234567A0000/reserve"),
                  ("operator", "/v1/counters/import"))


class GoodClient(threading.Thread):
    """Handovers, one after the other over one connection, for as long as the attacks go on."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.world = world
        self.done = threading.Event()
        self.taken_ms = []  # (when, how long)
        self.wrong = []

    def run(self):
        client = self.world.box.client("dsp")
        while not self.done.is_set():
            document = self.world.sign(self.world.request())
            began = time.monotonic()
            try:
                answer = client.request("POST", "/v1/handovers", document, {"Content-Type": "application/xml"})
                if answer.status != 200:
                    self.wrong.append(repr(answer))
            except Exception as error:  # pylint: disable=broad-except
                self.wrong.append(repr(error))
            self.taken_ms.append((began, (time.monotonic() - began) * 1000))
            self.done.wait(PAUSE_SECONDS)
        client.close()

    def p99(self, since):
        taken = sorted(ms for began, ms in self.taken_ms if began >= since)
        return taken[min(len(taken) - 1, len(taken) * 99 // 100)] if taken else 0.0


class TestAttacks(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(temporary_directory())
        cls.world = World.own(cls.folder, devices=4, start=False)
        cls.box = cls.world.box
        cls.authority = Authority(cls.box)
        cls.box.configure("limits", request_seconds=REQUEST_SECONDS)
        cls.box.start()
        cls.addClassCleanup(cls.box.kill)
        cls.world.import_own()
        cls.good = GoodClient(cls.world)
        cls.good.start()
        cls.rows = []

    @classmethod
    def tearDownClass(cls):
        print(f"{'attack':<58} {'outcome':<60} {'good client, p99 ms':>20}")
        for name, outcome, p99 in cls.rows:
            print(f"{name:<58} {outcome:<60} {f'{p99:.1f}' if p99 else '-':>20}")

    def setUp(self):
        self.began = time.monotonic()

    def row(self, name, outcome):
        p99 = self.good.p99(self.began)
        self.rows.append((name, outcome, p99))
        self.assertEqual(self.good.wrong, [])
        self.assertLess(p99, BOUND_MS)
        self.began = time.monotonic()

    # -- connections --

    def context(self, role=None, folder=None):
        tls = folder or self.box.directory / "tls"
        context = ssl.create_default_context(cafile=str(self.box.directory / "tls" / "ca.pem"))
        if role:
            context.load_cert_chain(str(tls / f"{role}.pem"), str(tls / f"{role}.key"))
        return context

    def connect(self, context):
        connection = context.wrap_socket(socket.create_connection(("127.0.0.1", self.box.port), 30),
                                         server_hostname="127.0.0.1")
        connection.settimeout(30)
        return connection

    def raw(self, role, octets, context=None):
        """Everything that comes back until the server closes; None when it was cut off without a word."""
        try:
            with self.connect(context or self.context(role)) as connection:
                got = b""
                try:
                    connection.sendall(octets)
                except OSError:
                    pass  # refused before all of it was read
                try:
                    while piece := connection.recv(65536):
                        got += piece
                except OSError:
                    pass
                return got
        except ssl.SSLError as error:
            return error

    @staticmethod
    def first_status(got):
        return int(got.split(b" ", 2)[1]) if isinstance(got, bytes) and got.startswith(b"HTTP/1.1 ") else None

    def at_the_door(self, context):
        """The handshake, and one request: what TLS says to it."""
        try:
            with self.connect(context) as connection:
                connection.sendall(get())
                got = connection.recv(4096)
                return f"answered {got[:20]!r}" if got else "closed"
        except ssl.SSLError as error:
            return f"TLS: {error.reason}"
        except OSError as error:
            return f"cut: {type(error).__name__}"

    # -- the rows --

    def test_01_certificates(self):
        folder = self.folder / "strangers"
        folder.mkdir()
        twin = Authority(name="Clients of the tests")
        twin.issue("twin", "dsp.acb.test", directory=folder)
        revoked = self.authority.issue("revoked", "dsp.acb.test")
        self.authority.issue("expired", "dsp.acb.test", seconds=-60)
        self.authority.issue("nobody", "somebody.acb.test")
        self.authority.issue("both", "dsp.acb.test", "operator.acb.test")
        self.authority.write([revoked])
        clients.reload(self.box)
        old = self.context("dsp")
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        for name, context in (("no client certificate", self.context()),
                              ("wrong issuer, of the same name", self.context("twin", folder)),
                              ("revoked", self.context("revoked")), ("expired", self.context("expired")),
                              ("TLS 1.2", old)):
            outcome = self.at_the_door(context)
            self.assertRegex(outcome, "^(TLS|closed|cut)", name)
            self.row(name, outcome)
        for name in ("nobody", "both"):
            self.assertEqual(self.first_status(self.raw(name, get())), 403, name)
            self.row({"nobody": "of our issuer, but nobody whom configuration names",
                      "both": "one certificate for two clients"}[name], "403 FORBIDDEN")
        self.assertIn("answered b'HTTP/1.1 200", self.at_the_door(self.context("dsp")), "the accepted neighbour")

    def test_02_wrong_role_on_every_endpoint(self):
        document = self.box.get("/openapi.json").json
        tried = 0
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                for role in ROLES:
                    if role in operation["x-acb-roles"]:
                        continue
                    tried += 1
                    answer = self.box.client(role).request(method.upper(), path.replace("{", "").replace("}", ""))
                    self.assertEqual((answer.status, answer.reason), (403, "FORBIDDEN"), (role, method, path))
        self.row("wrong role on every endpoint", f"{tried} times 403 FORBIDDEN")

    def test_03_smuggling(self):
        self.assertEqual(self.first_status(self.raw("feed", get(headers=b"Host: x\r\nConnection: close\r\n"))), 200)
        for name, octets in SMUGGLING.items():
            got = self.raw("feed", octets + SMUGGLED)
            self.assertEqual(got.count(b"ACB-Request-Id: "), 1, (name, got))
            status = self.first_status(got)
            self.assertIn(status, (400, 413), (name, got))
            self.row(name, f"{status}, connection closed, what followed not answered")

    def test_04_targets(self):
        for target in TRAVERSAL:
            got = self.raw("auditor", get(target, b"Host: x\r\nConnection: close\r\n"))
            self.assertIn(self.first_status(got), (400, 404), (target, got))
            for secret in (b"client_ca", b"root:"):
                self.assertNotIn(secret, got)
        self.row(f"path traversal, {len(TRAVERSAL)} spellings", "400 or 404")

    def test_05_too_large(self):
        header = self.raw("feed", b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: " + b"a" * MIB + b"\r\n\r\n")
        self.assertEqual(self.first_status(header), 431)
        self.row("1 MiB in one header", "431, connection closed")
        many = self.raw("feed", b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * (MIB // 6) + b"\r\n")
        self.assertEqual(self.first_status(many), 431)
        self.row("1 MiB of headers", "431, connection closed")
        big = self.raw("dsp", b"POST /v1/handovers HTTP/1.1\r\nHost: x\r\nContent-Type: application/xml\r\n"
                              b"Content-Length: 9223372036854775807\r\n\r\n<")
        self.assertEqual(self.first_status(big), 413)
        self.row("a body of 2^63 - 1 octets", "413 before any of it")
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        chunked = self.raw("dsp", b"POST /v1/handovers HTTP/1.1\r\nHost: x\r\nContent-Type: application/xml\r\n"
                                  b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 64)
        self.assertEqual(self.first_status(chunked), 413)
        self.row("4 MiB in chunks where 1 is the limit", "413, connection closed")

    def test_06_malformed_json(self):
        count = Counter()
        for role, path in JSON_ENDPOINTS:
            client = self.box.client(role)
            for body in BAD_JSON:
                answer = client.request("POST", path, body, {"Content-Type": "application/json"})
                self.assertIn(answer.status, (400, 413, 422), (path, body[:40], answer))
                count[answer.status] += 1
        self.row("malformed JSON", f"{sum(count.values())} times: {dict(count)}")
        for body in TWICE:
            answer = self.box.client("operator").request("POST", "/v1/suspension", body,
                                                         {"Content-Type": "application/json"})
            self.assertEqual((answer.status, answer.reason), (400, "MALFORMED"), (body, answer))
        self.assertEqual(self.box.get("/v1/suspension").json["suspensions"], [])
        self.row("duplicate keys in JSON", f"{len(TWICE)} times 400 MALFORMED, nothing done")

    def test_07_malformed_csv(self):
        before = self.box.get("/v1/feeds").octets
        count = Counter()
        client = self.box.client("feed")
        for feed in FEEDS:
            for body in BAD_CSV:
                kind = "text/csv" if not feed.endswith(("certificates", "lists")) else "application/octet-stream"
                # Feed parties' header without a row is a file that is empty, and good.
                if feed == "parties" and body.endswith(b"notice_to_cease"):
                    continue
                answer = client.request("POST", f"/v1/feeds/{feed}", body, {"Content-Type": kind})
                self.assertIn(answer.status, (400, 413, 415, 422), (feed, body[:80], answer))
                count[answer.status] += 1
        self.assertEqual(self.box.get("/v1/feeds").octets, before)
        self.row("malformed CSV, PEM and DER, every feed", f"{sum(count.values())} times: {dict(count)}; nothing changed")

    def test_08_corpora(self):
        shared = harness.shared_dir() / "vectors"
        corpora = [shared / name for name in ("xml-conformance/xmlconf-xmltest-sun.tar.gz",
                                              "openssl-fuzz-corpora/x509-open.tar.gz",
                                              "openssl-fuzz-corpora/crl-open.tar.gz")]
        for corpus in corpora:
            if not corpus.exists():
                self.row(corpus.name, "skipped: not here (set ACB_SHARED)")
                continue
            count = Counter()
            for body in self.files_of(corpus):
                for role, path, kind in (("dsp", "/v1/handovers", "application/xml"),
                                         ("northbound", "/v1/observations", "application/json"),
                                         ("feed", "/v1/feeds/parties", "text/csv"),
                                         ("feed", "/v1/feeds/revocation-lists", "application/octet-stream")):
                    answer = self.box._client(role).request("POST", path, body, {"Content-Type": kind})
                    self.assertIn(answer.status, (400, 403, 413, 415, 422), (path, body[:80], answer))
                    count[answer.status] += 1
            self.row(corpus.name, f"{sum(count.values())} times: {dict(sorted(count.items()))}")

    @staticmethod
    def files_of(corpus, most=300):
        with tarfile.open(corpus) as archive:
            for number, member in enumerate(one for one in archive if one.isfile()):
                if number >= most:
                    return
                yield archive.extractfile(member).read()

    def test_09_slow_strangers(self):
        """Nobody's sockets, that say nothing or the beginning of a handshake."""
        sockets = []
        for number in range(SOCKETS):
            one = socket.create_connection(("127.0.0.1", self.box.port), 30)
            if number % 2:
                one.sendall(b"\x16\x03\x01\x02\x00\x01")
            sockets.append(one)
        outcome = Counter("closed" if not left else "left" for left in self.wait_for_end(sockets, lambda one: b"\x01"))
        self.row(f"{SOCKETS} sockets that never finish a handshake", str(dict(outcome)))
        self.assertEqual(outcome["left"], 0)

    def test_10_slowloris(self):
        self.slow("slowloris", b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: ", b"a")

    def test_11_slow_body(self):
        self.slow("slow body", b"POST /v1/feeds/parties HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
                               b"Content-Length: 100000\r\n\r\n", b",")

    def slow(self, name, head, more):
        """Of a known client, whose certificate is good: it gets in, and is dropped for being slow."""
        context = self.context("feed")
        sockets, cut, lock = [], [], threading.Lock()

        def open_some(count):
            for _ in range(count):
                try:
                    one = self.connect(context)
                    one.sendall(head)
                except (ssl.SSLError, ConnectionError) as error:
                    with lock:
                        cut.append(error)  # at the door, as one of a crowd may be
                    continue
                with lock:
                    sockets.append(one)

        openers = [threading.Thread(target=open_some, args=(SOCKETS // 8,)) for _ in range(8)]
        for opener in openers:
            opener.start()
        for opener in openers:
            opener.join()
        self.assertEqual(len(sockets) + len(cut), SOCKETS // 8 * 8)
        self.assertGreater(len(sockets), SOCKETS // 2)
        answers = Counter()
        for one, left in zip(sockets, self.wait_for_end(sockets, lambda one: more)):
            answers["left" if left else getattr(one, "said", "closed")] += 1
        self.row(f"{name} on {len(sockets)} sockets", str(dict(answers)))
        self.assertEqual(answers["left"], 0, answers)

    def wait_for_end(self, sockets, drip):
        """Sends one octet a second into each until the server has closed it; for each whether it is open still."""
        open_still = dict.fromkeys(sockets, True)
        selector = selectors.DefaultSelector()
        for one in sockets:
            one.setblocking(False)
            selector.register(one, selectors.EVENT_READ)
        deadline = time.monotonic() + REQUEST_SECONDS * 12 + 60
        dripped = time.monotonic()
        while any(open_still.values()) and time.monotonic() < deadline:
            for key, _ in selector.select(0.2):
                if self.is_over(key.fileobj):
                    open_still[key.fileobj] = False
                    selector.unregister(key.fileobj)
            if time.monotonic() - dripped > 1:
                dripped = time.monotonic()
                for one in [one for one, still in open_still.items() if still]:
                    try:
                        one.send(drip(one))
                    except OSError:
                        pass  # seen by the next select
        for one in sockets:
            one.close()
        return [open_still[one] for one in sockets]

    @staticmethod
    def is_over(one):
        try:
            got = one.recv(4096)
        except (ssl.SSLWantReadError, BlockingIOError):
            return False
        except OSError:
            return True
        if got.startswith(b"HTTP/1.1 "):
            one.said = got[9:12].decode()
        return not got

    def test_12_after_all_that(self):
        self.assertEqual(self.box.get("/readyz").status, 200)
        self.assertIsNone(self.box.process.poll())
        self.good.done.set()
        self.good.join()
        self.assertEqual(self.good.wrong, [])
        self.assertGreater(len(self.good.taken_ms), 0)
        began = self.good.taken_ms[0][0]
        anonymous = next(line for line in open(f"/proc/{self.box.process.pid}/status", encoding="ascii")
                         if line.startswith("RssAnon"))
        self.rows.append((f"all: {len(self.good.taken_ms)} handovers of the good client, each signed",
                          "RssAnon " + " ".join(anonymous.split()[1:]), self.good.p99(began)))
        self.assertEqual(self.box.metric("acb_handovers_total", outcome="signed"), len(self.good.taken_ms))
        self.box.stop()


def main():
    global SOCKETS  # pylint: disable=global-statement
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sockets", type=int, default=SOCKETS, help="of each slow attack")
    options, rest = parser.parse_known_args()
    SOCKETS = options.sockets
    sys.argv[1:] = rest
    harness.main()


if __name__ == "__main__":
    main()
