"""Spans of OpenTelemetry without secrets: they would hold the URL, and with it the webhook."""

import httpx
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor, RequestInfo
from opentelemetry.trace import Span


def hide_path(span: Span, request: RequestInfo) -> None:
    """Keep only the host of the URL."""
    url = httpx.URL(str(request.url)).copy_with(path="/", query=None)
    for name in ("http.url", "url.full"):  # the old and the new name of the attribute
        span.set_attribute(name, str(url))


async def ahide_path(span: Span, request: RequestInfo) -> None:
    """Async version of `hide_path`."""
    hide_path(span, request)


def instrument() -> None:
    """Call this once, before the first client is used."""
    HTTPXClientInstrumentor().instrument(request_hook=hide_path, async_request_hook=ahide_path)
