"""The contract as a document, and checks of what a portal sends against it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

Document = dict[str, Any]

PATH = Path(__file__).parents[2] / "openapi" / "call-card.yaml"
_URI = "urn:contract"


class ErrorExample(NamedTuple):
    """An error of which the contract has an example."""

    status: int
    code: str
    body: dict[str, Any]
    is_from_a_bridge: bool
    """Whether only a bridge reports it, never a portal."""


def load() -> Document:
    """Read the committed contract."""
    document: Document = yaml.safe_load(PATH.read_text("utf-8"))
    return document


def paths(document: Document) -> list[str]:
    """Return the paths; each has one operation, a POST."""
    return list(document["paths"])


def error_examples(document: Document, path: str | None = None) -> list[ErrorExample]:
    """Return the errors of which the contract has an example, at one path or at all.

    The first of a code has the status of current portals; others follow with its other statuses.
    """
    found = {}
    for each in [path] if path else paths(document):
        for main, response in _responses(document, each).items():
            for example in response["content"]["application/json"]["examples"].values():
                body = example["value"]
                for status in (int(main), *example.get("x-other-statuses", ())):
                    if "error" in body:
                        error = ErrorExample(status, body["error"], body, "x-bridge" in example)
                        found[error[:2]] = error
    return list(found.values())


def call_examples(document: Document) -> dict[str, Any]:
    """Return the calls in the contract's examples, by name."""
    responses = _responses(document, paths(document)[0])
    examples = responses["200"]["content"]["application/json"]["examples"]
    return {name: example["value"]["result"] for name, example in examples.items()}


def statuses(document: Document) -> list[int]:
    """Return the documented statuses of all operations."""
    return sorted({int(code) for path in paths(document) for code in _responses(document, path)})


# --- what is wrong with a response ----------------------------------------------------------------


def faults_of_answer(
    document: Document, response: httpx.Response, path: str | None = None
) -> Iterator[str]:
    """Yield how a response is not as documented: in its status, its media type or its body.

    It belongs to the operation at `path`, by default the first one.
    """
    path, status = path or paths(document)[0], response.status_code
    documented = _responses(document, path).get(str(status))
    if documented is None:
        yield f"the status {status} is not documented"
        return
    content_type = response.headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in documented["content"]:
        yield f"the content type {content_type!r} is not documented for {status}"
        return
    try:
        value = json.loads(response.content, parse_constant=_refuse)
    except ValueError:
        yield f"the body of the {status} is not JSON"
        return
    pointer = f"/paths/{escaped(path)}/post/responses/{status}"
    pointer = _at(document, pointer).get("$ref", pointer).removeprefix("#")
    schema = f"{pointer}/content/{escaped(media_type)}/schema"
    for error in validator(document, schema).iter_errors(value):
        yield f"{status}: {error.json_path}: {error.message}"


def _refuse(constant: str) -> None:
    # NaN and the infinities: Python reads them, but they are not JSON.
    raise ValueError(f"{constant} is not JSON")


# --- how the document is read ---------------------------------------------------------------------


def _responses(document: Document, path: str) -> dict[str, Any]:
    responses: dict[str, Any] = document["paths"][path]["post"]["responses"]
    return {status: resolved(document, response) for status, response in responses.items()}


def resolved(document: Document, node: Any) -> Any:
    """Return what a node refers to, or else itself."""
    return _at(document, node["$ref"][1:]) if "$ref" in node else node


def _at(document: Document, pointer: str) -> Any:
    node: Any = document
    for part in pointer.split("/")[1:]:
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def escaped(part: str) -> str:
    """Return one step of a JSON pointer."""
    return part.replace("~", "~0").replace("/", "~1")


def validator(document: Document, pointer: str) -> Draft202012Validator:
    """Return the validator of the schema at a JSON pointer."""
    registry: Registry[Any] = Registry().with_resource(_URI, DRAFT202012.create_resource(document))
    return Draft202012Validator(
        {"$ref": f"{_URI}#{pointer}"},
        registry=registry,
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )
