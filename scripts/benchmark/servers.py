"""Servers in processes of their own, and a cheap client to put them under load."""

import asyncio
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from bitrix24_sandbox.app import create_app
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.server import listen, origin_of, serve
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from benchmark.turns import Block, Sample

BODY = {"PLACEMENT": "getStatus", "PARAMS": {}}


@contextmanager
def process(serve: Callable[..., None], *arguments: Any) -> Iterator[str]:
    """Run a server in a process of its own, and yield the URL that it prints.

    Ctrl-C in a terminal does not reach it, and its arguments travel as JSON.
    """
    name = serve.__name__
    program = f"import json, sys, {serve.__module__} as m; m.{name}(*json.loads(sys.argv[1]))"
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", program, json.dumps(arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as server:
        try:
            url = server.stdout.readline().strip() if server.stdout else ""
            if not url:
                raise RuntimeError(f"{name} did not start")
            yield url
        finally:
            server.kill()


# --- the sandbox, and bare Starlette --------------------------------------------------------------


def serve_sandbox() -> None:
    """Serve a sandbox, and print its origin."""
    with listen() as listener:
        print(origin_of(listener), flush=True)
        serve(create_app(Portal()), listener)


def serve_starlette(answer: Any) -> None:
    """Serve a minimal Starlette application with this response, and print its origin."""

    async def call(request: Request) -> JSONResponse:
        await request.json()
        return JSONResponse(answer)

    serve_routes(Route("/rest/{user}/{secret}/placement.call", call, methods=["POST"]))


def serve_routes(*routes: BaseRoute) -> None:
    """Serve the routes with Starlette and uvicorn, and print the origin."""
    with listen() as listener:
        print(origin_of(listener), flush=True)
        config = uvicorn.Config(
            Starlette(routes=routes),
            ws="websockets-sansio",
            log_config=None,
            timeout_keep_alive=75,  # longer than clients, or the two would race to close it
        )
        uvicorn.Server(config).run(sockets=[listener])


# --- a responder ----------------------------------------------------------------------------------

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


def respond(answer: Any, certificate: str | None = None) -> None:
    """Serve this response at next to no cost, and print the URL of a webhook.

    `certificate`: a PEM file with a certificate and its key, for HTTPS.
    """
    body = json.dumps(answer).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    response = f"{head}\r\n\r\n".encode() + body
    tls = None
    if certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readexactly(_body_length(await reader.readuntil(b"\r\n\r\n")))
                writer.write(response)
        writer.close()

    async def serve_forever() -> None:
        server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=2048, ssl=tls)
        origin = origin_of(server.sockets[0], "https" if tls else "http")
        print(f"{origin}/rest/1/responderwebhook/", flush=True)
        await server.serve_forever()

    asyncio.run(serve_forever())


def _body_length(head: bytes) -> int:
    length = _LENGTH.search(head)
    return int(length[1]) if length else 0


# --- a cheap client -------------------------------------------------------------------------------


def under_load(webhook: str, number: int) -> Block:
    """Measure the time for each request with 8 connections.

    The client is as cheap as possible, because it shares the processors with the server.
    """
    parts = urlsplit(f"{webhook}placement.call")
    body = json.dumps(BODY)
    request = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()

    def block() -> Sample:
        with ExitStack() as stack:
            address = (parts.hostname, parts.port)
            sockets = [stack.enter_context(socket.create_connection(address)) for _ in range(8)]
            files = [stack.enter_context(each.makefile("rb")) for each in sockets]
            began = time.perf_counter()
            for _ in range(number // 8):
                for each in sockets:
                    each.sendall(request)
                for file in files:
                    status = file.readline()
                    head = b"\r\n" + b"".join(iter(file.readline, b"\r\n"))
                    response = file.read(_body_length(head))
                    if not status.startswith(b"HTTP/1.1 200"):
                        raise RuntimeError(f"{parts.netloc} answered {status!r} {response!r}")
            return {"time, µs": (time.perf_counter() - began) / number * 1e6}

    return block
