"""What is left of somebody who was erased: bytes are looked for, not rows."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import apsw
import msgspec
import pytest

from atalaia.batch.archive import archive
from atalaia.domain.contact import read_contact
from atalaia.domain.decoded import Decoded
from atalaia.domain.delivery import Delivery, Message, Outcome, settled
from atalaia.domain.payload import Lines, Payload, Reject
from atalaia.domain.subscription import Circle, Polygon, Quiet, Threshold
from atalaia.errors import StateConflict
from atalaia.lake import raw
from atalaia.people.bodies import is_sealed, owner_of, seal_body, unsealed
from atalaia.people.changing import ChangeWanted, update
from atalaia.people.erase import erase, finish_erasures
from atalaia.people.export import export
from atalaia.people.manage import make_key
from atalaia.people.retention import apply_retention
from atalaia.ports import Commit, FanOut, Record
from atalaia.sources.readings_csv import JSON, STATION
from contracts.people_contract import contact, person
from contracts.state_contract import entry
from people.world import DAY, NOW, World, world
from telling import delivery, message

CANARIES = {
    "email": "canary-mail-7c1@example.org",
    "sms": "+5581912345678",
    "telegram": "7712345678",
    "webhook": "https://canary.example.org/hook?token=canarysecret",
    "place": "Canary Cottage",
    "area": "Canary Estate",
    "body": "canary body 31.5",
}
COORDINATE = -8.0512345
CONTACTS = tuple(f"{name}:{CANARIES[name]}" for name in ("email", "sms", "telegram", "webhook"))


def full_person(w: World) -> tuple[str, list[bytes]]:
    """Somebody with a canary in every field, and all byte strings that must go with them."""
    circle = Circle(name=CANARIES["place"], latitude=COORDINATE, longitude=-34.8812345)
    area = Polygon(name=CANARIES["area"], rings=(((0, 0), (1, 0), (1, 1), (0, 0)),))
    made = w.subscribe(
        *CONTACTS,
        where=(circle, area),
        thresholds=(Threshold("rain_mm", 3600, 35.125, "heavy_rain"),),
        quiet=Quiet(1321, 421, "America/Recife"),
        proof="form 12",
        how="import",
    )
    p = made.pseudonym
    update(
        w.registry, p, ChangeWanted(language="es"), NOW
    )  # older copies of the row are in the log, too
    key = make_key(w.registry, p, NOW)
    waiting = w.subscribe("email:canary-waiting@example.org", proof="")
    w.confirm(waiting.pseudonym, "000000", NOW)
    w.home.state.commit(Commit("speed", 1, entries=[entry("i1"), entry("i1", 2)]))
    message = Message(
        id="msg_zq81x",
        person=p,
        channel="email",
        order_key=p,
        seqs=(1, 2),
    )
    send(w, message, NOW, [Delivery(p, "i1", v, "email", "msg_zq81x") for v in (1, 2)])
    w.home.stream.append([pushed(w, p)])
    row = w.home.people.person(p)
    assert row is not None
    assert row.sealed is not None
    rows = w.home.people.contacts(p)
    secrets = [row.sealed, *(c.sealed for c in rows), *(c.lookup for c in rows)]
    secrets += [text.encode() for text in CANARIES.values()]
    secrets += [
        made.secrets["webhook"].encode(),
        key.encode(),
        b"provider-zq81x",
        b"msg_zq81x",
    ]
    person_key = w.keys.get(p)
    assert person_key is not None
    return p, [*secrets, person_key, *(f.read_bytes() for f in key_files(w, p))]


def send(w: World, message: Message, at: int, deliveries: Sequence[Delivery] = ()) -> None:
    """As the deliverer does, with an answer of the provider."""
    due = msgspec.structs.replace(message, due_at=at, expires_at=at + DAY)
    w.home.outbox.put(due, deliveries)
    (leased,) = w.home.outbox.claim(at, at + 9, {message.channel: 1})
    sent = settled(leased, Outcome("sent", provider_id="provider-zq81x"), (), at)
    w.home.outbox.settle([(leased, sent)])


def pushed(w: World, pseudonym: str) -> Payload:
    body = seal_body(w.registry.vault, pseudonym, CANARIES["body"].encode())
    return Payload(source="push", content="x", received_at=NOW, body=body)


def key_files(w: World, pseudonym: str) -> Iterator[Path]:
    return w.folders[1].rglob(f"*{pseudonym}*")


def files(w: World) -> dict[str, bytes]:
    found = [f for folder in w.folders for f in folder.rglob("*") if f.is_file()]
    return {str(f): f.read_bytes() for f in found}


def found_in(w: World, secrets: list[bytes]) -> list[tuple[str, bytes]]:
    return [
        (name, secret)
        for name, body in files(w).items()
        for secret in secrets
        if secret in body or secret.lower() in body.lower()
    ]


def test_while_somebody_is_told_no_file_has_anything_of_theirs_in_the_clear(w: World) -> None:
    full_person(w)
    clear = [text.encode() for text in CANARIES.values()]
    clear += [b"canary-waiting", b"5581912345678", b"canarysecret", b"Canary", b"America/Recife"]
    assert found_in(w, clear) == []


def test_what_an_erased_person_leaves_cannot_be_found_in_any_file(w: World) -> None:
    pseudonym, secrets = full_person(w)
    assert len(found_in(w, secrets)) > 10  # it is there to be found before
    erase(w.home.people, w.keys, pseudonym, NOW + 9)
    assert found_in(w, secrets) == []
    w.home.close()
    assert found_in(w, secrets) == []
    for name, body in files(w).items():
        is_list = name.endswith(("erased", "sqlite3"))  # and RAW's and the stream's sealed bodies
        assert is_list or pseudonym.encode() not in body, name


@pytest.mark.parametrize("seed", [2, 3, 10, 24, 39])
def test_look_ups_go_whatever_pages_they_were_on_once(w: World, seed: int) -> None:
    # With these seeds SQLite leaves one or more in a gap between rows that it moved.
    chance = random.Random(seed)
    people = [f"p_{chance.randbytes(8).hex()}" for _ in range(150)]
    lookups: dict[str, list[bytes]] = {}
    for pseudonym in people:
        rows = [
            contact(
                pseudonym,
                channel=channel,
                lookup=chance.randbytes(32),
                sealed=chance.randbytes(chance.randrange(150, 400)),
            )
            for channel in ("email", "sms")
        ]
        sealed = chance.randbytes(500)
        w.home.people.put(msgspec.structs.replace(person(pseudonym), sealed=sealed), rows)
        lookups[pseudonym] = [row.lookup for row in rows]
    for pseudonym in people[::2]:
        w.home.people.erase(pseudonym, NOW)
    database = b"".join(body for name, body in files(w).items() if "sqlite3" in name)
    assert [x for p in people[::2] for x in lookups[p] if x in database] == []
    assert all(x in database for p in people[1::2] for x in lookups[p])
    assert all(len(w.home.people.contacts(p)) == 2 for p in people[1::2])


def test_the_consent_stays_withdrawn_under_a_name_that_leads_nowhere(w: World) -> None:
    pseudonym, _ = full_person(w)
    erase(w.home.people, w.keys, pseudonym, NOW + 9)
    consents = w.home.people.consents(pseudonym)
    assert {c.channel for c in consents} == {"email", "sms", "telegram", "webhook"}
    assert {c.withdrawn_at for c in consents} == {NOW + 9}
    assert w.registry.person(pseudonym) is None
    assert all(w.registry.holders(read_contact(text)) == [] for text in CONTACTS)
    assert w.home.outbox.messages(person=pseudonym) == []
    assert w.home.outbox.told(["i1"]) == []
    assert w.registry.held(pseudonym) is None
    assert w.keys.erased() == [(pseudonym, NOW + 9)]


def test_erasing_waits_for_who_still_reads_old_pages(w: World) -> None:
    pseudonym, secrets = full_person(w)
    reader = apsw.Connection(str(w.path / "atalaia.sqlite3"))
    cursor = reader.cursor()
    cursor.execute("BEGIN")
    cursor.execute("SELECT count(*) FROM people").fetchall()  # from now on it sees these pages
    threading.Timer(0.3, lambda: cursor.execute("COMMIT")).start()
    erase(w.home.people, w.keys, pseudonym, NOW)
    assert found_in(w, secrets) == []
    reader.close()


def test_who_reads_old_pages_for_long_is_named_and_erasing_again_finishes(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atalaia.homes.embedded.database._LOG_WAIT_MS", 10)
    pseudonym, secrets = full_person(w)
    reader = apsw.Connection(str(w.path / "atalaia.sqlite3"))
    cursor = reader.cursor()
    cursor.execute("BEGIN")
    cursor.execute("SELECT count(*) FROM people").fetchall()
    with pytest.raises(StateConflict, match=r"removed, but a process that reads.*again"):
        erase(w.home.people, w.keys, pseudonym, NOW)
    assert w.registry.person(pseudonym) is None  # for everybody else they are gone
    assert found_in(w, [CANARIES["email"].encode()]) == []
    cursor.execute("COMMIT")
    erase(w.home.people, w.keys, pseudonym, NOW)
    assert found_in(w, secrets) == []
    reader.close()


def test_a_crash_after_the_key_went_is_made_good_at_the_next_start(w: World) -> None:
    pseudonym, secrets = full_person(w)
    w.keys.destroy(pseudonym, NOW + 9)
    w.home.close()
    with world(w.path) as again:
        assert again.registry.person(pseudonym) is None  # even before it is made good
        assert sum(finish_erasures(again.home.people, again.keys)) == 1
        assert sum(finish_erasures(again.home.people, again.keys)) == 0
        assert found_in(again, secrets) == []
        assert {c.withdrawn_at for c in again.home.people.consents(pseudonym)} == {NOW + 9}


def test_a_key_at_hand_is_let_go_when_the_erasure_is_heard_of(w: World) -> None:
    pseudonym = w.told("email:ana@example.org")
    with world(w.path) as other:  # another process
        seen = max(one.number for one in w.registry.load())
        erase(other.home.people, other.keys, pseudonym, NOW)
        assert [(one.pseudonym, one.person) for one in w.registry.load(seen)] == [(pseudonym, None)]
        with pytest.raises(StateConflict, match="no key"):
            w.registry.vault.seal(pseudonym, "body", b"x")


# What people pushed under their key


def decode(payloads: list[Payload], wanted: frozenset[str] | None) -> Decoded:
    rejects = [Reject(source=p.source, reason=p.body.decode(errors="replace")) for p in payloads]
    return Decoded(rejects=rejects)


def test_a_pushed_body_is_opened_for_its_decoder_alone(w: World) -> None:
    pseudonym = w.told("email:ana@example.org")
    payload = pushed(w, pseudonym)
    plain = Payload(source="other", content="x", received_at=NOW, body=b"plain")
    assert is_sealed(payload.body)
    assert owner_of(payload.body) == pseudonym
    assert CANARIES["body"].encode() not in payload.body
    decoded = unsealed(decode, lambda: w.registry.vault)([payload, plain], None)
    assert [r.reason for r in decoded.rejects] == ["canary body …", "plain"]


@pytest.mark.parametrize("source", [STATION, "tomorrow.io", "readings"])
def test_what_is_sealed_is_opened_out_of_raw_whatever_source_it_is_of(
    w: World, source: str
) -> None:
    sealed = msgspec.structs.replace(pushed(w, w.told("email:ana@example.org")), source=source)
    plain = Payload(source=source, content="x", received_at=sealed.received_at, body=b"plain")
    key = raw.payload_part(sealed) + raw.part_name(1)
    body = raw.write_payloads([Record(1, sealed), Record(2, plain)])
    [(_, lines)] = raw.payloads_by_part(key, body)
    assert isinstance(lines, Lines)
    decoded = unsealed(decode, lambda: w.registry.vault)(lines, None)
    assert [r.reason for r in decoded.rejects] == ["canary body …", "plain"]


def test_a_body_of_an_erased_person_is_a_reject_and_the_rest_goes_on(w: World) -> None:
    ana, bia = w.told("email:ana@example.org"), w.told("email:bia@example.org")
    payloads = [pushed(w, ana), pushed(w, bia)]
    erase(w.home.people, w.keys, ana, NOW)
    w.registry.vault.forget(ana)
    decoded = unsealed(decode, lambda: w.registry.vault)(payloads, None)
    assert [r.reason for r in decoded.rejects] == ["erased", "canary body …"]


def test_a_damaged_body_is_a_reject(w: World) -> None:
    payload = pushed(w, w.told("email:ana@example.org"))
    for body in (payload.body[:-1], payload.body[:20], payload.body[:16] + b"\xff"):
        damaged = Payload(source="push", content="x", received_at=NOW, body=body)
        decoded = unsealed(decode, lambda: w.registry.vault)([damaged], None)
        assert [r.reason for r in decoded.rejects] == ["damaged seal"]


def test_a_seal_moved_to_somebody_else_does_not_open(w: World) -> None:
    ana, bia = w.told("email:ana@example.org"), w.told("email:bia@example.org")
    sealed = w.registry.vault.seal(ana, "contact email", b"x")
    for pseudonym, purpose in ((bia, "contact email"), (ana, "contact sms")):
        with pytest.raises(StateConflict, match="does not open"):
            w.registry.vault.open(pseudonym, purpose, sealed)


# What is kept, and for how long


def test_everything_held_on_somebody_is_exported(w: World) -> None:
    pseudonym, _ = full_person(w)
    held = json.loads(export(w.registry, w.home, w.held(pseudonym)))
    addresses = {c["channel"]: c.get("address") for c in held["contacts"]}
    assert addresses == {name: CANARIES.get(name) for name in addresses}
    assert set(addresses) == {"email", "sms", "telegram", "webhook", "key"}
    assert held["person"]["language"] == "es"
    (subscription,) = held["person"]["subscriptions"]
    assert [area["name"] for area in subscription["where"]] == ["Canary Cottage", "Canary Estate"]
    assert subscription["where"][0]["latitude"] == COORDINATE
    assert subscription["thresholds"][0]["limit"] == 35.125
    assert subscription["since"] == "2023-11-14T22:13:20+00:00"
    assert {c["channel"] for c in held["consents"]} == {"email", "sms", "telegram", "webhook"}
    (message,) = held["messages"]
    assert [(a["incident"], a["version"]) for a in message["alerts"]] == [("i1", 1), ("i1", 2)]
    assert [(d["incident"], d["version"], d["status"]) for d in held["deliveries"]] == [
        ("i1", 1, "sent"),
        ("i1", 2, "sent"),
    ]


def test_what_somebody_pushed_is_exported_from_raw_and_from_the_stream_and_is_theirs_alone(
    w: World,
) -> None:
    ana, bia = w.told("email:ana@example.org"), w.told("email:bia@example.org")
    bodies = [f'{{"rain_mm": {n}}}' for n in range(4)]

    def push(person: str, body: str) -> None:
        sealed = seal_body(w.registry.vault, person, body.encode())
        w.home.stream.append([Payload(source=STATION, content=JSON, received_at=NOW, body=sealed)])

    def exported(channels: tuple[str, ...] | None = None) -> list[str] | None:
        held = json.loads(export(w.registry, w.home, w.held(ana), channels))
        assert "files that cannot be read now" not in held
        return [one["body"] for one in held["pushed"]] if "pushed" in held else None

    assert exported() == []
    make_key(w.registry, ana, NOW)
    push(ana, bodies[0])
    push(bia, bodies[1])
    assert exported() == [bodies[0]]
    archive(w.home.stream, w.home.state, w.home.lake)
    push(ana, bodies[2])
    assert exported() == [bodies[0], bodies[2]]
    assert exported(("sms",)) is None, "who proved less is not told"
    archive(w.home.stream, w.home.state, w.home.lake)
    w.home.stream.drop(w.home.stream.last_offset())
    assert exported() == [bodies[0], bodies[2]]


def test_the_words_that_somebody_agreed_to_are_kept_themselves(w: World) -> None:
    told = w.told("email:ana@example.org", language="en")
    asked = w.subscribe("sms:+5581912345678", language="pt-BR")
    w.confirm(asked.pseudonym, w.code(asked.asks[0]))
    for pseudonym, language in ((told, "en"), (asked.pseudonym, "pt-BR")):
        [consent] = w.home.people.consents(pseudonym)
        words = w.registry.words(language)
        assert (consent.text, consent.language, consent.version, consent.given_at) == (
            words.text,
            language,
            words.version,
            NOW,
        )
        held = json.loads(export(w.registry, w.home, w.held(pseudonym)))
        assert held["consents"][0]["text"] == words.text
    w.registry.erase(told, NOW)
    assert w.home.people.consents(told)[0].text == w.registry.words("en").text


def test_who_never_confirmed_is_erased_after_seven_days_and_nobody_else(w: World) -> None:
    ana = w.told("email:ana@example.org")
    waiting = w.subscribe("sms:+5581912345678").pseudonym
    early = apply_retention(w.home.people, w.keys, w.home.outbox, NOW + 7 * DAY - 1)
    assert early.people == 0
    late = apply_retention(w.home.people, w.keys, w.home.outbox, NOW + 7 * DAY + 1)
    assert late.people == 1
    assert w.keys.get(waiting) is None
    assert w.registry.holders(read_contact("sms:+5581912345678")) == []
    assert w.registry.person(ana) is not None


def test_who_stopped_everything_is_erased_seven_days_later(w: World) -> None:
    ana = w.told("email:ana@example.org")
    w.registry.stop(ana, None, NOW + 100 * DAY)
    keep = w.home.people, w.keys, w.home.outbox
    assert apply_retention(*keep, NOW + 107 * DAY - 1).people == 0
    assert apply_retention(*keep, NOW + 107 * DAY + 1).people == 1
    assert len(w.home.people.consents(ana)) == 1
    apply_retention(*keep, NOW + 100 * DAY + 5 * 365 * DAY + 1)
    assert w.home.people.consents(ana) == []


def test_messages_go_after_ninety_days(w: World) -> None:
    pseudonym, _ = full_person(w)
    send(
        w, Message(id="msg_newer", person=pseudonym, channel="email", order_key="x"), NOW + 80 * DAY
    )
    keep = w.home.people, w.keys, w.home.outbox
    assert apply_retention(*keep, NOW + 90 * DAY).messages == 0
    assert apply_retention(*keep, NOW + 90 * DAY + 1).messages == 1
    assert [m.id for m in w.home.outbox.messages(person=pseudonym)] == ["msg_newer"]


def test_who_fans_out_while_somebody_is_erased_keeps_nothing_more_of_them(w: World) -> None:
    ana, bia = w.told("email:ana@example.org"), w.told("email:bia@example.org")
    outbox = w.home.outbox
    sent = [message("late", who) for who in (ana, bia)]
    sent = [msgspec.structs.replace(one, id=f"{one.id}_{one.person}") for one in sent]
    w.registry.erase(ana, NOW + 1)  # who fans out had them still
    carried = [delivery(one) for one in sent]
    step = FanOut(before="", position="1", now=NOW, messages=sent, deliveries=carried)
    assert outbox.fan_out(step) == 1
    assert not outbox.put(message("newcomer", ana), [delivery(message("newcomer", ana), "i2")])
    assert outbox.hand_on(sent[1].id, message("next", ana), [delivery(message("next", ana), "i3")])
    assert {one.person for one in outbox.messages()} == {bia}
    assert {one.person for one in outbox.told(["i1", "i2", "i3"])} == {bia}
