"""Call notes: shows an operator's notes of earlier calls with the client, in the call card.

A portal installs the application by posting `ONAPPINSTALL` to `/events`, and opens `/widget` in its
call card. The page gets its client from `/client`: the application requests the call over REST; if
the portal does not answer that, the page gets the call from the card and posts it there.
"""

import secrets
import sqlite3
from asyncio import Lock
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import httpx
from bitrix24_call_card import AuthenticatedClient, errors, events, widget
from bitrix24_call_card.api.call_card import get_status
from bitrix24_call_card.models import AppUninstalled, CallEnded, CallStatus, EventAuth
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

FOLDER = Path(__file__).parent
SCHEMA = """
CREATE TABLE IF NOT EXISTS portals (
    member_id TEXT PRIMARY KEY, rest_url TEXT, application_token TEXT,
    access_token TEXT, refresh_token TEXT);
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, member_id TEXT, call_id TEXT, client TEXT);
CREATE TABLE IF NOT EXISTS notes (member_id TEXT, client TEXT, call_id TEXT, text TEXT);
CREATE TABLE IF NOT EXISTS calls (member_id TEXT, call_id TEXT, seconds INTEGER);
"""


@dataclass(frozen=True)
class Settings:
    """The application's settings; the defaults are right for a real portal."""

    url: str
    """The URL of this application for the portal and the operators' browsers."""
    database: Path
    client_id: str
    client_secret: str
    oauth_server: str = "https://oauth.bitrix.info"
    oauth_rest: str = "https://oauth.bitrix.info/rest"
    library: str = "https://api.bitrix24.com/api/v1/"


