"""The contract as a document: checks of a response against it, and of its own consistency."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

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


def load() -> Document:
    """Read the committed contract."""
    document: Document = yaml.safe_load(PATH.read_text("utf-8"))
    return document


def paths(document: Document) -> list[str]:
    """Return the paths; each has one operation, a POST."""
    return list(document["paths"])


def error_examples(document: Document, path: str | None = None) -> list[ErrorExample]:
    """Return the errors of which the contract has an example, at one path or at all."""
    found = [
        ErrorExample(int(status), resolved(document, example)["value"]["error"])
        for each in ([path] if path else paths(document))
        for status, response in _responses(document, each).items()
        if status != "200"
        for content in response["content"].values()
        for example in content["examples"].values()
    ]
    return list(dict.fromkeys(found))


def statuses(document: Document) -> list[int]:
    """Return the documented statuses of all operations."""
    return sorted({int(code) for path in paths(document) for code in _responses(document, path)})


def codes(document: Document) -> list[str]:
    """Return the error codes that the contract lists."""
    return sorted(document["components"]["schemas"]["ErrorCode"]["enum"])


# --- what is wrong with a response ----------------------------------------------------------------


def faults_of_answer(
    document: Document, status: int, content_type: str, body: bytes, path: str | None = None
) -> Iterator[str]:
    """Yield how a response is not as documented: in its status, its media type or its body.

    It belongs to the operation at `path`, by default the first one.
    """
    path = path or paths(document)[0]
    pointer = f"/paths/{_escaped(path)}/post/responses/{status}"
    response = _responses(document, path).get(str(status))
    if response is None:
        yield f"the status {status} is not documented"
        return
    if "$ref" in _at(document, pointer):
        pointer = _at(document, pointer)["$ref"].removeprefix("#")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in response["content"]:
        yield f"the content type {content_type!r} is not documented for {status}"
        return
    try:
        value = json.loads(body, parse_constant=_refuse)
    except ValueError:
        yield f"the body of the {status} is not JSON"
        return
    schema = f"{pointer}/content/{_escaped(media_type)}/schema"
    for error in _validator(document, schema).iter_errors(value):
        yield f"{status}: {error.json_path}: {error.message}"


def faults_of_value(document: Document, schema: str, value: Any) -> Iterator[str]:
    """Yield how a value does not fit a component schema, JSON inside its strings included."""
    pointer = f"/components/schemas/{schema}"
    for error in _validator(document, pointer).iter_errors(value):
        yield f"{schema}: {error.json_path}: {error.message}"
    for name, inner in _at(document, pointer).get("properties", {}).items():
        if "contentSchema" in inner and name in value:
            content = json.loads(value[name], parse_constant=_refuse)
            where = f"{pointer}/properties/{_escaped(name)}/contentSchema"
            for error in _validator(document, where).iter_errors(content):
                yield f"{schema}.{name}: {error.json_path}: {error.message}"


def _refuse(constant: str) -> None:
    # NaN and the infinities: Python reads them, but they are not JSON.
    raise ValueError(f"{constant} is not JSON")


# --- what is wrong with the document --------------------------------------------------------------


def faults_of_document(document: Document) -> Iterator[str]:
    """Yield contradictions in the contract: examples, codes, closed sets, unused components."""
    yield from _faults_of_examples(document)
    yield from _faults_of_codes(document)
    yield from _closed_sets(document)
    yield from _unused_components(document)


def _faults_of_examples(document: Document) -> Iterator[str]:
    for where, schema, value in examples(document):
        for error in _validator(document, schema).iter_errors(value):
            yield f"{where}: {error.json_path}: {error.message}"


def _faults_of_codes(document: Document) -> Iterator[str]:
    named = set(codes(document))
    shown = {example.code for example in error_examples(document)}
    yield from (f"{code} is listed, but has no example" for code in sorted(named - shown))
    yield from (f"{code} has an example, but is not listed" for code in sorted(shown - named))
    listed = document["components"]["schemas"]["ErrorCode"]
    texts = listed["x-enum-descriptions"]  # by value, or in the order of the values
    described = texts if isinstance(texts, dict) else dict(zip(listed["enum"], texts, strict=False))
    for code, example in document["components"]["examples"].items():
        if example["summary"] != described.get(code):
            yield f"{code} and its example have different descriptions"


def _closed_sets(document: Document) -> Iterator[str]:
    sets = {
        f"#/components/schemas/{name}"
        for name, schema in document["components"]["schemas"].items()
        if "enum" in schema
    }
    for pointer, node in _nodes(document):
        for name, schema in node.items():
            if isinstance(schema, dict) and schema.get("$ref") in sets:
                yield f"{pointer}/{name} allows only the values that are listed"
        alternatives = node.get("anyOf", ())
        if any(each.get("$ref") in sets for each in alternatives) and not any(
            each.get("type") == "string" for each in alternatives
        ):
            yield f"{pointer} allows only the values that are listed"


def _unused_components(document: Document) -> Iterator[str]:
    used = set(re.findall(r'"\$ref": "#/components/([^"]+)"', json.dumps(document)))
    # Messages from the page to the widget are not in an operation, but in the description.
    used |= {f"schemas/{name}" for name in re.findall(r"`(\w+)`", document["info"]["description"])}
    for kind in ("examples", "responses", "schemas"):
        for name in document["components"].get(kind, {}):
            if f"{kind}/{name}" not in used:
                yield f"{name} is neither referenced nor mentioned in the description"


def examples(document: Document) -> Iterator[tuple[str, str, Any]]:
    """Yield the place of each example, that of its schema, and the value."""
    for pointer, node in _nodes(document):
        match node:
            case {"schema": dict(), "examples": dict(examples)}:
                for name, example in examples.items():
                    value = resolved(document, example)["value"]
                    yield f"{pointer}/examples/{name}", f"{pointer}/schema", value
            case {"examples": list(values)}:
                for index, value in enumerate(values):
                    yield f"{pointer}/examples/{index}", pointer, value
                    if "contentSchema" in node:
                        content = json.loads(value)
                        yield f"{pointer}/examples/{index}", f"{pointer}/contentSchema", content


# --- how the document is read ---------------------------------------------------------------------


def _responses(document: Document, path: str) -> dict[str, Any]:
    responses: dict[str, Any] = document["paths"][path]["post"]["responses"]
    return {status: resolved(document, response) for status, response in responses.items()}


def _nodes(node: Any, pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object of the document with its pointer, except those inside examples."""
    if isinstance(node, dict):
        yield pointer, node
        for name, child in node.items():
            if name != "examples":
                yield from _nodes(child, f"{pointer}/{_escaped(str(name))}")
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from _nodes(child, f"{pointer}/{index}")


def resolved(document: Document, node: Any) -> Any:
    """Return what a node refers to, or else itself."""
    return _at(document, node["$ref"][1:]) if "$ref" in node else node


def _at(document: Document, pointer: str) -> Any:
    node: Any = document
    for part in pointer.split("/")[1:]:
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def _validator(document: Document, pointer: str) -> Draft202012Validator:
    registry: Registry[Any] = Registry().with_resource(_URI, DRAFT202012.create_resource(document))
    return Draft202012Validator(
        {"$ref": f"{_URI}#{pointer}"},
        registry=registry,
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )
