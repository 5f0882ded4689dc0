"""What the bridge serves to browsers, with its headers; and what it does not serve."""

import asyncio
from contextlib import ExitStack
from pathlib import Path

import bitrix24_bridge
import httpx
import pytest

from tests.bridge.bridges import Bridge
from tests.bridge.cards import ask, card, open_widget, opening_form, status
from tests.bridge.conftest import RunBridge
from tests.bridge.portals import Cloud, FakePortal, post_form
from tests.ports import unused_port

pytestmark = pytest.mark.anyio


@pytest.fixture
def portal(cloud: Cloud) -> FakePortal:
    """A portal at an address of its own, which nobody has to reach."""
    return cloud.portal("https://office.example/rest/")


async def test_the_page_is_framed_by_the_portal_alone_and_loads_one_script(
    run_bridge: RunBridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    port = unused_port()
    run_bridge(port=port, url="https://bridge.example")
    query, body = opening_form(portal, portal.token())
    answer = await post_form(http, f"http://127.0.0.1:{port}/widget?{query}", body)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'self'; "
        "connect-src wss://bridge.example; frame-ancestors https://office.example"
    )
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.text.count("<script") == 1
    assert '<script src="/bridge.js" data-portal="https://office.example"></script>' in answer.text


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
    for status_code, form in (
        (401, opening_form(portal, portal.token(), member_id=HTML)),
        (401, opening_form(portal, portal.token(), query={"DOMAIN": HTML})),
        (400, opening_form(portal, portal.token(), PLACEMENT_OPTIONS=HTML)),
        (400, opening_form(portal, portal.token(), PLACEMENT=HTML)),
    ):
        answer = await open_widget(http, bridge, form)
        assert answer.status_code == status_code
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
    url = f"{webhook}placement.call?PLACEMENT=getStatus"
    headers = {"Origin": "https://office.example", "Access-Control-Request-Method": "POST"}
    async with card(bridge, portal):
        for method, status_code in (("OPTIONS", 405), ("GET", 200), ("POST", 200)):
            answer = await http.request(method, url, headers=headers)
            assert answer.status_code == status_code
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
        ("GET", "/events/secret", 405),
        ("GET", "/static/bridge.js", 404),
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


async def test_pages_are_told_that_the_bridge_ends_so_that_they_connect_again_at_once(
    run_bridge: RunBridge, portal: FakePortal
) -> None:
    with ExitStack() as stack:
        bridge = run_bridge(stack=stack)
        async with card(bridge, portal) as connected:
            await asyncio.to_thread(stack.close)
            assert (await connected.closed())[0] == 1012
