"""The servers that are asked, each in a process of its own, and how many requests they answer."""

import asyncio
import json
import multiprocessing
import os
import re
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import urlsplit

from bitrix24_sandbox.app import create_app
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.server import listen, origin_of, serve
from bitrix24_sandbox.testing import Sandbox
from bitrix24_sandbox.tls import transport
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmark.turns import Block, Effort, Row, Sample, compare

BODY = {"PLACEMENT": "getStatus", "PARAMS": {}}

# What the servers import, they import once: it takes longer than a short measurement.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["benchmark.bridge_speed"])


@contextmanager
def process(serve: Callable[..., None], *arguments: Any) -> Iterator[tuple[Any, int]]:
    """Run a server in a process of its own while the context lasts.

    Yields what it sends into the connection that is its first argument, and its process id.
    """
    receiver, sender = _PROCESSES.Pipe(duplex=False)
    process = _PROCESSES.Process(target=serve, args=(sender, *arguments), daemon=True)
    process.start()
    sender.close()
    try:
        yield receiver.recv(), process.pid or 0
    finally:
        process.terminate()
        process.join()


# The length of the body, and where the head ends.
_REQUEST = re.compile(
    rb"(?is)POST (?:(?!\r\n\r\n).)*?\r\ncontent-length: *(\d+)(?:(?!\r\n\r\n).)*\r\n\r\n"
)


def bare_starlette(answer: Any) -> Starlette:
    """Make the least that answers this JSON at the webhook's address."""

    async def call(request: Request) -> JSONResponse:
        await request.json()
        return JSONResponse(answer)

    return Starlette(
        routes=[Route("/rest/{user}/{webhook}/placement.call", call, methods=["POST"])]
    )


def _serve(addresses: Connection, answer: Any, tls: bool) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app = create_app(Portal()) if answer is None else bare_starlette(answer)
    with suppress(KeyboardInterrupt), transport(tls) as carrier, listen() as listener:
        origin = origin_of(listener, carrier.scheme)
        addresses.send(Sandbox(origin, tls=carrier.authority))
        serve(app, listener, tls=carrier.context)


@contextmanager
def serving(answer: Any = None, *, tls: bool = False) -> Iterator[Sandbox]:
    """Run the sandbox in a process of its own; or bare Starlette, if there is an `answer`."""
    with process(_serve, answer, tls) as (sandbox, _):
        yield sandbox


class _Connection:
    """What was received on a connection, and is not yet a whole request."""

    def __init__(self, socket: socket.socket) -> None:
        self.socket = socket
        self._received = b""

    def respond(self, response: bytes) -> bool:
        """Answer the requests that have arrived; tell whether more may come."""
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        self._received += data
        while (request := _REQUEST.match(self._received)) and (
            len(self._received) >= (end := request.end() + int(request[1]))
        ):
            self._received = self._received[end:]
            self.socket.sendall(response)
        return bool(data)


# While calls follow one another, the responder polls, on a processor of its own: to wake a process
# that waits takes a virtual machine as long as the rest of a call, whoever calls, and varies.
_POLL_SECONDS = 0.01


def _respond(addresses: Connection, answer: Any) -> None:
    """Give the same response to each request, at as little expense as can be."""
    processor = _move_to_one_processor()
    body = json.dumps(answer).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    response = f"{head}\r\n\r\n".encode() + body
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        ready = selectors.DefaultSelector()  # costs less than asyncio
        ready.register(listener, selectors.EVENT_READ)
        addresses.send((listener.getsockname()[1], processor))
        last_asked = 0.0
        while True:
            polls = processor and time.monotonic() - last_asked < _POLL_SECONDS
            for key, _ in ready.select(0 if polls else None):
                last_asked = time.monotonic()
                if key.fileobj is listener:
                    connection, _ = listener.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
                    ready.register(connection, selectors.EVENT_READ, _Connection(connection))
                elif not key.data.respond(response):
                    ready.unregister(key.fileobj)
                    key.data.socket.close()


def _move_to_one_processor() -> set[int]:
    """Return the processor that this process runs on from now on; none if there is no choice."""
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) == 1:
        return set()
    processor = {max(os.sched_getaffinity(0))}
    os.sched_setaffinity(0, processor)
    return processor


@contextmanager
def _leaving(processor: set[int]) -> Iterator[None]:
    """Keep this thread, and the threads that it starts, off a processor while the context lasts."""
    if not processor:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before - processor)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def responding(answer: Any) -> Iterator[str]:
    """Run a server that costs next to nothing, and yield its webhook's URL."""
    with process(_respond, answer) as ((port, processor), _), _leaving(processor):
        yield f"http://127.0.0.1:{port}/rest/1/webhook/"


async def drive(webhook: str, connections: int, requests: int, status: int = 200) -> None:
    """Keep a server busy, at as little expense as can be: it shares the processors."""
    parts = urlsplit(f"{webhook}placement.call")
    body = json.dumps(BODY).encode()
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )

    async def ask(number: int) -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        for _ in range(number):
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", answer)
            if not answer.startswith(b"HTTP/1.1 %d" % status) or length is None:
                raise SystemExit(f"{parts.netloc} answered {answer!r} and not with {status}.")
            await reader.readexactly(int(length[1]))
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(ask(requests // connections) for _ in range(connections)))


def requests_a_second(sandbox: Sandbox, starlette: Sandbox, effort: Effort) -> list[Row]:
    """Measure how many requests each of the two servers answers."""
    requests = effort.calls * 4

    def block(server: Sandbox) -> Block:
        def ask() -> Sample:
            began = time.perf_counter()
            loop.run(drive(server.webhook_url, 8, requests))
            return {"requests a second": requests / (time.perf_counter() - began)}

        return ask

    with asyncio.Runner() as loop:
        return compare(
            "the server",
            effort.rounds,
            {"bare Starlette": block(starlette), "sandbox": block(sandbox)},
        )
