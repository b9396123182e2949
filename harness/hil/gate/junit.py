"""A gate's outcome as JUnit XML: a suite for each run, a test case for each figure.

The format that CI systems read (Jenkins' and GitLab's documentation of JUnit reports):
``testsuites/testsuite/testcase`` with ``failure``, ``error`` or ``skipped`` inside.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from hil.gate.comparison import Finding
from hil.gate.decision import Case, Outcome
from hil.gate.wording import FormatValue, cause_text, change, title, value, verdict

# XML 1.0, production 2: the characters that a document may contain.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAGS = {"failed": "failure", "error": "error"}


def render(outcome: Outcome, format_value: FormatValue) -> str:
    """Return the XML document; ``unclear`` and ``improved`` pass, with a line in system-out."""
    root = Element("testsuites", name=_clean(f"hil gate against {outcome.baseline}"))
    if outcome.verdict == "not compared":
        _nothing_compared(root, outcome)
    for one in outcome.cases:
        _suite(root, one, format_value)
    for suite in root:
        _count(suite, list(suite))
    _count(root, [case for suite in root for case in suite])
    indent(root)
    return tostring(root, encoding="unicode", xml_declaration=False).join(
        ('<?xml version="1.0" encoding="UTF-8"?>\n', "\n")
    )


def _nothing_compared(root: Element, outcome: Outcome) -> None:
    """Add an error, or a skipped test where new runs are allowed: readers must not see success."""
    suite = SubElement(root, "testsuite", name=_clean(outcome.baseline))
    case = SubElement(suite, "testcase", classname="hil.gate", name="compared", time="0")
    message = _clean(verdict(outcome))
    if outcome.accepted:
        SubElement(case, "skipped", message=message)
    else:
        SubElement(case, "error", message=message, type="not compared")


def _suite(root: Element, case: Case, format_value: FormatValue) -> None:
    suite = SubElement(root, "testsuite", name=_clean(title(case)))
    class_name = ".".join(
        _clean(part).replace(".", "_") for part in (case.profile, case.model, case.engine)
    )
    if case.word != "compared":
        test = SubElement(suite, "testcase", classname=class_name, name="run", time="0")
        message = _clean(f"{case.word}: {case.reason}")
        tag = _TAGS.get(case.word, "skipped")
        element = SubElement(test, tag, message=message)
        if tag != "skipped":
            element.set("type", case.word)
    for finding in case.findings:
        test = SubElement(suite, "testcase", classname=class_name, name=finding.name, time="0")
        _result(test, finding, case.suspects, format_value)
    if case.model_changed:
        test = SubElement(suite, "testcase", classname=class_name, name="model", time="0")
        SubElement(test, "system-out").text = _clean("\n".join(case.notes) or "model changed")


def _result(
    test: Element, finding: Finding, suspects: Sequence[str], format_value: FormatValue
) -> None:
    text = _clean(
        f"{value(finding.baseline, finding.unit, format_value)} -> "
        f"{value(finding.candidate, finding.unit, format_value)}, {change(finding)}, "
        f"limit {finding.limit}" + (f"; {finding.reason}" if finding.reason else "")
    )
    if finding.word == "regression":
        text += _clean(f"; {cause_text(finding)}" if finding.causes else "")
        failure = SubElement(test, "failure", message=f"regression: {text}", type="regression")
        failure.text = "\n".join([text, *map(_clean, suspects)])
    elif finding.word == "skipped":
        SubElement(test, "skipped", message=_clean(finding.reason))
    else:
        SubElement(test, "system-out").text = f"{finding.word}: {text}"


def _count(element: Element, cases: list[Element]) -> None:
    element.set("tests", str(len(cases)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    element.set("time", "0")


def _clean(text: str) -> str:
    return _NO_XML.sub("?", text)
