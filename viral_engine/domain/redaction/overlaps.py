"""Findings that overlap become one."""

from collections.abc import Iterable

from viral_engine.domain.redaction.kinds import Finding, Kind

__all__ = ["unite"]

_RANK = {kind: rank for rank, kind in enumerate(Kind)}


def unite(findings: Iterable[Finding]) -> list[Finding]:
    """Returns findings in order, apart from each other.

    The rule: what overlaps is hidden whole, so that no rest of a shorter finding is left standing; the longest part
    gives the kind and the key, the earlier kind of two equally long ones.
    """
    united: list[Finding] = []
    longest = 0
    for finding in sorted(findings, key=lambda one: (one.start, -one.end, _RANK[one.kind])):
        length = finding.end - finding.start
        if not united or finding.start >= united[-1].end:
            united.append(finding)
            longest = length
            continue
        before = united[-1]
        end = max(before.end, finding.end)
        if length > longest or (length == longest and _RANK[finding.kind] < _RANK[before.kind]):
            united[-1] = Finding(finding.kind, before.start, end, finding.key)
            longest = length
        else:
            united[-1] = before._replace(end=end)
    return united
