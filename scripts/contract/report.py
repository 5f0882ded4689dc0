"""The results of a run, as text and as JUnit XML, without any secret."""

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from contract.properties import Finding, Tally

_PHASES = {"examples": "examples", "coverage": "edge", "fuzzing": "random"}
# Characters that XML 1.0 cannot contain.
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass
class Outcome:
    """The result of one view."""

    view: str
    tally: Tally = field(default_factory=Tally)
    times: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often a check failed, by its name and the title of the failure."""
    first: dict[tuple[str, str], Finding] = field(default_factory=dict)
    """The first finding for each of these."""

    def add(self, findings: Iterable[Finding]) -> None:
        """Add findings."""
        for finding in findings:
            kind = finding.check, finding.title
            self.times[kind] += 1
            self.first.setdefault(kind, finding)


_LEGEND = """
requests  sent and answered: the examples of the contract, the edge cases of its schemas, and random
          ones, valid and invalid; then the same requests by the status of the response
checks    properties checked, several for each request
failures  checks that failed
"""


def summary(outcomes: list[Outcome]) -> Iterator[str]:
    """Yield the lines of a table of what was sent, and of what failed."""
    seen = sorted({status for outcome in outcomes for status in outcome.tally.statuses})
    yield ""
    columns = ["requests", *_PHASES.values(), *seen, "checks", "failures"]
    yield _row("", columns)
    for outcome in outcomes:
        tally = outcome.tally
        counts = [tally.phases[phase] for phase in _PHASES]
        counts += [tally.statuses[status] for status in seen]
        cells = [tally.cases, *counts, tally.checks.total(), outcome.times.total()]
        yield _row(outcome.view, cells)
    yield _LEGEND.rstrip()
    checks = sorted({check for outcome in outcomes for check in outcome.tally.checks})
    yield from textwrap.wrap(
        f"checked   {', '.join(checks) or 'none'}", 100, subsequent_indent=" " * 10
    )
    for outcome in outcomes:
        for kind, finding in outcome.first.items():
            yield ""
            times = outcome.times[kind]
            yield f"FAILED  {outcome.view}: {finding.check}: {finding.title} ({times} times)"
            yield textwrap.indent(_text(finding), "  ")
    if any(finding.curl for outcome in outcomes for finding in outcome.first.values()):
        yield ""
        yield "These commands read the base URL from BASE_URL and the access token from TOKEN."


def write_junit(path: Path, outcomes: list[Outcome], problem: str | None) -> None:
    """Write JUnit XML: a suite for each view with a case for each check, and one for the run."""
    root = ElementTree.Element("testsuites", name="contract")
    for outcome in outcomes:
        failed = {check for check, _ in outcome.times}
        checks = sorted(failed | set(outcome.tally.checks))
        suite = _suite(root, outcome.view, tests=len(checks), failures=len(failed))
        for check in checks:
            case = ElementTree.SubElement(suite, "testcase", classname=outcome.view, name=check)
            for (name, title), finding in outcome.first.items():
                if name == check:
                    times = outcome.times[name, title]
                    failure = ElementTree.SubElement(
                        case, "failure", message=_xml(f"{title} ({times} times)")
                    )
                    failure.text = _xml(_text(finding))
    suite = _suite(root, "run", tests=1, failures=int(problem is not None))
    case = ElementTree.SubElement(suite, "testcase", classname="run", name="is complete")
    if problem is not None:
        ElementTree.SubElement(case, "failure", message=_xml(problem))
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _row(name: str, cells: Iterable[object]) -> str:
    return f"{name:<20}" + "".join(f"{cell:>9}" for cell in cells)


def _text(finding: Finding) -> str:
    return f"{finding.detail}\n{finding.curl}".strip()


def _suite(root: ElementTree.Element, name: str, tests: int, failures: int) -> ElementTree.Element:
    return ElementTree.SubElement(
        root, "testsuite", name=name, tests=str(tests), failures=str(failures)
    )


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
