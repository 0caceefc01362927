"""Numbers under a seal: they come back, and tell nothing of each other."""

import re
from itertools import pairwise

from hypothesis import given
from hypothesis.strategies import binary, integers, text

from viral_engine.web.sealed_numbers import FORM, NUMBER_MAX, opened, sealed

KEY = b"an instance key of a test"


@given(binary(min_size=1, max_size=64), integers(0, NUMBER_MAX))
def test_a_number_comes_back_under_its_key(key: bytes, number: int) -> None:
    assert re.fullmatch(FORM, sealed(key, number))
    assert opened(key, sealed(key, number)) == number


def test_neighbours_lie_apart_and_in_no_order() -> None:
    texts = [sealed(KEY, number) for number in range(1_000)]
    assert len({one[:8] for one in texts}) == len({one[8:] for one in texts}) == 1_000
    rising = sum(one < other for one, other in pairwise(texts))
    assert 400 < rising < 600


@given(text(max_size=20))
def test_a_text_that_was_made_up_is_none(made_up: str) -> None:
    assert opened(KEY, made_up) is None


def test_another_key_opens_nothing() -> None:
    assert {opened(b"another", sealed(KEY, number)) for number in range(100)} == {None}
