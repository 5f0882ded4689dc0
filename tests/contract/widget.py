"""What a sandbox sends to a widget through the portal's page, checked against the contract."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from bitrix24_sandbox.portal import scenarios
from bitrix24_sandbox.testing import Sandbox
from contract.document import Document, escaped, validator

SCENARIOS = [name for name in scenarios.SCENARIOS if name != "no-widget"]
COMMANDS = {
    "getInitData": "InitData",
    "getStatus": "CallStatus",
    "getInterface": "Interface",
    "disableAutoClose": None,
    "enableAutoClose": None,
}
"""The documented commands, with the schema of each reply."""
EVENTS = {
    "EntityChanged": "EntityChanged",
    "CallStateChanged": "CallStateChanged",
    "BeforeClose": None,
}
"""The documented events without the prefix `CallCard::`, with the schema of each payload."""


@dataclass
class Received:
    """What a widget received in one scenario: how it was opened, and the named payloads."""

    query: dict[str, str] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)
    payloads: list[tuple[str, Any]] = field(default_factory=list)


class Page:
    """The portal's page, which passes messages between the widget and the portal."""

    def __init__(self, sandbox: Sandbox, turns: Iterator[str]) -> None:
        self._sandbox = sandbox
        self._turns = turns
        first = self.turn()
        self.id, self.actions = first["page"], first["card"]["actions"]
        self.opening: dict[str, Any] = {}

    def turn(self) -> dict[str, Any]:
        """Return the next turn: what the page should do at once."""
        line = next(line for line in self._turns if line)
        turn: dict[str, Any] = json.loads(line.removeprefix("data: "))
        return turn

    def wait_for(self, member: str) -> Any:
        """Return this member of the next turn that has it."""
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

    def receive(self, last: str) -> list[tuple[str, Any]]:
        """Wait until this callback is called; return the payloads up to then, by callback."""
        payloads: list[tuple[str, Any]] = []
        while last not in [callback for callback, _ in payloads]:
            for text in self.wait_for("post"):
                callback, _, payload = text.partition(":")
                payloads.append((callback, json.loads(payload) if payload else None))
        return payloads


_http = httpx.Client(trust_env=False, timeout=60)


def post(url: str, value: Any = None) -> None:
    _http.post(url, json=value).raise_for_status()


@contextmanager
def page_of(sandbox: Sandbox) -> Iterator[Page]:
    with _http.stream("GET", f"{sandbox.origin}/sandbox/card/turns") as response:
        yield Page(sandbox, response.iter_lines())


def received_in(sandbox: Sandbox, scenario: str) -> Received:
    """Play a scenario to a widget that uses every command and event; return what it receives."""
    received = Received()

    def ask(command: str) -> None:
        """Send a command and wait for the reply; earlier events arrive before it."""
        page.say(command, "{}", command)
        received.payloads += page.receive(command)

    def change(**fields: Any) -> None:
        sandbox.call = {**sandbox.state()["call"], **fields}
        ask("getStatus")

    sandbox.reset()
    sandbox.play(scenario)
    with page_of(sandbox) as page:
        if "widget-tab" in page.actions:  # another tab is active
            post(f"{sandbox.origin}/sandbox/card/widget-tab")
        page.opening = page.wait_for("open")
        received.query = dict(parse_qsl(urlsplit(page.opening["action"]).query))
        received.form = page.opening["fields"]
        for event in EVENTS:
            page.say("placementBindEvent", json.dumps({"event": f"CallCard::{event}"}), event)
        for command in COMMANDS:
            ask(command)
        call = sandbox.state()["call"]
        change(CRM_ENTITY_TYPE="DYNAMIC_1032", CRM_ENTITY_ID=71)
        change(**{name: call[name] for name in ("CRM_ENTITY_TYPE", "CRM_ENTITY_ID")})
        change(CALL_STATE="on_hold")
        change(CALL_STATE="connected")
        ask("disableAutoClose")
        post(f"{sandbox.origin}/sandbox/card/far-end-hangs-up")
        ask("getStatus")
    sandbox.reset()
    return received


