"""A small contract, and edits of it."""

import copy
from typing import Any

import yaml

CALL = "components/schemas/Call"
TEXT = {"type": "string"}
GONE = object()

DOCUMENT: dict[str, Any] = yaml.safe_load("""
openapi: 3.1.1
info: {title: A card, version: 1.0.0}
servers:
  - url: https://one.example
  - {url: "https://{host}.example/rest", variables: {host: {default: other}}}
security: [{}, {token: []}]
paths:
  /call:
    post:
      operationId: get
      tags: [card]
      parameters: [{name: q, in: query, schema: {type: string}}]
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/Request"}}}
      responses:
        "200":
          description: The call.
          content: {application/json: {schema: {$ref: "#/components/schemas/Call"}}}
        "404": {description: No call.}
webhooks:
  opened:
    post:
      operationId: open
      parameters: [{name: sid, in: query, required: true, schema: {type: string}}]
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/Event"}}}
      responses: {"200": {description: Taken.}}
components:
  securitySchemes: {token: {type: apiKey, in: query, name: auth}}
  schemas:
    Request: {type: object, properties: {note: {type: string, maxLength: 9}}}
    Call:
      type: object
      properties:
        id: {type: string}
        tree: {$ref: "#/components/schemas/Tree"}
        way: {anyOf: [{$ref: "#/components/schemas/Way"}, {type: string}]}
        ways: {type: array, items: {$ref: "#/components/schemas/Way"}}
    Event: {type: object, properties: {id: {type: string}}}
    Tree: {type: object, properties: {child: {$ref: "#/components/schemas/Tree"}}}
    Way: {type: string, enum: [in, out], x-enum-varnames: [IN, OUT]}
""")


def edited(document: dict[str, Any], pointer: str, value: Any) -> dict[str, Any]:
    """Return a copy of the document with one value set, appended (at "-") or removed (GONE)."""
    changed = copy.deepcopy(document)
    *path, last = (step.replace("~1", "/") for step in pointer.split("/"))
    node: Any = changed
    for step in path:
        node = node[int(step)] if isinstance(node, list) else node[step]
    key: Any = int(last) if isinstance(node, list) and last != "-" else last
    if last == "-":
        node.append(value)
    elif value is GONE:
        del node[key]
    else:
        node[key] = value
    return changed
