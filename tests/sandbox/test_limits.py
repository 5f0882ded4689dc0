"""The leaky bucket, and the sum of operating time."""

from typing import Any

import httpx
import pytest
from bitrix24_sandbox.portal.limits import LeakyBucket, Limits, OperatingTime
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.server import running

ASKED = {"PLACEMENT": "getStatus", "PARAMS": {}}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_taken_and_then_as_much_as_drains() -> None:
    clock = Clock()
    bucket = LeakyBucket(Limits(50, 2), clock)
    assert [bucket.take("a") for _ in range(52)] == [True] * 50 + [False] * 2
    clock.now += 1
    assert [bucket.take("a") for _ in range(3)] == [True, True, False]
    clock.now += 3600
    assert [bucket.take("a") for _ in range(51)] == [True] * 50 + [False]


def test_each_source_address_has_a_bucket_of_its_own() -> None:
    bucket = LeakyBucket(Limits(1, 2), Clock())
    assert bucket.take("a")
    assert not bucket.take("a")
    assert bucket.take("b")


def test_a_portal_with_limits_answers_503_beyond_them(http: httpx.Client) -> None:
    with running(Portal(limits=Limits(3, 0.001))) as portal:
        answers = [http.post(f"{portal.webhook_url}placement.call", json=ASKED) for _ in range(5)]
        portal.reset()
        afresh = http.post(f"{portal.webhook_url}placement.call", json=ASKED)
    assert [answer.status_code for answer in answers] == [200, 200, 200, 503, 503]
    assert answers[-1].json() == {
        "error": "QUERY_LIMIT_EXCEEDED",
        "error_description": "Too many requests",
    }
    assert "retry-after" not in answers[-1].headers
    assert afresh.status_code == 200


def test_without_limits_nothing_is_counted(ask: Any) -> None:
    assert {ask().status_code for _ in range(100)} == {200}


def test_operating_time_is_forgotten_after_ten_minutes() -> None:
    operating = OperatingTime()
    assert operating.add("m", 1000.2, 1.5) == (1.5, 1600)
    assert operating.add("m", 1000.9, 0.5) == (2.0, 1600)
    assert operating.add("m", 1599.9, 1.0) == (3.0, 1600)
    assert operating.add("other", 1599.9, 4.0) == (4.0, 2199)
    assert operating.add("m", 1600.0, 0.25) == (1.25, 2199)


def test_operating_time_stays_exact_and_small_over_a_busy_day() -> None:
    operating = OperatingTime()
    used = 0.0
    for second in range(86_400):
        used, _ = operating.add("m", second, 0.001)
    assert used == pytest.approx(0.6)
    assert len(operating._used["m"]) == 600
