"""Generate the client in generated/ from the contract, or check that it is up to date."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from generator.package import write_package
from generator.schemas import UnsupportedError
from packaging.version import InvalidVersion, Version
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = ROOT / "openapi" / "call-card.yaml"
GENERATOR = ROOT / "scripts" / "generator"
GENERATED = ROOT / "generated"
PACKAGE = "bitrix24_call_card"
GENERATED_BANNER = "# Generated from the contract by `make generate`: do not edit.\n"
COPIED_BANNER = "# Copied from {source} by `make generate`: do not edit.\n"


class GenerationError(Exception):
    """There is no whole client; the message says why."""


def generate(contract: Path, project: Path) -> None:
    """Write a whole client project to `project`, which does not exist yet.

    Raises:
        GenerationError: If the contract is not one, or holds what the generator cannot take.
    """
    document, version = _read(contract)
    project.mkdir()
    try:
        write_package(document, GENERATOR, project / PACKAGE)
    except UnsupportedError as error:
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

    After a GenerationError `project` is untouched. A run that is killed while it writes leaves
    drift, which the next one repairs.
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
    """Return a line for each file in `project` that differs from a new client."""
    fresh, found = _fresh(contract), _files(project)
    differences = []
    for name in sorted(fresh.keys() | found.keys()):
        if fresh.get(name) != found.get(name):
            unexpected = "differs" if name in fresh else "not from the contract"
            what = unexpected if name in found else "missing"
            differences.append(f"{project.name}/{name}: {what}")
    return differences


def _fresh(contract: Path) -> dict[str, bytes]:
    """Return the files of a client generated in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "project")
        generate(contract, project)
        return _files(project)


def _files(project: Path) -> dict[str, bytes]:
    return {
        path.relative_to(project).as_posix(): path.read_bytes()
        for path in project.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _read(contract: Path) -> tuple[dict[str, Any], Version]:
    """Return the document, and its `info.version`."""
    try:
        # YAML 1.2, as OpenAPI has it: `on` and `yes` are texts, and no key comes twice.
        document: dict[str, Any] = YAML(typ="safe").load(contract.read_text("utf-8"))
        version = document["info"]["version"]
    except (OSError, ValueError, YAMLError) as error:
        raise GenerationError(f"{contract} is not an OpenAPI document: {error}") from error
    except (TypeError, KeyError) as error:
        raise GenerationError(
            f"{contract} is not an OpenAPI document: it has no info.version"
        ) from error
    try:
        return document, Version(version)
    except (InvalidVersion, TypeError) as error:
        raise GenerationError(
            "info.version is not the version of a Python package, "
            f'which is a string such as "1.4.0": {version!r}'
        ) from error


def _run(module: str, *arguments: str | Path) -> None:
    """Run a tool of this environment, whatever else is on PATH."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if result.returncode:
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
