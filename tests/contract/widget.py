"""What a sandbox sends to a widget, as the portal's page gets it, checked against the contract."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from bitrix24_sandbox.testing import Sandbox
from contract.document import Document, faults_of_value

SCENARIOS = [
    "external",
    "incoming-bound",
    "outgoing-unbound",
    "call-list",
    "hidden-number",
    "transfer",
]
COMMANDS = {
    "getInitData": "InitData",
    "getStatus": "CallStatus",
    "getInterface": "Interface",
    "disableAutoClose": None,
    "enableAutoClose": None,
}
"""The commands that are documented, with the schema of what each gives."""
EVENTS = {
    "EntityChanged": "EntityChanged",
    "CallStateChanged": "CallStateChanged",
    "BeforeClose": None,
}
"""Likewise the events, without the `CallCard::` before their names."""


@dataclass
class Heard:
    """What a widget got in one scenario: how it was opened, and each payload by what it is for."""

    query: dict[str, str] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)
    payloads: list[tuple[str, Any]] = field(default_factory=list)

    def of(self, name: str) -> list[Any]:
        return [payload for what, payload in self.payloads if what == name]


class Page:
    """The portal's page: it hands over the widget's messages, and gets those for the widget."""

    def __init__(self, sandbox: Sandbox, turns: Iterator[str]) -> None:
        self._sandbox = sandbox
        self._turns = turns
        first = self.turn()
        self.id, self.actions = first["page"], first["card"]["actions"]
        self.opening: dict[str, Any] = {}

    def turn(self) -> dict[str, Any]:
        """Give the next turn: what the page is to do at once."""
        line = next(line for line in self._turns if line)
        turn: dict[str, Any] = json.loads(line.removeprefix("data: "))
        return turn

    def wait_for(self, member: str) -> Any:
        """Give what the next turn says that has this member."""
        while not (value := self.turn().get(member)):
            pass
        return value

    def say(self, command: str, params: str, callback: str) -> None:
        sid = self.opening["name"].rpartition("|")[2]
        message = {
            "page": self.id,
            "origin": self.opening["origin"],
            "data": f"{command}:{params}:{callback}:{sid}",
        }
        post(f"{self._sandbox.origin}/sandbox/card/message", message)

    def hear(self, last: str) -> list[tuple[str, Any]]:
        """Wait until this callback has been called; give all that came until then."""
        heard: list[tuple[str, Any]] = []
        while last not in [callback for callback, _ in heard]:
            for text in self.wait_for("post"):
                callback, _, payload = text.partition(":")
                heard.append((callback, json.loads(payload) if payload else None))
        return heard


_http = httpx.Client(trust_env=False, timeout=60)


def post(url: str, value: Any = None) -> None:
    _http.post(url, json=value).raise_for_status()


@contextmanager
def page_of(sandbox: Sandbox) -> Iterator[Page]:
    with _http.stream("GET", f"{sandbox.origin}/sandbox/card/turns") as response:
        yield Page(sandbox, response.iter_lines())


def heard_in(sandbox: Sandbox, scenario: str) -> Heard:
    """Play a scenario to a widget that asks for everything, until the card is about to close."""
    heard = Heard()

    def hear(command: str) -> None:
        """Ask, and wait for the reply; what happened before has been heard by then."""
        page.say(command, "{}", command)
        heard.payloads += page.hear(command)

    def change(**fields: Any) -> None:
        sandbox.call = {**sandbox.state()["call"], **fields}
        hear("getStatus")

    sandbox.reset()
    sandbox.play(scenario)
    with page_of(sandbox) as page:
        if "widget-tab" in page.actions:  # another tab is in front
            post(f"{sandbox.origin}/sandbox/card/widget-tab")
        page.opening = page.wait_for("open")
        heard.query = dict(parse_qsl(urlsplit(page.opening["action"]).query))
        heard.form = page.opening["fields"]
        for event in EVENTS:
            page.say("placementBindEvent", json.dumps({"event": f"CallCard::{event}"}), event)
        for command in COMMANDS:
            hear(command)
        call = sandbox.state()["call"]
        change(CRM_ENTITY_TYPE="DYNAMIC_1032", CRM_ENTITY_ID=71)
        change(**{name: call[name] for name in ("CRM_ENTITY_TYPE", "CRM_ENTITY_ID")})
        change(CALL_STATE="on_hold")
        change(CALL_STATE="connected")
        hear("disableAutoClose")
        post(f"{sandbox.origin}/sandbox/card/far-end-hangs-up")
        hear("getStatus")
    sandbox.reset()
    return heard


def faults_of_heard(document: Document, heard: Heard) -> Iterator[str]:
    """Say in what a widget got something else than is documented."""
    yield from faults_of_value(document, "OpenWidgetQuery", heard.query)
    yield from faults_of_value(document, "OpenWidgetRequest", heard.form)
    for schema, values in {"OpenWidgetQuery": heard.query, "OpenWidgetRequest": heard.form}.items():
        documented = document["components"]["schemas"][schema]["properties"]
        yield from (f"{schema}: {name} is not documented" for name in values.keys() - documented)
    for name, payload in heard.payloads:
        schema_of_it = {**COMMANDS, **EVENTS}[name]
        if schema_of_it is None:
            if payload not in (None, []):
                yield f"{name}: expected nothing, got {payload!r}"
        else:
            yield from faults_of_value(document, schema_of_it, payload)
    for kind, member in (("Command", "command"), ("Event", "event")):
        named = set(document["components"]["schemas"][kind]["enum"])
        for interface in heard.of("getInterface"):
            for name in named.symmetric_difference(interface[member]):
                yield f"{kind}: {name} is either not documented or not there"


def faults_of_servers(document: Document, sandbox: Sandbox) -> Iterator[str]:
    """Say which server of the contract is not where the sandbox is."""
    for server, url in zip(
        document["servers"], (sandbox.webhook_url, sandbox.oauth_url), strict=True
    ):
        path = re.sub(r"\\{[^/]*\\}", "[^/]+", re.escape(urlsplit(server["url"]).path))
        if not re.fullmatch(f"{path}/?", urlsplit(url).path):
            yield f"{server['url']} has another path than {urlsplit(url).path}"


# --- the kinds of values --------------------------------------------------------------------------

KINDS: list[Any] = [None, True, False, 0, 17, -1, 1.5, "", "0", "17", "text", [], ["text"], {}]
"""A value of each kind that JSON has, and some that are easily taken for another."""


def faults_of_kinds(document: Document, sandbox: Sandbox) -> Iterator[str]:
    """Say what the contract admits in a call and the sandbox refuses, as no portal sends it."""
    call = sandbox.state()["call"]
    properties = document["components"]["schemas"]["CallStatus"]["properties"]
    for name, described in properties.items():
        for value in [*KINDS, *described.get("examples", [])]:
            yield from _faults_of_call(document, sandbox, {**call, name: value})
    bindings = document["components"]["schemas"]["CrmBinding"]["properties"]
    for name, described in bindings.items():
        for value in [*KINDS, *described.get("examples", [])]:
            bound = [{"ENTITY_TYPE": "DEAL", "ENTITY_ID": 5, name: value}]
            yield from _faults_of_call(document, sandbox, {**call, "CRM_BINDINGS": bound})
    for name in document["components"]["schemas"]["CallStatus"]["properties"]:
        without = {field: value for field, value in call.items() if field != name}
        yield from _faults_of_call(document, sandbox, without)
    sandbox.reset()


def _faults_of_call(document: Document, sandbox: Sandbox, call: dict[str, Any]) -> Iterator[str]:
    if not any(faults_of_value(document, "CallStatus", call)):
        response = _http.put(f"{sandbox.origin}/sandbox/call", json=call)
        if response.status_code != 200:
            yield f"the contract admits what no portal sends: {response.text}"
