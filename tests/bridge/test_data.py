"""The data file: who may read it, what is in it, and who may use it when."""

import asyncio
import os
import re
import secrets
import shutil
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from bitrix24_bridge.cards import User
from bitrix24_bridge.data import Data, DataError, Portal, hashed, serving


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bridge.sqlite3"


def portal(member_id: str = "5a1d", domain: str = "office.example") -> Portal:
    return Portal(
        member_id=member_id,
        domain=domain,
        endpoint=f"https://{domain}/rest/",
        oauth_server="https://oauth.bitrix24.tech/rest/",
        application_token=hashed("applicationtoken"),
        events=hashed(f"events of {member_id}"),
        installed=time.time(),
        failed="",
    )


@pytest.fixture
def data(file: Path) -> Iterator[Data]:
    """Data in which one portal is, as a server opens it."""
    with closing(Data(file)) as data:
        data.put_portal(portal())
        yield data


@pytest.mark.parametrize("exists", [False, True])
def test_nobody_else_may_read_the_file_or_what_lies_beside_it(file: Path, exists: bool) -> None:
    before = os.umask(0)
    try:
        if exists:
            file.touch(0o644)
        with closing(Data(file)) as data, serving(file, alone=True):
            data.put_portal(portal())
            found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    finally:
        os.umask(before)
    names = [file.name, f"{file.name}-wal", f"{file.name}-shm", f"{file.name}.lock"]
    assert found == dict.fromkeys(names, 0o600)


def test_no_secret_is_in_any_byte_of_it(file: Path, data: Data) -> None:
    token, events = secrets.token_hex(24), secrets.token_hex(24)
    data.put_portal(replace(portal(), application_token=hashed(token), events=hashed(events)))
    secret = data.add_secret("5a1d", "1", "crm")
    data.add_secret("5a1d", "1", "new")
    data.revoke_secret("5a1d", "1", "new")

    content = b"".join(path.read_bytes() for path in file.parent.iterdir())
    assert b"office.example" in content
    assert b"crm" in content
    for each in (token, events, secret, "applicationtoken"):
        assert each.encode() not in content
    assert re.fullmatch("[0-9a-f]{48}", secret)


@pytest.mark.parametrize(("first", "second"), [(True, True), (True, False), (False, True)])
def test_a_second_server_is_refused_until_the_first_has_gone(
    file: Path, first: bool, second: bool
) -> None:
    with serving(file, alone=first):
        with pytest.raises(DataError) as refused, serving(file, alone=second):
            pass
        assert str(refused.value) == (
            f"Another bridge serves with {file} already. Several need one BRIDGE_STORE."
        )
        with closing(Data(file)) as command:  # which a server does not hinder
            command.put_portal(portal())
    with serving(file, alone=second):
        pass


def test_an_error_while_serving_is_not_blamed_on_the_lock(file: Path) -> None:
    with pytest.raises(OSError, match=r"^another$"), serving(file, alone=True):
        raise OSError("another")


def test_servers_that_share_a_store_share_the_data(file: Path) -> None:
    with serving(file, alone=False), serving(file, alone=False):
        pass


@pytest.mark.parametrize("name", ["", "missing/data", "text"])
def test_a_path_that_cannot_be_used_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "text").write_text("This is no database, but a text of more than 100 bytes. " * 3)
    path = tmp_path / name
    with pytest.raises(DataError, match=re.escape(f"BRIDGE_DATA: {path} cannot be used: ")):
        Data(path)


def test_the_server_sees_at_once_what_a_command_writes(file: Path, data: Data) -> None:
    with closing(Data(file)) as command:
        secret = command.add_secret("5a1d", "1", "crm")
        assert data.user_of("1", secret) == User("5a1d", "1")
        command.revoke_secret("5a1d", "1", "crm")
        assert data.user_of("1", secret) is None


def test_a_portal_is_found_by_domain_or_member_id(data: Data) -> None:
    for name in ("5a1d", "office.example", "Office.Example"):
        assert data.portal_named(name).member_id == "5a1d"
    with pytest.raises(DataError, match=r"No portal other\.example has installed the application"):
        data.portal_named("other.example")


