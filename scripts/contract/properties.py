"""Properties of the contract that schemathesis checks against a portal, view by view.

A view is the document as one kind of caller sees it. schemathesis checks authentication only where
it is always required, so there is one view with a webhook, which needs none, one for each
place of a token, and one in which every caller must be refused.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from shlex import quote
from typing import Any
from urllib.parse import quote as percent_encoded
from urllib.parse import quote_plus, urlsplit

import httpx
import schemathesis
from schemathesis import Response, engine
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import StopReason, events
from schemathesis.engine.recorder import Request, ScenarioRecorder

from contract.document import Document, resolved, statuses

_HEADERS = {"content-type": ["application/json; charset=utf-8"]}
# The contract has neither the headers nor the resources that these checks are about.
_IRRELEVANT = [
    *("ensure_resource_availability", "missing_required_header", "object_level_authorization"),
    *("response_headers_conformance", "use_after_free"),
]
_SHOWN = 400  # characters of a response's body


@dataclass(frozen=True, repr=False)
class View:
    """The document as one kind of caller sees it, and the base URL."""

    name: str
    document: Document
    base_url: str
    valid: int
    """The status of the response to a valid request."""
    token: str | None = None
    in_header: bool = False
    """Whether the token is a bearer token."""
    unexpected: tuple[str, ...] = ("PATCH", "QUERY", "TRACE")
    """Methods that must be refused; portals read the others like GET, and browsers send OPTIONS."""
    cross_origin: bool = False
    """Whether pages of every origin may read all responses, as those of a portal."""

    def masked(self, text: str) -> str:
        """Mask the webhook's secret and the token, in every encoding in which they may appear."""
        webhook = urlsplit(self.base_url).path.split("/")[3:]  # after /rest/USER
        secrets = [*webhook, self.token or ""]
        prefixes = [secret[:-1] for secret in secrets]  # which are sent as well
        for secret in sorted([*secrets, *prefixes], key=len, reverse=True):
            for encoded in {
                secret,
                percent_encoded(secret, safe=""),
                quote_plus(secret),
                json.dumps(secret)[1:-1],
            } - {""}:
                text = text.replace(encoded, "***")
        return text

    def curl(self, request: Request) -> str:
        """Return a request as a shell command that uses the variables BASE_URL and TOKEN."""
        target = re.sub(r'([\\"$`])', r"\\\1", request.uri.removeprefix(self.base_url))
        if self.token:
            target = target.replace(f"auth={quote_plus(self.token)}", "auth=$TOKEN")
        words = ["curl", "-i", "-X", request.method, f'"${{BASE_URL%/}}{target}"']
        if self.token and f"Bearer {self.token}" in request.headers.get("Authorization", []):
            words += ["-H", '"Authorization: Bearer $TOKEN"']
        for content_type in request.headers.get("Content-Type", []):
            words += ["-H", quote(f"Content-Type: {content_type}")]
        if request.body is None:
            return " ".join(words)
        octal = "".join(f"\\{byte:03o}" for byte in request.body)
        text = request.body.decode("ascii", errors="ignore")
        if text.isprintable() and len(text) == len(request.body):
            body = quote(text)
            if self.token and quote(self.token) == self.token:
                body = body.replace(self.token, "'\"$TOKEN\"'")
            return " ".join([*words, "--data-binary", body])
        return " ".join(["printf", quote(octal), "|", *words, "--data-binary", "@-"])


def webhook(document: Document, base_url: str, valid: int = 200) -> View:
    """Return the view with a webhook, whose URL is the only authentication."""
    view = _view(document, 0, scheme=None, auth=None)
    return View("webhook", view, base_url.rstrip("/"), valid)


def with_token(document: Document, base_url: str, token: str, valid: int = 200) -> list[View]:
    """Return the views with OAuth: a valid token in the header, in the query, and in the body.

    The header overrides whatever is in the body, which overrides the query.
    """
    url = base_url.rstrip("/")
    header = _view(document, 1, scheme="bearer", auth={})
    query = _view(document, 1, scheme="accessToken", auth=None)
    body = _view(document, 1, scheme=None, auth={"const": token})
    return [
        View("OAuth, in the header", header, url, valid, token, in_header=True),
        View("OAuth, in the query", query, url, valid, token),
        View("OAuth, in the body", body, url, valid, token),
    ]


def stranger(document: Document, base_url: str, valid: int = 401) -> View:
    """Return the view with OAuth and without a valid token, where all requests must be refused."""
    # Without the example of a token, which is valid on a sandbox.
    view = _view(document, 1, scheme="accessToken", auth={"type": "string"})
    return View("no valid token", view, base_url.rstrip("/"), valid)


def _view(
    document: Document, server: int, *, scheme: str | None, auth: dict[str, Any] | None
) -> Document:
    """Return a document that requires one security scheme, or none.

    `auth` is the schema of this member of the body; None removes it. A constant is required, and
    added to the examples.
    """
    view = deepcopy(document)
    view["servers"] = [view["servers"][server]]
    view["security"] = [each for each in view.get("security", []) if scheme in each]
    operations = [operation for path in view["paths"].values() for operation in path.values()]
    for content in (c for o in operations for c in o["requestBody"]["content"].values()):
        request = resolved(view, content["schema"])
        request["properties"].pop("auth", None)
        if auth is not None:
            request["properties"]["auth"] = auth
        if auth is not None and "const" in auth:
            request["required"] = list(dict.fromkeys([*request.get("required", []), "auth"]))
            for example in content["examples"].values():
                example["value"]["auth"] = auth["const"]
    return view


