"""The import with the first call, which is what a user waits for when a program starts."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import trustme

from benchmark.calls import ROOT
from benchmark.servers import BODY, process, respond
from benchmark.turns import Block, Effort, Row, Sample, compare

_STOCK = """
from stock_client import {kind}
from stock_client.api.call_card import get_status
from stock_client.models import GetStatusRequest, NoParameters
body = GetStatusRequest(params=NoParameters())
print(get_status.sync(client={kind}(**{arguments}), body=body).result.call_id)
"""
_OURS = """
from bitrix24_call_card import {kind}
from bitrix24_call_card.api.call_card import get_status
print(get_status.sync(client={kind}(**{arguments})).result.call_id)
"""
_HTTPX = """
import httpx
print(httpx.Client().post({url!r}, json={body}).json()["result"]["CALL_ID"])
"""


def starts(answer: Any, stock: Path, effort: Effort) -> Iterator[Row]:
    """Measure whole programs that make one call over https."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        # A copy, because bytecode may not be written into a checkout, but is in an installation.
        shutil.copytree(ROOT / "generated" / "bitrix24_call_card", folder / "bitrix24_call_card")
        ca = trustme.CA()
        ca.cert_pem.write_to_path(folder / "ca.pem")
        certificate = ca.issue_cert("127.0.0.1").private_key_and_cert_chain_pem
        certificate.write_to_path(folder / "server.pem")
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([temporary, str(stock)]),
            "PYTHONDONTWRITEBYTECODE": "",
            "SSL_CERT_FILE": str(folder / "ca.pem"),
        }

        def program(source: str) -> Block:
            return lambda: _run(source, environment, answer["result"]["CALL_ID"])

        with process(respond, answer, str(folder / "server.pem")) as webhook:
            oauth = webhook.partition("/1/")[0]
            bare = program(_HTTPX.format(url=f"{webhook}placement.call", body=BODY))
            for kind, arguments in (
                ("Client", {"base_url": webhook}),
                ("AuthenticatedClient", {"base_url": oauth, "token": "benchmarktoken"}),
            ):
                blocks = {
                    "stock generated client": program(
                        _STOCK.format(kind=kind, arguments=arguments)
                    ),
                    "ours": program(_OURS.format(kind=kind, arguments=arguments)),
                    "bare httpx": bare,
                }
                yield from compare(f"import and first call, {kind}", effort.turns, blocks)


def _run(source: str, environment: dict[str, str], printed: str) -> Sample:
    # As in an application: httpx imports its command line where click and rich are installed.
    source = f"import sys; sys.modules.update(click=None, rich=None)\n{source}"
    used, began = _used_by_children(), time.perf_counter()
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", source], env=environment, stdout=subprocess.PIPE, text=True
    )
    took, used = time.perf_counter() - began, _used_by_children() - used
    if done.stdout.strip() != printed:
        raise RuntimeError(f"The program printed {done.stdout!r}:\n{source}")
    return {"time, ms": took * 1e3, "CPU, ms": used * 1e3}


def _used_by_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
