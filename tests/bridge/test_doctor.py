"""`bitrix24-bridge doctor`: each check in a case in which it fails, and the call on a portal."""

import json
import re
import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bitrix24_bridge import doctor
from bitrix24_bridge.data import REMOVED, DataError
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.server import Running, running
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.bridge.bridges import Bridge, running_bridge
from tests.bridge.conftest import PATIENT, RunBridge
from tests.bridge.nginx import running_nginx
from tests.bridge.portals import FakePortal
from tests.bridge.redis_servers import running_redis
from tests.ports import unused_port

FINISH, REGISTER = "telephony.externalCall.finish", "telephony.externalCall.register"
NOBODY = "http://127.0.0.1:1"


@pytest.fixture
def bridge(run_bridge: RunBridge) -> Bridge:
    """A bridge whose data is this test's own."""
    return run_bridge()


@pytest.fixture
def examined(bridge: Bridge, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, str]]:
    """Examine the bridge, with some settings changed; return what is said by check."""

    def examined(**changes: Any) -> dict[str, str]:
        capsys.readouterr()
        with bridge.data() as data:
            fine = doctor.examine(replace(bridge.settings, **changes), data)
        result: dict[str, str] = {}
        for line in capsys.readouterr().out.splitlines():
            mark, said = line[:11].strip(), line[13:]
            result[said.partition(": ")[0]] = f"{mark}: {said}"
        assert fine is not any(text.startswith("WRONG") for text in result.values())
        return result

    return examined


def test_all_is_well_but_what_cannot_be_checked_from_here(
    examined: Callable[..., dict[str, str]], portal: FakePortal
) -> None:
    found = examined()
    assert list(found) == list(doctor.CHECKS)
    marks = {name: text.partition(":")[0] for name, text in found.items()}
    assert marks == {
        **dict.fromkeys(doctor.CHECKS, "ok"),
        **dict.fromkeys(["address", "certificate"], "not checked"),
    }
    assert found["portals"].endswith(f"installed on {portal.domain}")


@pytest.mark.parametrize(
    ("check", "changes", "reason"),
    [
        ("address", {"url": "https://localhost"}, r"localhost is (127\.0\.0\.1|::1), which"),
        ("address", {"url": "https://bridge.invalid"}, r"bridge\.invalid has no address: "),
        ("certificate", {"url": NOBODY.replace("http", "https")}, "no TLS at 127"),
        ("bridge", {"url": NOBODY}, f"{NOBODY} does not answer as a bridge"),
        ("WebSocket", {"url": NOBODY}, "it does not reach the bridge"),
        ("store", {"store": "unix:///nowhere"}, "it does not answer"),
        (
            "OAuth servers",
            {"oauth_servers": (f"{NOBODY}/rest/",)},
            f"{NOBODY}/rest/ gives no usable",
        ),
    ],
)
def test_what_does_not_answer_is_wrong(
    examined: Callable[..., dict[str, str]], check: str, changes: dict[str, Any], reason: str
) -> None:
    assert re.match(f"WRONG: {check}: {reason}", examined(**changes)[check])


