"""What the bridge serves to browsers, with its headers; and what it does not serve."""

from pathlib import Path

import bitrix24_bridge
import httpx
import pytest

from tests.bridge.bridges import Bridge, running_bridge
from tests.bridge.cards import ask, card, open_widget, opening_form, said, status
from tests.bridge.conftest import PATIENT, RunBridge
from tests.bridge.portals import Cloud, FakePortal, post_form
from tests.ports import unused_port

pytestmark = pytest.mark.anyio


@pytest.fixture
def portal(cloud: Cloud) -> FakePortal:
    """A portal at an address of its own, which nobody has to reach."""
    return cloud.portal("https://office.example/rest/")


async def test_the_page_is_framed_by_the_portal_alone_and_loads_one_script(
    bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    answer = await open_widget(http, bridge, opening_form(portal, portal.token()))

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    socket_origin = bridge.url.replace("http://", "ws://")
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'self'; "
        f"connect-src {socket_origin}; frame-ancestors https://office.example"
    )
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.text.count("<script") == 1
    assert '<script src="/bridge.js" data-portal="https://office.example"></script>' in answer.text


async def test_a_public_bridge_is_connected_to_over_tls(
    run_bridge: RunBridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    port = unused_port()
    run_bridge(port=port, url="https://bridge.example")
    query, body = opening_form(portal, portal.token())
    answer = await post_form(http, f"http://127.0.0.1:{port}/widget?{query}", body)
    policy = answer.headers["content-security-policy"]
    assert "; connect-src wss://bridge.example; " in policy


HTML = """"'><script>alert(1)</script><img src=x onerror=alert(1)>"""


async def test_html_in_a_call_is_in_no_page_and_in_the_answer_as_json(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient
) -> None:
    names = ("CALL_ID", "PHONE_NUMBER", "LINE_NUMBER", "LINE_NAME", "CRM_ENTITY_TYPE")
    says = status(**dict.fromkeys(names, HTML), CALL_DIRECTION=HTML, CALL_STATE=HTML)
    form = opening_form(
        portal, portal.token(), says, query={"LANG": HTML, "PROTOCOL": HTML}, status=HTML
    )
    answer = await open_widget(http, bridge, form)
    assert answer.status_code == 200
    assert "alert" not in answer.text + str(answer.headers)

    async with card(bridge, portal, says):
        answer = await ask(http, webhook)
    assert answer.json()["result"] == says
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_html_in_a_form_that_is_refused_is_not_in_the_refusal(
    bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    for form in (
        opening_form(portal, portal.token(), member_id=HTML),
        opening_form(portal, portal.token(), query={"DOMAIN": HTML}),
        opening_form(portal, portal.token(), PLACEMENT_OPTIONS=HTML),
        opening_form(portal, portal.token(), PLACEMENT=HTML),
    ):
        answer = await open_widget(http, bridge, form)
        assert answer.status_code in (400, 401)
        assert "alert" not in answer.text
        assert answer.headers["content-security-policy"] == "default-src 'none'"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"


async def test_the_script_is_for_every_page_and_is_checked_each_time(
    bridge: Bridge, http: httpx.AsyncClient
) -> None:
    answer = await http.get(f"{bridge.url}/bridge.js")
    script = Path(bitrix24_bridge.__path__[0]) / "static" / "bridge.js"
    assert answer.content == script.read_bytes()
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["access-control-allow-origin"] == "*"  # with `integrity`, or a module
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_no_page_may_read_the_rest_interface(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient
) -> None:
    async with card(bridge, portal):
        for method in ("OPTIONS", "GET", "POST"):
            for origin in ("https://office.example", bridge.url, "null"):
                headers = {
                    "Origin": origin,
                    "Access-Control-Request-Method": "POST",
                    "Access-Control-Request-Headers": "content-type",
                }
                answer = await http.request(
                    method,
                    f"{webhook}placement.call",
                    params={"PLACEMENT": "getStatus"},
                    headers=headers,
                )
                assert answer.status_code == (405 if method == "OPTIONS" else 200)
                assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("method", "path", "status_code"),
    [
        ("GET", "/", 404),
        ("GET", "/rest", 404),
        ("GET", "/rest/", 404),
        ("GET", "/rest/1/secret/profile", 404),
        ("GET", "/rest/placement.bind", 404),
        ("POST", "/rest/1/placement.call", 404),
        ("PUT", "/rest/placement.call", 405),
        ("GET", "/widget", 405),
        ("POST", "/widget/", 404),
        ("GET", "/install", 405),
        ("POST", "/install/", 404),
        ("GET", "/events/secret", 405),
        ("POST", "/events/", 404),
        ("GET", "/socket", 404),
        ("GET", "/static/bridge.js", 404),
        ("GET", "/bridge.js/../data.py", 404),
        ("GET", "/docs", 404),
        ("GET", "/healthz", 200),
        ("TRACE", "/rest/placement.call", 405),
    ],
)
async def test_nothing_else_is_served_and_nothing_redirects_or_sets_a_cookie(
    bridge: Bridge, http: httpx.AsyncClient, method: str, path: str, status_code: int
) -> None:
    answer = await http.request(method, f"{bridge.url}{path}", headers={"Host": "attacker.example"})
    assert answer.status_code == status_code
    assert not {"location", "set-cookie", "server"} & set(answer.headers)
    if path.startswith("/rest/"):
        wanted = {404: "ERROR_METHOD_NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}[status_code]
        assert answer.json()["error"] == wanted
        assert answer.headers.get("allow") == ("GET, POST" if status_code == 405 else None)


async def test_who_connects_is_told_when_the_bridge_ends_so_as_to_connect_again(
    cloud: Cloud, portal: FakePortal, tmp_path: Path, http: httpx.AsyncClient
) -> None:
    file = tmp_path / "bridge.sqlite3"
    with running_bridge(file, cloud.oauth_server, times=PATIENT) as bridge:
        portal.known_to(bridge)
        stack = card(bridge, portal)
        connected = await stack.__aenter__()
        assert said(await ask(http, bridge.webhook(portal.member_id))) == (200, "connected")
    assert (await connected.closed())[0] == 1012
    await stack.__aexit__(None, None, None)
