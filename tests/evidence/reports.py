"""What a report of the whole log names, for tests."""

from evidence.verify import Report
from tests.audit.logbook import fixed

SUBJECT, STRANGER = fixed("a subject", 16), fixed("a stranger", 16)
SIZE = 700


def first(report: Report) -> tuple[str, int | None]:
    assert report.findings
    assert report.findings[0].last is None
    return report.findings[0].code, report.findings[0].index


def codes(report: Report) -> list[str]:
    return [finding.code for finding in report.findings]
