"""The frame of a widget: the request that opens it, and the replies to its messages.

A message with a wrong origin, SID or command is silently dropped, as a portal does; only the log
has the reason. Source: the messages of `BX24.js` and `@bitrix24/b24jssdk` in a browser.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

from ..portal import json_text
from ..portal.addresses import oauth_server_url
from ..portal.authentication import (
    APPLICATION_TOKEN,
    MEMBER_ID,
    STATUS,
    TOKEN_LIFETIME,
)
from ..portal.call import Call
from ..portal.state import Portal
from .card import Card
from .events import EVENTS, Event
from .messages import PAGE_COMMANDS, DroppedError, Message, encode, event_name, parse

PLACEMENT = "CALL_CARD"
COMMANDS = ["getStatus", "disableAutoClose", "enableAutoClose"]
ALLOW = "geolocation *; microphone *; camera *; autoplay *;"
UNSUPPORTED = frozenset({
    *("openPath", "openApplication", "closeApplication", "showAppForm"),
    *("selectUser", "selectUsers", "selectAccess", "selectCRM"),
    *("imCallTo", "imPhoneTo", "imOpenMessenger", "imOpenHistory"),
})  # fmt: skip
"""Commands that a portal supports in a placement, and the sandbox does not."""
ADMIN_COMMANDS = ("setAppOption", "setInstallFinish")
MASK = "•••"


def placement_options(call: Call, uri: str) -> dict[str, Any]:
    """Return the call as the opening form has it: every scalar as a string.

    `uri`: path and query of the page that opens the widget.
    """
    options: dict[str, Any] = {"PHONE_NUMBER": "undefined", "CRM_ACTIVITY_ID": "undefined"}
    options |= {name: _as_text(value) for name, value in call.items()}
    if not call["CRM_BINDINGS"]:
        del options["CRM_BINDINGS"]
    return {**options, "URI": uri}


def _as_text(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if json_text.is_array(value):
        return [_as_text(item) for item in value]
    if json_text.is_object(value):
        return {name: _as_text(item) for name, item in value.items()}
    return json_text.encode(value)


@dataclass(frozen=True)
class Place:
    """The address of the portal page that opens a widget, as the browser sees it."""

    domain: str  # host, with the port if there is one
    secure: bool
    uri: str  # path and query

    @property
    def origin(self) -> str:
        """The page's origin."""
        return f"{'https' if self.secure else 'http'}://{self.domain}"


