"""The command `bitrix24-bridge`: it serves, and looks after portals and secrets meanwhile."""

import logging
import os
import re
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from bitrix24_bridge.__main__ import main
from bitrix24_bridge.server import quiet_logs
from bitrix24_bridge.settings import VARIABLES

from tests.bridge import commands
from tests.bridge.bridges import Bridge
from tests.bridge.cards import ask, ask_with, card, said
from tests.bridge.portals import Decoy, FakePortal


class Done(NamedTuple):
    status: int
    output: str
    error: str


Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on the data of `own_bridge`; `settings` are others than usual."""

    def run(*arguments: str, **settings: str) -> Done:
        usual = commands.environment(tmp_path, BRIDGE_URL="https://bridge.example")
        for name, value in {**usual, **settings}.items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        status = main(list(arguments))
        printed = capsys.readouterr()
        return Done(status, printed.out, printed.err)

    return run


def secret_for(portal: FakePortal, action: str, name: str = "crm", user: str = "1") -> list[str]:
    return ["secret", action, "--portal", portal.domain, "--user", user, "--name", name]


@pytest.mark.anyio
async def test_a_secret_is_printed_once_and_counts_at_once_until_it_is_revoked(
    run: Run, own_bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    done = run(*secret_for(portal, "add"))
    assert (done.status, done.error) == (0, "")
    (url,) = re.findall(r"^https://bridge\.example(/rest/1/[0-9a-f]{48}/)\n$", done.output)
    webhook = own_bridge.url + url
    async with card(own_bridge, portal):
        assert said(await ask(http, webhook)) == (200, "connected")

        listed = run("secret", "list")
        assert re.fullmatch(
            rf"{portal.domain}  user 1  crm  \d{{4}}-\d\d-\d\d \d\d:\d\d\n", listed.output
        )
        assert run(*secret_for(portal, "revoke")) == (0, "", "")
        assert said(await ask(http, webhook)) == (401, "INVALID_CREDENTIALS")
    assert run("secret", "list").output == "No backend may ask yet: see `secret add --help`.\n"


def test_a_command_reads_the_file_of_the_service_as_the_readme_says(tmp_path: Path) -> None:
    readme = (commands.ROOT / "scripts" / "bitrix24_bridge" / "README.md").read_text()
    (settings,) = re.findall(r"```sh\n(.*?)```", readme, re.DOTALL)
    (reading,) = re.findall(r"^# (sh -c .*) - portals$", readme, re.MULTILINE)
    file = tmp_path / "bridge.env"
    file.write_text(settings.replace("/var/lib/bitrix24-bridge", str(tmp_path)))
    reading = reading.replace("/etc/bitrix24-bridge.env", str(file))
    command = " ".join(f'"{word}"' for word in commands.COMMAND)
    reading = reading.replace("/opt/bitrix24-bridge/bin/bitrix24-bridge", command)
    done = commands.run({}, command=["sh", "-c", f"{reading} - portals"])
    assert done.stderr.startswith(f"BRIDGE_DATA: there is no {tmp_path}/bridge.sqlite3. ")


def test_a_command_makes_no_data_which_the_service_could_not_read(run: Run, tmp_path: Path) -> None:
    assert run("portals") == (
        1,
        "",
        f"BRIDGE_DATA: there is no {tmp_path}/bridge.sqlite3. Start the bridge first, and set for "
        "each command what is set for the bridge.\n",
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("own_bridge")
def test_data_of_another_version_is_named(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "bridge.sqlite3"
    with closing(sqlite3.connect(file)) as database:
        database.execute("ALTER TABLE secrets RENAME COLUMN name TO label")
    done = run("secret", "list")
    assert done.status == 1
    assert done.error.startswith(f"BRIDGE_DATA: {file} cannot be used: ")
    assert done.error.count("\n") == 1


def test_portals_are_listed_with_the_step_that_failed(
    run: Run, own_bridge: Bridge, portal: FakePortal
) -> None:
    line = rf"{portal.domain}  {portal.member_id}  \d{{4}}-\d\d-\d\d \d\d:\d\d"
    assert re.fullmatch(rf"{line}  installed\n", run("portals").output)
    with own_bridge.data() as data:
        data.note_step(data.portal_named(portal.domain).events, "event.bind: ACCESS_DENIED")
    failed = rf"{line}  failed at event\.bind: ACCESS_DENIED\n"
    assert re.fullmatch(failed, run("portals").output)


def test_secrets_of_a_portal_that_removed_the_application_are_listed_until_it_is_forgotten(
    run: Run, own_bridge: Bridge, portal: FakePortal
) -> None:
    for name in ("crm", "old"):
        run(*secret_for(portal, "add", name))
    with own_bridge.data() as data:
        data.remove_portal(portal.member_id)
    assert run("portals").output.endswith("  removed there\n")
    assert run(*secret_for(portal, "revoke", "old")) == (0, "", "")
    listed = run("secret", "list").output
    assert listed.startswith(f"{portal.domain}  user 1  crm  ")
    assert listed.endswith("  (does not count: the portal removed the application)\n")
    assert run("portals", "remove", portal.domain) == (0, "", "")
    assert run("portals").output == "No portal has installed the application yet.\n"
    assert run("secret", "list").output == "No backend may ask yet: see `secret add --help`.\n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("secret", "the following arguments are required: ACTION"),
        ("secret add --portal a --user ann --name b", "'ann' is not the id of a user, such as 1"),
    ],
)
def test_wrong_arguments_are_explained(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: str, reason: str
) -> None:
    with pytest.raises(SystemExit) as exited:
        run(*arguments.split())
    assert exited.value.code == 2
    assert reason in capsys.readouterr().err


def test_help_names_every_command_and_setting(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        run("--help")
    assert exited.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith("usage: bitrix24-bridge ")
    for word in ("portals", "doctor", "secret", "--log-level", *VARIABLES):
        assert word in shown


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"BRIDGE_URL": ""}, "BRIDGE_URL is not set. Expected the bridge's own address"),
        ({"BRIDGE_STORE": "redis://:hunter2@localhost?colour=red"}, "BRIDGE_STORE is invalid. "),
        ({"BRIDGE_STORE": "redis://localhost?db=hunter2"}, "BRIDGE_STORE is invalid. "),
        ({"BRIDGE_DATA": "/nowhere/data"}, "BRIDGE_DATA: /nowhere/data cannot be used: "),
        (
            {"BRIDGE_HOST": "192.0.2.1"},
            "Cannot listen on 192.0.2.1, port 0: cannot assign requested address. Set BRIDGE_PORT.",
        ),
        ({"BRIDGE_METRICS": "192.0.2.1:9025"}, "Cannot listen on 192.0.2.1:9025: "),
        ({"BRIDGE_HOST": "a..b"}, "Cannot listen on a..b, port 0: "),
        ({"ALL_PROXY": "socks://127.0.0.1"}, "A proxy of the environment cannot be used. "),
        ({"ALL_PROXY": "socks5://127.0.0.1"}, "A proxy of the environment cannot be used. "),
        ({"SSL_CERT_FILE": "/nowhere"}, "SSL_CERT_FILE or SSL_CERT_DIR cannot be used: "),
    ],
)
def test_it_does_not_serve_with_settings_that_cannot_be_used(
    run: Run, settings: dict[str, str], reason: str
) -> None:
    done = run(**{"BRIDGE_PORT": "0", **settings})
    assert (done.status, done.output) == (1, "")
    assert done.error.startswith(reason)
    assert done.error.count("\n") == 1
    assert "hunter2" not in done.error


def test_a_store_among_the_arguments_is_refused_as_it_may_hold_a_password(run: Run) -> None:
    done = run("--store", "rediss://:hunter2@redis.example", BRIDGE_HOST="192.0.2.1")
    assert (done.status, done.output) == (1, "")
    assert done.error.startswith("Set BRIDGE_STORE instead of --store: ")
    assert "hunter2" not in done.error


def test_one_process_does_not_import_redis() -> None:
    program = "import sys, bitrix24_bridge.server; sys.exit('redis' in sys.modules)"
    assert commands.run({}, command=[sys.executable, "-c", program]).returncode == 0


def test_a_store_without_its_package_is_refused_with_the_command_that_installs_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [each for each in sys.modules if each.partition(".")[0] == "redis"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "bitrix24_bridge.processes", raising=False)
    assert run(BRIDGE_STORE="redis://localhost") == (
        1,
        "",
        "BRIDGE_STORE needs the package redis: run pip install '.[redis]' in the folder that the "
        "bridge was installed from.\n",
    )
    assert run("portals", BRIDGE_STORE="redis://localhost").status == 0


def limited(soft: int, hard: int) -> list[str]:
    """Return a command that serves with these limits of files."""
    limits = f"ulimit -Sn {soft} && ulimit -Hn {hard}"
    return ["sh", "-c", f'{limits} && exec "$@"', "-", *commands.COMMAND]


def test_too_few_files_are_refused_with_their_number(tmp_path: Path) -> None:
    settings = commands.environment(tmp_path)
    done = commands.run(settings, command=limited(100, 100))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "This process may open 100 files, and needs 1024. Raise LimitNOFILE, or the limit that "
        "`ulimit -Hn` shows.\n"
    )


def test_the_limit_of_files_is_raised_and_without_one_left_it_says_so(tmp_path: Path) -> None:
    settings = commands.environment(tmp_path)
    output = tmp_path / "output"
    with (
        commands.serving(settings, output, command=limited(100, 1024)) as running,
        ExitStack() as stack,
    ):
        address = ("127.0.0.1", int(running.url.rpartition(":")[2]))
        alive = partial(httpx.get, f"{running.url}/healthz", trust_env=False, timeout=60)
        held = [stack.enter_context(socket.create_connection(address)) for _ in range(500)]
        assert alive().text == "ok"
        held += [stack.enter_context(socket.create_connection(address)) for _ in range(600)]
        while "No file is left" not in output.read_text():
            time.sleep(0.01)
        for each in held:
            each.close()
        assert alive().text == "ok"
    assert output.read_text().count("\n") == 2, output.read_text()


@pytest.mark.parametrize(
    ("logged", "said"),
    [
        (
            "socket.accept() out of system resource",
            "Refused (files): No file is left for another connection. Raise LimitNOFILE.",
        ),
        ("Fatal read error on socket transport", "Fatal read error on socket transport\nfd=0"),
    ],
)
def test_what_asyncio_logs_of_connections_is_said_once_however_often_it_is_so(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, logged: str, said: str
) -> None:
    monkeypatch.setattr("bitrix24_bridge.metrics._quiet_until", {})
    quiet_logs()
    for number in range(3):
        logging.getLogger("asyncio").error(f"{logged}\nfd={number}")
    assert caplog.messages == [said]


def test_an_output_that_nobody_reads_is_one_line(tmp_path: Path) -> None:
    settings = commands.environment(tmp_path)
    nobody, output = os.pipe()
    os.close(nobody)
    done = commands.run(settings, stdout=output)
    os.close(output)
    assert done.returncode == 1
    assert done.stderr == "Nobody reads the standard output.\n"


@pytest.mark.anyio
async def test_its_own_machine_is_asked_without_the_proxy_of_the_environment(
    portal: FakePortal, decoy: Decoy, tmp_path: Path, http: httpx.AsyncClient
) -> None:
    settings = commands.environment(
        tmp_path, portal.cloud.oauth_server, HTTP_PROXY=decoy.origin, ALL_PROXY=decoy.origin
    )
    with commands.serving(settings, tmp_path / "output") as running:
        portal.known_to(running)
        answer = await ask_with(http, running, portal.token())
    assert said(answer) == (400, "CARD_NOT_CONNECTED")
    assert decoy.connections() == 0


def test_it_serves_alone_with_its_data_and_ends_in_silence_with_ctrl_c(
    run: Run, tmp_path: Path
) -> None:
    settings = commands.environment(tmp_path)
    output = tmp_path / "output"
    with commands.serving(settings, output, end=signal.SIGINT) as running:
        assert run(**{**settings, "BRIDGE_HOST": "192.0.2.1"}) == (
            1,
            "",
            f"Another bridge serves with {settings['BRIDGE_DATA']} already. "
            "Several need one BRIDGE_STORE.\n",
        )
    assert output.read_text() == (
        f"Bridge {running.url}, ready on 127.0.0.1, port {settings['BRIDGE_PORT']}."
        " Ctrl-C ends it.\n"
    )
