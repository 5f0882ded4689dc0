"""How the values of a schema are read, or why they cannot be.

A value is read as one type, by a reader of the client's `_reading.py`, which also accepts other
encodings of it (`"17"` for 17) and of an empty value (`false`, `""`, `[]`: "nothing"). A schema
that admits more than its reader understands is refused, with its place in the contract.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from openapi_python_client.strings import ClassName, PythonIdentifier

Schema = Mapping[str, Any]

# They add values that are not read, or rename a class. All others are read, or only add limits.
_UNSUPPORTED = {
    *("$dynamicRef", "allOf", "dependentSchemas", "if", "not", "nullable"),
    *("patternProperties", "prefixItems", "title"),
}
_NOT_TEXT = {"binary", "date", "uuid"}  # formats for which Python has other types
_DIGITS = re.compile(r"\^(-\??)?\[0-9\]\+\$")
_PREFIX = "field_"  # openapi-python-client's, for names that are none in Python
_TAKEN = {"additional_keys", "additional_properties", "from_dict", "to_dict"}


class UnsupportedError(ValueError):
    """A part of the contract is not supported; the message has its place and the reason."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")


@dataclass(frozen=True)
class Reading:
    """How values are read and written, as Python code.

    Attributes:
        reader: The function that reads a value.
        type: The type that it returns, apart from UNSET for nothing.
        empty: The value of a required member that is nothing, if the type has one.
        demanded: Whether a required member that is nothing is an error.
        written: The value as JSON; the braces stand for the attribute.
        secret: Whether the value is a secret.
    """

    reader: str
    type: str
    empty: str | None = None
    demanded: bool = False
    written: str = "{}"
    secret: bool = False


_SCALARS = {
    "string": Reading("as_text", "str", '""'),
    "integer": Reading("as_int", "int", "0"),
    "number": Reading("as_float", "float", demanded=True),
    "boolean": Reading("as_bool", "bool", "False"),
}
_SECRET = Reading("as_secret", "str", '""', secret=True)
_DATE_TIME = Reading("as_datetime", "datetime.datetime", demanded=True, written="{}.isoformat()")


@dataclass(frozen=True)
class Field:
    """A member of an object as an attribute of its class; `default` is Python code."""

    name: str
    attribute: str
    reading: Reading
    required: bool
    default: str | None
    description: str


@dataclass(frozen=True)
class Model:
    """The class of an object.

    Attributes:
        fields: Its fields, required ones first.
        is_open: Whether it allows others.
        identity: The member without which it is no such object, if the contract names one.
    """

    fields: list[Field]
    is_open: bool
    identity: str | None

    @property
    def declared(self) -> list[Field]:
        """The fields in the order of the class, in which those without a default come first."""
        return sorted(
            self.fields, key=lambda field: (field.default is not None, not field.required)
        )


