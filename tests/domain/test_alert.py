"""An entry of the alert log, written and read."""

from __future__ import annotations

import msgspec
import pytest

from atalaia.domain.alert import decode_entry, encode_entry, from_line, instants_of, to_line
from telling import NOON, news

KEPT = (
    b'{"alert":{"incident":"841f55d05aa464e1","version":1,"type":"alert","place_id":"poa",'
    b'"hazard":"wind","level":"red","severity":"Extreme","urgency":"Immediate",'
    b'"certainty":"Observed","sent_at":"2024-01-01T04:00:00+00:00",'
    b'"onset_at":"2024-01-01T03:00:00+00:00","expires_at":null,"evidence":"observed",'
    b'"source":"inmet","valid_at":"2024-01-01T04:00:00+00:00","variable":"wind_gust_m_s",'
    b'"window_s":0,"value":31.0,"unit":"m/s","limit":30.0,"rule":"gust","reason":"onset",'
    b'"text":{"pt-BR":"Vento","en":"Wind","es":"Viento"}},"places":["poa"],'
    b'"opened_at":"2024-01-01T04:00:00+00:00","rule_hash":"ab","peak_level":"red","peak":31.0,'
    b'"peak_at":"2024-01-01T04:00:00+00:00","moved":[{"variable":"wind_gust_m_s","window_s":0,'
    b'"is_below":false,"low":null,"high":31.0}],"official":null,"linked":[]}'
)
"""As the log has kept it since the first release."""


def test_what_a_log_keeps_is_read_and_written_as_it_was() -> None:
    entry = decode_entry(KEPT)
    assert entry.alert.sent_at == entry.peak_at == 1_704_081_600
    assert entry.alert.onset_at == entry.alert.sent_at - 3600
    assert entry.alert.expires_at is None
    assert encode_entry(entry) == KEPT


def test_a_line_is_read_as_it_was_written_and_no_instant_in_it_is_a_number() -> None:
    alert = news(at=NOON).alert
    line = to_line(alert)
    assert from_line(line) == alert
    fields = msgspec.json.decode(line)
    assert instants_of(type(alert)) == {"sent_at", "onset_at", "expires_at", "valid_at"}
    assert {type(fields[name]) for name in instants_of(type(alert))} == {str}
    assert tuple(fields) == type(alert).__struct_fields__


def test_what_is_rare_is_written_where_it_is_and_read_again() -> None:
    entry = news()
    assert b"is_late" not in encode_entry(entry)
    rare = msgspec.structs.replace(entry, is_late=True, still_blind=("natal",))
    assert decode_entry(encode_entry(rare)) == rare


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"alert":1}', KEPT[:-1], KEPT[9:]])
def test_what_is_no_entry_is_refused(body: bytes) -> None:
    with pytest.raises((msgspec.MsgspecError, ValueError)):
        decode_entry(body)
