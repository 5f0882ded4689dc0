"""Generate the client in generated/ from the contract, or check that it is up to date."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from generator.enums import write_enums
from generator.unsupported import unsupported
from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = ROOT / "openapi" / "call-card.yaml"
GENERATOR = ROOT / "scripts" / "generator"
GENERATED = ROOT / "generated"
PACKAGE = "bitrix24_call_card"
PLAIN_TEXT = {"_TYPER_STANDARD_TRACEBACK": "1", "NO_COLOR": "1", "TERM": "dumb"}
GENERATED_BANNER = "# Generated from the contract by `make generate`: do not edit.\n"
COPIED_BANNER = "# Copied from {source} by `make generate`: do not edit.\n"


class GenerationError(Exception):
    """There is no whole client; the message says why."""


def generate(contract: Path, project: Path) -> None:
    """Write a whole client project to `project`, which does not exist yet.

    Raises:
        GenerationError: If the contract is not one, or holds what the generator cannot take.
    """
    document = _read(contract)
    version = _version(document)
    _check(document, "")
    package = project / PACKAGE
    package.parent.mkdir()
    generator = (
        *("openapi_python_client", "generate", "--path", contract, "--fail-on-warning"),
        *("--config", GENERATOR / "config.yaml", "--meta", "none"),
    )
    templates = ("--custom-template-path", GENERATOR / "templates")
    try:
        _run(*generator, *templates, "--output-path", package)
    except GenerationError:
        # What the generator itself drops is only missing to our templates; with its own it says so.
        _run(*generator, "--output-path", project / "stock")
        raise
    try:
        write_enums(document["components"]["schemas"], package)
    except ValueError as error:
        raise GenerationError(str(error)) from error
    # Isolated, so that no settings found in a folder above change the bytes.
    ruff = ("--isolated", "--no-cache", "--quiet", "--line-length=100", "--target-version=py311")
    _run("ruff", "check", *ruff, "--fix", "--select=F,I,UP", project)
    _run("ruff", "format", *ruff, project)
    for module in project.rglob("*.py"):
        module.write_bytes(GENERATED_BANNER.encode() + module.read_bytes())
    _copy_project(project)
    for name in ("pyproject.toml", f"{PACKAGE}/_version.py"):
        file = project / name
        file.write_text(file.read_text("utf-8").replace('= "0"', f'= "{version}"', 1), "utf-8")
    shutil.copy(ROOT / "LICENSE", project)


def _copy_project(project: Path) -> None:
    """Copy what does not vary with the contract over what the generator wrote."""
    written_by_hand = GENERATOR / "project"
    for name, content in _files(written_by_hand).items():
        target = project / name
        if target.suffix == ".py":
            source = (written_by_hand / name).relative_to(ROOT).as_posix()
            content = COPIED_BANNER.format(source=source).encode() + content
        target.write_bytes(content)


def replace(contract: Path, project: Path) -> None:
    """Generate the client elsewhere, then write what differs to `project` and remove the rest.

    A run that is killed while it writes leaves drift, which the next one repairs.

    Raises:
        GenerationError: As for `generate`; `project` is untouched.
    """
    fresh, found = _fresh(contract), _files(project)
    for name in found.keys() - fresh.keys():
        (project / name).unlink()
    for name, content in fresh.items():
        if content != found.get(name):
            file = project / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)


def drift(contract: Path, project: Path) -> list[str]:
    """Return a line for each file in `project` that differs from a new client.

    Raises:
        GenerationError: As for `generate`.
    """
    fresh, found = _fresh(contract), _files(project)
    return [
        f"{project.name}/{name}: {_difference(fresh.get(name), found.get(name))}"
        for name in sorted(fresh.keys() | found.keys())
        if fresh.get(name) != found.get(name)
    ]


def _fresh(contract: Path) -> dict[str, bytes]:
    """Return the files of a client generated in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "project")
        generate(contract, project)
        return _files(project)


def _difference(expected: bytes | None, found: bytes | None) -> str:
    if found is None:
        return "missing"
    return "not from the contract" if expected is None else "differs"


def _files(project: Path) -> dict[str, bytes]:
    return {
        path.relative_to(project).as_posix(): path.read_bytes()
        for path in project.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _read(contract: Path) -> dict[str, Any]:
    try:
        document: Any = yaml.safe_load(contract.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise GenerationError(f"{contract} is not an OpenAPI document: {error}") from error
    match document:
        case {"info": {"version": _}}:
            whole: dict[str, Any] = document
            return whole
    raise GenerationError(f"{contract} is not an OpenAPI document: it has no info.version")


def _version(document: dict[str, Any]) -> str:
    version = document["info"]["version"]
    try:
        return str(Version(version))
    except (InvalidVersion, TypeError) as error:
        raise GenerationError(
            "info.version is not the version of a Python package, "
            f'which is a string such as "1.4.0": {version!r}'
        ) from error


def _check(node: object, where: str) -> None:
    """Refuse what the generator would take wrongly without a word.

    It does not quote every text that becomes code, and of an allOf it may keep a part.
    """
    if isinstance(node, dict):
        if "allOf" in node:
            raise GenerationError(f"{where}allOf is not supported")
        for key, value in node.items():
            if key in ("const", "default", "enum", "paths", "properties"):
                _check_texts(value if isinstance(value, (dict, list)) else [value], f"{where}{key}")
            if key not in ("example", "examples"):
                _check(value, f"{where}{key}.")
    elif isinstance(node, list):
        for index, item in enumerate(node):
            _check(item, f"{where}{index}.")


def _check_texts(texts: Iterable[object], where: str) -> None:
    for text in texts:
        if isinstance(text, str) and not (set(text).isdisjoint("\"'\\") and text.isprintable()):
            raise GenerationError(
                f"{where}: quotes, backslashes and control characters are not supported: {text!r}"
            )


def _run(module: str, *arguments: str | Path) -> None:
    """Run a tool of this environment, whatever else is on PATH."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    result = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, check=False, env=os.environ | PLAIN_TEXT
    )
    if result.returncode:
        if reason := unsupported(result.stderr):
            raise GenerationError(reason)
        output = (result.stdout + result.stderr).strip().splitlines()
        raise GenerationError("\n".join([f"{module} failed:", *output[-12:]]))


def main() -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check",
        action="store_true",
        help="change nothing; list the files that are out of date, and exit with 1 if any are",
    )
    arguments = parser.parse_args()
    try:
        if not arguments.check:
            replace(CONTRACT, GENERATED)
            print(f"{GENERATED.name}/ was generated from {CONTRACT.relative_to(ROOT)}.")
            return 0
        differences = drift(CONTRACT, GENERATED)
    except GenerationError as error:
        print(f"{error}\n\nNothing was changed.", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error}\n\nResolve this, then run it again.", file=sys.stderr)
        return 1
    if differences:
        print(*differences, "", "Repair it with: make generate", sep="\n", file=sys.stderr)
        return 1
    print(f"{GENERATED.name}/ is up to date with {CONTRACT.relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
