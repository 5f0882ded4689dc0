"""Searches reprs, tracebacks, pickles and logs for secrets."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import bitrix24_call_card
import httpx
import loguru
import rich.traceback

PACKAGE = Path(bitrix24_call_card.__file__).parent
TESTS = Path(__file__).parent

WEBHOOK, TOKEN, REFRESHED = "webhookmarker", "tokenmarker", "refreshedmarker"
SECRETS = [
    *("sandboxwebhook", "sandboxaccesstoken", "sandboxrefreshtoken"),
    *(WEBHOOK, TOKEN, REFRESHED),
]

written: list[str] = []
loguru.logger.remove()
loguru.logger.add(written.append, diagnose=True, backtrace=False, catch=False)


def of_the_package(tb: TracebackType | None) -> TracebackType | None:
    """Return the traceback from the package's first frame on, without the frames of the tests."""
    frames = []
    while tb is not None:
        frames.append((tb.tb_frame, tb.tb_lasti, tb.tb_lineno))
        tb = tb.tb_next
    files = [Path(frame.f_code.co_filename) for frame, *_ in frames]
    first = next((i for i, file in enumerate(files) if file.is_relative_to(PACKAGE)), len(files))
    for frame, file in reversed(list(zip(frames, files, strict=True))[first:]):
        if not file.is_relative_to(TESTS):  # whose literals and locals are their own
            tb = TracebackType(tb, *frame)
    return tb


def with_locals(error: BaseException) -> Iterator[tuple[str, str]]:
    """Yield the traceback, with local variables, as each of the usual libraries formats it."""
    kind, tb = type(error), of_the_package(error.__traceback__)
    lines = traceback.TracebackException(kind, error, tb, capture_locals=True).format()
    yield "traceback", "".join(lines)

    trace = rich.traceback.Traceback.extract(
        *(kind, error, tb),
        show_locals=True,
        locals_max_length=10_000,
        locals_max_string=10_000,
        locals_hide_dunder=False,
    )
    frames = [frame.locals or {} for stack in trace.stacks for frame in stack.frames]
    yield "rich", "\n".join(str(node) for nodes in frames for node in nodes.values())

    written.clear()
    loguru.logger.opt(exception=(kind, error, tb)).error("failed")
    yield "loguru", "".join(written)


def with_locals_of_the_package(error: BaseException) -> str:
    """Return the message and the package's local variables of an exception without a cause."""
    assert error.__context__ is error.__cause__ is None
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for frame in shown.stack if PACKAGE.as_posix() in frame.filename]
    assert frames
    return str(shown) + "".join(f"{frame.line} {frame.locals}" for frame in frames)


class Shown:
    """Collects the secrets in what is shown."""

    def __init__(self, logged: Callable[[], str]) -> None:
        self._logged = logged
        self._leaks: list[str] = []

    def look_at(self, place: str, text: str) -> None:
        """Note the secrets in a text, in upper or lower case."""
        self._leaks += [f"{secret} in {place}" for secret in SECRETS if secret in text.lower()]

    def look_at_logs(self, place: str) -> None:
        """Look at what was logged since the last time."""
        self.look_at(f"the logs of {place}", self._logged())

    def look_at_error(self, place: str, error: BaseException) -> None:
        """Look at an exception and at its causes, also at those that are not printed."""
        place = f"{type(error).__name__} of {place}"
        self.look_at(f"str of {place}", str(error))
        self.look_at(f"repr of {place}", repr(error))
        for reporter, text in with_locals(error):
            self.look_at(f"{reporter} of {place}", text)
        # A body that holds a secret is on the exception, as documented, but not shown with it.
        content: bytes = getattr(error, "content", None) or b""
        if not any(secret.encode() in content for secret in SECRETS):
            self.look_at(f"pickle of {place}", pickle.dumps(error).decode("latin-1"))
        if isinstance(error, httpx.RequestError):
            request = error.request
            self.look_at(f"request of {place}", f"{request!r} {request.url} {request.headers}")
            self.look_at(f"request of {place}", f"{request.url!r} {vars(request)}")
            self.look_at(f"content of {place}", request.read().decode())
        for cause in (error.__cause__, error.__context__):
            if cause is not None:
                self.look_at_error(f"a cause of {place}", cause)

    def check(self) -> None:
        """Fail if there was a secret anywhere."""
        assert self._leaks == []
