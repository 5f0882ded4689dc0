"""`make breaking`: the version and the changelog follow the contract."""

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from contract import changes
from contract.changes import Effect
from contract.versions import Version, changelog_problem, main, next_version

from tests.contract.evolution import CALL, DOCUMENT, GONE, TEXT, edited

ROOT = Path(__file__).resolve().parents[2]

# --- the version and the changelog ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("effect", "after_1_2_3", "after_0_2_3"),
    [
        ("BREAKING", (2, 0, 0), (0, 3, 0)),
        ("COMPATIBLE", (1, 3, 0), (0, 2, 4)),
        ("WORDS", (1, 2, 4), (0, 2, 4)),
        ("NOTHING", (1, 2, 3), (0, 2, 3)),
    ],
)
def test_the_version_follows_the_heaviest_change(
    effect: str, after_1_2_3: Version, after_0_2_3: Version
) -> None:
    assert next_version((1, 2, 3), Effect[effect]) == after_1_2_3
    assert next_version((0, 2, 3), Effect[effect]) == after_0_2_3


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# Changelog\n\n## [1.0.0] - 2026-11-23\n", None),
        ("## [Unreleased]\n\n## [1.0.0] - 2026-11-23\n## [0.9.0] - 2026-01-01\n", None),
        ("## [0.9.0] - 2026-01-01\n## [1.0.0] - 2026-11-23\n", "is ## [0.9.0] - 2026-01-01"),
        ("## [1.0.0]\n", "is ## [1.0.0]"),
        ("## [Unreleased]\n", "is missing"),
        (None, "is missing"),
    ],
)
def test_the_newest_entry_of_the_changelog_is_the_version(
    tmp_path: Path, text: str | None, problem: str | None
) -> None:
    if text is not None:
        (tmp_path / "CHANGELOG.md").write_text(text)
    said = problem and (
        f"the newest entry of CHANGELOG.md {problem}; it should be `## [1.0.0] - YYYY-MM-DD`"
    )
    assert changelog_problem(tmp_path / "CHANGELOG.md", (1, 0, 0)) == said


# --- the command ----------------------------------------------------------------------------------


class Project:
    """A small project in git: a contract, a changelog, and the command."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self.capsys = root, capsys
        (root / "openapi").mkdir()
        self.git("init", "--quiet")

    def write(self, version: str, *edits: tuple[str, Any], changelog: str | None = None) -> None:
        document = edited(DOCUMENT, "info/version", version)
        for pointer, value in edits:
            document = edited(document, pointer, value)
        (self.root / "openapi/call-card.yaml").write_text(yaml.safe_dump(document))
        (self.root / "CHANGELOG.md").write_text(f"## [{changelog or version}] - 2026-11-23\n")

    def git(self, *arguments: str) -> None:
        identity = ["-c", "user.name=A maintainer", "-c", "user.email=maintainer@example.com"]
        command = ["git", "-C", str(self.root), *identity, *arguments]
        subprocess.run(command, check=True, capture_output=True)

    def commit(self, tag: str | None = None) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "a state")
        if tag:
            self.git("tag", tag)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        status = main(arguments, self.root)
        captured = self.capsys.readouterr()
        return status, captured.out, captured.err


@pytest.fixture
def names_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare the names that callers write, without redocly, which takes longer."""
    monkeypatch.setattr(changes, "wire_changes", lambda _old, _new: [])


@pytest.fixture
def project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Project:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path, capsys)


MEMBER_GONE = (f"{CALL}/properties/id", GONE)
MEMBER = (f"{CALL}/properties/more", TEXT)
CLASS = ("components/schemas/More", {"type": "object", "properties": {}})


def test_the_report_lists_the_changes_and_the_version_they_ask_for(project: Project) -> None:
    project.write("1.2.3")
    project.commit("v1.2.3")
    project.write("1.2.3", ("servers/1", GONE), MEMBER, ("info/description", "x"))
    assert project.run("v1.2.3") == (
        0,
        f"{project.root}/openapi/call-card.yaml (1.2.3) compared with "
        "openapi/call-card.yaml at v1.2.3 (1.2.3):\n\n"
        "Breaking:\n  servers 1: is gone — breaks a caller and a vendored client\n\n"
        "Compatible:\n  Call.more: is new\n\n"
        "Words:\n  info: description changed\n\n"
        "info.version must be 2.0.0 or higher; it is 1.2.3.\n",
        "",
    )


