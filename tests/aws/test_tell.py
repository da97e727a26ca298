"""People of the AWS home are told: fan-out, delivery, polling, and the settings behind them."""

from __future__ import annotations

import json
import time
from importlib import import_module
from typing import Any

import boto3
import pytest
from moto.ses.models import ses_backends

from atalaia.clock import Clock
from atalaia.domain.contact import read_contact
from atalaia.domain.delivery import Status, letter_of
from atalaia.errors import SettingsInvalid, StateConflict
from atalaia.homes.aws import AwsHome, open_home
from atalaia.homes.aws.config import Config
from atalaia.homes.aws.dynamo import DynamoTable, write
from atalaia.notify.compose import Composer
from atalaia.notify.silences import Silences
from atalaia.people.erase import erase
from atalaia.people.registry import Registry
from atalaia.people.request import Request
from atalaia.people.subscribe import subscribe
from atalaia.ports import Commit
from atalaia.run.aws import deliver, deployment, fan_out, poll, refine, retention, returns
from atalaia.sources import status
from atalaia.sources.health import Health
from aws import moto
from aws.calls import DENIED, LOST, THROTTLED, always, counted, once
from aws.dynalite import dynalite  # noqa: F401  a fixture
from aws.mapper import Context, messages
from telling import HERE, news

SETTINGS = """
rules = "inmet"
[sources.open-meteo]
enabled = {enabled}
base_url = "{url}/open-meteo"
[[place]]
id = "recife"
name = "Recife"
latitude = -8.05
longitude = -34.9
timezone = "America/Recife"
"""


