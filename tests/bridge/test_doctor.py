"""`bitrix24-bridge doctor`: each check in a case in which it fails, and the call on a portal."""

import re
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from anyio.from_thread import start_blocking_portal
from bitrix24_bridge import doctor
from bitrix24_bridge.data import REMOVED, Data, DataError
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.server import Running, running

from tests.bridge.bridges import Bridge, running_bridge
from tests.bridge.cards import card
from tests.bridge.conftest import PATIENT
from tests.bridge.nginx import running_nginx
from tests.bridge.portals import FakePortal
from tests.bridge.redis_servers import running_redis
from tests.ports import unused_port

FINISH, REGISTER = "telephony.externalCall.finish", "telephony.externalCall.register"
NOBODY = "http://127.0.0.1:1"

Examined = Callable[..., dict[str, str]]


@pytest.fixture
def data(own_bridge: Bridge) -> Iterator[Data]:
    """What the command opens."""
    with own_bridge.data() as data:
        yield data


@pytest.fixture
def examined(own_bridge: Bridge, data: Data, capsys: pytest.CaptureFixture[str]) -> Examined:
    """Examine the bridge, with some settings changed; return what is said by check."""

    def examined(**changes: Any) -> dict[str, str]:
        capsys.readouterr()
        fine = doctor.examine(replace(own_bridge.settings, **changes), data)
        lines = re.findall(r"(ok|WRONG|not checked) +(.+?): (.*)\n", capsys.readouterr().out)
        assert fine is not any(mark == "WRONG" for mark, _, _ in lines)
        return {check: f"{mark}: {text}" for mark, check, text in lines}

    return examined


def test_all_is_well_but_what_cannot_be_checked_from_here(
    examined: Examined, portal: FakePortal
) -> None:
    found = examined()
    assert list(found) == list(doctor.CHECKS)
    assert {name: text.partition(":")[0] for name, text in found.items()} == {
        **dict.fromkeys(doctor.CHECKS, "ok"),
        **dict.fromkeys(["address", "certificate"], "not checked"),
    }
    assert found["portals"] == f"ok: installed on {portal.domain}"


@pytest.mark.parametrize(
    ("check", "changes", "reason"),
    [
        ("address", {"url": "https://localhost"}, r"localhost is (127\.0\.0\.1|::1), which"),
        ("address", {"url": "https://bridge.invalid"}, r"bridge\.invalid has no address: "),
        ("certificate", {"url": NOBODY.replace("http", "https")}, "no TLS at 127"),
        ("bridge", {"url": NOBODY}, f"{NOBODY} does not answer as a bridge"),
        ("WebSocket", {"url": NOBODY}, "it does not reach the bridge"),
        ("store", {"store": "unix:///nowhere"}, "it does not answer"),
        ("OAuth servers", {"oauth_servers": (f"{NOBODY}/",)}, f"{NOBODY}/ gives no usable answer"),
    ],
)
def test_what_does_not_answer_is_wrong(
    examined: Examined, check: str, changes: dict[str, Any], reason: str
) -> None:
    assert re.match(f"WRONG: {reason}", examined(**changes)[check])


