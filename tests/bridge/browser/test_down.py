"""A card that opens while the bridge is down: nginx's page brings it back by itself."""

from pathlib import Path

from playwright.sync_api import Browser

from tests.bridge.browser.sites import serving
from tests.bridge.nginx import running_nginx
from tests.ports import unused_port

PORTAL = """
<form action="{url}/widget?APP_SID=1" method="post" target="card">
  <input name="AUTH_ID" value="a token"></form>
<iframe name="card"></iframe>
<script>document.forms[0].submit()</script>
"""


def test_the_form_is_sent_again_until_the_bridge_is_up(browser: Browser, tmp_path: Path) -> None:
    port = unused_port()
    with running_nginx(tmp_path, port) as nginx:
        page = browser.new_page(ignore_https_errors=True)
        page.clock.install(time=0)
        page.set_content(PORTAL.format(url=nginx.url))
        card = page.frame_locator("iframe")
        card.get_by_text("The call card bridge does not answer.").wait_for()
        with page.expect_response("**/widget*") as again:  # also without a bridge
            page.clock.fast_forward(5000)
        assert again.value.status == 503
        card.get_by_text("The call card bridge does not answer.").wait_for()
        with serving({"/widget": b"The bridge is up."}, port) as bridge:
            page.clock.fast_forward(5000)
            card.get_by_text("The bridge is up.").wait_for()
        assert bridge.posted == ["/widget?APP_SID=1 AUTH_ID=a+token"]
        page.close()