@pytest.fixture
def deployed(
    url: str,
    dynalite: str,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Config:
    for name, value in moto.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    moto.reset(url)
    config = moto.deploy(url)
    text = SETTINGS.format(enabled=str(getattr(request, "param", False)).lower(), url=url)
    boto3.client("s3").put_object(
        Bucket=config.bucket("raw"), Key="atalaia.toml", Body=text.encode()
    )
    address = f"s3://{config.bucket('raw')}/atalaia.toml"
    for name, value in moto.variables(config, address).items():
        monkeypatch.setenv(name, value)
    deployment.forget()
    return config


def subscribed(*contacts: str) -> str:
    home = deployment.home()
    registry = Registry(home.people, home.keys)
    chosen = tuple(map(read_contact, contacts or ("inbox",)))
    request = Request(contacts=chosen, where=(HERE,), proof="form 12")
    return subscribe(registry, request, int(time.time()) - 60, lambda *_: None).pseudonym


def test_a_mail_that_came_back_ends_its_contact(
    deployed: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    ana = subscribed("email:ana@example.org", "sms:+5551999990000")
    bounce = {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": "ana@example.org"}]}
    told = json.dumps({"notificationType": "Bounce", "bounce": bounce})
    hello = json.dumps({"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "…"})
    for text in (hello, told, told):
        returns.handle({"Records": [{"Sns": {"Message": text}}]}, None)
    home = deployment.home()
    person = Registry(home.people, home.keys).person(ana)
    assert person is not None
    assert person.channels == ("sms",)
    assert '"atalaia_mails_returned_total":1' in capsys.readouterr().out


def test_an_alert_is_fanned_out_wakes_delivery_and_is_sent_once(deployed: Config) -> None:
    pseudonym = subscribed()
    home = deployment.home()
    entries = [news("i1", at=int(time.time())), news("i2", at=int(time.time()), level="red")]
    home.state.commit(Commit("speed/lane-0", 1, entries=entries))
    assert fan_out.handle({}, Context())["steps"] >= 1
    assert len(messages(deployed.queue("urgent"))) == 1
    [message] = home.outbox.messages(person=pseudonym)
    assert message.status == Status.DUE
    for _ in range(2):
        deliver.handle({}, Context())
    [sent] = home.outbox.messages(person=pseudonym)
    assert (sent.status, sent.attempts, len(sent.seqs)) == (Status.SENT, 1, 2)
    assert fan_out.handle({}, Context()) == {"steps": 0}
    refine.handle({}, Context())
    assert len(home.lake.keys("gold/deliveries/")) == 1


def test_a_silence_of_one_container_holds_in_a_warm_one_and_both_ones_stand(
    deployed: Config,
) -> None:
    pseudonym = subscribed()
    home, now = deployment.home(), int(time.time())
    home.state.commit(Commit("speed/lane-0", 1, entries=[news("i1", at=now)]))
    fan_out.handle({}, Context())  # the container is warm from here on
    one, other = Silences(home.state), Silences(open_home(deployed).state)
    made = [
        one.add("heavy_rain", None, 600, "a gauge is broken", "k_1", now),
        other.add(None, "recife", 600, "a drill of the city", "k_2", now),
    ]
    assert list(one.all()) == list(other.all()) == made
    home.state.commit(Commit("speed/lane-0", 2, entries=[news("i2", at=now + 1)]))
    assert fan_out.handle({}, Context())["steps"] == 1
    [told] = home.outbox.messages(person=pseudonym)
    assert len(told.seqs) == 1, "of the second nobody is told"


def test_what_is_kept_of_people_is_sealed_and_an_erasure_leaves_none_of_it(
    deployed: Config,
) -> None:
    pseudonym = subscribed()
    home = deployment.home()
    registry = Registry(home.people, home.keys)
    assert registry.person(pseudonym) is not None
    home.people.erase(pseudonym, 100)
    home.keys.destroy(pseudonym, 100)
    assert registry.person(pseudonym) is None
    assert home.keys.erased() == [(pseudonym, 100)]
    for name in ("people", "contacts", "keys"):
        assert all(b"-8.05" not in str(row).encode() for row in home.table(name).scan())


@pytest.mark.parametrize("deployed", [True], indirect=True)
def test_a_round_of_polling_keeps_what_came_and_says_what_time_it_is(deployed: Config) -> None:
    assert poll.handle({}, Context()) == {"payloads": 1}
    found = [record.payload for record in deployment.home().stream.read(0, 10)]
    assert [payload.source for payload in found] == ["open-meteo", "clock"]
    assert found[0].status == 404, "nobody plays Open-Meteo here; its refusal is kept, too"
    [told] = status.read(deployment.home().state)
    assert (told.source, told.expected_s, told.health) == ("open-meteo", 900, Health())
    assert told.calls_left["day"] < 10_000
    deployment.forget()
    assert poll.handle({}, Context()) == {"payloads": 0}, "it remembers when it asked"


@pytest.mark.parametrize("deployed", [True], indirect=True)
def test_how_a_source_does_lasts_from_round_to_round(
    deployed: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = int(time.time()) - 3600
    state = deployment.home().state
    status.keep(state, [status.SourceStatus("open-meteo", 900, Health(None, seen), {})])
    monkeypatch.setenv("ATALAIA_SOURCES_OPEN_METEO_BASE_URL", "http://127.0.0.1:9")
    deployment.forget()
    for _ in range(2):
        poll.handle({}, Context())
        [told] = status.read(deployment.home().state)
        assert told.health.last_success_at == seen
        assert told.health.reason
        assert (told.health.next_try_at or 0) > seen


@pytest.mark.parametrize("deployed", [True], indirect=True)
def test_a_round_that_changes_nothing_of_the_sources_writes_nothing_of_them(
    deployed: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll.handle({}, Context())
    kept: list[Any] = []
    monkeypatch.setattr(status, "keep", lambda _, told: kept.append(told))
    poll.handle({}, Context())
    assert kept == []


def test_secrets_are_variables_and_one_without_a_value_is_passed_over(
    deployed: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = boto3.client("secretsmanager")
    client.create_secret(Name="t-empty")
    client.create_secret(Name="t-key", SecretString=json.dumps({"TOMORROW_API_KEY": "k" * 32}))
    monkeypatch.setenv("ATALAIA_SECRETS", "t-empty,t-key,t-absent")
    deployment.forget()
    key: Any = deployment.settings().tomorrow_io.key
    assert key.reveal() == "k" * 32
    assert poll.plans(deployment.settings())[-1].name == "tomorrow-io"


def test_mail_goes_by_ses(deployed: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    boto3.client("sesv2").create_email_identity(EmailIdentity="watch.example")
    monkeypatch.setenv("ATALAIA_CHANNELS_EMAIL_VIA", "ses")
    monkeypatch.setenv("ATALAIA_CHANNELS_EMAIL_SENDER", "Atalaia <alerts@watch.example>")
    pseudonym = subscribed("email:ana@people.example")
    home = deployment.home()
    home.state.commit(Commit("speed/lane-0", 1, entries=[news("i1", at=int(time.time()))]))
    fan_out.handle({}, Context())
    deliver.handle({}, Context())
    [sent] = home.outbox.messages(person=pseudonym)
    assert (sent.status, sent.channel) == (Status.SENT, "email"), sent.reason
    assert sent.provider_id.endswith(f"@{moto.REGION}.amazonses.com>")
    [mail] = ses_backends[moto.ACCOUNT][moto.REGION].sent_messages
    assert mail.destinations[0] == "ana@people.example"


def test_mails_that_are_due_together_are_one_and_what_came_of_it_is_all_theirs(
    deployed: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    boto3.client("sesv2").create_email_identity(EmailIdentity="watch.example")
    monkeypatch.setenv("ATALAIA_CHANNELS_EMAIL_VIA", "ses")
    monkeypatch.setenv("ATALAIA_CHANNELS_EMAIL_SENDER", "Atalaia <alerts@watch.example>")
    ana, bia = (subscribed(f"email:{name}@people.example") for name in ("ana", "bia"))
    home = deployment.home()
    now = int(time.time())
    entries = [news(f"i{i}", at=now - 5 + i, level=("orange", "red")[i == 1]) for i in range(4)]
    home.state.commit(Commit("speed/lane-0", 1, entries=entries))
    fan_out.handle({}, Context())
    deliver.handle({}, Context())
    mails = ses_backends[moto.ACCOUNT][moto.REGION].sent_messages
    assert sorted(mail.destinations[0] for mail in mails) == [
        "ana@people.example",
        "bia@people.example",
    ]
    for who in (ana, bia):
        sent = sorted(home.outbox.messages(person=who), key=lambda one: one.seqs)
        assert [(m.status, m.attempts, letter_of(m)) for m in sent] == [
            (Status.SENT, 1, sent[-1].id)
        ] * 4
        assert len({m.provider_id for m in sent}) == 1
        assert home.outbox.acknowledge(who, sent[-1].id, now)
        assert all(m.acknowledged_at for m in home.outbox.messages(person=who))


def test_a_channel_that_has_no_key_yet_hands_on_to_the_next_one(
    deployed: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`channel_secrets` tells fan-out of a channel; deliver has it with its secret's value."""
    both, alone = subscribed("telegram:5511", "inbox"), subscribed("telegram:5522")
    home = deployment.home()
    monkeypatch.setenv("ATALAIA_CHANNELS_TELEGRAM_TOKEN", "not-for-fan-out")
    home.state.commit(Commit("speed/lane-0", 1, entries=[news("i1", at=int(time.time()))]))
    deployment.forget()
    fan_out.handle({}, Context())
    monkeypatch.delenv("ATALAIA_CHANNELS_TELEGRAM_TOKEN")
    for _ in range(3):
        deployment.forget()
        deliver.handle({}, Context())
    home = deployment.home()
    found = {m.channel: m for m in home.outbox.messages(person=both)}
    assert {name: m.status for name, m in found.items()} == {
        "telegram": Status.DEAD,
        "inbox": Status.SENT,
    }
    assert "no key yet" in found["telegram"].reason
    [dead] = home.outbox.messages(person=alone)
    assert (dead.channel, dead.status) == ("telegram", Status.DEAD), "there is a trace of it"


def test_what_was_kept_long_enough_is_let_go_once_a_day(deployed: Config) -> None:
    home, now, day = deployment.home(), int(time.time()), 86_400
    registry = Registry(home.people, home.keys)
    person = subscribed("inbox")
    pending = Request(contacts=(read_contact("email:ana@people.example"),), where=(HERE,))
    forgotten = subscribe(registry, pending, now - 8 * day, lambda *_: None).pseudonym
    waiting = subscribe(registry, pending, now - 6 * day, lambda *_: None).pseudonym
    half_erased = subscribed("inbox")
    home.keys.destroy(half_erased, now)  # and there the function died
    home.talks.put("old", b"sealed", now - 1)
    home.talks.put("new", b"sealed", now + 600)
    for at, seq, incident in ((now - 100 * day, 1, "i1"), (now, 2, "i2")):
        home.state.commit(Commit("speed/lane-0", seq, entries=[news(incident, at=at)]))
    fan_out.handle({}, Context())
    deliver.handle({}, Context())
    assert len(home.outbox.messages(person=person)) == 1
    told = retention.handle({}, Context())
    assert (told["people"], told["talks"], told["erased"]) == (1, 1, 1)
    assert home.people.person(forgotten) is None
    assert home.people.person(half_erased) is None
    assert home.people.person(waiting) is not None
    assert home.people.person(person) is not None
    assert len(home.outbox.messages(person=person)) == 1
    assert [one["sk"] for one in home.table("contacts").query("talk")] == ["new"]
    assert not any(retention.handle({}, Context()).values()), "there is nothing left to do"


def test_the_key_of_look_ups_is_replaced_when_asked_and_the_old_one_destroyed_in_its_time(
    deployed: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = subscribed("email:ana@people.example", "inbox")
    contact, home = read_contact("email:ana@people.example"), deployment.home()
    done = retention.handle({"rotate": "lookup"}, Context())
    assert done["contacts"] == 2
    registry = Registry(home.people, home.keys)
    assert registry.find(contact) == ana
    other = subscribed("email:ana@people.example")
    assert registry.person(other) is None, "another's paper gets a code, and nobody is there twice"
    retention.handle({}, Context())
    home.keys.lookup_key(1)
    later = time.time() + 31 * 86_400
    monkeypatch.setattr(deployment, "CLOCK", Clock(now=lambda: later))
    retention.handle({}, Context())
    assert home.table("keys").get("key", "lookup") is None
    assert Registry(home.people, home.keys).find(contact) == ana


def test_who_stopped_or_was_erased_since_is_so_again_in_tables_that_were_set_back(
    deployed: Config,
) -> None:
    ana, bia = subscribed("email:ana@people.example", "inbox"), subscribed("inbox")
    eva = subscribed("inbox")
    home, now = deployment.home(), int(time.time())
    tables = [home.table(name) for name in ("people", "contacts", "consents")]
    before = [(table, item) for table in tables for item in table.scan()]
    registry = Registry(home.people, home.keys)
    assert registry.stop(ana, "email", now)
    erase(home.people, home.keys, bia, now)
    write_again(home, before)
    assert [one.channels for one in map(registry.person, (ana, eva)) if one] == [
        ("email", "inbox"),
        ("inbox",),
    ]
    asked = {"restored": "people"}
    assert retention.handle(asked, Context()) == {"erased": 1, "stopped": 1}
    registry = Registry(home.people, home.keys)
    assert [one.channels for one in map(registry.person, (ana, eva)) if one] == [("inbox",)] * 2
    assert registry.person(bia) is None
    assert retention.handle(asked, Context()) == {"erased": 0, "stopped": 0}


def write_again(home: AwsHome, items: list[tuple[DynamoTable, dict[str, Any]]]) -> None:
    """As they were: what is there since, and was not then, is gone."""
    for table in {table.name: table for table, _ in items}.values():
        for item in table.scan():
            write(home.clients, table.remove(item["pk"], item["sk"]))
    for table, item in items:
        write(home.clients, table.put(item))


def test_messages_are_let_go_after_as_long_as_the_settings_say(
    deployed: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATALAIA_DELIVERIES_KEEP", "1d")
    person = subscribed("inbox")
    home = deployment.home()
    home.state.commit(Commit("speed/lane-0", 1, entries=[news("i1", at=int(time.time()))]))
    fan_out.handle({}, Context())
    deliver.handle({}, Context())
    assert retention.handle({}, Context())["messages"] == 0
    later = time.time() + 2 * 86_400
    monkeypatch.setattr(deployment, "CLOCK", Clock(now=lambda: later))
    assert retention.handle({}, Context())["messages"] == 1
    assert home.outbox.messages(person=person) == []


OWN = """
rules = "./rules/mine.toml"
places = "places.csv"
"""
RULES = """
name = "mine"
extends = "more/coast.toml"
[[rule]]
name = "gusts"
hazard = "wind"
variable = "wind_gust_m_s"
limits = { yellow = 12 }
keep_firing_for = "1h"
"""


def test_rules_and_places_of_ones_own_are_read_from_beside_the_settings(deployed: Config) -> None:
    s3, bucket = boto3.client("s3"), deployed.bucket("raw")
    files = {
        "atalaia.toml": OWN,
        "beside/rules/mine.toml": RULES,
        "beside/rules/more/coast.toml": '[limits."*".gusts]\nred = 30\n',
        "beside/places.csv": "place_id,name,latitude,longitude,timezone\na,A,1,2,UTC\n",
    }
    for key, text in files.items():
        s3.put_object(Bucket=bucket, Key=key, Body=text.encode())
    deployment.forget()
    settings = deployment.settings()
    assert [rule.name for rule in settings.rules.rules] == ["gusts"]
    assert [place.id for place in settings.places] == ["a"]


def test_a_file_that_is_not_there_or_not_below_the_settings_is_named(deployed: Config) -> None:
    s3, bucket = boto3.client("s3"), deployed.bucket("raw")
    s3.put_object(Bucket=bucket, Key="atalaia.toml", Body=b'places = "towns.csv"\n')
    deployment.forget()
    with pytest.raises(StateConflict, match=r"beside/towns\.csv"):
        deployment.settings()
    for path in ("../secret.toml", "/etc/rules.toml"):
        s3.put_object(Bucket=bucket, Key="atalaia.toml", Body=f'rules = "{path}"\n'.encode())
        deployment.forget()
        with pytest.raises(SettingsInvalid, match="not a path below"):
            deployment.settings()


@pytest.mark.parametrize("name", ["fan_out", "deliver", "refine", "retention"])
def test_access_denied_fails_the_function_and_is_no_quiet_run(deployed: Config, name: str) -> None:
    subscribed()
    entries = [news("i1", at=int(time.time()))]
    deployment.home().state.commit(Commit("speed/lane-0", 1, entries=entries))
    handler = import_module(f"atalaia.run.aws.{name}").handle
    handler({}, Context())  # the container is warm: what it may no longer do comes then
    with counted() as calls:
        deployment.forget()
        deployment.settings()  # what is asked for after that is denied
        calls.fault = always(DENIED)
        with pytest.raises(StateConflict, match="AccessDenied"):
            handler({}, Context(25))
    assert calls.total < 100, "and it does not ask for ever"


def test_a_delivery_that_may_not_look_for_what_is_due_fails(deployed: Config) -> None:
    with counted(lambda _, asked: DENIED if asked.get("IndexName") == "due" else None):
        deployment.forget()
        with pytest.raises(StateConflict, match="AccessDenied"):
            deliver.handle({}, Context(21))


def test_what_cannot_be_looked_at_right_before_it_goes_fails_delivery_and_is_counted(
    deployed: Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its alarm, and by a figure. Nothing is sent unseen, and nothing is lost."""
    pseudonym = subscribed()
    home, ahead = deployment.home(), [0]
    monkeypatch.setattr(deployment, "CLOCK", Clock(now=lambda: time.time() + ahead[0]))
    home.state.commit(Commit("speed/lane-0", 1, entries=[news("i1", at=int(time.time()))]))
    fan_out.handle({}, Context())
    with monkeypatch.context() as broken:
        for _ in range(2):
            broken.setattr(Composer, "is_stale", _denied)
            with pytest.raises(
                StateConflict, match="given back: what it tells cannot be looked at"
            ):
                deliver.handle({}, Context())
            said = capsys.readouterr().out
            assert '"outcome":"given_back","atalaia_delivery_tries_total":1' in said
            ahead[0] += 60
    [message] = home.outbox.messages(person=pseudonym)
    assert (message.status, message.attempts) == (Status.DUE, 0)
    deliver.handle({}, Context())
    [message] = home.outbox.messages(person=pseudonym)
    assert (message.status, message.attempts) == (Status.SENT, 1)


def _denied(*_: object) -> None:
    raise StateConflict("access was denied")


def test_what_another_is_at_is_left_to_it(deployed: Config) -> None:
    home = deployment.home()
    with home.hold("refine"):
        assert refine.handle({}, Context())["rows"] == 0


def test_throttled_calls_are_made_again_with_pauses_and_lose_nothing(deployed: Config) -> None:
    pseudonym = subscribed()
    home = deployment.home()
    home.state.commit(Commit("speed/lane-0", 1, entries=[news("i1", at=int(time.time()))]))
    with counted(once("dynamodb.TransactWriteItems", THROTTLED, 2)) as calls:
        deployment.forget()
        fan_out.handle({}, Context())
        calls.fault = once("dynamodb.Query", THROTTLED, 2)
        deliver.handle({}, Context())
    [sent] = deployment.home().outbox.messages(person=pseudonym)
    assert (sent.status, sent.attempts) == (Status.SENT, 1)


def test_a_hold_whose_answer_was_lost_is_held_and_let_go(deployed: Config) -> None:
    with counted(once("dynamodb.PutItem", LOST)) as calls:
        deployment.forget()
        with deployment.home().hold("refine"):
            pass
        with deployment.home().hold("refine"):
            pass
    assert calls.calls["dynamodb.PutItem"] == 3
