"""A headless Chromium before a box.

    with Browser(box) as browser:
        browser.open("/")                 as the auditor; browser.driver is Selenium's
        browser.picture(folder, "name")   the whole page at both widths, light and dark
        browser.violations()              what axe-core finds
        browser.complaints()              console errors, CSP violations, requests to elsewhere: since the last call

The client certificate is held by a proxy of this program, on 127.0.0.1: the browser speaks plain HTTP to it, and it
speaks TLS 1.3 with the auditor's certificate to the box.
"""

import base64
import hashlib
import http.client
import http.server
import json
import os
import shutil
import threading
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from harness import Failure

AXE = Path(__file__).resolve().parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
WIDTHS = (1280, 375)
SCHEMES = ("light", "dark")
TALLEST = 12_000  # of a picture, in CSS pixels
# Not of the page: how a connection is kept.
HOP_BY_HOP = {"connection", "content-length", "transfer-encoding", "date", "server", "keep-alive"}


def program(name):
    found = shutil.which(name)
    if not found:
        raise Failure(f"{name} is not installed: tools/install-packages --check installs it")
    return found


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        proxy = self.server.proxy
        client = proxy.box.client("auditor")
        try:
            answer = client.request("GET", self.path, headers={"Accept": self.headers.get("Accept", "*/*")})
        except (OSError, http.client.HTTPException) as error:
            self.send_error(502, str(error))
            return
        finally:
            client.close()
        proxy.served.append((self.path, answer.status))
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.octets)))
        self.end_headers()
        self.wfile.write(answer.octets)

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass


class _Proxy:
    def __init__(self, box):
        self.box = box
        self.served = []  # (path, status)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.daemon_threads = True
        self.server.proxy = self
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def origin(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Browser:
    """One browser; `box` may be another one later: browser.box = box."""

    def __init__(self, box):
        os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1,localhost"
        self.proxy = _Proxy(box)
        options = Options()
        options.binary_location = program("chromium")
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                         "--no-proxy-server", "--disable-extensions", "--disable-background-networking",
                         "--disable-component-update", "--no-first-run", "--force-device-scale-factor=1",
                         "--hide-scrollbars", "--lang=en-GB"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service(program("chromedriver")), options=options)
        self.driver.set_page_load_timeout(120)
        self.driver.set_script_timeout(120)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()
        self.proxy.close()

    @property
    def box(self):
        return self.proxy.box

    @box.setter
    def box(self, box):
        self.proxy.box = box

    def open(self, path):
        self.driver.get(self.proxy.origin + path)

    def command(self, name, **parameters):
        return self.driver.execute_cdp_cmd(name, parameters)

    def scripts(self, allowed):
        self.command("Emulation.setScriptExecutionDisabled", value=not allowed)

    def look(self, width, scheme="light", height=900):
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                     mobile=False)
        self.command("Emulation.setEmulatedMedia",
                     features=[{"name": "prefers-color-scheme", "value": scheme},
                               {"name": "prefers-reduced-motion", "value": "reduce"}])

    def picture(self, folder, name, widths=WIDTHS, schemes=SCHEMES):
        """The open page, loaded anew at each width; PNG files in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        for width in widths:
            for scheme in schemes:
                self.look(width, scheme)
                self.driver.refresh()
                size = self.command("Page.getLayoutMetrics")["cssContentSize"]
                clip = {"x": 0, "y": 0, "width": width, "height": min(size["height"], TALLEST), "scale": 1}
                shot = self.command("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
                (folder / f"{name}-{width}-{scheme}.png").write_bytes(base64.b64decode(shot["data"]))

    def violations(self):
        """Of every rule of axe-core, best practices too: (rule, what, where)."""
        source = AXE.read_bytes()
        if hashlib.sha256(source).hexdigest() != AXE_SHA256:
            raise Failure(f"{AXE} is not the published file")
        self.driver.execute_script(source.decode())
        found = self.driver.execute_async_script(
            "const done = arguments[0];"
            "axe.run(document, {resultTypes: ['violations']}).then((result) => done({violations: result.violations,"
            " passes: result.passes.length}), (error) => done({error: String(error)}));")
        if "error" in found or not found["passes"]:
            raise Failure(f"axe-core did not run: {found}")
        return [(each["id"], each["help"], [" ".join(map(str, node["target"])) for node in each["nodes"]][:5])
                for each in found["violations"]]

    def overflow(self):
        """How many pixels the page is wider than its window: it must not be."""
        return self.driver.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth")

    def complaints(self):
        found = [entry["message"] for entry in self.driver.get_log("browser")
                 if entry["level"] in ("SEVERE", "WARNING")]
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] != "Network.requestWillBeSent":
                continue
            url = message["params"]["request"]["url"]
            if not url.startswith((self.proxy.origin + "/", "data:", "about:", "chrome:")):
                found.append(f"a request to {url}")
        return found
