"""What an integrator sets by environment, and what is said of a setting that is invalid."""

from pathlib import Path

import pytest
from bitrix24_bridge.settings import (
    VARIABLES,
    Rate,
    Settings,
    SettingsError,
    Times,
    default_of,
    from_environment,
)

LEAST = {
    "BRIDGE_URL": "https://bridge.example",
    "BRIDGE_CLIENT_IDS": "local.1",
    "BRIDGE_PORTALS": "office.example",
}


def read(**settings: str) -> Settings:
    return from_environment({**LEAST, **settings})


def test_three_settings_are_enough() -> None:
    assert read() == Settings(
        url="https://bridge.example",
        client_ids=frozenset({"local.1"}),
        portals=frozenset({"office.example"}),
    )


@pytest.mark.parametrize("name", sorted(VARIABLES.keys() - LEAST.keys()))
def test_the_default_that_help_shows_is_the_one_that_counts(name: str) -> None:
    default = default_of(name)
    assert default is not None
    if default:
        assert read(**{name: default}) == read()


def test_everything_can_be_set() -> None:
    assert read(
        BRIDGE_URL=" https://Bridge.Example:8443/ ",
        BRIDGE_CLIENT_IDS="local.1, local.2",
        BRIDGE_PORTALS="Office.example 5A1D,*",
        BRIDGE_DATA="/var/lib/bridge/data",
        BRIDGE_HOST="::1",
        BRIDGE_PORT="0",
        BRIDGE_ORIGINS="https://app.example,https://app.example:8443/",
        BRIDGE_PROXIES="127.0.0.1, 10.0.0.0/8 ::1",
        BRIDGE_OAUTH_SERVERS="https://box.example/oauth/rest",
        BRIDGE_TOKENS="1000:500.5",
        BRIDGE_CARDS="1:0.5",
        BRIDGE_STORE="rediss://:password@redis.example:6380/1",
        BRIDGE_METRICS="[::1]:9025",
        BRIDGE_ASK="0.5",
        BRIDGE_FRESH="0",
    ) == Settings(
        url="https://bridge.example:8443",
        client_ids=frozenset({"local.1", "local.2"}),
        portals=frozenset({"office.example", "5a1d", "*"}),
        data=Path("/var/lib/bridge/data"),
        host="::1",
        port=0,
        origins=frozenset({"https://app.example", "https://app.example:8443"}),
        proxies="10.0.0.0/8,127.0.0.1/32,::1/128",
        oauth_servers=("https://box.example/oauth/rest/",),
        tokens=Rate(1000, 500.5),
        cards=Rate(1, 0.5),
        store="rediss://:password@redis.example:6380/1",
        metrics="[::1]:9025",
        times=Times(ask=0.5, fresh=0),
    )


@pytest.mark.parametrize("name", LEAST)
def test_what_is_required_is_named_with_what_is_expected(name: str) -> None:
    without = {key: text for key, text in LEAST.items() if key != name}
    for environ in (without, {**without, name: "  "}):
        with pytest.raises(SettingsError) as raised:
            from_environment(environ)
        assert str(raised.value) == f"{name} is not set. Expected {VARIABLES[name].expected}."


INVALID = {
    "BRIDGE_URL": [
        "bridge.example",
        "http://bridge.example",
        "http://127.0.0.1.attacker.example",
        "http://192.0.2.1",
        "ftp://127.0.0.1",
        "https://bridge.example/bridge",
        "https://bridge.example?a=b",
        "https://bridge.example#a",
        "https://user:secret@bridge.example",
        "https://bridge example",
        "https://bridge.example;script-src",
        "https://bridge.example:99999",
        "https://[bridge",
        "https://:443",
    ],
    "BRIDGE_CLIENT_IDS": [",", "https://office.example", "*"],
    "BRIDGE_PORTALS": [" , ", "https://office.example", "office.example/", "*.office.example"],
    "BRIDGE_PORT": ["-1", "65536", "http", "80.5"],
    "BRIDGE_ORIGINS": ["app.example", "https://app.example/page", "*", "http://app.example"],
    "BRIDGE_PROXIES": ["*", "proxy.example", "10.0.0.1/8", "10.0.0.0/33", "0.0.0.0/0", "::/0"],
    "BRIDGE_OAUTH_SERVERS": [
        "http://oauth.example/rest/",
        "https://oauth.example",
        "https://oauth.example/rest/?a=b",
        ",",
    ],
    "BRIDGE_TOKENS": ["10", "0:2", "1.5:2", "10:inf", "10:nan", "10:1e-9"],
    "BRIDGE_CARDS": ["many", "10:2:3"],
    "BRIDGE_STORE": [
        "http://127.0.0.1",
        "redis://",
        "redis://:password@redis.example",
        "rediss://redis.example",
        "rediss://user:@redis.example",
        "rediss://:password@redis.example:99999",
        "rediss://:password@redis.example?ssl_cert_reqs=none",
        "rediss://:password@redis.example?db=1&ssl%5Fcheck_hostname=false",
        "unix://redis.example",
    ],
    "BRIDGE_METRICS": ["9025", ":9025", "127.0.0.1:0", "127.0.0.1:http"],
    "BRIDGE_ASK": ["-1", "0", "nan", "inf", "300ms", "3.1"],
    "BRIDGE_FRESH": ["-0.1", "no", "12.1", "nan"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in INVALID.items() for value in values]
)
def test_an_invalid_value_is_named_without_showing_it(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read(**{name: value})
    assert str(raised.value) == f"{name} is invalid. Expected {VARIABLES[name].expected}."


@pytest.mark.parametrize("name", ["BRIDGE_HEARD", "BRIDGE_PORTAL"])
def test_a_variable_that_is_not_a_setting_is_named(name: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read(**{name: "hunter2"})
    assert str(raised.value) == f"{name} is not a setting: see bitrix24-bridge --help."


def test_a_default_port_is_no_part_of_an_address() -> None:
    assert read(
        BRIDGE_URL="https://bridge.example:443",
        BRIDGE_ORIGINS="https://app.example:443",
        BRIDGE_OAUTH_SERVERS="https://oauth.example:443/rest/",
    ) == read(
        BRIDGE_ORIGINS="https://app.example", BRIDGE_OAUTH_SERVERS="https://oauth.example/rest"
    )


@pytest.mark.parametrize("url", ["http://127.0.0.1:8025", "http://localhost", "http://[::1]:8025"])
def test_on_this_machine_the_bridge_may_be_without_tls(url: str) -> None:
    assert read(BRIDGE_URL=url).url == url


@pytest.mark.parametrize("url", ["redis://127.0.0.1", "unix://:password@/run/redis.sock?db=1"])
def test_on_this_machine_redis_may_be_without_tls(url: str) -> None:
    settings = read(BRIDGE_STORE=url)
    assert settings.store == url
    assert url not in repr(settings)


@pytest.mark.parametrize("named", ["*", "OFFICE.example", "office.example:443", "5a1d"])
def test_a_portal_may_install_by_its_domain_or_member_id(named: str) -> None:
    for domain in ("Office.example", "office.example:443"):
        assert read(BRIDGE_PORTALS=named).may_install(domain, "5a1d")


def test_no_portal_may_install_whose_name_is_similar() -> None:
    named = read(BRIDGE_PORTALS="example,other.example,office.example.attacker.example,5a1")
    assert not named.may_install("office.example", "5a1d")
