"""Why a message stands as it does: what our code can say of it, people read in three languages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atalaia.domain.delivery import Limits
from atalaia.domain.words import LANGUAGES
from atalaia.notify import sender, still
from atalaia.notify.pace import Pace
from atalaia.notify.reasons import WORDS, in_words, parts

SOURCE = Path(__file__).resolve().parents[2] / "src/atalaia"

TAKES = {"Outcome": 1, "Message": None, "_again": 0, "_pause": 0, "_never": 0}
"""What a reason is given to, and which of its arguments it is where it has no name."""

SAME = {"HTTP #", "SMTP #: #", "# #: #"}
"""What says nothing that has to be translated, or is put before what another has said."""


def used_up() -> set[str]:
    """What a channel says that has sent what it may, and one that has spent it."""
    found = set()
    for limits in (Limits(a_day=1), Limits(usd_a_month=0.5, usd_each=0.5)):
        pace = Pace(limits, None, 0.0)
        pace.spend(0.0, limits.usd_each)
        found.add(pace.capped_for(0.0)[1])
    return found


ELSEWHERE: dict[tuple[str, str], set[str]] = {
    ("channels/amazon.py", "type(error).__name__"): set(),
    ("channels/outcomes.py", "type(error).__name__"): set(),
    ("channels/outside.py", "row.reason.format(status=head.status)"): set(),  # a channel's row
    ("channels/plugged.py", "_safe(outcome.reason, message.address)"): set(),  # a plug-in's own
    ("channels/sms.py", "found.reason"): set(),  # `amazon`'s
    ("channels/telegram_updates.py", "fault_of(answer)"): set(),  # of what is heard, not sent
    ("channels/whatsapp.py", "reason"): set(),  # given to its `_again`, `_pause` and `_never`
    ("notify/compose.py", "reason"): {
        text
        for name, text in vars(still).items()
        if name.isupper() and isinstance(text, str) and name != "RULE"
    },
    ("notify/sender.py", "reason"): used_up() | {sender.SET_ASIDE},
    ("notify/sender.py", "outcome.reason"): set(),  # a channel's
}
"""What is given as a reason and does not stand there, and what it can be."""


def constants(tree: ast.AST) -> dict[str, list[ast.expr]]:
    """All that names of a module are set to; of a loop's, what it goes over."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found.setdefault(name, []).append(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found.setdefault(name, []).append(value)
            case ast.For(target=target, iter=value):
                for one in ast.walk(target):
                    if isinstance(one, ast.Name):
                        found.setdefault(one.id, []).append(value)
    return found


def texts(node: ast.expr, known: dict[str, list[ast.expr]]) -> set[str]:
    """What an expression can say, ``#`` for what varies; nothing where that is not to be read."""
    match node:
        case ast.Constant(value=str(text)):
            return {re.sub(r"\{\w+\}", "#", text)}
        case ast.JoinedStr(values=some):
            return {"".join(p.value if isinstance(p, ast.Constant) else "#" for p in some)}
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return {a + b for a in texts(left, known) for b in texts(right, known)}
    return {text for one in inner(node, known) for text in texts(one, known)}


def inner(node: ast.expr, known: dict[str, list[ast.expr]]) -> list[ast.expr]:
    """Expressions one of which this one is, or is made of."""
    match node:
        case ast.IfExp(body=body, orelse=orelse):
            return [body, orelse]
        case ast.Tuple(elts=some):
            return some
        case ast.Name(id=name):
            return known.get(name, [])
    return []


def told(file: Path) -> Iterator[tuple[str, set[str]]]:
    """Each expression that is given as a reason in a module, with what it can say."""
    tree = ast.parse(file.read_text("utf-8"))
    known = constants(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if name not in TAKES and name != "replace":
                continue
            at = TAKES.get(name)
            reasons = [] if at is None else node.args[at : at + 1]
            reasons += [key.value for key in node.keywords if key.arg == "reason"]
            yield from ((ast.unparse(reason), texts(reason, known)) for reason in reasons)


def all_told() -> dict[tuple[str, str], set[str]]:
    return {
        (str(file.relative_to(SOURCE)), expression): found
        for folder in ("channels", "notify")
        for file in sorted((SOURCE / folder).rglob("*.py"))
        for expression, found in told(file)
    }


def test_every_reason_of_ours_has_words_and_no_words_are_of_none() -> None:
    found = all_told()
    unread = {where for where, reasons in found.items() if not reasons}
    assert unread == set(ELSEWHERE)
    reasons = {text for where in found for text in found[where] | ELSEWHERE.get(where, set())}
    keys = {parts(one)[1] for one in reasons - SAME - {""}}
    assert keys == set(WORDS)


@pytest.mark.parametrize("key", WORDS)
def test_words_leave_out_nothing_of_a_reason(key: str) -> None:
    assert [words.count("#") for words in WORDS[key]] == [key.count("#")] * 2
    assert all(words.strip() == words != key for words in WORDS[key])


numbers = st.integers(1, 10**6).map(str)


@given(
    st.sampled_from(sorted(WORDS)), st.sampled_from(["", "SMTP # #.#: ", "SES Some: "]), st.data()
)
def test_numbers_and_codes_stay_where_they_were(key: str, by: str, data: st.DataObject) -> None:
    reason = re.sub("#", lambda _: data.draw(numbers), by + key)
    said = in_words(reason)
    assert list(said) == list(LANGUAGES)
    assert said["en"] == reason
    for words in (said["pt-BR"], said["es"]):
        assert "#" not in words
        assert words != reason
        assert re.findall(r"\d+", words) == re.findall(r"\d+", reason)


@pytest.mark.parametrize(
    ("reason", "portuguese", "spanish"),
    [
        ("quiet hours", "horas de silêncio", "horas de silencio"),
        (
            "SMTP 550 5.1.1: no such mailbox",
            "SMTP 550 5.1.1: essa caixa de correio não existe",
            "SMTP 550 5.1.1: ese buzón no existe",
        ),
        ("SNS 500: AWS fails", "SNS 500: a AWS falha", "SNS 500: AWS falla"),
        (
            "HTTP 410: the subscription is gone",
            "HTTP 410: a inscrição não existe mais",
            "HTTP 410: la suscripción ya no existe",
        ),
        (
            "USD 0.5 a month are used up",
            "os US$ 0.5 por mês já foram gastos",
            "los US$ 0.5 por mes ya se gastaron",
        ),
        (
            "fault in the channel: KeyError",
            "falha no canal: KeyError",
            "fallo en el canal: KeyError",
        ),
    ],
)
def test_a_reason_is_told_in_each_language(reason: str, portuguese: str, spanish: str) -> None:
    assert in_words(reason) == {"pt-BR": portuguese, "en": reason, "es": spanish}


@given(st.text())
def test_what_a_plug_in_says_is_shown_as_it_is(reason: str) -> None:
    if parts(reason)[1] not in WORDS:
        assert set(in_words(reason).values()) == {reason}
    assert in_words(reason)["en"] == reason
