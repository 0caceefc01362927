"""The board of what is not well, and what of it reaches the log."""

from structlog.testing import capture_logs

from viral_engine.telemetry.board import TOLD_MAX, ConditionBoard


def test_the_log_tells_each_reason_once_and_when_the_part_is_well_again() -> None:
    board = ConditionBoard()
    with capture_logs() as logged:
        board.report("spool", None)
        for reason in ("the server closed the connection", "connection refused", "connection refused"):
            board.report("database", reason)
        assert board.reasons() == {"database": "connection refused"}
        board.report("database", None)
        board.report("database", None)
        board.report("database", "connection refused")
    assert [(line["event"], line.get("why")) for line in logged] == [
        ("part not well", "the server closed the connection"),
        ("part not well", "connection refused"),
        ("part well again", None),
        ("part not well", "connection refused"),
    ]


def test_a_reason_that_changes_for_ever_fills_no_log() -> None:
    board = ConditionBoard()
    with capture_logs() as logged:
        for number in range(1_000):
            board.report("database", f"attempt {number} failed")
    assert len(logged) == TOLD_MAX
    assert board.reasons() == {"database": "attempt 999 failed"}


def test_a_part_that_no_answer_needs_is_told_and_is_no_reason() -> None:
    board = ConditionBoard()
    with capture_logs() as logged:
        board.remark("pager", "nobody is paged")
        assert (board.reasons(), board.remarks()) == ({}, {"pager": "nobody is paged"})
        board.remark("pager", None)
    assert board.remarks() == {}
    assert [line["event"] for line in logged] == ["part not well", "part well again"]
