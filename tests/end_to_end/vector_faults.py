"""What breaks a box from outside, for the vectors of the faults: `with fault(stage, scene): ...`.

Each puts it right again at its end, so that the next good request is served.
"""

import contextlib
import resource
import shutil
import threading
import time

import harness

UNDER_WAY_SECONDS = 30


def spawn_until_answering(box):
    """For a box that comes up only to say why it cannot work."""
    box.spawn()
    deadline = time.monotonic() + harness.READY_SECONDS
    while True:
        try:
            box.get("/readyz")
            return
        except OSError:
            if box.process.poll() is not None or time.monotonic() > deadline:
                raise harness.Failure(f"does not answer:\n{box.log_tail()}") from None
            time.sleep(0.02)


@contextlib.contextmanager
def restarted_with(box, change, mend):
    box.stop()
    change()
    try:
        spawn_until_answering(box)
        yield
        box.stop()
    finally:
        mend()
        box.start()


@contextlib.contextmanager
def wrong_pin(stage, _scene):
    file = stage.box.directory / "pin"
    pin = file.read_bytes()
    with restarted_with(stage.box, lambda: file.write_bytes(b"00000000"), lambda: file.write_bytes(pin)):
        yield


@contextlib.contextmanager
def store_moved_away(stage, _scene):
    store = stage.box.directory / stage.box.setting("store", "directory")
    away = store.with_name("moved")
    with restarted_with(stage.box, lambda: store.rename(away), lambda: away.rename(store)):
        yield


@contextlib.contextmanager
def acb_certificate_file_gone(stage, _scene):
    file = stage.box.directory / "acb" / "ds.pem"
    away = file.with_suffix(".away")
    with restarted_with(stage.box, lambda: file.rename(away), lambda: away.rename(file)):
        yield


@contextlib.contextmanager
def acb_certificate_of_another_key(stage, _scene):
    """The ACB's certificate is good, and not of the key in the token."""
    file = stage.box.directory / "acb" / "ds.pem"
    good = file.read_text()
    other = stage.pki.made.leaf("acb-other-key", "04", stage.pki.acb.upper(), "ds").der
    with restarted_with(stage.box, lambda: file.write_text(harness.own_pki.pem_of_der(other)),
                        lambda: file.write_text(good)):
        yield


@contextlib.contextmanager
def device_record_damaged(stage, scene):
    """One letter of the device's model, which stands nowhere else, in every copy that the file holds."""
    file = stage.box.directory / stage.box.setting("store", "directory") / "data.mdb"
    model = scene.device_row()["model"].encode()
    damaged = model[:-1] + bytes([model[-1] ^ 1])

    def swap(old, new):
        octets = file.read_bytes()
        if old not in octets:
            raise harness.Failure(f"{old!r} is not in the store's file")
        file.write_bytes(octets.replace(old, new))

    with restarted_with(stage.box, lambda: swap(model, damaged), lambda: swap(damaged, model)):
        yield


@contextlib.contextmanager
def second_process_on_the_store(stage, _scene):
    """Requests go to the second; the first, which has the store, goes on."""
    box, port = stage.box, stage.box.port
    first, text = box.process, box.config.read_text()
    box.close_clients()
    box.port = harness.free_port()
    try:
        box.configure("listen", port=box.port)
        spawn_until_answering(box)
        yield
        box.stop()
    finally:
        box.config.write_text(text)
        box.process, box.port = first, port
        box.close_clients()