def test_a_certificate_that_others_will_refuse_and_a_proxy_without_its_bridge_are_wrong(
    examined: Examined, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with running_nginx(tmp_path, unused_port()) as nginx:
        unknown = examined(url=nginx.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        trusted = examined(url=nginx.url)
        monkeypatch.setattr("bitrix24_bridge.doctor.time", lambda: 1e12)
        expired = examined(url=nginx.url)
    assert unknown["certificate"].startswith("WRONG: unable to get local issuer certificate. ")
    assert re.match(r"ok: valid for \d+ days", trusted["certificate"])
    assert trusted["bridge"].startswith(f"WRONG: {nginx.url} does not answer as a bridge. ")
    assert trusted["WebSocket"].startswith("WRONG: it does not reach the bridge. ")
    assert re.match(r"WRONG: it expires in -\d+ days", expired["certificate"])


def test_a_store_that_evicts_is_wrong(examined: Examined, tmp_path: Path) -> None:
    with running_redis(tmp_path, "--maxmemory-policy", "allkeys-lru") as url:
        assert examined(store=url)["store"].startswith("WRONG: BRIDGE_STORE: this Redis evicts")


def test_a_wrong_clock_is_wrong(examined: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr("bitrix24_bridge.doctor.time", lambda: now + 3600)
    assert re.match(r"WRONG: it differs by 3\d\d\d s", examined()["clock"])


def test_too_few_files_are_wrong(examined: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (100, 100))
    assert examined()["files"].startswith("WRONG: This process may open 100 files")


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ("event.bind: ACCESS_DENIED", "event.bind: ACCESS_DENIED. Install it again"),
        (REMOVED, "removed the application. Install it again"),
    ],
)
def test_a_portal_that_is_not_installed_is_wrong(
    examined: Examined, data: Data, portal: FakePortal, step: str, reason: str
) -> None:
    data.note_step(data.portal_named(portal.domain).events, step)
    assert examined()["portals"].startswith(f"WRONG: {portal.domain}: {reason}")


def test_no_portal_at_all_is_wrong(examined: Examined, data: Data, portal: FakePortal) -> None:
    data.forget_portal(portal.member_id)
    assert examined()["portals"].startswith("WRONG: none has installed the application")


def test_data_that_cannot_be_written_is_wrong(
    examined: Examined, own_bridge: Bridge, data: Data
) -> None:
    data._writing.execute("PRAGMA query_only = 1")
    file = own_bridge.settings.data
    assert examined()["data"].startswith(f"WRONG: {file} cannot be written: ")


def test_a_bridge_that_cannot_answer_is_wrong(examined: Examined, own_bridge: Bridge) -> None:
    file = own_bridge.settings.data
    file.rename(file.with_name("old"))
    found = examined()
    assert found["bridge"].startswith("WRONG: it lives but cannot answer")
    assert found["portals"].startswith(f"WRONG: BRIDGE_DATA: {file} was replaced")


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


def methods(sandbox: Running) -> list[str]:
    """Return the names of the methods that the portal was asked."""
    return [each.path.rpartition("/")[2] for each in sandbox.requests]


@pytest.fixture
def call(
    installed: Bridge, sandbox: Running, monkeypatch: pytest.MonkeyPatch
) -> Iterator[doctor.Call]:
    """A call that is confirmed when the command asks."""
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    with installed.data() as data:
        yield doctor.Call(installed.settings, data, {"PORTAL_URL": sandbox.webhook_url})
        assert data.secrets() == []  # its own is revoked in any case
    assert sandbox.call is None
    assert methods(sandbox).count(FINISH) == methods(sandbox).count(REGISTER)


def test_a_call_is_registered_found_and_ended_and_the_report_has_no_secret(
    call: doctor.Call,
    installed: Bridge,
    sandbox: Running,
    portal: FakePortal,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    differences = iter([{"CALL_ID": "another"}, {}])
    with start_blocking_portal() as thread, ExitStack() as stack:

        def open_card(_: float) -> None:
            """Let the operator's browser show another call, and then this one."""
            form = sandbox.widget_opening().form
            token, member_id = form["AUTH_ID"], form["member_id"]
            says = {**(sandbox.call or {}), **next(differences)}
            shown = card(installed, portal, says, token=token, member_id=member_id)
            stack.enter_context(thread.wrap_async_context_manager(shown))

        monkeypatch.setattr("bitrix24_bridge.doctor.sleep", open_card)
        assert call.run()
    assert list(differences) == []
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
    monkeypatch.setattr("bitrix24_bridge.doctor.sleep", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        call.run()


def test_nothing_is_created_without_a_yes(
    call: doctor.Call, sandbox: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "")
    assert not call.run()
    monkeypatch.setattr("builtins.input", Mock(side_effect=EOFError))
    with pytest.raises(DataError, match="nothing was created"):
        call.run()
    assert REGISTER not in methods(sandbox)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((400, {"error": "CARD_NOT_CONNECTED"}), "400 'CARD_NOT_CONNECTED'"),
        ((200, {"result": {"CALL_ID": "another"}}), "another call. Close its card, and try again."),
    ],
)
def test_a_card_that_never_shows_the_call_is_reported(
    call: doctor.Call,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: tuple[int, Any],
    said: str,
) -> None:
    post, now = doctor._post, time.monotonic()
    of_bridge = "/placement.call"
    monkeypatch.setattr(
        doctor, "_post", lambda url, to: answer if url.endswith(of_bridge) else post(url, to)
    )
    times = iter([now, now + 61])
    monkeypatch.setattr("bitrix24_bridge.doctor.monotonic", lambda: next(times))
    monkeypatch.setattr("bitrix24_bridge.doctor.sleep", lambda _: None)
    assert not call.run()
    assert f"  the bridge, after 60 s: {said}\n" in capsys.readouterr().out


@pytest.mark.parametrize("url", ["", "http://portal.example/rest/1/secret/", "secret"])
def test_a_webhook_comes_from_a_prompt_and_is_never_shown(
    own_bridge: Bridge, data: Data, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr(doctor, "getpass", lambda _: url)
    with pytest.raises(DataError) as refused:
        doctor.Call(own_bridge.settings, data, {})
    assert str(refused.value).startswith("PORTAL_URL is not the URL of a webhook: ")
