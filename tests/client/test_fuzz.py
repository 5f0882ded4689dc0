"""Whatever a server sends, an API function returns a valid model or raises a documented exception.

Answers are made up by the thousand: `HYPOTHESIS_PROFILE=long` for many thousands, at random.
The proof that the fuzzer finds something is a client of the generator's own templates.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
import gzip
import importlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import types
import typing
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, Union

import attrs
import bitrix24_call_card
import httpx
import pytest
from bitrix24_call_card import errors
from bitrix24_call_card.api.call_card import get_status
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

CONTRACT = Path(__file__).resolve().parents[2] / "openapi" / "call-card.yaml"

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"


def examples(count: int) -> settings:
    """So many answers, the same on each run; in the long profile 12 times as many, at random."""
    return settings(
        max_examples=count * (12 if LONG else 1),
        derandomize=not LONG,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),  # pyright: ignore[reportArgumentType]
    )


# --- what is asked ------------------------------------------------------------------------------

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Answer:
    """What a server sends."""

    status: int
    headers: Headers
    body: bytes


class _Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body as it comes from a network: in pieces, and still encoded."""

    def __init__(self, body: bytes) -> None:
        self._pieces = [body[at : at + 65536] for at in range(0, len(body), 65536)]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


class _Network(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Gives the answer it holds, over and over."""

    answer: Answer

    def handle_request(self, _: httpx.Request) -> httpx.Response:
        body = _Stream(self.answer.body)
        return httpx.Response(self.answer.status, headers=self.answer.headers, stream=body)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


@dataclass
class Target:
    """A generated package, and clients of it that get what the fuzzer makes up."""

    api: Any
    client: Any
    documented: tuple[type[Exception], ...]
    types: dict[str, Any]
    """What the type hints name."""
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    network: _Network = field(default_factory=_Network)
    runner: asyncio.Runner = field(default_factory=asyncio.Runner)

    def functions(self) -> dict[str, Callable[[], Any]]:
        """The four ways to ask."""
        api, run = self.api, self.runner.run
        arguments = {"client": self.client, **self.arguments}
        return {
            "sync": lambda: api.sync(**arguments),
            "sync_detailed": lambda: api.sync_detailed(**arguments),
            "asyncio": lambda: run(api.asyncio(**arguments)),
            "asyncio_detailed": lambda: run(api.asyncio_detailed(**arguments)),
        }

    def forget(self) -> None:
        """Let the next response be the first one: with a token to be refreshed."""
        if hasattr(self.client, "token"):
            self.client.token = "made-up-token"

    def ask(self, function: str) -> tuple[str, str | None]:
        """What came of it, and what is wrong with that, if anything."""
        try:
            value = self.functions()[function]()
        except self.documented as error:
            _ = f"{error} {error!r}"  # nor may these fail
            return type(error).__name__, None
        except Exception as error:
            return type(error).__name__, f"{function} raised {type(error).__name__}"
        promised = typing.get_type_hints(getattr(self.api, function), localns=self.types)["return"]
        wrong = mismatch(value, promised, self.types)
        parsed = getattr(value, "parsed", value)
        if hasattr(parsed, "to_dict"):
            parsed.to_dict()
        return type(parsed).__name__, wrong and f"{function} returned {wrong}"


def mismatch(value: object, hint: Any, names: Mapping[str, Any]) -> str | None:
    """What is not as the type hint says, looked for in all depths."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any or isinstance(hint, TypeVar):
        return None
    if origin in (Union, types.UnionType):
        found = [mismatch(value, each, names) or "" for each in args]
        return None if "" in found else min(found)  # ".name …": the one that got furthest
    if origin is Literal:
        return None if value in args else f"{value!r} for {hint}"
    kind = origin or hint
    if kind is None:
        kind = type(None)
    # bool is an int for Python, and int is a float for a type checker: neither is meant here.
    exact = kind in (int, float, str, bool, bytes) and not isinstance(value, str)
    if not (type(value) is kind if exact else isinstance(value, kind)):
        return f"{type(value).__name__} for {getattr(kind, '__name__', kind)}"
    if kind is list:
        inside = [(f"[{i}]", each, args[0]) for i, each in enumerate(typing.cast("Any", value))]
    elif kind is dict or kind is MutableMapping:
        inside = [(f"[{k!r}]", v, args[1]) for k, v in typing.cast("Any", value).items()]
    elif attrs.has(kind) or hasattr(kind, "_fields"):
        # A generic one says in its arguments what its one type variable is.
        inside = [
            (
                f".{name}",
                getattr(value, name),
                args[0] | None if args and name == "parsed" else each,
            )
            for name, each in _hints(kind, tuple(names.items())).items()
        ]
    else:
        inside = []
    for place, each, its_hint in inside:
        if wrong := mismatch(each, its_hint, names):
            return f"{place} {wrong}"
    return None


@functools.cache
def _hints(kind: Any, names: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    hints = typing.get_type_hints(kind, localns=dict(names))
    fields = [a.name for a in attrs.fields(kind)] if attrs.has(kind) else kind._fields
    return {name: hints[name] for name in fields}


def _names(package: str) -> dict[str, Any]:
    modules = [importlib.import_module(package + part) for part in ("", ".types", ".models")]
    return {name: getattr(module, name) for module in modules for name in module.__all__}


@pytest.fixture
def target() -> Iterator[Target]:
    """The client as it is generated here, with a refresh to be triggered."""
    target = Target(
        get_status,
        None,
        (errors.Bitrix24Error, httpx.HTTPError),
        _names("bitrix24_call_card"),
    )
    target.client = bitrix24_call_card.AuthenticatedClient(
        base_url="https://portal.example/rest",
        token="made-up-token",
        refresh=lambda: "another-token",
        transport=lambda: target.network,
        async_transport=lambda: target.network,
    )
    yield target
    target.client.close()
    target.runner.run(target.client.aclose())
    target.runner.close()


# --- what is answered ---------------------------------------------------------------------------

STATUSES = [200, 400, 401, 403, 404, 429, 500, 503]

CALL: dict[str, Any] = {
    "result": {
        "CALL_ID": "externalCall.0123456789abcdef0123456789abcdef.1723556778",
        "PHONE_NUMBER": "+12025550142",
        "LINE_NUMBER": "+12025550100",
        "LINE_NAME": "Main office",
        "CRM_ENTITY_TYPE": "CONTACT",
        "CRM_ENTITY_ID": 17,
        "CRM_ACTIVITY_ID": 2024,
        "CRM_BINDINGS": [
            {"ENTITY_TYPE": "CONTACT", "ENTITY_ID": 17},
            {"ENTITY_TYPE": "DEAL", "ENTITY_ID": 83},
        ],
        "CALL_DIRECTION": "incoming",
        "CALL_STATE": "connected",
        "CALL_LIST_MODE": False,
    },
    "time": {
        "start": 1723556790.1123,
        "finish": 1723556790.1571,
        "duration": 0.0448,
        "processing": 0.0121,
        "date_start": "2024-08-13T15:46:30+02:00",
        "date_finish": "2024-08-13T15:46:30+02:00",
        "operating": 0.5,
        "operating_reset_at": 1723557390,
    },
}
ERROR = {"error": "expired_token", "error_description": "The access token has expired."}

SPELLINGS = "|17|-0|1e5|1_7|٣|0x11|true|undefined|null|NaN|incoming|error|expired_token|2024-W33"
texts = st.text(max_size=8) | st.sampled_from(
    [*SPELLINGS.split("|"), "\ud800", "\0", "9" * 5000, "9999-12-31T23:59:59-23:59"]
)
numbers = (
    st.integers(-(2**70), 2**70)
    | st.floats()
    | st.sampled_from([0, 1, 17, 10**400, -(10**400), 1e308, 17.0, -0.0])
)
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every member of an object and item of an array, in all depths, with what holds it."""
    keys = (
        list(value)
        if isinstance(value, dict)
        else list(range(len(value)))
        if isinstance(value, list)
        else []
    )
    return [(value, key) for key in keys] + [p for key in keys for p in places(value[key])]


@st.composite
def near_valid(draw: st.DrawFn) -> object:
    """What a portal could say, with a few faults in it."""
    value: Any = {"": copy.deepcopy(draw(st.sampled_from([CALL, CALL, CALL, ERROR])))}
    for _ in range(draw(st.integers(0, 4))):
        if not value:
            return draw(values)
        within, key = draw(st.sampled_from(places(value)))
        match draw(st.integers(0, 7)):
            case 0:
                del within[key]
            case 7:
                within[key] = None
            case 1:
                within[key] = draw(values)
            case 2:
                within[key] = str(within[key])
            case 3:
                within[key] = [within[key]]
            case 4:
                within[key] = draw(scalars)
            case 5 if isinstance(within, dict):
                within[draw(st.just(str(key).swapcase()) | texts)] = within.pop(key)
            case _ if isinstance(within[key], dict):
                within[key][draw(texts)] = draw(values)
            case _:
                within[key] = draw(numbers)
    return value.get("", {})


class _Twice(dict[str, Any]):
    """An object that json.dumps writes with each member twice."""

    def items(self) -> Any:
        return [*super().items(), *((key, None) for key in self)]


@st.composite
def bodies(draw: st.DrawFn, contents: st.SearchStrategy[object]) -> bytes:
    """A content as JSON, in one of many spellings and charsets, some of them wrong."""
    value = draw(contents)
    if isinstance(value, dict) and draw(st.integers(0, 9)) == 0:
        value = _Twice(value)
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    charset = draw(st.sampled_from(["utf-8"] * 9 + ["utf-16", "utf-32", "latin-1", "cp1251"]))
    body = text.encode(charset, "surrogatepass" if "utf" in charset else "replace")
    match draw(st.integers(0, 19)):
        case 0:
            return b"\xef\xbb\xbf" + body
        case 1:
            return body[: draw(st.integers(0, len(body)))]
        case 2:
            return body + draw(st.binary(max_size=4))
        case 3:
            at = draw(st.integers(0, len(body)))
            return body[:at] + draw(st.binary(min_size=1, max_size=3)) + body[at:]
        case 4:
            return b"\n\t " + body + b" \r\n"
        case _:
            return body


LOCATIONS = b"|/|//|?|#|http://|https://[|http://a:b/|javascript:|\xff\xfe|http://\xd0\xb0.example/"
COOKIES = b"|=|;|a|a=b; expires=never|a=b; Max-Age=x|\xff=\xfe; Path=\xfd|a=b; Domain=.|a=b; Secure"
locations = [*LOCATIONS.split(b"|"), b"https://portal.example/rest", b"x" * 70_000]
cookies = [*COOKIES.split(b"|"), b'a="b; Version=one', b"a=" * 5000]

printable = st.binary(max_size=12).map(lambda raw: raw.translate(None, b"\r\n\0"))
headers: st.SearchStrategy[Headers] = st.lists(
    st.tuples(st.just(b"Content-Type"), printable | st.just(b"text/html; charset=rot13"))
    | st.tuples(st.just(b"Location"), st.sampled_from(locations) | printable)
    | st.tuples(st.just(b"Set-Cookie"), st.sampled_from(cookies) | printable)
    | st.tuples(st.sampled_from([b"Retry-After", b"X-Odd", b"Date", b"Content-Length"]), printable),
    max_size=3,
)
encodings = st.sampled_from(b"|gzip|deflate|br|zstd|identity|gzip, gzip|GZip|rot13|,".split(b"|"))


@st.composite
def answers(draw: st.DrawFn, contents: st.SearchStrategy[bytes]) -> Answer:
    """An answer with this body, at times encoded, or said to be."""
    status = draw(st.sampled_from([200] * 8 + STATUSES + [307, 0])) or draw(st.integers(100, 999))
    body, more = draw(contents), draw(headers)
    if draw(st.integers(0, 4)) == 0:
        more.append((b"Content-Encoding", draw(encodings)))
        match draw(st.integers(0, 4)):
            case 0:
                body = gzip.compress(body, mtime=0)
            case 1:
                body = zlib.compress(body)
            case 2:
                body = gzip.compress(gzip.compress(body, mtime=0), mtime=0)[
                    : draw(st.integers(0, 60))
                ]
            case _:
                pass
    return Answer(status, more, body)


KINDS: dict[str, st.SearchStrategy[bytes]] = {
    "near-valid": bodies(near_valid()),
    "any JSON": bodies(values),
    "anything": st.binary(max_size=60),
}


# --- the client ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "count"), [("near-valid", 750), ("any JSON", 150), ("anything", 60)]
)
def test_any_answer_gives_a_valid_model_or_a_documented_exception(
    kind: str, count: int, target: Target
) -> None:
    outcomes: Counter[str] = Counter()

    @examples(count)
    @given(answer=answers(KINDS[kind]))
    def fuzz(answer: Answer) -> None:
        target.network.answer = answer
        target.forget()
        for function in target.functions():
            outcome, wrong = target.ask(function)
            event(outcome)
            outcomes[outcome] += 1
            assert wrong is None

    fuzz()
    # The fuzzer went everywhere, and not only to where all answers are refused.
    expected = {"InvalidResponse", "UnexpectedStatus"}
    if kind == "near-valid":
        expected |= {"GetStatusResponse", "ErrorResponse", "ApiError"}
    assert set(outcomes) >= expected, outcomes


def nested(depth: int) -> bytes:
    """Arrays in arrays."""
    return b"[" * depth + b"]" * depth


def call_with(more: bytes) -> bytes:
    """A valid answer with one more member in its result."""
    return json.dumps(CALL).encode().replace(b'{"CALL_ID"', b'{"MORE": ' + more + b', "CALL_ID"')


def call_where(member: str, value: bytes) -> bytes:
    """A valid answer, but for what this member is."""
    return re.sub(rf'("{member}": )[^,}}]+'.encode(), rb"\g<1>" + value, json.dumps(CALL).encode())


@pytest.mark.parametrize("function", ["sync", "asyncio_detailed"])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(call_with(b'"' + b"x" * 7_000_000 + b'"'), "valid", id="7 MB of text"),
        pytest.param(call_with(b"[" + b"1," * 500_000 + b"1]"), "valid", id="1 MB of numbers"),
        pytest.param(b"\0" * 10_000_000, "InvalidResponse", id="10 MB of nothing"),
        pytest.param(b"[" * 10_000_000, "InvalidResponse", id="10 MB of brackets"),
        *[
            pytest.param(make(nested(depth)), "InvalidResponse", id=f"{depth} deep, {place}")
            for depth in (10_000, 100_000)
            for place, make in (("alone", bytes), ("inside", call_with))
        ],
        pytest.param(b'{"a":' * 100_000, "InvalidResponse", id="objects, 100,000 deep"),
        pytest.param(call_with(nested(100)), "valid", id="100 deep"),
        pytest.param(call_with(b"NaN"), "InvalidResponse", id="NaN"),
        pytest.param(call_with(b"-Infinity"), "InvalidResponse", id="-Infinity"),
        pytest.param(call_with(b"1" * 100_000), "InvalidResponse", id="a huge integer"),
        pytest.param(call_with(b"1" * 4_000), "valid", id="a large integer"),
        *[
            pytest.param(call_where(member, value), "InvalidResponse", id=f"{member}, {name}")
            for member, value, name in (
                ("CRM_ENTITY_ID", b'"' + b"9" * 5000 + b'"', "too many digits"),
                ("CRM_ENTITY_ID", b"1e400", "no float"),
            )
        ],
        *[
            pytest.param(call_where(member, value), "valid", id=f"{member}, {name}")
            for member, value, name in (
                ("start", b"1" * 400, "no float"),
                ("start", b'"' + b"1" * 400 + b'"', "no float, in a string"),
                ("start", b'"1-1"', "no number"),
                ("date_start", b'"2024-13-13T15:46:30+02:00"', "no date"),
                ("date_start", b'"2024-08-13T15:46:30+99:99"', "no offset"),
            )
        ],
        pytest.param(call_with(b'"\\ud800"'), "valid", id="half a surrogate pair"),
        pytest.param(b"\xef\xbb\xbf" + call_with(b"1"), "valid", id="a byte order mark"),
    ],
)
def test_what_is_too_much_for_a_decoder(
    body: bytes, expected: str, function: str, target: Target
) -> None:
    target.network.answer = Answer(200, [], body)
    outcome, wrong = target.ask(function)
    assert wrong is None
    assert outcome == ("GetStatusResponse" if expected == "valid" else expected)


def test_a_cookie_that_is_not_ascii_does_not_break_the_next_request(target: Target) -> None:
    cookie = [(b"Set-Cookie", "имя=значение".encode())]
    target.network.answer = Answer(401, cookie, json.dumps(ERROR).encode())
    for function in target.functions():
        target.forget()
        assert target.ask(function)[1] is None  # with a refresh, and so with another request


def test_of_a_member_that_comes_twice_the_last_one_counts(target: Target) -> None:
    twice = json.dumps(CALL).replace(
        '"CRM_ENTITY_ID": 17', '"CRM_ENTITY_ID": [], "CRM_ENTITY_ID": 9'
    )
    target.network.answer = Answer(200, [], twice.encode())
    assert get_status.sync(client=target.client).result.crm_entity_id == 9


# --- the wire -----------------------------------------------------------------------------------


class _Wire:
    """A server that sends the bytes it holds, whatever they are, and closes the connection."""

    def __init__(self) -> None:
        self.sends = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        self.port = self._listener.getsockname()[1]

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                if not connection.recv(65536):
                    return
                connection.sendall(self.sends)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass

    def stop(self) -> None:
        """Stop listening."""
        with socket.create_connection(("127.0.0.1", self.port)):
            pass
        self._thread.join()
        self._listener.close()


@pytest.fixture
def wire(target: Target) -> Iterator[_Wire]:
    """The server behind the target."""
    wire = _Wire()
    target.client = bitrix24_call_card.Client(
        base_url=f"http://127.0.0.1:{wire.port}/rest/1/made-up-secret/",
        timeout=httpx.Timeout(10),
        headers={"Connection": "close"},
    )
    yield wire
    wire.stop()


FIRST_LINES = (
    b"|200|HTTP/1.1 200|HTTP/2 200 OK|HTTP/1.0 503 Busy|HTTP/1.1 401 |HTTP/1.1 99 x|HTTP/1.1 -1 x"
    b"|HTTP/1.1 1000 x|HTTP/1.1 204 None|HTTP/1.1 304 Same|HTTP/1.1 101 Switch|HTTP/1.1 520 \xff"
    b"|HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK"
)
HEADERS = (
    b"Content-Length: 5|Content-Length: 999999|Content-Length: -1|Content-Length: x| folded"
    b"|Content-Length: 1\r\nContent-Length: 2|Transfer-Encoding: chunked|Transfer-Encoding: gzip"
    b"|: no name|X: \x01|X: \0|X: \x7f\xff|Connection: x|No colon|Content-Encoding: gzip"
    b"|Content-Type: application/json; charset=utf-16|Content-Type: \xfe|Content-Encoding: \xff"
)
first_lines = st.just(b"HTTP/1.1 200 OK") | st.sampled_from(FIRST_LINES.split(b"|"))
raw_headers: st.SearchStrategy[list[bytes]] = st.just([]) | st.lists(
    st.sampled_from([*HEADERS.split(b"|"), b"X-Large: " + b"x" * 200_000])
    | st.sampled_from(cookies).map(lambda cookie: b"Set-Cookie: " + cookie)
    | st.sampled_from(locations).map(lambda location: b"Location: " + location),
    max_size=3,
)
raw_bodies = (
    KINDS["near-valid"]
    | st.binary(max_size=30)
    | st.just(gzip.compress(json.dumps(CALL).encode(), mtime=0))
    | st.sampled_from([b"5\r\nhello\r\n0\r\n\r\n", b"zz\r\nhello", b"5\r\nhel", b"0\r\n\r\n"])
)


def test_any_bytes_give_a_valid_model_or_a_documented_exception(
    target: Target, wire: _Wire
) -> None:
    outcomes: Counter[str] = Counter()

    @examples(100)
    @given(first_line=first_lines, headers=raw_headers, body=raw_bodies)
    def fuzz(first_line: bytes, headers: list[bytes], body: bytes) -> None:
        wire.sends = b"\r\n".join([first_line, *headers, b"", body])
        target.forget()
        for function in ("sync", "asyncio"):
            outcome, wrong = target.ask(function)
            event(outcome)
            outcomes[outcome] += 1
            assert wrong is None

    fuzz()
    expected = {"GetStatusResponse", "InvalidResponse", "UnexpectedStatus", "RemoteProtocolError"}
    assert set(outcomes) >= expected, outcomes


# --- the proof ----------------------------------------------------------------------------------


@pytest.fixture
def stock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    """A client of the same contract, as the generator makes it without our templates."""
    config = tmp_path / "config.yaml"
    config.write_text("post_hooks: []\n")
    into = tmp_path / "stock_client"
    command = f"generate --meta none --path {CONTRACT} --config {config} --output-path {into}"
    generator = [sys.executable, "-m", "openapi_python_client", *command.split()]
    subprocess.run(generator, check=True, capture_output=True)
    monkeypatch.syspath_prepend(tmp_path)
    package = importlib.import_module("stock_client")
    unexpected = importlib.import_module("stock_client.errors").UnexpectedStatus
    api = importlib.import_module("stock_client.api.call_card.get_status")
    names = _names("stock_client")
    body = names["GetStatusRequest"].from_dict({"PLACEMENT": "getStatus"})
    target = Target(api, None, (unexpected, httpx.HTTPError), names, {"body": body})
    target.client = package.Client(
        base_url="https://portal.example/rest", httpx_args={"transport": target.network}
    )
    yield target
    target.client.get_httpx_client().close()
    target.runner.run(_aclose_stock(target.client))
    target.runner.close()
    for name in [name for name in sys.modules if name.split(".")[0] == "stock_client"]:
        del sys.modules[name]


async def _forget_cookies(client: Any) -> None:
    client.get_async_httpx_client().cookies.clear()


async def _aclose_stock(client: Any) -> None:
    await client.get_async_httpx_client().aclose()


def test_the_fuzzer_finds_what_is_wrong_with_a_stock_client(stock: Target) -> None:
    found: Counter[str] = Counter()

    @examples(400)
    @given(answer=answers(KINDS["near-valid"]))
    def fuzz(answer: Answer) -> None:
        stock.network.answer = answer
        stock.client.get_httpx_client().cookies.clear()
        stock.runner.run(_forget_cookies(stock.client))
        for function in ("sync", "asyncio_detailed"):
            _, wrong = stock.ask(function)
            found.update([wrong] if wrong else [])

    fuzz()
    raised = {name for name in found if " raised " in name}
    for error in ("KeyError", "TypeError", "JSONDecodeError", "ValueError"):
        assert {f"sync raised {error}", f"asyncio_detailed raised {error}"} <= raised, found
    # Values that are not what the static types say they are.
    assert any(name.startswith("sync returned .") for name in found), found