@pytest.mark.usefixtures("names_only")
@pytest.mark.parametrize("dump", [yaml.safe_dump, json.dumps])
def test_a_file_yaml_or_json_wins_over_a_revision_of_the_same_name(
    project: Project, dump: Callable[[Any], str]
) -> None:
    project.write("1.0.0")
    project.commit("v1.0.0")
    assert "nothing changed.\n\ninfo.version must be 1.0.0" in project.run("v1.0.0")[1]
    (project.root / "v1.0.0").write_text(dump(edited(DOCUMENT, *CLASS)))
    assert "More: is gone" in project.run("v1.0.0")[1]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "old is neither a file nor a git revision with openapi/call-card.yaml"),
        (b"a: [", "old is neither YAML nor JSON: "),
        (b"\xff\xfe\xfd", "old is neither YAML nor JSON: "),
        (b"&a [*a]", "old is neither YAML nor JSON: "),
        (b"[" * 5000, "old is neither YAML nor JSON: "),
        (b"", "old is not an OpenAPI 3.1 document: "),
        (b"openapi: 3.0.3", "old is not an OpenAPI 3.1 document: "),
        (b"openapi: 3.1.0", 'old is not a valid OpenAPI document: "info" is a required property'),
        (b"openapi: 3.1.0\ninfo: {title: x, version: 1.0.0}\npaths: [1]", "old is not a valid "),
        (b"openapi: 3.1.0\ninfo: {title: x, version: one}\npaths: {}", "has the info.version one"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(
    project: Project, content: bytes | None, sentence: str
) -> None:
    project.write("1.0.0")
    if content is not None:
        (project.root / "old").write_bytes(content)
    status, out, err = project.run("old")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("breaking: old ")
    assert sentence in err


@pytest.mark.parametrize("target", ["A", "Nowhere", "other.yaml"])
def test_a_reference_that_leads_nowhere_is_invalid(project: Project, target: str) -> None:
    project.write("1.0.0")
    reference = target if "." in target else f"#/components/schemas/{target}"
    old = edited(DOCUMENT, "components/schemas/A", {"$ref": reference})
    (project.root / "old").write_text(json.dumps(old))
    status, _, err = project.run("old")
    assert (status, err.startswith("breaking: old is not a valid OpenAPI document: ")) == (2, True)


def test_without_redocly_it_says_how_to_install_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "REDOCLY", project.root / "cli.js")
    project.write("1.0.0")
    project.commit()
    said = "breaking: redocly is not installed; `make check` installs it\n"
    assert project.run("HEAD") == (2, "", said)


