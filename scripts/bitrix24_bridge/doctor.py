"""`bitrix24-bridge doctor`: what has to be right, with what is wrong and what to do about it."""

import json
import socket
import sqlite3
import ssl
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from getpass import getpass
from ipaddress import ip_address
from time import monotonic, sleep, time
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
from bitrix24_call_card import __version__

from .data import REMOVED, Data, DataError
from .errors import StoreGoneError
from .posting import WITHOUT_PROXY
from .server import raise_limit_of_files
from .settings import Settings, SettingsError, domain_of, is_safe

SECONDS = 10.0
"""That another server may take to answer."""
HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}
NO_ANSWER = "no usable response"
PHONE_NUMBER = "+12025550142"
"""Reserved for fiction."""


class Wrong(Exception):  # noqa: N818 - a finding
    """What is wrong, and what to do about it."""


class NotChecked(Exception):  # noqa: N818 - a finding
    """Why something cannot be checked from here."""


def examine(settings: Settings, data: Data) -> bool:
    """Print what each check finds; return whether nothing is wrong."""
    fine = True
    for name, check in CHECKS.items():
        mark = "ok"
        try:
            text = check(settings, data)
        except (Wrong, SettingsError, DataError) as wrong:
            fine, mark, text = False, "WRONG", str(wrong)
        except NotChecked as reason:
            mark, text = "not checked", str(reason)
        print(f"{mark:11}  {name}: {text}")
    return fine


def _address(settings: Settings, _: Data) -> str:
    host = _public_host(settings)
    try:
        found = {row[4][0] for row in socket.getaddrinfo(host, None)}
    except OSError as error:
        raise Wrong(
            f"{host} has no address: {error.strerror}. Correct BRIDGE_URL or DNS."
        ) from None
    if private := [each for each in found if not ip_address(each).is_global]:
        raise Wrong(
            f"{host} is {private[0]}, which portals and operators elsewhere cannot reach. They "
            "need a public address."
        )
    return f"{host} is public; whether the portal's servers reach it, `portals` shows"


def _certificate(settings: Settings, _: Data) -> str:
    host, port = _public_host(settings), urlsplit(settings.url).port or 443
    context = ssl.create_default_context()
    try:
        with (
            socket.create_connection((host, port), SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host) as tls,
        ):
            certificate: dict[str, Any] = tls.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        raise Wrong(f"{error.verify_message}. Browsers and portals refuse it.") from None
    except OSError as error:
        raise Wrong(
            f"no TLS at {host}, port {port}: {type(error).__name__}. Is nginx up?"
        ) from None
    days = (ssl.cert_time_to_seconds(certificate["notAfter"]) - time()) / 86400
    if days < 14:
        raise Wrong(f"it expires in {days:.0f} days. Renew it.")
    return f"valid for {days:.0f} days"


def _public_host(settings: Settings) -> str:
    parts = urlsplit(settings.url)
    if parts.scheme != "https" or not parts.hostname:
        raise NotChecked("BRIDGE_URL is a loopback address without TLS")
    return parts.hostname


def _answer(settings: Settings, _: Data) -> str:
    alive, ready = (_send(f"{settings.url}/{path}") for path in ("healthz", "ready"))
    if alive is None or alive.text != "ok":
        raise Wrong(f"{settings.url} does not answer as a bridge. Start it, and look at the proxy.")
    if ready is None or ready.status_code != 200:
        raise Wrong("it lives but cannot answer: see its log, and the lines below.")
    return "it lives and can answer"


def _websocket(settings: Settings, _: Data) -> str:
    opened = _send(f"{settings.url}/socket", headers={**HANDSHAKE, "Origin": settings.url})
    if opened is None or opened.status_code != 101:
        raise Wrong(
            "it does not reach the bridge. The proxy must pass on Upgrade, Connection and Origin, "
            "as in the README."
        )
    return "it reaches the bridge"


def _data(settings: Settings, data: Data) -> str:
    try:
        data.keep_verdict("", "", 0)  # which nobody will find
    except sqlite3.Error as error:
        raise Wrong(f"{settings.data} cannot be written: {error}.") from None
    return f"{settings.data} can be read and written"


def _store(settings: Settings, _: Data) -> str:
    if not settings.store:
        return "none, for one process"
    from .processes import check  # an extra of the distribution

    try:
        check(settings.store)
    except StoreGoneError:
        raise Wrong("it does not answer. Start Redis, or correct BRIDGE_STORE.") from None
    return "it answers, and evicts nothing"


def _oauth_servers(settings: Settings, _: Data) -> str:
    for server in settings.oauth_servers:
        if _post(f"{server}app.info", {"auth": "-"})[1].get("error") == NO_ANSWER:
            raise Wrong(f"{server} gives no usable answer. Let this machine reach it.")
    return "all answer"


def _clock(settings: Settings, _: Data) -> str:
    response = _send(f"{settings.oauth_servers[0]}app.info", {"auth": "-"})
    if response is None or "date" not in response.headers:
        raise NotChecked("the OAuth server does not say the time")
    ahead = time() - parsedate_to_datetime(response.headers["date"]).timestamp()
    if abs(ahead) > 60:
        raise Wrong(f"it differs by {ahead:.0f} s from the OAuth server's. Set it.")
    return "it agrees with the OAuth server's"


def _files(_: Settings, __: Data) -> str:
    return f"{raise_limit_of_files()} for this command; of a service, LimitNOFILE counts"