class Frame:
    """One opening of a widget: its SID, the events it has bound, and the secrets it received."""

    def __init__(
        self,
        portal: Portal,
        card: Card,
        call: Call,
        place: Place,
        handler: str,
        cards: int = 1,
    ) -> None:
        """`call`: the call for which the card opens. `handler`: the URL of the widget.

        `cards`: how many cards the page has opened so far; each adds the events once more.
        """
        self.sid = secrets.token_hex(16)
        self.origin = origin_of(handler)
        self._portal = portal
        self._card = card
        self._place = place
        self._handler = handler
        self._installing = portal.application.shows_page
        self._placement = "DEFAULT" if self._installing else PLACEMENT
        self._options = {} if self._installing else placement_options(call, place.uri)
        self._events = EVENTS * cards
        self._bound: dict[str, list[str]] = {}
        self._secrets = {self.sid, APPLICATION_TOKEN}

    def opening(self) -> dict[str, Any]:
        """Return the request that opens the widget, and the attributes of its iframe.

        A static application is opened with GET, without a form.
        """
        protocol = "1" if self._place.secure else "0"
        query = {
            "DOMAIN": self._place.domain,
            "PROTOCOL": protocol,
            "LANG": "en",
            "APP_SID": self.sid,
        }
        separator = "&" if urlsplit(self._handler).query else "?"
        return {
            "action": self._handler + separator + urlencode(query),
            "name": f"{self._place.domain}|{protocol}|{self.sid}",
            "allow": ALLOW,
            "origin": self.origin,
            "method": "GET" if self._portal.form == "static" else "POST",
            "fields": self._form(),
        }

    def _form(self) -> dict[str, str]:
        if self._portal.form == "static":
            return {}
        newer = {
            "SERVER_ENDPOINT": oauth_server_url(self._place.origin, self._portal.oauth_port),
            "APPLICATION_TOKEN": APPLICATION_TOKEN,
            "APPLICATION_SCOPE": ",".join(self._portal.scopes.application),
        }
        return {
            **self._tokens(),
            **(newer if self._portal.form == "new" else {}),
            "member_id": MEMBER_ID,
            "status": STATUS,
            "PLACEMENT": self._placement,
            "PLACEMENT_OPTIONS": json_text.encode(_php_map(self._options)),
        }

    def accept(self, data: Any, origin: str) -> Message:
        """Parse a message and check it. Raise `DroppedError` if the portal ignores it.

        `origin`: the origin of the message, according to the browser.
        """
        if origin != self.origin:
            raise DroppedError(f"it comes from {origin}, but the widget's origin is {self.origin}")
        if self._card.call is None:
            raise DroppedError("the card is closed, so nothing replies")
        message = parse(data)
        if message.sid != self.sid:
            raise DroppedError("the SID is not that of this widget")
        if message.command == "setTitle":
            raise DroppedError("setTitle is denied in placements")
        if message.command == "placementBindEvent":
            if event_name(message) not in EVENTS:
                raise DroppedError("this placement has no such event")
        elif message.command in UNSUPPORTED:
            raise DroppedError("the sandbox does not support this command, but a portal does")
        elif message.command not in self._REPLIES.keys() | PAGE_COMMANDS or (
            self._installing and message.command in COMMANDS
        ):
            raise DroppedError("this placement has no such command")
        elif message.command in ADMIN_COMMANDS and not self._portal.user.is_admin:
            raise DroppedError("it has no effect, because the user is not an administrator")
        elif message.command == "refreshAuth" and self._portal.faults.take_oauth():
            raise DroppedError("the refresh failed: a portal shows an alert, and does not reply")
        return message

    def obey(self, message: Message) -> str | None:
        """Carry out an accepted message; return the reply, if there is one."""
        if message.command == "placementBindEvent":
            # There is no acknowledgement, which a widget would take for the event.
            if message.callback_id:
                self._bound.setdefault(event_name(message), []).append(message.callback_id)
            return None
        if message.command in PAGE_COMMANDS:
            return None
        value = self._REPLIES[message.command](self, message.params)
        return encode(message.callback_id, value) if message.callback_id else None

    def event(self, event: Event) -> list[str]:
        """Return the messages that report an event: one for each time the widget bound it."""
        return [encode(bound, event.payload) for bound in self._bound.get(event.name, [])]

    def mask(self, text: str) -> str:
        """Mask every secret that this widget received, anywhere in the text."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text

    def _tokens(self) -> dict[str, str]:
        tokens = self._portal.authentication.tokens
        self._secrets |= {tokens.access_token, tokens.refresh_token}
        return {
            "AUTH_ID": tokens.access_token,
            "AUTH_EXPIRES": str(TOKEN_LIFETIME),
            "REFRESH_ID": tokens.refresh_token,
        }

    # --- the replies ----------------------------------------------------------------------------

    def _get_init_data(self, _: Any) -> dict[str, Any]:
        return {
            "LANG": "en",
            "DOMAIN": self._place.domain,
            "PATH": "/rest",
            "PLACEMENT": self._placement,
            "PROTOCOL": int(self._place.secure),  # a number: "0" is true in JavaScript
            **self._tokens(),
            "MEMBER_ID": MEMBER_ID,
            "FIRST_RUN": False,
            "IS_ADMIN": self._portal.user.is_admin,
            "INSTALL": self._installing,
            "USER_OPTIONS": _as_script(self._portal.user_options),
            "APP_OPTIONS": _as_script(self._portal.app_options),
            "PLACEMENT_OPTIONS": _php_map(self._options),
        }

    def _get_interface(self, _: Any) -> dict[str, Any]:
        if self._installing:
            return {"command": [], "event": []}
        return {"command": COMMANDS, "event": self._events}

    def _get_status(self, _: Any) -> Call | None:
        return self._card.call

    def _disable_auto_close(self, _: Any) -> list[Any]:
        self._card.disable_auto_close()
        return []

    def _enable_auto_close(self, _: Any) -> list[Any]:
        self._card.enable_auto_close()
        return []

    def _refresh_auth(self, _: Any) -> dict[str, str]:
        self._portal.authentication.refresh(self._portal.authentication.tokens.refresh_token)
        return self._tokens()

    def _echo(self, params: Any) -> Any:
        return [] if params is None else params

    def _finish_installation(self, params: Any) -> Any:
        if self._installing:
            self._portal.finish_installation()
        return params

    def _set_user_option(self, params: Any) -> Any:
        if json_text.is_object(params) and isinstance(params.get("name"), str):
            self._portal.user_options[params["name"]] = params.get("value")
        return self._echo(params)

    def _set_app_option(self, params: Any) -> Any:
        if json_text.is_object(params) and isinstance(params.get("name"), str):
            value = params.get("value", "undefined")
            self._portal.app_options[params["name"]] = _as_posted(value)
        return _php_map(self._portal.app_options)

    _REPLIES: ClassVar[dict[str, Callable[["Frame", Any], Any]]] = {
        "getInitData": _get_init_data,
        "getInterface": _get_interface,
        "getStatus": _get_status,
        "disableAutoClose": _disable_auto_close,
        "enableAutoClose": _enable_auto_close,
        "refreshAuth": _refresh_auth,
        "setInstall": _echo,
        "setInstallFinish": _finish_installation,
        "setScroll": _echo,
        "setUserOption": _set_user_option,
        "setAppOption": _set_app_option,
    }


def _as_posted(value: Any) -> Any:
    """Return a value as PHP reads it from a form: scalars as text, empty containers missing."""
    if json_text.is_object(value):
        fields = {name: _as_posted(item) for name, item in value.items()}
        return {name: field for name, field in fields.items() if field is not None} or None
    if json_text.is_array(value):
        return [_as_posted(item) for item in value] or None
    return None if value is None else _as_text(value)


def _as_script(value: Any) -> Any:
    """Return a value as PHP writes it into a page's script: numbers as text, null as ""."""
    if json_text.is_object(value):
        return _php_map({name: _as_script(item) for name, item in value.items()})
    if json_text.is_array(value):
        return [_as_script(item) for item in value]
    if value is None:
        return ""
    return value if isinstance(value, bool) else _as_text(value)


def _php_map(options: dict[str, Any]) -> Any:
    """Return what PHP writes for a map: an empty one becomes a list."""
    return options or []


def origin_of(url: str) -> str:
    """Return the origin of a URL as a browser writes it, without the scheme's default port."""
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}"