class Schemas:
    """The component schemas of a contract; `models` has the class of each object, by name."""

    def __init__(self, components: Mapping[str, Any]) -> None:
        self._components = components
        self.models: dict[str, Model] = {}
        for name, schema in components.items():
            where = f"components.schemas.{name}"
            _check(schema, where)
            if "enum" not in schema and not self.is_nothing(schema, where):
                self.reading(schema, where, name)

    def reading(self, schema: Schema, where: str, name: str) -> Reading:
        """Return how the values of a schema are read.

        Args:
            schema: The schema, as in the contract.
            where: Its place there.
            name: The name of the class, if it is an object.

        Raises:
            UnsupportedError: No reader understands every value of the schema.
        """
        _check(schema, where)
        if is_object(schema):
            return self._object(schema, where, name)
        match schema:
            case {"$ref": _}:
                return self._referred(schema, where)
            case {"const": str() | int() as const}:
                return Reading(f"as_const({const!r})", f"Literal[{const!r}]", demanded=True)
            case {"enum": _}:
                raise _closed(where)
            case {"anyOf": branches}:
                return self._union(branches, f"{where}.anyOf", name)
            case {"oneOf": branches}:
                return self._union(branches, f"{where}.oneOf", name)
            case {"type": list(types)}:
                branches = [{**schema, "type": each} for each in types]
                return self._union(branches, f"{where}.type", name)
            case {"type": "array", "items": items}:
                return _list_of(self.reading(items, f"{where}.items", f"{name}_item"))
            case {"type": "string", "format": str(form)} if form in _NOT_TEXT:
                raise UnsupportedError(where, f"the format {form} is not supported")
            case {"type": "string", "format": "date-time"}:
                return _DATE_TIME
            case {"type": "string"}:
                text = _SECRET if schema.get("format") == "password" else _SCALARS["string"]
                return replace(text, demanded=bool(schema.get("minLength")))
            case {"type": str(kind)} if kind in _SCALARS:
                return _SCALARS[kind]
        raise UnsupportedError(where, "not a type that the client can read")

    def resolved(self, schema: Schema, where: str) -> Schema:
        """Return the target of a reference, or the schema itself."""
        if "$ref" not in schema:
            return schema
        section, _, name = schema["$ref"].rpartition("/")
        if section != "#/components/schemas" or name not in self._components:
            raise UnsupportedError(where, f"there is no schema {schema['$ref']}")
        return self.resolved(self._components[name], where)

    def is_nothing(self, schema: Schema, where: str) -> bool:
        """Whether all values of a schema stand for nothing."""
        match self.resolved(schema, where):
            case {"const": const}:
                return const is False or const in (None, "", [], "false", "null", "undefined")
            case {"type": "string", "maxLength": 0} | {"type": "array", "maxItems": 0}:
                return True
            case {"type": kind}:
                return bool(kind == "null")
        return False

    def _referred(self, schema: Schema, where: str) -> Reading:
        found, name = self.resolved(schema, where), _name_in(schema)
        if is_object(found):
            return _model_of(found, name)
        if "enum" in found:
            raise _closed(where)
        return self.reading(found, f"components.schemas.{name}", name)

    def _union(self, branches: Sequence[Schema], where: str, name: str) -> Reading:
        """Return the reading of the branch whose reader also understands all other branches."""
        nothing = False
        values: list[tuple[Reading, Schema]] = []
        for index, branch in enumerate(branches):
            place = f"{where}.{index}"
            _check(branch, place)
            found = self.resolved(branch, place)
            if self.is_nothing(found, place):
                nothing = True
            elif "$ref" in branch and "enum" in found:
                values.append((_enum_of(_name_in(branch)), found))
            else:
                values.append((self.reading(branch, place, f"{name}_type_{index}"), found))
        if all("enum" in found or "const" in found for _, found in values):
            raise _closed(where)  # or nothing at all
        readings = [reading for reading, _ in values]
        main = next((one for one in readings if all(_suits(one, *each) for each in values)), None)
        if main is None:
            types = ", ".join(dict.fromkeys(reading.type for reading in readings))
            raise UnsupportedError(where, f"several types, and the client reads one: {types}")
        demanded = main.demanded
        if main.type.endswith("str"):
            demanded = all(reading.demanded for reading in readings)
        return replace(main, demanded=demanded and not nothing)

    def _object(self, schema: Schema, where: str, name: str) -> Reading:
        required = set(schema.get("required", []))
        # An object may have several shapes, each with its own required members.
        if shapes := schema.get("anyOf") or schema.get("oneOf"):
            if any(set(shape) != {"required"} for shape in shapes):
                raise UnsupportedError(where, "branches of an object may only hold `required`")
            required |= set.intersection(*(set(shape["required"]) for shape in shapes))
        additional = schema.get("additionalProperties", True)
        if additional not in (True, False, {}):
            raise UnsupportedError(f"{where}.additionalProperties", "a schema is not supported")
        properties = schema.get("properties", {})
        fields: dict[str, Field] = {}
        for key in sorted(properties, key=lambda key: key not in required):
            place = f"{where}.properties.{key}"
            field = self._field(key, properties[key], place, key in required, name)
            if field.attribute in _TAKEN | fields.keys():
                raise UnsupportedError(place, f"another attribute is named {field.attribute}")
            fields[field.attribute] = field
        identity = schema.get("x-identity")
        if identity is not None and identity not in required:
            raise UnsupportedError(f"{where}.x-identity", "not a required member")
        is_open = additional is not False
        self.models[class_name(name)] = Model([*fields.values()], is_open, identity)
        return _model_of(schema, name)

    def _field(self, name: str, schema: Schema, where: str, required: bool, model: str) -> Field:
        reading = self.reading(schema, where, f"{model}_{name}")
        if schema.get("writeOnly") and not reading.secret:
            if reading.reader != "as_text":
                raise UnsupportedError(where, "a secret that is not text")
            reading = replace(reading, reader="as_secret", secret=True)
        default = repr(schema["default"]) if "default" in schema else None
        if required and not reading.demanded and not reading.empty:
            raise UnsupportedError(where, f"required, and no {reading.type} stands for nothing")
        if not required:
            default = "UNSET"
            if reading.reader.startswith("as_const("):
                raise UnsupportedError(where, "a constant that is not required")
            if reading.reader.startswith("as_model("):
                reading = _if_readable(reading)
        if reading.reader.startswith("as_list("):  # an object is not lost for the sake of a list
            reading = _if_readable(reading)
        described = {**self.resolved(schema, where), **schema}
        return Field(
            name=name,
            attribute=str(PythonIdentifier(name, _PREFIX)),
            reading=reading,
            required=required,
            default=default,
            description=described.get("description", ""),
        )