def test_a_portal_that_installs_again_replaces_what_was_known_and_keeps_its_secrets(
    data: Data,
) -> None:
    secret = data.add_secret("5a1d", "1", "crm")
    data.put_portal(portal(domain="renamed.example"))
    assert [each.domain for each in data.portals()] == ["renamed.example"]
    assert data.user_of("1", secret) == User("5a1d", "1")


def test_secrets_of_a_portal_that_removed_the_application_never_count_again(data: Data) -> None:
    secret = data.add_secret("5a1d", "1", "crm")
    data.remove_portal("5a1d")
    assert data.user_of("1", secret) is None
    assert data.portal("5a1d") is None
    with pytest.raises(DataError, match="has removed the application"):
        data.add_secret("5a1d", "1", "new")
    assert [each.counts for each in data.secrets()] == [False]
    data.put_portal(portal())
    assert data.user_of("1", secret) is None
    assert data.secrets() == []


def test_secrets_of_a_portal_that_is_unknown_can_be_revoked_and_do_not_count_again(
    file: Path, data: Data
) -> None:
    data.put_portal(portal())
    for user_id in ("1", "2"):
        data.add_secret("5a1d", user_id, "crm")
    with closing(sqlite3.connect(file)) as database:  # as an earlier version removed it
        database.executescript("DELETE FROM portals")
    data.revoke_secret("5a1d", "2", "crm")
    assert [(each.domain, each.counts) for each in data.secrets()] == [("5a1d", False)]
    data.put_portal(portal())
    assert data.secrets() == []


def test_a_portal_that_is_forgotten_takes_its_secrets_with_it(data: Data) -> None:
    data.put_portal(portal("7b2e", "other.example"))
    for member_id in ("5a1d", "7b2e"):
        data.add_secret(member_id, "1", "crm")
    data.forget_portal("5a1d")
    assert [each.domain for each in data.portals()] == ["other.example"]
    assert [each.domain for each in data.secrets()] == ["other.example"]


@pytest.mark.anyio
async def test_a_lock_of_another_program_hinders_no_read_and_no_loop(
    file: Path, data: Data
) -> None:
    secret = data.add_secret("5a1d", "1", "crm")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        writing = asyncio.create_task(data.in_thread(data.note_step, portal().events, "event.bind"))
        await asyncio.sleep(0)
        assert data.user_of("1", secret) == User("5a1d", "1")
        assert not writing.done()
    async with asyncio.timeout(20):
        await writing
    assert [each.failed for each in data.portals()] == ["event.bind"]


def test_a_file_that_was_replaced_is_refused_until_a_restart(file: Path, data: Data) -> None:
    file.rename(file.with_name("old"))
    for _ in range(2):
        with pytest.raises(DataError, match=r"was replaced\. Restart the bridge\."):
            data.portals()
        shutil.copy(file.with_name("old"), file)


def test_a_backup_made_while_it_is_in_use_can_be_restored(file: Path, data: Data) -> None:
    secret = data.add_secret("5a1d", "1", "crm")
    # What `sqlite3 FILE ".backup …"` does, and then what the README says.
    backup = file.with_name("backup")
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)
    data.revoke_secret("5a1d", "1", "crm")
    data.close()
    for beside in ("-wal", "-shm"):
        file.with_name(file.name + beside).unlink(missing_ok=True)
    shutil.copyfile(backup, file)
    with closing(Data(file)) as again:
        assert again.user_of("1", secret) == User("5a1d", "1")


def test_a_name_is_of_one_secret_of_a_user(data: Data) -> None:
    data.add_secret("5a1d", "1", "crm")
    with pytest.raises(DataError, match="User 1 has a secret crm already"):
        data.add_secret("5a1d", "1", "crm")
    data.add_secret("5a1d", "2", "crm")
    data.revoke_secret("5a1d", "1", "crm")
    with pytest.raises(DataError, match="User 1 has no secret crm"):
        data.revoke_secret("5a1d", "1", "crm")
    assert [(each.user_id, each.name) for each in data.secrets()] == [("2", "crm")]
