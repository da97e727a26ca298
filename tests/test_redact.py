"""The last net under the logs: what it catches, and what it must let through."""

from __future__ import annotations

import io

import pytest
import structlog

from atalaia.redact import redact, redact_event

TOKEN = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1"

CAUGHT = [
    ("mail to ana.maria+x@example.org bounced", "ana.maria"),
    ("<ana@example.org>: no such user", "ana@"),
    ("/unsubscribe?u=ana%40example.org", "ana%40"),
    ("+5581999990000 is not on WhatsApp", "999990000"),
    ("call +55 (81) 99999-0000 now", "99999"),
    ("call +55 81 99999-0000 now", "99999"),
    ("%2B5581999990000", "99999"),
    ("number (81) 99999-0000", "99999"),
    ("wa_id 5581999990000 unknown", "99999"),
    (f"POST https://api.telegram.org/bot{TOKEN}/sendMessage failed", "AAHdq"),
    (f"token={TOKEN}", "AAHdq"),
    ("signed with whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD=", "C2FV"),
    ("Authorization: Bearer eyJhbGciOi.J9-x_y", "eyJhb"),
    ("authorization='Basic dXNlcjpwYXNz'", "dXNlc"),
    ("GET https://user:hunter2@example.org/x", "hunter2"),
    ("smtp://hunter2@mail.example.org", "hunter2"),
    ("https://x.org/a?apikey=SECRETVALUE&units=metric", "SECRETVALUE"),
    ("https://x.org/hook?access_token=SECRETVALUE", "SECRETVALUE"),
    ("https://x.org/hook?a=1&sig=SECRETVALUE#x", "SECRETVALUE"),
    ('{"chat_id": 7712345678, "text": "x"}', "7712345678"),
    ("chat_id=-1007712345678", "7712345678"),
    ("password: hunter2", "hunter2"),
    ("'api_key': 'SECRETVALUE'", "SECRETVALUE"),
    ("TOMORROW_API_KEY=SECRETVALUE", "SECRETVALUE"),
    ("atk_abcdefghij234567", "abcdefghij"),
    ("key AKIAIOSFODNN7EXAMPLE", "IOSFODNN7"),
    ("reply to wamid.HBgLNTU4MTk5OTk5MDAwMBUCABIYFA==", "HBgL"),
]

KEPT = [
    "2023-11-14T22:13:20+00:00",
    "2023-11-14 22:13:20.123456-03:00",
    "at 1700000000, offset 12345678, 1_000_000 rows",
    "part-00000000000000000001.ndjson.zst",
    "-8.05428123456789, -34.88123456789012",
    "person p_abcdefghij234567 by email: again in 30 s",
    "msg_abcdefghijklmnopqrstuvwx was sent",
    "incident 3f2a9c1d4b5e6f708192",
    "127.0.0.1:8080 refused; error code: 429001, key=place:x",
    "https://api.open-meteo.com/v1/forecast?latitude=-8.05&longitude=-34.88",
    "rain_mm over 1h >= 35",
    "10,000 people take 5 min 33 s by Telegram",
    "home /var/lib/atalaia is in use by process 12345",
    "urn:oid:2.49.0.1.76.0.2023.11.14",
    "40 < 60; POD 0.87 (95 % 0.81-0.92)",
]


@pytest.mark.parametrize(("text", "secret"), CAUGHT)
def test_what_looks_like_an_address_or_a_secret_is_masked(text: str, secret: str) -> None:
    assert secret not in redact(text)
    assert "***" in redact(text)


@pytest.mark.parametrize("text", KEPT)
def test_what_operators_need_stays_readable(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("text", [text for text, _ in CAUGHT])
def test_masking_again_changes_nothing(text: str) -> None:
    assert redact(redact(text)) == redact(text)


def logged(**fields: object) -> str:
    out = io.StringIO()
    log = structlog.wrap_logger(
        structlog.PrintLogger(out),
        processors=[
            structlog.processors.format_exc_info,
            redact_event,
            structlog.processors.LogfmtRenderer(),
        ],
    )
    log.info("sent to ana@example.org", **fields)
    return out.getvalue()


def test_fields_that_name_somebody_are_masked_whatever_is_in_them() -> None:
    line = logged(chat=7712345678, phone="99990000", to_address="Rua X", bot_token="abc", n=3)
    assert 'event="sent to ***"' in line
    for secret in ("7712345678", "99990000", "Rua X", "abc"):
        assert secret not in line
    assert "n=3" in line


def test_what_lies_deep_in_a_field_is_masked_too() -> None:
    line = logged(
        detail={"to": [b"+5581999990000", {"contact": 5}], "cause": ValueError("a@b.org")}
    )
    assert "999990000" not in line
    assert "a@b.org" not in line
    assert "'contact': '***'" in line


def test_a_traceback_is_masked() -> None:
    error = RuntimeError(f"https://api.telegram.org/bot{TOKEN}/x for ana@example.org")
    line = logged(exc_info=error)
    assert "RuntimeError" in line
    assert "AAHdq" not in line
    assert "ana@" not in line


def test_numbers_flags_and_nothing_stay_as_they_are() -> None:
    line = logged(at=1_700_000_000, share=0.5, is_open=True, token=None)
    assert line.startswith("at=1700000000 share=0.5 is_open token= event=")
