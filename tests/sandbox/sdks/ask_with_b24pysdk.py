"""Calls a portal with b24pysdk, unmodified: reads a question per line, prints an answer per line.

It is a separate program, because the SDK reads the CA to trust from the environment.
"""

import json
import socket
import sys
from typing import Any

from b24pysdk import (  # type: ignore[import-untyped]
    BitrixApp,
    BitrixToken,
    BitrixWebhook,
)
from b24pysdk.api.requests import BitrixAPIRequest  # type: ignore[import-untyped]
from b24pysdk.credentials import OAuthPlacementData  # type: ignore[import-untyped]
from b24pysdk.errors import BitrixBaseAPIError  # type: ignore[import-untyped]

HOST, PORT = sys.argv[1].split(":")

resolve = socket.getaddrinfo


def resolve_here(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
    """Resolve the OAuth server, whose name is built into the SDK, to the sandbox; no other host."""
    if (host, port) == ("oauth.bitrix24.tech", 443):
        host, port = HOST, PORT
    if host != HOST:
        raise OSError(f"{host} is not the sandbox")
    return resolve(host, port, *args, **kwargs)


socket.getaddrinfo = resolve_here


def token(question: dict[str, Any]) -> Any:
    """Return the SDK's credentials."""
    if question["by"] == "webhook":
        return BitrixWebhook(domain=f"{HOST}:{PORT}", webhook_token="1/sandboxwebhook")
    app = BitrixApp(client_id="sandboxclientid", client_secret="sandboxclientsecret")
    return BitrixToken(
        domain=f"{HOST}:{PORT}",
        auth_token=question["access_token"],
        refresh_token=question["refresh_token"],
        bitrix_app=app,
    )


def trusted(form: dict[str, str]) -> dict[str, Any]:
    """Read the form that opens a widget, and verify it at the OAuth server."""
    app = BitrixApp(client_id="sandboxclientid", client_secret="sandboxclientsecret")
    try:
        opening = OAuthPlacementData.from_dict(form)
        app_info = opening.get_app_info(app)
        return {
            "trusted": opening.validate_against_app_info(app_info)
            and app_info.client_id == app.client_id,
            "call": opening.placement_options,
        }
    except Exception as error:
        return {"raised": type(error).__name__, "text": str(error)}


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Request the call status; return the response, or what was raised."""
    if "form" in question:
        return trusted(question["form"])
    bitrix_token = token(question)
    request = BitrixAPIRequest(
        bitrix_token=bitrix_token,
        api_method="placement.call",
        params={"PLACEMENT": "getStatus", "PARAMS": {}},
        max_retries=1,  # pyright: ignore[reportArgumentType]
    )
    try:
        response = request.response
    except BitrixBaseAPIError as error:
        return {
            "raised": type(error).__name__,
            "status": error.response.status_code,
            **error.json_response,
        }
    except Exception as error:
        return {"raised": type(error).__name__, "text": str(error)}
    return {
        "result": response.result,
        "time": response.time.to_dict(),
        "tokens": [bitrix_token.auth_token, bitrix_token.refresh_token],
    }


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
