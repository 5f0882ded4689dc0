"""Call a sandbox portal in four ways, and show the responses.

The portal runs on a free port of this machine, for as long as the demonstration.
"""

import argparse
import asyncio
import textwrap

import attrs
from bitrix24_call_card import AuthenticatedClient, Client, errors
from bitrix24_call_card.api.call_card import get_status
from bitrix24_call_card.models import CallStatus, ErrorCode
from bitrix24_sandbox.server import running
from commands import ignore_proxies
from rich.console import Console


def ask(console: Console, constructor: str, client: Client) -> CallStatus:
    """Call synchronously and asynchronously; print the code and what it returned."""

    async def ask_asynchronously() -> CallStatus:
        async with client:
            return (await get_status.asyncio(client=client)).result

    with client:
        call = get_status.sync(client=client).result
    same_call = asyncio.run(ask_asynchronously())
    console.print(
        f"[bold]client = {constructor}[/]\n"
        f"  get_status.sync(client=client).result\n    [green]{call.call_id}[/]\n"
        f"  (await get_status.asyncio(client=client)).result\n    [green]{same_call.call_id}[/]\n"
    )
    return call


def show(console: Console, call: CallStatus) -> None:
    """Print the fields of a call as reprs, which show their types."""
    console.print("[bold]call = get_status.sync(client=client).result[/], a CallStatus")
    for name in (field.name for field in attrs.fields(CallStatus)):
        if name == "crm_bindings":
            for binding in call.crm_bindings:
                text = f"{binding.entity_type} {binding.entity_id}"
                console.print(f"  {name:15}  [green]{text}[/]")
        elif name != "additional_properties":
            console.print(f"  {name:15}  [green]{getattr(call, name)!r}[/]")


def fail(console: Console, client: Client) -> None:
    """Call with an expired token; print the exception that an application catches."""
    try:
        get_status.sync(client=client)
    except errors.ApiError as error:
        message = textwrap.fill(str(error), 78)
        is_expired = error.error == ErrorCode.EXPIRED_TOKEN
        console.print(
            "\n[bold]An hour later the token has expired[/], an errors.ApiError:\n"
            f"[red]{textwrap.indent(message, '  ')}[/]\n"
            f"  error.error == ErrorCode.EXPIRED_TOKEN: {is_expired}\n"
        )


def main() -> None:
    """Run the demonstration."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    ignore_proxies()
    console = Console(highlight=False, soft_wrap=True)
    with running() as sandbox:
        console.print(f"\nA sandbox portal answers at {sandbox.origin}.\n")
        with (
            Client(base_url=sandbox.webhook_url) as webhook,
            AuthenticatedClient(base_url=sandbox.oauth_url, token=sandbox.access_token) as oauth,
        ):
            ask(console, "Client(base_url=WEBHOOK_URL)", webhook)
            call = ask(console, "AuthenticatedClient(base_url=OAUTH_URL, token=TOKEN)", oauth)
            show(console, call)
            sandbox.expire_tokens()
            fail(console, oauth)
        console.print("Next: [bold]make sandbox[/] keeps a portal running, with pages to look at.")


if __name__ == "__main__":
    main()
