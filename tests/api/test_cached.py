"""AnswerCache made once for all who ask: never stale, never another's, and bounded."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from atalaia.api.cached import AnswerCache, JsonAnswer, sent
from atalaia.api.cursors import cursor, number, position
from atalaia.api.problem import Problem

LONG = b'{"alerts": [' + b'"one",' * 1000 + b"null]}"


def request(**headers: str) -> Request:
    named = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": named})


@given(st.binary(max_size=4000))
def test_a_tag_is_that_of_the_contents_and_what_is_packed_unpacks_to_them(body: bytes) -> None:
    answer = JsonAnswer.of(body)
    assert answer == JsonAnswer.of(bytes(body)), "the same on every machine and at any time"
    assert answer.tag != JsonAnswer.of(body + b" ").tag
    assert not answer.packed or gzip.decompress(answer.packed) == body
    assert answer.size == len(body) + len(answer.packed)


def test_what_fits_into_a_packet_is_not_packed() -> None:
    assert JsonAnswer.of(b"{}").packed == b""
    assert 0 < len(JsonAnswer.of(LONG).packed) < len(LONG)


def test_an_answer_is_made_once_a_version() -> None:
    answers, made = AnswerCache(), []

    def make() -> bytes:
        made.append(1)
        return b"%d" % len(made)

    for version in (1, 1, 1, 2, 2):
        answers.made("/v1/places", version, make)
    assert len(made) == 2
    assert answers.get("/v1/places", 1) is None, "an older version is never given again"
    held = answers.get("/v1/places", 2)
    assert held is not None
    assert held.body == b"2"
    assert answers.get("/v1/alerts", 2) is None


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), st.integers(0, 300)), max_size=80),
    st.integers(1, 6),
    st.integers(1, 900),
)
def test_answers_stay_within_their_bounds_and_are_true(
    story: list[tuple[int, int, int]], most: int, most_bytes: int
) -> None:
    answers = AnswerCache(most, most_bytes)
    for asked, version, size in story:
        body = b"x" * size
        assert answers.put(asked, version, body).body == body
        held = [answers.get(a, v) for a in range(10) for v in range(4)]
        found = [one for one in held if one is not None]
        assert len(found) <= most
        assert sum(one.size for one in found) <= most_bytes


def test_the_answer_asked_for_longest_ago_goes_first() -> None:
    answers = AnswerCache(most=2)
    answers.put("a", 1, b"a")
    answers.put("b", 1, b"b")
    assert answers.get("a", 1) is not None
    answers.put("c", 1, b"c")
    assert [answers.get(x, 1) is not None for x in "abc"] == [True, False, True]


def test_an_answer_larger_than_all_room_is_given_and_not_kept() -> None:
    answers = AnswerCache(most_bytes=10)
    assert answers.put("a", 1, b"x" * 100).body == b"x" * 100
    assert answers.get("a", 1) is None
    assert answers.put("b", 1, b"x").body == b"x"
    assert answers.get("b", 1) is not None, "room is counted right afterwards"


@pytest.mark.parametrize(
    ("given_tag", "is_known"),
    [
        ("{tag}", True),
        ("W/{tag}", True),
        ('"other", {tag}', True),
        ('"other",W/{tag} , "third"', True),
        ("*", True),
        ('"other"', False),
        ("", False),
        ("{bare}", False),
    ],
)
def test_who_has_the_answer_is_told_so_without_it(given_tag: str, is_known: bool) -> None:
    answer = JsonAnswer.of(LONG)
    given_tag = given_tag.format(tag=answer.tag, bare=answer.tag.strip('"'))
    response = sent(request(if_none_match=given_tag), answer)
    assert response.status_code == (304 if is_known else 200)
    assert response.headers["etag"] == answer.tag
    assert bool(response.body) != is_known


@pytest.mark.parametrize("accepts", ["gzip", "br, gzip;q=0.8", "gzip, deflate"])
def test_an_answer_goes_packed_to_who_understands_it(accepts: str) -> None:
    response = sent(request(accept_encoding=accepts), JsonAnswer.of(LONG))
    assert response.headers["content-encoding"] == "gzip"
    assert gzip.decompress(bytes(response.body)) == LONG
    assert "Accept-Encoding" in response.headers["vary"]


@pytest.mark.parametrize(
    ("body", "accepts"), [(LONG, ""), (LONG, "br"), (b"{}", "gzip"), (LONG, "identity")]
)
def test_and_plain_to_all_others(body: bytes, accepts: str) -> None:
    response = sent(request(accept_encoding=accepts), JsonAnswer.of(body))
    assert "content-encoding" not in response.headers
    assert response.body == body


def test_what_changes_with_every_look_has_a_tag_of_its_own() -> None:
    answer = JsonAnswer.of(LONG)
    assert sent(request(if_none_match=answer.tag), answer, tag='"t-1"').status_code == 200
    assert sent(request(if_none_match='"t-1"'), answer, tag='"t-1"').status_code == 304
    assert sent(request(if_none_match='"t-1"'), answer, tag='W/"t-1"').status_code == 304


# Cursors


@given(st.sampled_from(["alerts", "log"]), st.integers(0, 10**17))
def test_a_cursor_says_where_its_list_goes_on(kind: str, at: int) -> None:
    text = cursor(kind, at)
    assert number(kind, text) == at
    assert position(kind, text) == str(at)
    assert text.isascii()
    assert not set(text) & set("+/=&? ")


def test_no_cursor_is_the_beginning() -> None:
    assert position("alerts", None) is None
    assert number("alerts", None) is None


def refusal(ask: Any, kind: str, given_text: str) -> Problem:
    with pytest.raises(Problem) as caught:
        ask(kind, given_text)
    return caught.value


@pytest.mark.parametrize(
    "given_text",
    ["", "x", "é", "=", "====", "a" * 5000, cursor("log", 5), cursor("alerts", ""), "\ud800",
     cursor("alerts", 5) + "!"],
)  # fmt: skip
def test_what_is_no_cursor_of_this_list_is_refused_with_the_next_step(given_text: str) -> None:
    problem = refusal(position, "alerts", given_text)
    assert problem.status == 422
    assert problem.detail.endswith("begin without one")


@pytest.mark.parametrize("at", ["-1", "1.5", "٣", "1e3", "9" * 19, "abc", " 1"])
def test_a_cursor_with_something_else_than_a_number_is_none_of_ours(at: str) -> None:
    assert refusal(number, "alerts", cursor("alerts", at)).status == 422


@given(st.text(max_size=60))
def test_no_text_makes_a_cursor_raise_anything_else(text: str) -> None:
    try:
        position("alerts", text)
    except Problem as problem:
        assert problem.status == 422  # noqa: PT017 - that nothing else comes is what is claimed
