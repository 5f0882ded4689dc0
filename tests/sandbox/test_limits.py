"""The leaky bucket of requests, and the sum of operating time."""

from typing import Any

import httpx
from bitrix24_sandbox.portal.limits import LeakyBucket, Limits, OperatingTime
from bitrix24_sandbox.testing import Sandbox


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_fits_and_then_as_much_as_drains() -> None:
    clock = Clock()
    bucket = LeakyBucket(Limits(50, 2), clock)
    assert [bucket.take("a") for _ in range(52)] == [True] * 50 + [False] * 2
    clock.now += 1
    assert [bucket.take("a") for _ in range(3)] == [True, True, False]
    clock.now += 3600
    assert [bucket.take("a") for _ in range(51)] == [True] * 50 + [False]


def test_each_source_address_has_its_own_bucket() -> None:
    bucket = LeakyBucket(Limits(1, 2), Clock())
    assert bucket.take("a")
    assert not bucket.take("a")
    assert bucket.take("b")


def test_beyond_the_limits_a_portal_responds_with_503_until_they_are_lifted(
    http: httpx.Client, ask: Any, sandbox: Sandbox
) -> None:
    url = f"{sandbox.origin}/sandbox/limits"
    limits = {"burst": 3, "rate": 0.001}
    assert http.put(url, json={"limits": limits}).json()["limits"] == limits
    answers = [ask() for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 503, 503]
    assert answers[-1].json() == {
        "error": "QUERY_LIMIT_EXCEEDED",
        "error_description": "Too many requests",
    }
    assert "retry-after" not in answers[-1].headers
    http.put(url, json={"limits": None})
    assert ask().status_code == 200


def test_operating_time_expires_after_ten_minutes() -> None:
    operating = OperatingTime()
    assert operating.add("m", 1000.2, 1.5) == (1.5, 1600)
    assert operating.add("m", 1000.9, 0.5) == (2.0, 1600)
    assert operating.add("m", 1599.9, 1.0) == (3.0, 1600)
    assert operating.add("other", 1599.9, 4.0) == (4.0, 2199)
    assert operating.add("m", 1600.0, 0.25) == (1.25, 2199)
