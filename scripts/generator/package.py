"""Write the client's modules: openapi-python-client fills the templates with our decisions."""

from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from generator.enums import enum_modules, schemas_of
from generator.operations import operations_of
from generator.schemas import Schemas, UnsupportedError
from openapi_python_client import Project
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.schema import OpenAPI
from pydantic import ValidationError


def write_package(document: Mapping[str, Any], generator: Path, package: Path) -> None:
    """Write the modules that depend on the contract, and some that the client's core will replace.

    Args:
        document: The contract.
        generator: The folder with the settings and the templates of openapi-python-client.
        package: Where to write, a folder that does not exist yet.

    Raises:
        UnsupportedError: The contract contains something that cannot be generated.
    """
    try:
        OpenAPI.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        raise UnsupportedError(".".join(map(str, first["loc"])), first["msg"]) from error
    components = schemas_of(document)
    try:
        schemas = Schemas(components)
        operations = operations_of(document, schemas)
    except RecursionError as error:
        raise UnsupportedError("components.schemas", "a schema is made of itself") from error
    enums = enum_modules(document)

    settings = ConfigFile.load_from_path(generator / "config.yaml")
    config = Config.from_sources(settings, MetaType.NONE, Path(), "utf-8", False, package)
    data = GeneratorData.from_dict(_without_shapes(document), config=config)
    if isinstance(data, GeneratorError):
        raise _failed([data])
    for model in data.models:
        if model.class_info.name not in schemas.models:
            raise UnsupportedError(model.class_info.name, "an object is not supported in its place")
    project = Project(openapi=data, config=config, custom_template_path=generator / "templates")
    project.env.globals.update(models=schemas.models, operations=operations)
    project.env.filters["repr"] = repr
    with redirect_stdout(StringIO()):  # it prints the path of the output
        errors = project.build()
    if errors:
        raise _failed(errors)
    for name, text in enums.items():
        (package / "models" / name).write_text(text, "utf-8")


def _without_shapes(node: Any) -> Any:
    """Remove anyOf and oneOf from objects, which openapi-python-client would take for unions."""
    if isinstance(node, list):
        return [_without_shapes(each) for each in node]
    if not isinstance(node, dict):
        return node
    left_out = ("anyOf", "oneOf") if "properties" in node else ()
    return {key: _without_shapes(node[key]) for key in node if key not in left_out}


def _failed(errors: Sequence[GeneratorError]) -> UnsupportedError:
    reasons = [f"{error.header} {error.detail or ''}".strip() for error in errors]
    return UnsupportedError("openapi_python_client", "\n".join(reasons))