@dataclass
class Tally:
    """What was sent and checked."""

    statuses: Counter[int] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    phases: Counter[str] = field(default_factory=Counter)

    @property
    def cases(self) -> int:
        """The number of requests that got a response."""
        return self.statuses.total()

    def add(self, phase: str, recorder: ScenarioRecorder) -> None:
        """Count the requests and checks of a phase."""
        for interaction in recorder.interactions.values():
            if interaction.response is not None:
                self.count(phase, interaction.response.status_code)
        for checks in recorder.checks.values():
            self.checks.update(check.name for check in checks)

    def count(self, phase: str, status: int) -> None:
        """Count one response."""
        self.phases[phase] += 1
        self.statuses[status] += 1


@dataclass(frozen=True)
class Finding:
    """A failed check, without any secret."""

    check: str
    title: str
    detail: str
    curl: str


def findings(
    view: View,
    tally: Tally,
    *,
    cases: int,
    seed: int,
    rate: str | None = None,
    on_answer: Callable[[Response], object] = lambda _: None,
) -> Iterator[Finding]:
    """Check a portal against one view of the contract; yield failed checks, and count in `tally`.

    Sends `cases` random requests, besides the contract's examples and the edge cases of its
    schemas; the same seed sends the same requests. `rate`, such as `2/s`, limits them. `on_answer`
    receives each response at once, in the thread that sent the request.

    Raises KeyboardInterrupt on Ctrl-C.
    """
    schema = schemathesis.openapi.from_dict(view.document, config=_config(view, cases, seed, rate))

    def after_call(_context: Any, _case: Any, response: Response) -> None:
        on_answer(response)

    schema.hook(after_call)
    for event in engine.from_schema(schema).execute():
        match event:
            case events.ScenarioFinished():
                tally.add(event.phase.value, event.recorder)
                yield from _failed_checks(view, event.recorder)
                yield from _wrong_headers(view, event.recorder, tally)
            case events.NonFatalError():
                title, detail = event.info.title, f"{event.info.message}\n{event.value}"
                yield Finding("run", view.masked(title), view.masked(detail), "")
            case events.FatalError():
                yield Finding("run", "Internal error", view.masked(repr(event.exception)), "")
            case events.Interrupted():
                raise KeyboardInterrupt
            case events.EngineFinished(stop_reason=reason) if reason != StopReason.COMPLETED:
                yield Finding("run", "Not all cases were sent", f"Reason: {reason.value}", "")


def _config(view: View, cases: int, seed: int, rate: str | None) -> SchemathesisConfig:
    config: dict[str, Any] = {
        "base-url": view.base_url,
        "seed": seed,
        # What an earlier run learned would change the requests of this one.
        "cache": {"enabled": False},
        "generation": {"mode": "all", "max-examples": cases, "database": "none"},
        "continue-on-failure": True,
        "phases": {"coverage": {"unexpected-methods": list(view.unexpected)}},
        "checks": {
            # By default a 401 is accepted, and a run without a token would pass.
            "positive_data_acceptance": {"expected-statuses": [view.valid]},
            **{name: {"enabled": False} for name in _IRRELEVANT},
        },
    }
    if view.in_header:
        config["parameters"] = {"header.Authorization": f"Bearer {view.token}"}
    elif view.token:
        config["parameters"] = {"query.auth": view.token}
    if rate:
        config["rate-limit"] = rate
    return SchemathesisConfig.from_dict(config)


def _failed_checks(view: View, recorder: ScenarioRecorder) -> Iterator[Finding]:
    for case, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                failure = check.failure_info.failure
                interaction = recorder.interactions[case]
                yield Finding(
                    check.name,
                    view.masked(failure.title),
                    view.masked(f"{failure.message}\n\n{shown(interaction.response)}".strip()),
                    view.masked(view.curl(interaction.request)),
                )


def _wrong_headers(view: View, recorder: ScenarioRecorder, tally: Tally) -> Iterator[Finding]:
    expected = _HEADERS | ({"access-control-allow-origin": ["*"]} if view.cross_origin else {})
    for interaction in recorder.interactions.values():
        response = interaction.response
        if response is not None and response.status_code in statuses(view.document):
            tally.checks["headers"] += 1
            found = {name.lower(): values for name, values in response.headers.items()}
            for name, values in expected.items():
                if found.get(name) != values:
                    curl = view.masked(view.curl(interaction.request))
                    yield Finding(
                        "headers", f"{name} is not {values[0]}", view.masked(str(found)), curl
                    )


def shown(response: Response | httpx.Response | None) -> str:
    """Return the status and the beginning of the body of a response."""
    if response is None:
        return "No response."
    body = (response.content or b"").decode(errors="replace")
    return f"Response: {response.status_code} {body[:_SHOWN]}{'…' if len(body) > _SHOWN else ''}"
