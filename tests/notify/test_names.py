"""Pseudonyms by number, against a dictionary."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.notify import names as module
from atalaia.notify.names import Names

some = st.sampled_from(["p_a", "p_ab", "p_abc", "p_b", "p_aa", "q", "p_" + "z" * 62])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from(["add", "remove", "all"]), some), max_size=40))
def test_a_number_is_one_persons_whatever_becomes_of_them(steps: list[tuple[str, str]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_YOUNG_LEAST", 3)
        names, known, ever = Names(), {}, 0
        for what, name in steps:
            if what == "add":
                assert names.add(name) == ever, "never given before"
                known[name], ever = ever, ever + 1
            elif what == "remove":
                names.remove(name)
                known.pop(name, None)
            else:
                numbers, texts = names.all()
                pairs = zip(texts.tolist(), numbers.tolist(), strict=True)
                assert {text.decode(): number for text, number in pairs} == known
            assert {one: names.number(one) for one in known} == known
            assert len(names) == ever
            of = {number: one for one, number in known.items()}
            assert list(names) == [of.get(number, "") for number in range(ever)]
            assert names.of(np.arange(ever)) == list(names)
            assert names.of(np.arange(ever // 2)[::-1]) == list(names)[: ever // 2][::-1]
            assert names.number("p_nobody") is None


def test_a_name_is_none_that_begins_as_it_does() -> None:
    names = Names(["p_b", "p_a"])
    assert (names.number("p_a"), names.number("p_b")) == (1, 0)
    assert names.number("p_aaaa") is names.number("p_") is names.number("p_c") is None
