"""What one person reads: everything that helps, in three languages, in any channel's space."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest

from atalaia.domain.alert import LogEntry
from atalaia.domain.hazard import Hazard
from atalaia.domain.message import Content, compose, confirmation, merged
from atalaia.domain.place import Place
from atalaia.domain.words import ADVICE, HAZARDS, LANGUAGES, NOT_OFFICIAL, cannot_see_text
from telling import NOON, PLACES, news

KNOWN = {place.id: place for place in PLACES}
WEATHER = [hazard for hazard in Hazard if hazard is not Hazard.CANNOT_SEE]
EACH = list(enumerate(LANGUAGES))


def said(*entries: LogEntry, language: str = "en", now: int = NOON, **more: Any) -> Content:
    return compose(entries or (news(),), KNOWN, language, now, **more)


def text(*entries: LogEntry, **how: Any) -> str:
    return said(*entries, **how).text(10_000)


def test_a_message_reads_so_in_english() -> None:
    rain = news(valid_at=NOON - 720, onset_at=NOON - 3600)
    assert text(rain).splitlines() == [
        "🔶 Orange (severe): heavy rain at Recife",
        "Since 10 Jan 08:00. Without new data it stands until 11 Jan 09:00.",
        "Rain in 1 h: 35 mm (measured, 10 Jan 08:48), limit 30 mm.",
        "Source: station, value of 10 Jan 08:48 (12 min before this message); "
        "measured by an instrument.",
        "",
        f"What to do: {ADVICE['heavy_rain'][1]}.",
        "",
        f"{NOT_OFFICIAL[1]}.",
    ]


@pytest.mark.parametrize(("i", "language"), EACH)
@pytest.mark.parametrize("evidence", ["observed", "analysis", "forecast"])
@pytest.mark.parametrize("hazard", WEATHER)
def test_every_message_says_all_that_it_must(
    hazard: str, evidence: str, i: int, language: str
) -> None:
    entry = news(hazard=str(hazard), evidence=evidence, source="open-meteo", valid_at=NOON - 5400)
    told = text(entry, language=language)
    assert HAZARDS[hazard][i] in told, "what"
    assert "Recife" in told, "where"
    assert ("Desde", "Since", "Desde")[i] in told, "since when"
    assert ("vale até", "stands until", "vale hasta")[i] in told, "until when"
    assert "35 mm" in told, "the value"
    assert "30 mm" in told, "the limit"
    sure = {
        "observed": ("medido por instrumento", "by an instrument", "medido por instrumento"),
        "analysis": ("estimado por modelo", "estimated by a model", "estimado por modelo"),
        "forecast": ("previsto, pode mudar", "forecast, may change", "pronosticado, puede"),
    }
    assert sure[evidence][i] in told, "how sure"
    assert "open-meteo" in told, "the source"
    assert "1 h 30 min" in told, "the data's age"
    assert ("O que fazer: ", "What to do: ", "Qué hacer: ")[i] in told
    assert NOT_OFFICIAL[i] in told
    assert "{" not in told
    assert ".." not in told


def test_a_forecast_has_no_age() -> None:
    told = text(news(evidence="forecast", valid_at=NOON + 7200, onset_at=NOON + 7200))
    assert "Source: station, value for 10 Jan 11:00; forecast, may change." in told
    assert "before this message" not in told


@pytest.mark.parametrize(
    ("age_s", "words"),
    [(0, "under 1 min"), (59, "under 1 min"), (60, "1 min"), (3600, "1 h 00 min")],
)
def test_the_age_is_that_at_which_the_message_goes(age_s: int, words: str) -> None:
    assert f"({words} before" in text(news(), now=NOON + age_s)


def test_what_is_over_tells_its_peak_and_nothing_to_do() -> None:
    end = news(version=3, type="end", level="red", at=NOON)
    content = said(end)
    assert content.is_over
    assert content.level == ""
    assert content.subject == "Over: heavy rain at Recife"
    told = content.text(10_000)
    assert told.startswith("⚪ Over: heavy rain at Recife\n")
    assert "peak 35 mm" in told
    assert "What to do" not in told
    assert "stands until" not in told


def test_several_alerts_are_one_message_the_gravest_first_and_what_is_over_last() -> None:
    content = said(
        news("i1", level="yellow"),
        news("i2", 2, "end", level="red", place="natal"),
        news("i3", level="red", hazard="wind"),
    )
    assert [part.title for part in content.parts] == [
        "Red (extreme): strong wind at Recife",
        "Yellow (moderate): heavy rain at Recife",
        "Over: heavy rain at Natal",
    ]
    assert content.subject == "3 alerts, the worst: Red (extreme): strong wind at Recife"
    assert (content.level, content.is_over) == ("red", False)
    assert [alert.incident for alert in content.alerts] == ["i1", "i2", "i3"]
    assert content.text(10_000).count("What to do") == 2, "each advice once"


def test_the_same_advice_is_given_once() -> None:
    content = said(news("i1"), news("i2", place="natal"))
    assert len(content.advices()) == 1


def test_a_limit_of_one_s_own_is_told() -> None:
    assert "The limit you asked for: 33 mm." in text(own=["33 mm"])
    assert "O limite que você pediu: 33 mm." in text(language="pt-BR", own=["33 mm"])


@pytest.mark.parametrize(("i", "language"), EACH)
def test_a_text_never_is_longer_than_the_channel_takes_and_never_half_of_an_alert(
    i: int, language: str
) -> None:
    entries = [news(f"i{n}", hazard=str(h)) for n, h in enumerate(itertools.islice(WEATHER, 9))]
    content = said(*entries, language=language)
    whole = content.text(100_000, "Stop: /stop.")
    titles = [part.title for part in content.parts]
    for longest in (*range(10, 700, 30), 1024, 4096, len(whole) - 1, len(whole)):
        told = content.text(longest, "Stop: /stop.")
        assert len(told) <= longest
        if told == content.subject[:longest]:
            continue  # no room for anything else
        shown = [title for title in titles if f" {title}\n" in told]
        assert shown == titles[: len(shown)], "the gravest stay"
        assert shown or told.startswith(content.subject), "what and where is always said"
        assert NOT_OFFICIAL[i] in told
        assert told.endswith("Stop: /stop.")
        left = len(titles) - len(shown) if shown else 0
        more = ("e mais {n}.", "and {n} more.", "y {n} más.")[i].format(n=left)
        assert (more in told) == (left > 0)
    assert content.text(len(whole), "Stop: /stop.") == whole


@pytest.mark.parametrize(("i", "language"), EACH)
def test_the_brief_of_any_hazard_fits_a_hundred_letters(i: int, language: str) -> None:
    for hazard in WEATHER:
        brief = said(news(hazard=str(hazard)), language=language).parts[0].brief
        assert len(brief) < 100
        assert "Recife" in brief
        assert "35 mm" in brief
        assert HAZARDS[hazard][i] in brief


def test_a_place_that_is_not_known_any_more_is_told_by_its_id() -> None:
    assert "at old-place" in text(news(place="old-place"))


@pytest.mark.parametrize(("i", "language"), EACH)
@pytest.mark.parametrize(
    ("type_", "reason", "still"),
    [
        ("alert", "onset", ()), ("update", "escalated", ("natal",)),
        ("update", "eased", ("natal",)), ("end", "ended", ()),
    ],
)  # fmt: skip
def test_blindness_is_told_in_the_words_of_the_log(
    type_: str, reason: str, still: tuple[str, ...], i: int, language: str
) -> None:
    names = {place.id: place.name for place in PLACES}
    zone = KNOWN["recife"].timezone
    words = cannot_see_text(
        "station", [names["recife"]], zone, NOON - 7200,
        is_over=type_ == "end" or reason == "eased", others=[names[one] for one in still],
    )  # fmt: skip
    blind = news(
        type=type_, hazard="cannot_see", variable=None, value=None, limit=None, unit=None,
        reason=reason, valid_at=NOON - 7200, text=words,
    )  # fmt: skip
    blind = msgspec.structs.replace(blind, still_blind=still, peak=None)
    (part,) = said(blind, language=language).parts
    assert f"{part.title}. {NOT_OFFICIAL[i]}." == words[language]
    assert part.lines() == [f"{part.icon} {part.title}"]


@pytest.mark.parametrize(("i", "language"), EACH)
def test_a_late_value_is_told_as_one(i: int, language: str) -> None:
    late = ("Dado atrasado: chegou em", "Late data: it came at", "Dato atrasado: llegó el")[i]
    assert late in text(msgspec.structs.replace(news(), is_late=True), language=language)
    assert late not in text(news(), language=language)


@pytest.mark.parametrize(("i", "language"), EACH)
def test_a_question_has_its_code_and_says_what_happens_without_it(i: int, language: str) -> None:
    content = confirmation("482913", language)
    assert (content.kind, content.code, content.parts) == ("confirm", "482913", ())
    told = content.text(1_000)
    assert "482913" in told
    assert "7 " in told
    assert not content.is_over


BROKEN = "São\nJosé\r\nBcc: a@b.example\u2028\tdo Egito"
ENDLESS = "Vila Bela da Santíssima Trindade, " * 6
CHANGES = ["onset", "escalated", "eased", "certainty", "sooner", "step", "ended", "expired"]


def renamed(name: str) -> dict[str, Place]:
    return {id_: msgspec.structs.replace(place, name=name) for id_, place in KNOWN.items()}


def of_every_kind(reason: str, hazard: str) -> LogEntry:
    type_ = {"onset": "alert", "ended": "end", "expired": "end", "step": "step"}.get(
        reason, "update"
    )
    return news("i1", 2, type_, reason=reason, hazard=hazard, level="red")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("n", [1, 7])
@pytest.mark.parametrize("name", ["Recife", BROKEN, ENDLESS, "a"])
def test_a_subject_is_one_line_of_78_letters_and_the_place_is_cut_last(
    name: str, n: int, language: str
) -> None:
    i, one_line = LANGUAGES.index(language), " ".join(name.split())
    for hazard, reason in itertools.product(WEATHER, CHANGES):
        entries = [
            of_every_kind(reason, str(hazard)),
            *(news(f"i{k}", level="yellow") for k in range(2, n + 1)),
        ]
        subject = compose(entries, renamed(name), language, NOON).subject
        assert len(subject) <= 78
        assert subject.isprintable()
        worst = hazard if n == 1 or reason not in ("ended", "expired") else "heavy_rain"
        assert HAZARDS[worst][i] in subject, "no word is cut while there is a place to cut"
        if len(one_line) < 20:
            assert one_line in subject
        else:
            assert one_line[:12] in subject
        assert n == 1 or str(n) in subject or f"(+{n - 1})" in subject


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", [BROKEN, ENDLESS])
def test_a_silent_source_s_subject_is_one_line_of_78_letters(name: str, language: str) -> None:
    for type_ in ("alert", "end"):
        blind = news(hazard="cannot_see", type=type_, level="yellow")
        subject = compose([blind], renamed(name), language, NOON).subject
        assert len(subject) <= 78
        assert subject.isprintable()
        assert "station" in subject


def test_a_name_breaks_no_line_of_a_message() -> None:
    plain = said(news()).text(10_000)
    broken = compose([news()], renamed(BROKEN), "en", NOON).text(10_000)
    assert broken.splitlines() == plain.replace("Recife", " ".join(BROKEN.split())).splitlines()


def test_it_says_whether_it_is_of_a_part_of_a_warning_alone() -> None:
    part = msgspec.structs.replace(news("i2", 2, "end"), still=("natal",))
    assert [said(*one).is_in_part for one in ((news(),), (part,), (news(), part))] == [
        False, True, True,
    ]  # fmt: skip
    assert merged([said(), said(part)]).is_in_part
    assert not merged([said(), said(news("i2"))]).is_in_part
