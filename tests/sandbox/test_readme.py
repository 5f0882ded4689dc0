"""What the sandbox's README names exists; its example of a test is run by test_distribution."""

import re
import shlex
import subprocess
from pathlib import Path

import bitrix24_sandbox
from bitrix24_sandbox.__main__ import parser
from bitrix24_sandbox.rest.methods import METHODS
from bitrix24_sandbox.testing import Sandbox
from bitrix24_sandbox.web.endpoints import ENDPOINTS

FOLDER = Path(bitrix24_sandbox.__path__[0])
README = (FOLDER / "README.md").read_text("utf-8")


def section(title: str) -> str:
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_it_lists_the_methods_by_who_may_call_them() -> None:
    first, second = re.findall(r"^- .*?:(.*?)\.$", section("What the portal answers"), re.M | re.S)
    methods = {"batch"} | {method.name for method in METHODS if method.callers == "any"}
    assert set(re.findall("`(.+?)`", first)) == methods
    methods = {method.name for method in METHODS if method.callers != "any"}
    assert set(re.findall("`(.+?)`", second)) == methods


def test_it_names_the_members_of_the_fixture() -> None:
    (paragraph,) = re.findall(r"Its docstrings .*?\n\n", section("In your tests"), re.S)
    named = set(re.findall("`(.+?)`", paragraph))
    public = {name for name in dir(Sandbox("http://127.0.0.1")) if not name.startswith("_")}
    assert named == public - {"origin", "reset"}


def test_the_endpoints_and_options_that_it_names_exist() -> None:
    endpoints = set(re.findall(r"`([A-Z]+ /sandbox/[a-z/]+)", README))
    assert endpoints
    assert endpoints <= {f"{method} {path}" for method, path, _ in ENDPOINTS}
    options = set(re.findall(r"`(--[a-z-]+)", README)) | {"--help"}
    assert options <= set(re.findall(r"--[a-z-]+", parser().format_help()))


def test_its_curl_line_works(sandbox: Sandbox) -> None:
    (line,) = re.findall(r"```bash\n(.*?)\n```", README)
    command = shlex.split(line.replace("http://127.0.0.1:8024", sandbox.origin))
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert sandbox.state()["faults"] == [{"fault": "QUERY_LIMIT_EXCEEDED", "times": 2}]


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!http)([^)]+)\)", README)
    assert links
    for link in links:
        assert (FOLDER / link).exists(), link
