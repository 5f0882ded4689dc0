"""What is raised when a request fails."""

from __future__ import annotations

from typing import Final

import httpx

from ._base_url import hidden_path
from ._requests import PortalRequest

_NETWORK_ERRORS: Final = {
    ("builtins", "OSError"),
    ("aiohttp.client_exceptions", "ClientError"),
    ("pyreqwest.exceptions", "RequestError"),
}
"""The network errors that are not httpx's; the libraries of other transports are not imported here."""


def without_secrets(error: BaseException, request: PortalRequest) -> BaseException:
    """Return the exception to raise, with the secret of the request masked in all texts.

    A network error is or becomes httpx's, without the frames that hold the URL; of its causes it keeps the
    system's alone. Any other exception, such as a worker's time limit or a failed assertion in a mocked
    portal, is the caller's business: it stays the same object, unless it shows the secret even so.
    """
    chain = _with_causes(error)
    for each in chain:
        args = tuple(request.mask(it) if isinstance(it, str) else it for it in each.args)
        BaseException.__setattr__(each, "args", args)  # also of a frozen attrs class
        if each is not error:  # its frames may hold the URL
            each.with_traceback(None)
    bases = {(base.__module__, base.__name__) for base in type(error).__mro__}
    name = type(error).__name__
    shown = httpx.Request(request.method, hidden_path(request.url))
    if isinstance(error, httpx.HTTPStatusError):
        error.response.request = shown
    if isinstance(error, httpx.HTTPError):
        failure = error
    elif not bases.isdisjoint(_NETWORK_ERRORS):
        failure = httpx.TransportError(f"{name}: {request.mask(str(error))}")
    elif not any(_shows_secret(each, request) for each in chain):
        return error
    elif not isinstance(error, Exception):  # an interrupt or a cancellation, which nothing replaces
        error.__cause__ = error.__context__ = None
        return error
    else:
        failure = httpx.TransportError(f"{name} in the transport")
    failure.request, failure.__context__ = shown, None
    failure.__cause__ = _system_error(chain, request)
    return failure.with_traceback(None)


def _with_causes(error: BaseException | None) -> list[BaseException]:
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain


def _system_error(chain: list[BaseException], request: PortalRequest) -> OSError | None:
    """Return the system's error, such as an ssl.SSLError, without frames and causes."""
    for error in chain:
        # Other libraries derive theirs from it, and anyio's is a sentence without a number.
        is_of_system = type(error).__module__ in ("builtins", "socket", "ssl")
        if isinstance(error, OSError) and is_of_system and error.errno is not None:
            if not _shows_secret(error, request):
                error.__context__ = error.__cause__ = None
                return error.with_traceback(None)
    return None


def _shows_secret(error: BaseException, request: PortalRequest) -> bool:
    return any(request.mask(text) != text for text in (str(error), repr(error)))