class Notes:
    """The application; portals, tokens and notes are in its database."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._database = sqlite3.connect(settings.database, isolation_level=None)
        self._database.row_factory = sqlite3.Row
        self._database.executescript(SCHEMA)
        self._clients: dict[str, AuthenticatedClient] = {}
        self._refreshing = Lock()
        self.app = Starlette(
            routes=[
                Route("/events", self.receive_event, methods=["POST"]),
                Route("/widget", self.open_widget, methods=["POST"]),
                Route("/widget.js", self.script, methods=["GET"]),
                Route("/client", self.client_from_portal, methods=["GET"]),
                Route("/client", self.client_from_card, methods=["POST"]),
                Route("/notes", self.add_note, methods=["POST"]),
            ],
            lifespan=self.running,
        )

    @asynccontextmanager
    async def running(self, _: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(timeout=10) as self._http:
            yield
        for member_id in list(self._clients):
            await self.forget_client(member_id)
        self._database.close()

    def one(self, query: str, *values: object) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._database.execute(query, values).fetchone()
        return row

    # --- events of the portal ---------------------------------------------------------------------

    async def receive_event(self, request: Request) -> Response:
        try:
            event = events.read(await request.body())
        except events.InvalidEvent as error:
            raise HTTPException(400, str(error)) from None
        if event.name == "ONAPPINSTALL":
            await self.install(event.auth)
            return Response()
        member_id = self.known(event.auth.member_id, event)
        if isinstance(event.data, AppUninstalled):
            self._database.execute("DELETE FROM portals WHERE member_id = ?", [member_id])
            await self.forget_client(member_id)
            if event.data.clean == "1":
                self._database.execute("DELETE FROM notes WHERE member_id = ?", [member_id])
        elif isinstance(event.data, CallEnded):
            row = [member_id, event.data.call_id, int(event.data.call_duration or 0)]
            self._database.execute("INSERT INTO calls VALUES (?, ?, ?)", row)
        return Response()

    async def install(self, auth: EventAuth) -> None:
        """Install the application, trusting only what the OAuth server says about the token."""
        answer = await self._http.post(
            f"{self._settings.oauth_rest}/app.info", data={"auth": str(auth.access_token)}
        )
        info = answer.json().get("result", {})
        if info.get("client_id") != self._settings.client_id:
            raise HTTPException(403, "the token belongs to another application")
        member_id = info["install"]["member_id"]
        self._database.execute(
            "REPLACE INTO portals VALUES (?, ?, ?, ?, ?)",
            [
                member_id,
                info["install"]["client_endpoint"].rstrip("/"),
                auth.application_token,
                auth.access_token,
                auth.refresh_token,
            ],
        )
        await self.forget_client(member_id)
        url = self._settings.url
        await self.ask(
            member_id,
            "placement.bind",
            PLACEMENT="CALL_CARD",
            HANDLER=f"{url}/widget",
            TITLE="Notes",
        )
        for event in ("ONVOXIMPLANTCALLEND", "ONAPPUNINSTALL"):
            await self.ask(member_id, "event.bind", event=event, handler=f"{url}/events")

    def known(self, member_id: object, form: widget.Opening | events.PortalEvent) -> str:
        """Verify that a form comes from a portal which has installed this application."""
        portal = self.portal(str(member_id))
        if not form.is_from(portal["application_token"]):
            raise HTTPException(403, "the form is not from the portal")
        return str(portal["member_id"])

    # --- requests of the page in the card ---------------------------------------------------------

    async def open_widget(self, request: Request) -> Response:
        try:
            opening = widget.read(query=request.url.query, body=await request.body())
        except widget.InvalidOpening as error:
            raise HTTPException(400, str(error)) from None
        member_id = self.known(opening.form.member_id, opening)
        session = secrets.token_urlsafe()
        self._database.execute(
            "INSERT INTO sessions VALUES (?, ?, NULL, NULL)", [session, member_id]
        )
        page = Template((FOLDER / "widget.html").read_text("utf-8"))
        return HTMLResponse(
            page.substitute(session=session, library=escape(self._settings.library))
        )

    async def script(self, _: Request) -> Response:
        return FileResponse(FOLDER / "widget.js")

    async def client_from_portal(self, request: Request) -> Response:
        session = self.session(request)
        try:
            answer = await get_status.asyncio(client=self.client(session["member_id"]))
        except errors.ApiError as error:
            if error.error == "ERROR_METHOD_NOT_FOUND":
                raise HTTPException(409, "this portal answers only in the card") from None
            raise HTTPException(502, error.error_description) from None
        return await self.show(session, answer.result)

    async def client_from_card(self, request: Request) -> Response:
        try:
            call = CallStatus.from_dict(await request.json())
        except (errors.InvalidResponse, ValueError):
            raise HTTPException(400, "this is not the status of a call") from None
        return await self.show(self.session(request), call)

    async def show(self, session: sqlite3.Row, call: CallStatus) -> Response:
        """Return the client's name, and the notes of earlier calls."""
        member_id = session["member_id"]
        key, name = f"number {call.phone_number}", str(call.phone_number)
        if call.crm_entity_id:
            key = f"{call.crm_entity_type} {call.crm_entity_id}"
            method = f"crm.{str(call.crm_entity_type).lower()}.get"
            item = await self.ask(member_id, method, id=call.crm_entity_id)
            name = item.get("TITLE") or f"{item['NAME']} {item['LAST_NAME']}"
        self._database.execute(
            "UPDATE sessions SET call_id = ?, client = ? WHERE id = ?",
            [call.call_id, key, session["id"]],
        )
        notes = self._database.execute(
            "SELECT text, seconds FROM notes LEFT JOIN calls USING (member_id, call_id)"
            " WHERE member_id = ? AND client = ? ORDER BY notes.rowid",
            [member_id, key],
        )
        return JSONResponse({"client": name, "notes": [dict(note) for note in notes]})

    async def add_note(self, request: Request) -> Response:
        session = self.session(request)
        text = (await request.body()).decode()
        row = [session["member_id"], session["client"], session["call_id"], text]
        self._database.execute("INSERT INTO notes VALUES (?, ?, ?, ?)", row)
        return Response(status_code=204)

    def session(self, request: Request) -> sqlite3.Row:
        row = self.one("SELECT * FROM sessions WHERE id = ?", request.headers.get("x-session", ""))
        if row is None:
            raise HTTPException(403, "the page was not opened by a portal")
        return row

    # --- requests to a portal ---------------------------------------------------------------------

    def portal(self, member_id: str) -> sqlite3.Row:
        row = self.one("SELECT * FROM portals WHERE member_id = ?", member_id)
        if row is None:
            raise HTTPException(403, "this portal has not installed the application")
        return row

    def client(self, member_id: str) -> AuthenticatedClient:
        if member_id not in self._clients:

            async def refresh() -> str:
                return await self.refresh(member_id, client.token)

            row = self.portal(member_id)
            client = AuthenticatedClient(row["rest_url"], row["access_token"], refresh=refresh)
            self._clients[member_id] = client
        return self._clients[member_id]

    async def forget_client(self, member_id: str) -> None:
        if client := self._clients.pop(member_id, None):
            await client.aclose()

    async def refresh(self, member_id: str, spent: str) -> str:
        """Return a new access token; another request may already have refreshed the spent one."""
        async with self._refreshing:
            row = self.portal(member_id)
            if row["access_token"] != spent:
                return str(row["access_token"])
            fields = {
                "grant_type": "refresh_token",
                "refresh_token": row["refresh_token"],
                "client_id": self._settings.client_id,
                "client_secret": self._settings.client_secret,
            }
            url = f"{self._settings.oauth_server}/oauth/token/"
            tokens = (await self._http.post(url, data=fields)).raise_for_status().json()
            self._database.execute(
                "UPDATE portals SET access_token = ?, refresh_token = ? WHERE member_id = ?",
                [tokens["access_token"], tokens["refresh_token"], member_id],
            )
            return str(tokens["access_token"])

    async def ask(self, member_id: str, method: str, **fields: object) -> Any:
        """Call another method of the portal."""
        row = self.portal(member_id)
        url, token = f"{row['rest_url']}/{method}", row["access_token"]
        body = (await self._http.post(url, json={**fields, "auth": token})).json()
        if body.get("error") == "expired_token":
            token = await self.refresh(member_id, token)
            body = (await self._http.post(url, json={**fields, "auth": token})).json()
        if "error" in body:
            raise HTTPException(502, f"{method}: {body['error']} {body['error_description']}")
        return body["result"]