def _portals(_: Settings, data: Data) -> str:
    portals = data.portals()
    if not portals:
        raise Wrong("none has installed the application. Install it there, as an administrator.")
    for portal in portals:
        if portal.failed:
            step = "removed the application" if portal.failed == REMOVED else portal.failed
            raise Wrong(f"{portal.domain}: {step}. Install it again there, or `portals remove` it.")
    return f"installed on {', '.join(portal.domain for portal in portals)}"


CHECKS: Mapping[str, Callable[[Settings, Data], str]] = {
    "address": _address,
    "certificate": _certificate,
    "bridge": _answer,
    "WebSocket": _websocket,
    "data": _data,
    "store": _store,
    "OAuth servers": _oauth_servers,
    "clock": _clock,
    "files": _files,
    "portals": _portals,
}


def _send(url: str, fields: Any = None, headers: Any = None) -> httpx.Response | None:
    """Get a URL, or post fields to it. None without a response: exceptions may hold the URL."""
    method = "GET" if fields is None else "POST"
    try:
        with httpx.Client(timeout=SECONDS, mounts=WITHOUT_PROXY) as http:
            return http.request(method, url, json=fields, headers=headers)
    except (httpx.HTTPError, ValueError, OSError):
        return None


def _post(url: str, fields: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    """Post to a REST method; return the status, 0 for none, and the answer."""
    response = _send(url, fields)
    try:
        answer = _object(response.json()) if response else {}
    except ValueError:
        answer = {}
    return response.status_code if response else 0, answer or {"error": NO_ANSWER}


def _object(value: Any) -> dict[str, Any]:
    """Return a JSON object; an empty one for anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


class Call:
    """A call that is registered on a portal, asked for at the bridge, and ended again."""

    def __init__(self, settings: Settings, data: Data, environ: Mapping[str, str]) -> None:
        url = environ.get("PORTAL_URL") or _typed(
            getpass, "Incoming webhook of a trial portal (permission telephony), not shown: "
        )
        self._url = f"{url.strip().rstrip('/')}/"
        if not is_safe(self._url):
            raise DataError("PORTAL_URL is not the URL of a webhook: https://PORTAL/rest/1/SECRET/")
        self._auth = {"auth": token} if (token := environ.get("PORTAL_TOKEN")) else {}
        self._settings = settings
        self._data = data
        self._portal = data.portal_named(domain_of(urlsplit(self._url).netloc))

    def run(self) -> bool:
        """Say what will be created, ask, do it, and print a report; return whether all held."""
        user = self._user()
        print(
            f"This registers a call from {PHONE_NUMBER} for user {user} on {self._portal.domain}, "
            "without CRM items.\nIts card opens in the browser of that user, on any page of the "
            "portal: choose the tab Call there.\nAfter at most 60 s the call is ended; it stays in "
            "the portal's statistics."
        )
        if _typed(input, "Type yes to go on: ").strip() != "yes":
            return False
        print(f"\nReport: bitrix24-call-card {__version__}")
        self._ask("method.get", name="placement.call")
        secret = self._data.add_secret(self._portal.member_id, user, "doctor")
        call_id = ""
        try:
            call = {"USER_ID": user, "PHONE_NUMBER": PHONE_NUMBER, "TYPE": "2"}
            registering = "telephony.externalCall.register"
            answer = self._ask(registering, **call, CRM_CREATE="0", SHOW="1")
            call_id = str(_object(answer.get("result")).get("CALL_ID", ""))
            return bool(call_id) and self._shown(user, secret, call_id)
        finally:  # also on Ctrl-C
            self._data.revoke_secret(self._portal.member_id, user, "doctor")
            if call_id:
                more = {"DURATION": "1", "ADD_TO_CHAT": "0"}
                self._ask("telephony.externalCall.finish", CALL_ID=call_id, USER_ID=user, **more)

    def _user(self) -> str:
        status, answer = _post(f"{self._url}profile", self._auth)
        try:
            return str(answer["result"]["ID"])
        except (KeyError, TypeError):
            raise DataError(f"The portal refuses this webhook: {_said(status, answer)}.") from None

    def _shown(self, user: str, secret: str, call_id: str) -> bool:
        url = f"{self._settings.url}/rest/{user}/{secret}/placement.call"
        until = monotonic() + 60
        while True:
            status, answer = _post(url, {"PLACEMENT": "getStatus"})
            if status == 200 and answer["result"].get("CALL_ID") == call_id:
                kinds = {name: type(value).__name__ for name, value in answer["result"].items()}
                print(f"  the bridge: 200, {json.dumps(kinds)}")
                return True
            if monotonic() > until:
                another = "another call. Close its card, and try again."
                said = another if status == 200 else _said(status, answer)
                print(f"  the bridge, after 60 s: {said}")
                return False
            sleep(0.5)

    def _ask(self, method: str, **fields: str) -> dict[str, Any]:
        """Call a method, and report what is answered."""
        status, answer = _post(f"{self._url}{method}", {**fields, **self._auth})
        print(f"  {method}: {_said(status, answer)}")
        return answer


def _typed(read: Callable[[str], str], prompt: str) -> str:
    try:
        return read(prompt)
    except EOFError:
        raise DataError("Nobody can answer here, so nothing was created. Use a terminal.") from None


def _said(status: int, answer: dict[str, Any]) -> str:
    """Describe an answer by names, not by values, which may be secret."""
    if "error" in answer:
        return f"{status} {ascii(answer['error'])[:80]}"
    result = _object(answer.get("result"))
    flags = {name: value for name, value in result.items() if isinstance(value, bool)}
    return f"{status} {flags or ''}".strip()
