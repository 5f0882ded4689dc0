"""Every documented error, provoked in a sandbox: generated requests cause few of them."""

from collections.abc import Iterator

import httpx
from bitrix24_sandbox.testing import Sandbox

from contract.document import Document, ErrorExample, error_examples, faults_of_answer, paths
from contract.properties import Finding, Tally

CHECK = "documented_error"


def provoked(document: Document, sandbox: Sandbox, tally: Tally) -> Iterator[Finding]:
    """Let the sandbox fail with each documented error; yield what is not as documented."""
    with httpx.Client(trust_env=False, timeout=30) as http:
        for path in paths(document):
            url = f"{sandbox.webhook_url.removesuffix('/')}{path}"
            for expected in error_examples(document, path):
                if expected.is_from_a_bridge:
                    continue
                sandbox.fail(expected.code, status=expected.status)
                response = http.post(url, json={"PLACEMENT": "getStatus", "PARAMS": {}})
                tally.phases["examples"] += 1
                tally.statuses[response.status_code] += 1
                tally.checks[CHECK] += 1
                for fault in faults_of_error(document, response, expected, path):
                    yield Finding(CHECK, f"{expected.code} with {expected.status}", fault, "")
                tally.codes[expected.code] += 1


def faults_of_error(
    document: Document, response: httpx.Response, expected: ErrorExample, path: str | None = None
) -> Iterator[str]:
    """Yield how a response is not the expected error, or not as documented at `path`."""
    if response.status_code != expected.status:
        yield f"expected {expected.status}, got {response.status_code}"
    if f'"{expected.code}"' not in response.text:
        yield f"expected {expected.code}, got {response.text}"
    content_type = response.headers.get("content-type", "")
    status, body = response.status_code, response.content
    yield from faults_of_answer(document, status, content_type, body, path)