def class_name(name: str) -> str:
    """Return the name of the class of an object or enum."""
    return str(ClassName(name, _PREFIX))


def module_name(name: str) -> str:
    """Return the name of the module of that class."""
    return str(PythonIdentifier(class_name(name), _PREFIX))


def is_object(schema: Schema) -> bool:
    """Whether a schema is an object, and so gets a class."""
    return bool(schema.get("type", "object" if "properties" in schema else "") == "object")


def _check(schema: Schema, where: str) -> None:
    for keyword in schema:
        if keyword in _UNSUPPORTED:
            raise UnsupportedError(where, f"{keyword} is not supported")
        if "$ref" in schema and keyword not in ("$ref", "description"):
            raise UnsupportedError(where, f"{keyword} is not supported beside $ref")
    if "anyOf" in schema and "oneOf" in schema:
        raise UnsupportedError(where, "anyOf is not supported beside oneOf")
    if "default" in schema and schema["default"] != schema.get("const"):
        raise UnsupportedError(where, "a default is only supported if it is the const beside it")


def _closed(where: str) -> UnsupportedError:
    reason = "a closed set of values: use anyOf with the $ref of an enum, and with type: string"
    return UnsupportedError(where, reason)


def _name_in(reference: Schema) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _model_of(schema: Schema, name: str) -> Reading:
    model = f"models.{class_name(name)}"
    empty = None if schema.keys() & {"required", "anyOf", "oneOf"} else f"{model}()"
    return Reading(f"as_model({model})", model, empty, demanded=True, written="{}.to_dict()")


def _enum_of(name: str) -> Reading:
    enum = f"models.{class_name(name)}"
    return Reading(f"as_enum({enum})", f"{enum} | str", '""', demanded=True, written="str({})")


def _if_readable(reading: Reading) -> Reading:
    return replace(reading, reader=f"if_readable({reading.reader})")


def _list_of(item: Reading) -> Reading:
    if item.reader.startswith("as_model("):  # nor a list for the sake of an item
        item = _if_readable(item)
    each = item.written.format("each")
    written = "{}" if each == "each" else f"[{each} for each in {{}}]"
    kind = f"list[{item.type}]"
    return Reading(f"as_list({item.reader})", kind, "[]", written=written, secret=item.secret)


def _suits(main: Reading, reading: Reading, schema: Schema) -> bool:
    """Whether the reader of one branch also understands the values of another."""
    match main.reader, reading.reader:
        case "as_float", "as_int":
            return True
        case "as_float" | "as_int", "as_text":
            return bool(_DIGITS.fullmatch(schema.get("pattern", "")))
    return reading.reader in (main.reader, "as_text") and main.type.endswith(reading.type)
