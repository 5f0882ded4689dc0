"""How many requests of a kind an address may make: a leaky bucket for each."""

import time
from collections import OrderedDict
from ipaddress import IPv6Address, ip_address
from typing import Protocol

from .settings import Rate

MOST_BUCKETS = 50_000
"""Beyond, the oldest go first."""


class Limiter(Protocol):
    """Buckets, which all processes of a bridge share."""

    async def take(self, network: str, rate: Rate, kind: str) -> bool:
        """Put one more request of this kind into the bucket of a network. False if it is full."""
        ...


class Buckets:
    """Those of a bridge that is one process."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    async def take(self, network: str, rate: Rate, kind: str) -> bool:
        """Put one more request of this kind into the bucket of a network."""
        now = time.monotonic()
        level, since = self._buckets.pop((kind, network), (0.0, now))
        level = max(0.0, level - (now - since) * rate.a_second)
        fits = level + 1 <= rate.burst
        self._buckets[kind, network] = (level + fits, now)
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return fits


def network_of(address: str) -> str:
    """Return what shares a bucket: an IPv4 address, or the /64 that an IPv6 subscriber has."""
    try:
        parsed = ip_address(address)
    except ValueError:  # of a Unix socket, say
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return parsed.exploded[:19]
