"""The contract as a documentation page, with this sandbox as its server."""

import html
import importlib.util
import json
import re
from pathlib import Path
from string import Template
from typing import Any

import yaml
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from ..portal.authentication import USER_ID, WEBHOOK
from .endpoints import ENDPOINTS

_INSTALLED = Path(__file__).with_name("call-card.yaml")
_IN_CHECKOUT = Path(__file__).parents[3] / "openapi" / "call-card.yaml"
CONTRACT = _INSTALLED if _INSTALLED.exists() else _IN_CHECKOUT
STATIC = Path(__file__).parent / "static"
# Swagger UI writes styles into its elements.
POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


class _Loader(yaml.SafeLoader):
    """Leaves dates as strings, as in JSON."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the name and the shape are PyYAML's
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _contract(request: Request) -> dict[str, Any]:
    """Read the contract, with this sandbox instead of its servers."""
    document: dict[str, Any] = yaml.load(CONTRACT.read_bytes(), _Loader)  # noqa: S506 - it is safe
    rest = str(request.base_url.replace(path="/rest"))
    document["servers"] = [
        {"url": f"{rest}/{USER_ID}/{WEBHOOK}", "description": "This sandbox, with a webhook"},
        {"url": rest, "description": "This sandbox, with OAuth: authorize with the access token"},
    ]
    return document


async def _openapi(request: Request) -> Response:
    document = _contract(request)
    if request.url.path.endswith(".json"):
        return Response(json.dumps(document, ensure_ascii=False), media_type="application/json")
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    return Response(text, media_type="application/yaml")


async def _page(_: Request) -> Response:
    rows = (
        f"<tr><td><code>{method} {path}</code></td><td>{_code(html.escape(what))}</td></tr>"
        for method, path, what in ENDPOINTS
    )
    template = Template((STATIC / "docs.html").read_text("utf-8"))
    page = template.substitute(rows="\n".join(rows))
    return HTMLResponse(page, headers={"content-security-policy": POLICY})


def _code(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", text)


def _swagger_ui() -> Path:
    """Find the Swagger UI that swagger-ui-py bundles, without importing that package."""
    spec = importlib.util.find_spec("swagger_ui")
    if spec is None or not spec.submodule_search_locations:
        raise HTTPException(404)
    return Path(spec.submodule_search_locations[0]) / "static"


def routes() -> list[BaseRoute]:
    """Return the routes of the documentation."""
    return [
        Route("/docs", _page),
        Route("/openapi.yaml", _openapi),
        Route("/openapi.json", _openapi),
        Mount("/docs/swagger-ui", StaticFiles(directory=_swagger_ui())),
    ]