@pytest.mark.parametrize(
    ("trusted", "later", "reason"),
    [
        (False, 0, "WRONG: certificate: unable to get local issuer certificate. "),
        (True, 0, r"ok: certificate: valid for \d+ days"),
        (True, 1e11, r"WRONG: certificate: it expires in -\d+ days"),
    ],
)
def test_a_certificate_that_others_will_refuse_is_wrong(
    examined: Callable[..., dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    trusted: bool,
    later: float,
    reason: str,
) -> None:
    with running_nginx(tmp_path, unused_port()) as nginx:
        if trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        now = time.time()
        monkeypatch.setattr("bitrix24_bridge.doctor.time", lambda: now + later)
        found = examined(url=nginx.url)
    assert re.match(reason, found["certificate"])


def test_a_store_that_evicts_is_wrong(
    examined: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    with running_redis(tmp_path, "--maxmemory-policy", "allkeys-lru") as url:
        assert examined(store=url)["store"].startswith(
            "WRONG: store: BRIDGE_STORE: this Redis evicts"
        )


def test_a_wrong_clock_is_wrong(
    examined: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr("bitrix24_bridge.doctor.time", lambda: now + 3600)
    assert re.match(r"WRONG: clock: it differs by 3\d\d\d s", examined()["clock"])


def test_too_few_files_are_wrong(
    examined: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (100, 100))
    assert examined()["files"].startswith("WRONG: files: This process may open 100 files")


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ("event.bind: ACCESS_DENIED", "event.bind: ACCESS_DENIED. Install it again"),
        (REMOVED, "removed the application. Install it again"),
        (None, "none has installed the application"),
    ],
)
def test_a_portal_that_is_not_installed_is_wrong(
    examined: Callable[..., dict[str, str]],
    bridge: Bridge,
    portal: FakePortal,
    step: str | None,
    reason: str,
) -> None:
    with bridge.data() as data:
        if step is None:
            data.forget_portal(portal.member_id)
        else:
            data.note_step(data.portal_named(portal.domain).events, step)
    found = examined()["portals"]
    assert found.startswith("WRONG: portals: ")
    assert reason in found


def test_data_that_cannot_be_written_is_wrong(
    bridge: Bridge, capsys: pytest.CaptureFixture[str]
) -> None:
    with bridge.data() as data:
        data._writing.execute("PRAGMA query_only = 1")
        assert not doctor.examine(bridge.settings, data)
    assert (
        f"WRONG        data: {bridge.settings.data} cannot be written: " in capsys.readouterr().out
    )


def test_a_bridge_that_cannot_answer_is_wrong(
    bridge: Bridge, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "bridge.sqlite3"
    with bridge.data() as data:
        file.rename(tmp_path / "old")
        assert not doctor.examine(bridge.settings, data)
        (tmp_path / "old").rename(file)
    said = capsys.readouterr().out
    assert "WRONG        bridge: it lives but cannot answer" in said
    assert f"WRONG        portals: BRIDGE_DATA: {file} was replaced" in said


# --- a call ---------------------------------------------------------------------------------------


@pytest.fixture
def sandbox() -> Iterator[Running]:
    """A portal on which only the browser knows the call, and nobody calls."""
    with running(Portal("js-only")) as sandbox:
        sandbox.call = None
        yield sandbox


@pytest.fixture
def installed(sandbox: Running, tmp_path: Path) -> Iterator[Bridge]:
    file = tmp_path / "bridge.sqlite3"
    with running_bridge(file, sandbox.oauth_server_url, times=PATIENT) as bridge:
        assert sandbox.install(f"{bridge.url}/install").status == 200
        yield bridge


@pytest.fixture
def call(
    installed: Bridge, sandbox: Running, monkeypatch: pytest.MonkeyPatch
) -> Iterator[doctor.Call]:
    """A call that is confirmed when the command asks."""
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    environ = {"PORTAL_URL": sandbox.webhook_url}
    with installed.data() as data:
        yield doctor.Call(installed.settings, data, environ)
        assert data.secrets() == []  # its own is revoked in any case
    assert sandbox.call is None
    finished = [each for each in sandbox.requests if each.path.rpartition("/")[2] == FINISH]
    assert len(finished) == len(
        [each for each in sandbox.requests if each.path.rpartition("/")[2] == REGISTER]
    )


def play_card(bridge: Bridge, sandbox: Running, answers: threading.Event) -> None:
    """Do what bridge.js does in the card, until the bridge ends."""
    opening = sandbox.widget_opening()
    hello = {
        "token": opening.form["AUTH_ID"],
        "member_id": opening.form["member_id"],
        "app_sid": opening.query["APP_SID"],
    }
    origin: Any = bridge.url
    url = bridge.url.replace("http", "ws", 1)
    with (
        suppress(ConnectionClosed),
        connect(f"{url}/socket", origin=origin, proxy=None) as socket,
    ):
        socket.send(json.dumps(hello))
        for text in socket:
            answer = {"answer": json.loads(text)["ask"], "status": sandbox.call}
            socket.send(json.dumps(answer))
            answers.set()


def test_a_call_is_registered_found_and_ended_and_the_report_has_no_secret(
    call: doctor.Call,
    installed: Bridge,
    sandbox: Running,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answers = threading.Event()

    def open_card(_: float) -> None:
        """Let the operator's browser show the card, the first time that the command waits."""
        if not answers.is_set():
            threading.Thread(target=play_card, args=(installed, sandbox, answers)).start()
            assert answers.wait(20)

    monkeypatch.setattr("bitrix24_bridge.doctor.sleep", open_card)
    assert call.run()
    said = capsys.readouterr().out
    assert "This registers a call from +12025550142 for user 1 on " in said
    report = said.partition("Report: ")[2]
    assert "  method.get: 200 {'isExisting': False, 'isAvailable': False}\n" in report
    assert "  telephony.externalCall.register: 200\n" in report
    assert re.search(r'  the bridge: 200, {"CALL_ID": "str", .*"CRM_ENTITY_ID": "int"', report)
    assert "  telephony.externalCall.finish: 200" in report
    for secret in (sandbox.webhook_url, "/rest/1/", sandbox.origin):
        assert secret not in report


def test_after_ctrl_c_the_call_is_ended(call: doctor.Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bitrix24_bridge.doctor.sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        call.run()


def test_nothing_is_created_without_a_yes(
    call: doctor.Call, sandbox: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", lambda _: "")
    assert not call.run()
    monkeypatch.setattr("builtins.input", nobody)
    with pytest.raises(DataError, match="nothing was created"):
        call.run()
    assert REGISTER not in [each.path.rpartition("/")[2] for each in sandbox.requests]


def test_a_card_that_never_connects_is_reported(
    call: doctor.Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = time.monotonic()
    times = iter([now, now + 61])
    monkeypatch.setattr("bitrix24_bridge.doctor.monotonic", lambda: next(times))
    monkeypatch.setattr("bitrix24_bridge.doctor.sleep", lambda _: None)
    assert not call.run()
    assert "  the bridge, after 60 s: 400 'CARD_NOT_CONNECTED'\n" in capsys.readouterr().out


@pytest.mark.parametrize("url", ["", "http://portal.example/rest/1/secret/", "secret"])
def test_a_webhook_comes_from_a_prompt_and_is_never_shown(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr(doctor, "getpass", lambda _: url)
    with bridge.data() as data, pytest.raises(DataError) as refused:
        doctor.Call(bridge.settings, data, {})
    assert str(refused.value).startswith("PORTAL_URL is not the URL of a webhook: ")