def faults_of_value(document: Document, schema: str, value: Any) -> Iterator[str]:
    """Yield how a value does not fit a component schema, JSON inside its strings included."""
    pointer = f"/components/schemas/{schema}"
    for error in validator(document, pointer).iter_errors(value):
        yield f"{schema}: {error.json_path}: {error.message}"
    for name, inner in document["components"]["schemas"][schema].get("properties", {}).items():
        if "contentSchema" in inner and name in value:
            content = json.loads(value[name])
            where = f"{pointer}/properties/{escaped(name)}/contentSchema"
            for error in validator(document, where).iter_errors(content):
                yield f"{schema}.{name}: {error.json_path}: {error.message}"


def faults_of_received(document: Document, received: Received) -> Iterator[str]:
    """Yield where a widget received something undocumented."""
    for schema, fields in (
        ("OpenWidgetQuery", received.query),
        ("OpenWidgetRequest", received.form),
    ):
        yield from faults_of_value(document, schema, fields)
        documented = document["components"]["schemas"][schema]["properties"]
        yield from (f"{schema}: {name} is not documented" for name in fields.keys() - documented)
    for name, payload in received.payloads:
        if payload_schema := {**COMMANDS, **EVENTS}[name]:
            yield from faults_of_value(document, payload_schema, payload)
        elif payload not in (None, []):
            yield f"{name}: expected no payload, got {payload!r}"
    for kind, member in (("Command", "command"), ("Event", "event")):
        named = set(document["components"]["schemas"][kind]["enum"])
        (interface,) = (payload for name, payload in received.payloads if name == "getInterface")
        for name in named.symmetric_difference(interface[member]):
            yield f"{kind}: {name} is documented or there, but not both"


def faults_of_servers(document: Document, sandbox: Sandbox) -> Iterator[str]:
    """Yield the servers of the contract that are not where the sandbox is."""
    for server, url in zip(
        document["servers"], (sandbox.webhook_url, sandbox.oauth_url), strict=True
    ):
        path = re.sub(r"\\{[^/]*\\}", "[^/]+", re.escape(urlsplit(server["url"]).path))
        if not re.fullmatch(f"{path}/?", urlsplit(url).path):
            yield f"{server['url']} has another path than {urlsplit(url).path}"


# --- values that no portal sends ------------------------------------------------------------------

VALUES: list[Any] = [None, True, False, 0, 17, -1, 1.5, "", "0", "17", "text", [], ["text"], {}]
"""A value of each JSON type, and some that are easily mistaken for another type."""


def faults_of_values(document: Document, sandbox: Sandbox) -> Iterator[str]:
    """Yield what the contract allows in a call and the sandbox, knowing portals, refuses."""
    call = sandbox.state()["call"]
    properties = document["components"]["schemas"]["CallStatus"]["properties"]
    for name, described in properties.items():
        for value in [*VALUES, *described.get("examples", [])]:
            yield from _faults_of_call(document, sandbox, {**call, name: value})
    for binding in {"ENTITY_TYPE": "DEAL", "ENTITY_ID": 5}, {"OWNER_TYPE_ID": 2, "OWNER_ID": 5}:
        for name, value in product(binding, VALUES):
            bound = [{**binding, name: value}]
            yield from _faults_of_call(document, sandbox, {**call, "CRM_BINDINGS": bound})
    for name in document["components"]["schemas"]["CallStatus"]["properties"]:
        without = {field: value for field, value in call.items() if field != name}
        yield from _faults_of_call(document, sandbox, without)
    sandbox.reset()


def _faults_of_call(document: Document, sandbox: Sandbox, call: dict[str, Any]) -> Iterator[str]:
    if not any(faults_of_value(document, "CallStatus", call)):
        response = _http.put(f"{sandbox.origin}/sandbox/call", json=call)
        if response.status_code != 200:
            yield f"the contract allows what no portal sends: {response.text}"
