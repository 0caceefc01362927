"""An id of a request is written to the log as it is in the answer: none looks like what the log hides."""

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from viral_engine.telemetry.personal import mask_text
from viral_engine.web.traffic import Traffic


def traffic(boot_id: str) -> Traffic:
    return Traffic(structlog.get_logger(), boot_id)


@given(st.one_of(st.uuids().map(lambda one: one.hex), st.text("0123456789-._ve", max_size=40)))
def test_an_id_of_our_own_never_looks_personal(boot_id: str) -> None:
    ours = traffic(boot_id)
    ids = [ours.request_id(None).decode() for _ in range(200)]
    assert list(map(mask_text, ids)) == ids
    assert len(set(ids)) == len(ids)


@given(st.text("0123456789", min_size=1, max_size=64) | st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True))
def test_the_id_that_a_request_has_in_the_end_is_logged_as_it_is(sent: str) -> None:
    taken = traffic("0717263405").request_id(sent.encode()).decode()
    assert mask_text(taken) == taken
    assert (taken == sent) is (mask_text(sent) == sent)


@pytest.mark.parametrize("sent", ["abc-1.2_3", "0190f1a2-7b3c-7d4e-8f50-123456789012", "12345678", "req-4155552671"])
def test_an_id_that_does_not_look_personal_is_taken(sent: str) -> None:
    assert traffic("07172634").request_id(sent.encode()) == sent.encode()
