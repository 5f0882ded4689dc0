"""A reset takes back everything that an endpoint can set."""

from typing import Any

import httpx
from bitrix24_sandbox.server import running
from bitrix24_sandbox.testing import Sandbox
from bitrix24_sandbox.web.endpoints import ENDPOINTS

from tests.data import CALL, REFRESH

NOBODY = "http://127.0.0.1:9/"
JOURNAL = "/sandbox/requests"
Endpoint = tuple[str, str]

# The control endpoints that set something, each with a body that changes what is shown.
CONTROL: dict[Endpoint, Any] = {
    ("PUT", "/sandbox/state"): {"widget": False},
    ("PUT", "/sandbox/call"): {**CALL, "CALL_ID": "another"},
    ("DELETE", "/sandbox/call"): None,
    ("PUT", "/sandbox/scenario"): {"scenario": "call-list"},
    ("PUT", "/sandbox/user"): {"user": "operator"},
    ("PUT", "/sandbox/profile"): {"profile": "js-only"},
    ("PUT", "/sandbox/limits"): {"limits": {"burst": 50, "rate": 2}},
    ("PUT", "/sandbox/form"): {"form": "old"},
    ("POST", "/sandbox/faults"): {"fault": "slow", "times": 9, "seconds": 0},
    ("POST", "/sandbox/tokens/expire"): None,
    ("PUT", "/sandbox/application"): {"handler": NOBODY},
    ("DELETE", "/sandbox/application"): None,
    ("PUT", "/sandbox/card"): {"close_after": 5},
    ("POST", "/sandbox/card/{action}"): None,
}
FORGETTING = {
    ("POST", "/sandbox/reset"),
    ("DELETE", "/sandbox/faults"),
    ("DELETE", JOURNAL),
}
AUTH = {"auth": "sandboxaccesstoken"}
REST: dict[Endpoint, Any] = {
    ("POST", "/oauth/token/"): REFRESH,
    ("POST", "/rest/placement.bind"): {**AUTH, "PLACEMENT": "CALL_CARD", "HANDLER": NOBODY},
    ("POST", "/rest/event.bind"): {**AUTH, "event": "ONAPPINSTALL", "handler": NOBODY},
}


def shown(http: httpx.Client, sandbox: Sandbox) -> dict[str, Any]:
    """Return what each control endpoint shows, and whether the first token is valid."""
    paths = sorted(path for method, path, _ in ENDPOINTS if method == "GET")
    state = {path: http.get(sandbox.origin + path).json() for path in paths}
    for name in ("id", "state_seconds"):
        del state["/sandbox/card"][name]
    state["/sandbox/widget"].get("query", {}).pop("APP_SID", None)
    state["profile"] = http.post(f"{sandbox.oauth_url}/profile", json=AUTH).status_code
    return state


def test_no_control_endpoint_is_left_out() -> None:
    endpoints = {(method, path) for method, path, _ in ENDPOINTS if method != "GET"}
    assert CONTROL.keys() | FORGETTING == endpoints


def test_a_reset_takes_back_what_each_endpoint_has_set(http: httpx.Client) -> None:
    with running() as sandbox:
        start = shown(http, sandbox)
        for (method, path), body in (CONTROL | REST).items():
            url = sandbox.origin + path.format(action="fold")
            http.request(method, url, json=body).raise_for_status()
            now = shown(http, sandbox)
            changed = {name for name in start if now[name] != start[name]}
            assert changed - {JOURNAL}, f"{method} {path} has set nothing that is shown"
            sandbox.reset()
            assert shown(http, sandbox) == start, f"{method} {path}"
