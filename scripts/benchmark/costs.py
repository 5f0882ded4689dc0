"""What a program pays before its first call, and beside its calls: imports, memory, models."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bitrix24_call_card.models import CallStatus, GetStatusResponse
from bitrix24_sandbox.testing import Sandbox

from benchmark.calls import repeat
from benchmark.servers import BODY
from benchmark.turns import Block, Effort, Row, Sample, compare, per_call

_IMPORT = """
import time
used, began = time.process_time(), time.perf_counter()
{imported}
took, used = time.perf_counter() - began, time.process_time() - used
print(took * 1e3, used * 1e3)
"""

_MEMORY = """
import os, sys
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
url, calls = sys.argv[1], int(sys.argv[2])
before = resident()
{imported}
after_import = resident()
{client}
for _ in range(calls):
    {call}
print(after_import - before, resident() - before)
"""

_IMPORT_HTTPX = "import httpx"
_IMPORT_OURS = "from bitrix24_call_card.api.call_card import get_status"


def _in_a_process(quantities: tuple[str, ...], program: str, *arguments: str) -> Block:
    """Make a block that runs a program afresh; the program prints the quantities."""
    # As in an application: httpx loads its command line when it finds these, which only tools need.
    program = f"import sys; sys.modules.update(click=None, rich=None)\n{program}"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        # As in an application, too: what it imports has been compiled before.
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir(), "bitrix24-call-card-bytecode")),
    }

    def block() -> Sample:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", program, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            env=environment,
        )
        return dict(zip(quantities, map(float, done.stdout.split()), strict=True))

    return block


def imports(effort: Effort) -> list[Row]:
    """Measure how long an import takes, inside an interpreter that has just started."""
    statements = {
        "httpx": _IMPORT_HTTPX,
        "ours": _IMPORT_OURS,
        "stock generated client": "from stock_client.api.call_card import get_status",
    }
    blocks = {
        subject: _in_a_process(("time, ms", "CPU, ms"), _IMPORT.format(imported=statement))
        for subject, statement in statements.items()
    }
    # A turn has one import only, where it has many calls.
    return compare("import", effort.imports * effort.rounds, blocks)


def memory(sandbox: Sandbox, effort: Effort) -> list[Row]:
    """Measure what a process holds over a bare interpreter; Linux alone tells it in this way."""
    if not Path("/proc/self/statm").exists():
        return []
    programs = {
        "bare httpx": (
            _IMPORT_HTTPX,
            "client = httpx.Client()",
            f"client.post(url + 'placement.call', json={BODY}).json()",
        ),
        "ours": (
            _IMPORT_OURS,
            "from bitrix24_call_card import Client; client = Client(base_url=url)",
            "get_status.sync(client=client)",
        ),
    }
    quantities = ("after import, MiB", f"after {effort.memory_calls} calls, MiB")
    blocks = {
        subject: _in_a_process(
            quantities,
            _MEMORY.format(imported=imported, client=client, call=call),
            sandbox.webhook_url,
            str(effort.memory_calls),
        )
        for subject, (imported, client, call) in programs.items()
    }
    return compare("memory over a bare interpreter", 2, blocks)


def models(answer: Any, effort: Effort) -> list[Row]:
    """Measure what it takes to make an answer into models."""
    text, calls = json.dumps(answer), effort.calls * 10
    blocks = {
        "json.loads": per_call(calls, repeat(lambda: json.loads(text))),
        "CallStatus.from_dict": per_call(
            calls, repeat(lambda: CallStatus.from_dict(answer["result"]))
        ),
        "GetStatusResponse.from_dict": per_call(
            calls, repeat(lambda: GetStatusResponse.from_dict(answer))
        ),
    }
    return compare("an answer into models", effort.rounds, blocks)