def test_either_base_or_check_is_required(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        project.run()
    assert "BASE is missing; name a git revision or a file" in capsys.readouterr().err


@pytest.mark.usefixtures("names_only")
def test_the_check_fails_unless_version_and_changelog_follow_the_newest_tag(
    project: Project,
) -> None:
    project.write("1.0.0", MEMBER_GONE)
    project.commit("v1.0.0")
    project.write("1.1.0")
    project.commit("v1.1.0")
    project.commit("vendored")  # a tag, but not of a version
    project.write("1.1.0", MEMBER)
    status, out, _ = project.run("--check")
    assert (status, "  Call.more: is new\n" in out) == (1, True)
    assert out.endswith("\n\ninfo.version must be 1.2.0 or higher; it is 1.1.0.\n")
    project.write("1.2.0", MEMBER, changelog="1.1.0")
    status, out, _ = project.run("--check")
    assert status == 1
    assert out.startswith("the newest entry of CHANGELOG.md is ## [1.1.0] - 2026-11-23;")
    project.write("1.2.0", MEMBER)
    follows = "it follows openapi/call-card.yaml at v1.1.0 (1.1.0)"
    assert project.run("--check") == (0, f"CHANGELOG.md is at info.version 1.2.0; {follows}.\n", "")
    assert "it follows openapi/call-card.yaml at v1.0.0 (" in project.run("--check", "v1.0.0")[1]


@pytest.mark.usefixtures("names_only")
def test_without_a_tag_the_check_compares_with_the_last_commit_of_another_version(
    project: Project,
) -> None:
    project.write("1.0.0")
    project.commit()
    project.write("1.1.0", MEMBER)
    project.commit()
    project.write("1.1.0", MEMBER, CLASS)
    project.commit()
    project.write("1.1.1", MEMBER, CLASS)
    project.commit()
    project.write("1.1.1", MEMBER_GONE)
    status, out, _ = project.run("--check")
    assert (status, "^ (1.1.0):\n" in out) == (1, True)
    assert "More: is gone" in out  # as in the last commit of 1.1.0
    project.write("2.0.0", MEMBER_GONE)
    assert "at HEAD (1.1.1)" in project.run("--check")[1]


@pytest.mark.parametrize(
    ("git", "why"),
    [
        ("a first version", "it is the first version"),
        ("no checkout", "fatal: not a git repository (or any of the parent directories): .git"),
        ("no git", "git is not installed"),
        ("a shallow clone", "the clone is shallow; `git fetch --unshallow --tags` completes it"),
    ],
)
def test_without_an_earlier_version_it_says_why_and_fails_in_ci_unless_there_is_none(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, git: str, why: str
) -> None:
    project.write("0.0.9")
    if git == "a shallow clone":
        project.commit()
    project.write("0.1.0")
    project.commit()
    if git == "a shallow clone":
        shallow = tmp_path / "shallow"
        project.git("clone", "--quiet", "--depth=1", f"file://{tmp_path}", str(shallow))
        project.root = shallow
    if git == "no checkout":
        (project.root / ".git").rename(project.root / "moved")
    if git == "no git":
        monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CI", raising=False)
    project.write("0.1.0", MEMBER_GONE)
    said = f"CHANGELOG.md is at info.version 0.1.0; not compared: {why}.\n"
    assert project.run("--check") == (0, said, "")
    monkeypatch.setenv("CI", "true")
    assert project.run("--check") == (int(git != "a first version"), said, "")
    monkeypatch.delenv("CI")
    project.write("0.1.0", changelog="0.2.0")
    assert project.run("--check")[0] == 1


def test_another_user_s_checkout_is_named_as_git_names_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("0.1.0")
    project.commit()
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert "not compared: fatal: detected dubious ownership in " in project.run("--check")[1]
    status, _, said = project.run("HEAD")
    assert (status, "HEAD is neither a file nor a git revision" in said) == (2, True)
    assert "detected dubious ownership" in said


@pytest.mark.usefixtures("names_only")
def test_the_client_s_public_surface_is_a_part_of_the_version(project: Project) -> None:
    client = project.root / "generated" / "bitrix24_call_card" / "client.py"
    client.parent.mkdir(parents=True)
    client.with_name("__init__.py").touch()
    client.write_text("class Client:\n    def with_timeout(self, timeout): ...\n")
    project.write("1.0.0")
    project.commit("v1.0.0")
    client.write_text(
        "class Client:\n    def with_limit(self, timeout): ...\n    def new(self): ...\n"
    )
    status, out, _ = project.run("--check")
    assert status == 1
    assert "\n  Client.with_timeout: Public object was removed — breaks a caller\n\n" in out
    assert out.endswith("info.version must be 2.0.0 or higher; it is 1.0.0.\n")
    client.write_text("class Client:\n    def with_timeout(self, seconds): ...\n")
    said = "Client.with_timeout(timeout): Parameter was removed — breaks a caller"
    assert said in project.run("HEAD")[1]


def test_contract_changelog_distribution_and_lock_file_are_of_one_version() -> None:
    contract = yaml.safe_load((ROOT / "openapi" / "call-card.yaml").read_text("utf-8"))
    version = contract["info"]["version"]
    distribution = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lock = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))["package"]
    (locked,) = (package for package in lock if package["name"] == distribution["name"])
    newest = re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert newest
    assert version == newest[1] == distribution["version"] == locked["version"]
