"""A small contract, edits of it, and what the generator makes of them."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import generate
import pytest
import yaml

Document = dict[str, Any]

DOCUMENT: Document = yaml.safe_load("""
openapi: 3.1.1
info: {title: A portal, version: 1.2.3}
paths:
  /portal.ask:
    post:
      operationId: ask
      tags: [portal]
      summary: Ask
      requestBody:
        content: {application/json: {schema: {$ref: "#/components/schemas/Request"}}}
      responses:
        "200":
          description: It answers.
          content: {application/json: {schema: {$ref: "#/components/schemas/Answer"}}}
        "400":
          description: It refuses.
          content: {application/json: {schema: {$ref: "#/components/schemas/ErrorResponse"}}}
components:
  schemas:
    Request:
      type: object
      required: [COMMAND]
      properties: {COMMAND: {type: string, const: ask, default: ask}}
    Answer: {type: object, properties: {value: {type: string}}}
    ErrorResponse: {type: object, properties: {error: {type: string}}}
    Other: {type: object, properties: {id: {type: integer}}}
    Named: {type: object, required: [id], properties: {id: {type: integer}}}
    Way: {type: string, enum: [in, out-bound]}
""")

GONE = object()


def edited(path: str, value: Any, document: Document = DOCUMENT) -> Document:
    """A copy of a document with the value at a path, its steps divided by blanks, set or GONE."""
    changed = copy.deepcopy(document)
    *steps, last = path.split()
    node = changed
    for step in steps:
        node = node.setdefault(step, {})
    if value is GONE:
        del node[last]
    else:
        node[last] = value
    return changed


def with_value(schema: Any, *, required: bool = False) -> Document:
    """The document with this schema for the value of an answer."""
    answer = {"type": "object", "properties": {"value": schema}}
    if required:
        answer["required"] = ["value"]
    return edited("components schemas Answer", answer)


def generated(document: Document, folder: Path) -> Path:
    """Generate a client; return the folder to import it from."""
    contract = folder / "contract.yaml"
    contract.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    generate.generate(contract, folder / "client")
    return folder / "client"


def refusal(document: Document, folder: Path) -> str:
    """Why no client can be generated."""
    with pytest.raises(generate.GenerationError) as raised:
        generated(document, folder)
    return str(raised.value)


def printed(client: Path, program: str) -> Any:
    """What a program that uses a generated client prints, which is JSON."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, "PYTHONPATH": str(client)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def read(document: Document, folder: Path, *values: Any) -> list[Any]:
    """What a client makes of these values in answers: each as it would write it, or None."""
    client = generated(document, folder)
    answers = [{"value": value} for value in values]
    program = (
        "import json\nfrom bitrix24_call_card import models\n"
        f"answers = json.loads({json.dumps(answers)!r})\n"
        "read = [models.Answer.from_dict(answer).to_dict().get('value') for answer in answers]\n"
        "print(json.dumps(read))\n"
    )
    return list(printed(client, program))