@contextlib.contextmanager
def disk_refuses_writes(stage, _scene):
    """RLIMIT_FSIZE 0 on the running process: each write fails with EFBIG. A restart is the way out."""
    box = stage.box
    resource.prlimit(box.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(box.process.pid, resource.RLIMIT_FSIZE,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        box.kill()
        box.start()


@contextlib.contextmanager
def imported_keys_in_the_token(stage, _scene):
    """The live box is pointed at a token whose keys came from outside."""
    pki, box = stage.pki, stage.box
    folder = stage.folder / "test-box"
    other = harness.Box.provision(folder, ds_certificate=pki.path("acb-ds"), ka_certificate=pki.path("acb-ka"),
                                  ds_key=pki.key_path("acb-ds"), ka_key=pki.key_path("acb-ka"))
    text, saved = box.config.read_text(), {}

    def change():
        box.configure("hsm", pin_file=str(other.directory / "pin"))
        box.configure("hsm.environment", SOFTHSM2_CONF=str(other.directory / "softhsm2.conf"))
        for usage in ("ds", "ka"):
            file = box.directory / "acb" / f"{usage}.pem"
            saved[file] = file.read_bytes()
            shutil.copy(pki.path(f"acb-{usage}"), file)

    def mend():
        box.config.write_text(text)
        for file, octets in saved.items():
            file.write_bytes(octets)

    with restarted_with(box, change, mend):
        yield


def token_fault(word):
    """A fault of tests/hsm/shim_module.cc, in a box that has the shim."""

    @contextlib.contextmanager
    def fault(stage, _scene):
        file = stage.folder / "fault"
        file.write_text(word)
        try:
            yield
        finally:
            file.unlink()

    return fault


def wait_until_reserved(stage, scene, before):
    """From then on the token has the command, and is slow in this box."""
    harness.wait_for("the reservation", lambda: stage.box.last_issued(scene.device) > before, UNDER_WAY_SECONDS)


@contextlib.contextmanager
def another_command_under_way(stage, scene):
    """Another request for this device waits for the token, which is slow here, and is served."""
    document = scene.document()[1]
    answers = []
    client = stage.box.client("dsp")

    def send():
        answers.append(client.request("POST", "/v1/handovers", document, {"Content-Type": "application/xml"}))

    before = stage.box.last_issued(scene.device)
    thread = threading.Thread(target=send)
    thread.start()
    wait_until_reserved(stage, scene, before)
    yield
    thread.join()
    client.close()
    if [answer.status for answer in answers] != [200]:
        raise harness.Failure(f"the other command: {answers}")


@contextlib.contextmanager
def cell_given_away_while_the_token_signs(stage, scene):
    """The devices feed says, while the command is in the token, that the cell is another party's."""
    failures = []
    before = stage.box.last_issued(scene.device)

    def give_away():
        wait_until_reserved(stage, scene, before)
        rows = scene.device_csv(network_operator_cell=scene.euis["network_operator"])
        answer = stage.box.client("feed").request("POST", "/v1/feeds/devices", rows.encode(),
                                                  {"Content-Type": "text/csv"})
        if answer.status != 200:
            failures.append(answer)

    thread = threading.Thread(target=give_away)
    thread.start()
    yield
    thread.join()
    if failures:
        raise harness.Failure(f"devices feed: {failures}")


FAULTS = {
    "wrong-pin": wrong_pin,
    "store-moved-away": store_moved_away,
    "acb-certificate-file-gone": acb_certificate_file_gone,
    "acb-certificate-of-another-key": acb_certificate_of_another_key,
    "device-record-damaged": device_record_damaged,
    "second-process-on-the-store": second_process_on_the_store,
    "disk-refuses-writes": disk_refuses_writes,
    "imported-keys-in-the-token": imported_keys_in_the_token,
    "token-error": token_fault("error"),
    "token-wrong-signature": token_fault("wrong-signature"),
    "token-wrong-secret-length": token_fault("short-secret"),
    "another-command-under-way": another_command_under_way,
    "cell-given-away-while-the-token-signs": cell_given_away_while_the_token_signs,
}
RESTART = {"wrong-pin", "store-moved-away", "acb-certificate-file-gone", "acb-certificate-of-another-key",
           "device-record-damaged", "second-process-on-the-store", "disk-refuses-writes", "imported-keys-in-the-token"}
