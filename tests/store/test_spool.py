"""The spool: what was taken is there after a crash, what was cut short is not, and nothing is ever half there."""

import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from rows import commit, decision

from viral_engine.messages.journal import DecisionRow
from viral_engine.store.engine import Database
from viral_engine.store.pack import insert_decision
from viral_engine.store.spool import Spool, SpoolFailed, SpoolFull

MEBIBYTE = 1 << 20


def named(*names: str) -> list[DecisionRow]:
    return [decision(user_id=name) for name in names]


def names(rows: list[DecisionRow]) -> list[str]:
    return [row.user_id for row in rows]


def drain(spool: Spool, rows_max: int = 100) -> list[str]:
    """Read and acknowledge until there is nothing left."""
    found: list[str] = []
    while (batch := spool.read(rows_max)).rows:
        found += names(batch.rows)
        spool.acknowledge(batch)
    return found


def files(folder: Path, suffix: str = "spool") -> list[Path]:
    return sorted(folder.glob(f"*.{suffix}"))


@contextmanager
def file_size_limit(size_bytes: int) -> Iterator[None]:
    """No file of this process grows further, as on a full disk: a write is cut short, the next one fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_folder_with_the_name_of_a_file_is_left_alone(tmp_path: Path) -> None:
    spool = Spool(tmp_path, MEBIBYTE)
    spool.append(named("a"))
    spool.close()
    strangers = [tmp_path / "0000000007.spool", tmp_path / "mine.spool"]
    for path in strangers:
        path.mkdir()
    (tmp_path / "mine.corrupt").mkdir()
    spool = Spool(tmp_path, MEBIBYTE)
    assert spool.strangers == strangers
    spool.append(named("b"))
    assert drain(spool) == ["a", "b"]
    spool.close()
    assert all(path.is_dir() for path in strangers)


def test_rows_come_back_as_they_were_in_their_order(tmp_path: Path) -> None:
    rows = [
        *named("a", "b"),
        decision(device_id="d", ip_address="::1", reasons=("x", "y"), answer=b"\xff\0", backfill=True),
    ]
    spool = Spool(tmp_path / "new" / "spool", MEBIBYTE)
    spool.append(rows[:1])
    spool.append(rows[1:])
    spool.append([])
    assert spool.rows == 3
    assert spool.read(10).rows == rows
    assert spool.read(10).rows == rows
    spool.close()


def test_acknowledged_rows_are_gone_for_good(tmp_path: Path) -> None:
    spool = Spool(tmp_path, MEBIBYTE)
    for name in "abcde":
        spool.append(named(name))
    batch = spool.read(2)
    assert names(batch.rows) == ["a", "b"]
    spool.acknowledge(batch)
    spool.acknowledge(batch)
    assert spool.rows == 3
    spool.close()
    again = Spool(tmp_path, MEBIBYTE)
    assert again.rows == 3
    assert drain(again) == ["c", "d", "e"]
    assert (again.rows, again.size_bytes, files(tmp_path)) == (0, 0, [])
    again.close()


def test_rows_of_one_append_stay_together(tmp_path: Path) -> None:
    spool = Spool(tmp_path, MEBIBYTE)
    spool.append(named(*"abc"))
    spool.append(named(*"de"))
    assert names(spool.read(2).rows) == ["a", "b", "c"]
    assert names(spool.read(4).rows) == ["a", "b", "c"]
    assert names(spool.read(5).rows) == ["a", "b", "c", "d", "e"]
    spool.close()


def test_a_full_spool_refuses_and_takes_rows_again_once_it_is_drained(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 8000)
    taken = 0
    with suppress(SpoolFull):
        while taken < 1000:
            spool.append(named(f"u{taken}"))
            taken += 1
    with pytest.raises(SpoolFull, match="has no room"):
        spool.append(named("more"))
    assert spool.rows == taken
    assert sum(file.stat().st_size for file in files(tmp_path)) == spool.size_bytes <= 8000
    assert len(files(tmp_path)) > 2
    half = spool.read(taken // 2)
    spool.acknowledge(half)
    spool.append(named("late"))
    assert drain(spool) == [*(f"u{n}" for n in range(len(half.rows), taken)), "late"]
    spool.close()


def test_a_drain_that_dies_repeats_one_batch_which_the_database_takes_once(tmp_path: Path, store: Database) -> None:
    spool = Spool(tmp_path, MEBIBYTE)
    for name in "abcd":
        spool.append(named(name))
    spool.acknowledge(spool.read(2))
    inserted = spool.read(1).rows
    commit(store.conninfo, *map(insert_decision, inserted))
    spool.close()
    again = Spool(tmp_path, MEBIBYTE)
    repeated = again.read(10).rows
    assert names(repeated) == ["c", "d"]
    commit(store.conninfo, *map(insert_decision, repeated))
    again.close()


@pytest.mark.parametrize("cut", [1, 5, 20, 60])
def test_an_append_that_a_power_cut_tore_is_dropped_whole(tmp_path: Path, cut: int) -> None:
    spool = Spool(tmp_path, MEBIBYTE)
    spool.append(named("whole"))
    whole_bytes = spool.size_bytes
    spool.append(named(*(f"torn{n}" for n in range(50))))
    torn_bytes = spool.size_bytes - whole_bytes
    spool.close()
    (file,) = files(tmp_path)
    os.truncate(file, file.stat().st_size - cut)
    again = Spool(tmp_path, MEBIBYTE)
    assert (again.rows, again.torn_bytes, again.size_bytes) == (1, torn_bytes - cut, whole_bytes)
    again.append(named("next"))
    assert drain(again) == ["whole", "next"]
    again.close()


def test_a_file_torn_while_it_was_made_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "0000000001.spool").write_bytes(b"VESPO")
    spool = Spool(tmp_path, MEBIBYTE)
    assert (spool.rows, spool.torn_bytes, files(tmp_path)) == (0, 5, [])
    spool.append(named("a"))
    assert drain(spool) == ["a"]
    spool.close()


def spoiled(folder: Path) -> int:
    """Three appends, the second of which has a changed byte; its size."""
    spool = Spool(folder, MEBIBYTE)
    spool.append(named("a"))
    start = spool.size_bytes
    spool.append(named("b"))
    end = spool.size_bytes
    spool.append(named("c"))
    spool.close()
    (file,) = files(folder)
    content = bytearray(file.read_bytes())
    content[end - 3] ^= 1
    file.write_bytes(content)
    return end - start


def test_a_corrupt_middle_is_set_aside_with_its_bytes_counted(tmp_path: Path) -> None:
    size_bytes = spoiled(tmp_path)
    spool = Spool(tmp_path, MEBIBYTE)
    assert (spool.rows, spool.corrupt_bytes) == (2, size_bytes)
    assert drain(spool) == ["a", "c"]
    assert (spool.rows, spool.corrupt_bytes, files(tmp_path)) == (0, size_bytes, [])
    assert len(files(tmp_path, "corrupt")) == 1
    spool.append(named("next"))
    spool.close()
    again = Spool(tmp_path, MEBIBYTE)
    assert drain(again) == ["next"]
    again.close()


def test_bytes_that_rot_while_the_spool_is_open_do_not_stop_the_drain(tmp_path: Path) -> None:
    spool = Spool(tmp_path, MEBIBYTE)
    for name in "abc":
        spool.append(named(name))
    (file,) = files(tmp_path)
    content = file.read_bytes()
    with file.open("r+b") as raw:
        raw.seek(content.index(b"\xf5DEC", content.index(b"\xf5DEC") + 1))
        raw.write(b"\0\0\0\0")
    assert drain(spool) == ["a", "c"]
    assert spool.rows == 0
    assert spool.corrupt_bytes > 0
    spool.close()


def test_a_file_without_a_readable_header_is_set_aside_whole(tmp_path: Path) -> None:
    spool = Spool(tmp_path, MEBIBYTE)
    spool.append(named("a"))
    spool.close()
    (file,) = files(tmp_path)
    size_bytes = file.stat().st_size
    with file.open("r+b") as raw:
        raw.write(b"\0")
    again = Spool(tmp_path, MEBIBYTE)
    assert (again.rows, again.corrupt_bytes, len(files(tmp_path, "corrupt"))) == (0, size_bytes, 1)
    again.close()


def test_only_the_last_corrupt_files_are_kept(tmp_path: Path) -> None:
    for _ in range(6):
        spoiled(tmp_path)
        spool = Spool(tmp_path, MEBIBYTE)
        drain(spool)
        spool.close()
    assert [file.stem for file in files(tmp_path, "corrupt")] == [f"{n:010d}" for n in (3, 4, 5, 6)]


def frame_at(folder: Path, at: int) -> bytes:
    """A valid record of another spool, made for the very place in a file that it will be put at."""
    for padding in range(at):
        spool = Spool(folder / str(padding), MEBIBYTE)
        spool.append([decision(answer=bytes(padding))])
        fits = spool.size_bytes == at
        spool.append(named("forged"))
        spool.close()
        if fits:
            return files(folder / str(padding))[0].read_bytes()[at:]
    raise AssertionError("no padding fits")


def test_text_that_imitates_a_record_is_not_taken_for_one(tmp_path: Path) -> None:
    # Callers choose ids and texts, so one of them may hold a whole record, right for its place but for the nonce.
    placeholder = b"?" * len(frame_at(tmp_path / "length", 400))
    spool = Spool(tmp_path / "spool", MEBIBYTE)
    spool.append([decision(device_id="d" * 200, answer=placeholder)])
    spool.append(named("honest"))
    spool.close()
    (file,) = files(tmp_path / "spool")
    spoilt = bytearray(file.read_bytes())
    at = spoilt.index(placeholder)
    spoilt[at : at + len(placeholder)] = frame_at(tmp_path / "forged", at)
    file.write_bytes(spoilt)
    again = Spool(tmp_path / "spool", MEBIBYTE)
    assert again.corrupt_bytes > 0
    assert drain(again) == ["honest"]
    again.close()


def test_a_disk_that_is_full_takes_nothing_and_nothing_half_written_is_read(tmp_path: Path) -> None:
    spool = Spool(tmp_path, MEBIBYTE)
    spool.append(named("a"))
    with file_size_limit(spool.size_bytes + 100), pytest.raises(SpoolFailed, match="could not be written"):
        spool.append(named(*(f"lost{n}" for n in range(50))))
    assert (spool.rows, files(tmp_path)[0].stat().st_size) == (1, spool.size_bytes)
    spool.append(named("b"))
    spool.close()
    again = Spool(tmp_path, MEBIBYTE)
    assert (again.torn_bytes, again.corrupt_bytes) == (0, 0)
    assert drain(again) == ["a", "b"]
    again.close()


def test_a_disk_that_is_full_can_still_be_drained(tmp_path: Path) -> None:
    spool = Spool(tmp_path, MEBIBYTE)
    for name in "abc":
        spool.append(named(name))
    with file_size_limit(spool.size_bytes):
        spool.acknowledge(spool.read(1))
        with pytest.raises(SpoolFailed):
            spool.append(named("d"))
        assert drain(spool) == ["b", "c"]
    assert files(tmp_path) == []
    spool.close()


def test_a_disk_too_full_for_a_new_file_leaves_none_behind(tmp_path: Path) -> None:
    spool = Spool(tmp_path, MEBIBYTE)
    with file_size_limit(10), pytest.raises(SpoolFailed):
        spool.append(named("a"))
    assert files(tmp_path) == []
    spool.append(named("b"))
    assert drain(spool) == ["b"]
    spool.close()


def test_threads_may_append_while_another_drains(tmp_path: Path) -> None:
    spool = Spool(tmp_path, MEBIBYTE)
    expected = {f"{letter}{n}" for letter in "abc" for n in range(20)}

    def write(letter: str) -> None:
        for n in range(20):
            spool.append(named(f"{letter}{n}"))

    writers = [threading.Thread(target=write, args=(letter,)) for letter in "abc"]
    for writer in writers:
        writer.start()
    found: list[str] = []
    while len(found) < len(expected):
        found += drain(spool, 7)
    for writer in writers:
        writer.join()
    assert sorted(found) == sorted(expected)
    spool.close()


class SpoolMachine(RuleBasedStateMachine):
    """Against a list: appends, reads, acknowledgements, restarts, power cuts in the middle of an append."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile  # noqa: PLC0415 - fixtures cannot be used here

        self._temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self._temporary.name)
        self.spool = Spool(self.folder, 6000)
        self.appends: list[list[str]] = []
        self.number = 0

    def _rows(self, count: int) -> list[DecisionRow]:
        self.number += count
        return named(*(f"u{n}" for n in range(self.number - count, self.number)))

    @rule(count=st.integers(1, 4))
    def append(self, count: int) -> None:
        rows = self._rows(count)
        try:
            self.spool.append(rows)
        except SpoolFull:
            return
        self.appends.append(names(rows))

    @rule(rows_max=st.integers(1, 6), is_recorded=st.booleans())
    def read(self, rows_max: int, is_recorded: bool) -> None:  # noqa: FBT001 - drawn by Hypothesis
        batch = self.spool.read(rows_max)
        expected: list[str] = []
        for one in self.appends:
            if expected and len(expected) + len(one) > rows_max:
                break
            expected += one
        # A batch never goes beyond a file, so it may be shorter, but not by a part of an append.
        found = names(batch.rows)
        assert found == expected[: len(found)]
        assert bool(found) == bool(expected)
        whole = 0
        while sum(map(len, self.appends[:whole])) < len(found):
            whole += 1
        assert sum(map(len, self.appends[:whole])) == len(found)
        if is_recorded:
            self.spool.acknowledge(batch)
            del self.appends[:whole]

    @rule()
    def restart(self) -> None:
        self.spool.close()
        self.spool = Spool(self.folder, 6000)
        assert (self.spool.torn_bytes, self.spool.corrupt_bytes) == (0, 0)

    @precondition(lambda self: bool(files(self.folder)))
    @rule(count=st.integers(1, 4), share=st.floats(0, 0.999))
    def power_cut(self, count: int, share: float) -> None:
        file = files(self.folder)[-1]
        before = file.stat().st_size
        try:
            self.spool.append(self._rows(count))
        except SpoolFull:
            return
        self.spool.close()
        last = files(self.folder)[-1]
        durable = before if last == file else 0
        os.truncate(last, durable + int((last.stat().st_size - durable) * share))
        self.spool = Spool(self.folder, 6000)
        assert self.spool.corrupt_bytes == 0

    @invariant()
    def counts(self) -> None:
        assert self.spool.rows == sum(map(len, self.appends))
        assert self.spool.size_bytes <= 6000

    def teardown(self) -> None:
        self.spool.close()
        self._temporary.cleanup()


SpoolMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
test_any_sequence_of_crashes_loses_and_invents_nothing = SpoolMachine.TestCase
