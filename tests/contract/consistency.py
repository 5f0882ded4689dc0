"""The consistency of the contract: its examples, its codes, and what refers to what."""

import json
import re
from collections.abc import Iterator
from typing import Any

from contract.document import Document, error_examples, escaped, resolved, validator


def faults_of_document(document: Document) -> Iterator[str]:
    """Yield contradictions in the contract: examples, codes, closed sets, unused components."""
    yield from _faults_of_examples(document)
    yield from _faults_of_codes(document)
    yield from _closed_sets(document)
    yield from _unused_components(document)


def _faults_of_examples(document: Document) -> Iterator[str]:
    for where, schema, value in examples(document):
        for error in validator(document, schema).iter_errors(value):
            yield f"{where}: {error.json_path}: {error.message}"


def _faults_of_codes(document: Document) -> Iterator[str]:
    named = set(document["components"]["schemas"]["ErrorCode"]["enum"])
    shown = [
        code
        for response in document["components"]["responses"].values()
        for code in response["content"]["application/json"]["examples"]
    ]
    yield from (f"{code} is listed, but has no example" for code in sorted(named - {*shown}))
    yield from (f"{code} has an example, but is not listed" for code in sorted({*shown} - named))
    yield from (f"{code} has two examples" for code in named if shown.count(code) > 1)
    errors = {error.code: error for error in error_examples(document)}
    yield from (
        f"the example of {code} is named {name}"
        for name, code in zip(sorted(shown), sorted(errors), strict=False)
        if name != code
    )


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


def _nodes(node: Any, pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object of the document with its pointer, except those inside examples."""
    if isinstance(node, dict):
        yield pointer, node
        for name, child in node.items():
            if name != "examples":
                yield from _nodes(child, f"{pointer}/{escaped(str(name))}")
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from _nodes(child, f"{pointer}/{index}")
