"""Write the client in generated/ from the contract, or check that it is what the contract gives."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from generator.enums import write_enums
from generator.unsupported import unsupported

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
    version = _version(contract)
    package = project / PACKAGE
    package.parent.mkdir()
    _run(
        *("openapi_python_client", "generate", "--path", contract, "--fail-on-warning"),
        *("--config", GENERATOR / "config.yaml"),
        *("--custom-template-path", GENERATOR / "templates"),
        *("--meta", "none", "--output-path", package),
    )
    try:
        write_enums(contract, package)
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
    """Generate the client beside `project`, and put it in its place once it is whole.

    Raises:
        GenerationError: As for `generate`; `project` is as it was.
    """
    with tempfile.TemporaryDirectory(prefix=".generating-", dir=project.parent) as folder:
        fresh, old = Path(folder, "fresh"), Path(folder, "old")
        generate(contract, fresh)
        if project.exists():
            project.rename(old)
        fresh.rename(project)


def drift(contract: Path, project: Path) -> list[str]:
    """What is different in `project` from what the contract gives, a line each.

    Raises:
        GenerationError: As for `generate`.
    """
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder, "fresh")
        generate(contract, fresh)
        expected, found = _files(fresh), _files(project)
    return [
        f"{project.name}/{name}: {_difference(expected.get(name), found.get(name))}"
        for name in sorted(expected.keys() | found.keys())
        if expected.get(name) != found.get(name)
    ]


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


def _version(contract: Path) -> str:
    try:
        return str(yaml.safe_load(contract.read_text("utf-8"))["info"]["version"])
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise GenerationError(f"{contract} is not an OpenAPI document: {error}") from error


def _run(module: str, *arguments: str | Path) -> None:
    """Run a tool of this very environment, whatever else is on PATH."""
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
    """Run the command line; 0 is success."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check",
        action="store_true",
        help="change nothing; name the files that are not what the contract gives, and exit with 1",
    )
    arguments = parser.parse_args()
    try:
        if not arguments.check:
            replace(CONTRACT, GENERATED)
            print(f"{GENERATED.name}/ is generated from {CONTRACT.relative_to(ROOT)}.")
            return 0
        differences = drift(CONTRACT, GENERATED)
    except GenerationError as error:
        print(f"{error}\n\nNothing was changed.", file=sys.stderr)
        return 1
    if differences:
        print(*differences, "", "Repair it with: make generate", sep="\n", file=sys.stderr)
        return 1
    print("generated/ is what the contract gives.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
