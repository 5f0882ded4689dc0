"""How an operation becomes a function: the request it sends, and the models of its responses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from generator.schemas import Schema, Schemas, UnsupportedError, is_object, module_name

Node = Mapping[str, Any]

_SEVERAL = object()  # the result for a schema that has more than one value


@dataclass(frozen=True)
class Operation:
    """A POST of constant JSON; the statuses of successes and of errors, and the model of each."""

    fields: Any
    successes: list[int]
    success: str
    errors: list[int]
    error: str


def operations_of(document: Node, schemas: Schemas) -> dict[str, Operation]:
    """Return the operations of a contract, by path.

    Raises:
        UnsupportedError: The client cannot send the request, or cannot read a response.
    """
    operations: dict[str, Operation] = {}
    names = set()
    for path, item in document["paths"].items():
        for key in item:
            where = f"paths.{path}.{key}"
            if key == "post":
                operations[path] = _operation(document, schemas, item[key], where)
                if (name := module_name(item[key]["operationId"])) in names:
                    raise UnsupportedError(where, f"another operation is named {name}")
                names.add(name)
            elif key not in ("description", "servers", "summary"):
                raise UnsupportedError(where, "only post is supported, and without parameters")
    return operations


def _operation(document: Node, schemas: Schemas, operation: Node, where: str) -> Operation:
    if operation.get("parameters"):
        raise UnsupportedError(f"{where}.parameters", "no parameters are supported")
    for key in ("operationId", "requestBody"):
        if key not in operation:
            raise UnsupportedError(where, f"an operation without {key} is not supported")
    name = operation["operationId"]
    schema, place = _json_of(document, operation["requestBody"], f"{where}.requestBody")
    fields = _value(schemas, schema, place)
    if fields is _SEVERAL:
        raise UnsupportedError(place, "several bodies, and the client sends one")
    schemas.reading(schema, place, f"{name}_body")

    models: dict[int, str] = {}
    for status, response in operation["responses"].items():
        place = f"{where}.responses.{status}"
        if not status.isdecimal():
            raise UnsupportedError(place, "only single statuses are supported")
        schema, place = _json_of(document, response, place)
        reading = schemas.reading(schema, place, f"{name}_response_{status}")
        models[int(status)] = reading.type.removeprefix("models.")
        if not is_object(schemas.resolved(schema, place)):
            raise UnsupportedError(place, "only objects are supported")
    successes = sorted(status for status in models if status < 400)
    errors = sorted(status for status in models if status >= 400)
    for kind, statuses in ("successes", successes), ("errors", errors):
        found = sorted({models[status] for status in statuses})
        if len(found) != 1:
            reason = f"{kind} have one model, and not {', '.join(found) or 'none'}"
            raise UnsupportedError(f"{where}.responses", reason)
    return Operation(fields, successes, models[successes[0]], errors, models[errors[0]])


def _json_of(document: Node, node: Node, where: str) -> tuple[Schema, str]:
    """Return the schema of a JSON request or response, and the place of that schema."""
    if "$ref" in node:
        steps = node["$ref"].removeprefix("#/").split("/")
        where, node = ".".join(steps), document
        for step in steps:
            node = node.get(step, {})
    match node.get("content", {}):
        case {"application/json": {"schema": schema}, **others} if not others:
            return schema, f"{where}.content.application/json.schema"
        case content:
            found = " and ".join(content) or "no content"
            raise UnsupportedError(where, f"expected application/json with a schema, found {found}")


def _value(schemas: Schemas, schema: Schema, where: str) -> Any:
    """Return the only value of a schema, in which optional members that can vary are left out."""
    if "$ref" in schema:
        where, schema = schema["$ref"][2:].replace("/", "."), schemas.resolved(schema, where)
    if "const" in schema:
        return schema["const"]
    if is_object(schema):
        members = {}
        for key, member in schema.get("properties", {}).items():
            place = f"{where}.properties.{key}"
            value = _value(schemas, member, place)
            if value is not _SEVERAL:
                members[key] = value
            elif key in schema.get("required", []):
                raise UnsupportedError(place, "a required member that is not constant")
        return members
    branches = [*schema.get("anyOf", []), *schema.get("oneOf", [])]
    something = [branch for branch in branches if not schemas.is_nothing(branch, where)]
    return _value(schemas, something[0], where) if len(something) == 1 else _SEVERAL
