from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from atalaia.domain.place import Place
from atalaia.errors import SettingsInvalid
from atalaia.settings import KEYS, Secret, describe, load
from atalaia.settings.brought import beside
from atalaia.settings.plans import plans

EXAMPLE = Path(__file__).parents[1] / "atalaia.example.toml"

SECRETS = ("key", "token", "password", "app_secret", "verify_token", "webhook_secret")


def written(folder: Path, text: str) -> Path:
    path = folder / "atalaia.toml"
    path.write_text(text)
    return path


def problems(folder: Path, text: str, **env: str) -> list[str]:
    path = written(folder, text)
    with pytest.raises(SettingsInvalid) as told:
        load(path, env)
    return [line.replace(str(path), "file") for line in told.value.problems]


def test_without_a_file_it_watches_brazils_27_capitals() -> None:
    settings = load(None, {"HOME": "/nowhere", "XDG_DATA_HOME": "/data"})
    assert len(settings.places) == 27
    assert settings.places.get("4314902") == Place(
        id="4314902",
        name="Porto Alegre",
        latitude=-30.0318,
        longitude=-51.2065,
        timezone="America/Sao_Paulo",
    )
    assert {p.timezone for p in settings.places} >= {"America/Manaus", "America/Rio_Branco"}
    assert all(not place.faults() for place in settings.places)
    assert settings.rules.name == "inmet"
    assert settings.home == Path("/data/atalaia")
    assert (settings.api.host, settings.api.port, settings.api.key) == ("127.0.0.1", 8420, None)
    assert settings.open_meteo.enabled
    assert not settings.tomorrow_io.enabled
    assert [plan.name for plan in plans(settings)] == ["open-meteo", "metar"]
    assert "SBPA" in settings.metar.stations, "an aerodrome near a capital"


def test_stations_that_are_named_are_asked_and_none_else(tmp_path: Path) -> None:
    table = '[sources.cemaden]\nstations = ["6846"]\n[sources.nws]\nstations = ["ktop"]\n'
    settings = load(written(tmp_path, table), {})
    asked = {plan.name: plan.contents for plan in plans(settings)}
    assert asked["cemaden"] == ("6846",)
    assert asked["nws"] == ("KTOP",)
    said = "\n".join(describe(settings))
    assert "cemaden: 1 stations, each every 1 h\nnws: 1 stations, each every 20 min" in said
    many = json.dumps([str(i) for i in range(201)])
    (too_many,) = problems(tmp_path, f"[sources.cemaden]\nstations = {many}\n")
    assert "201 stations; at most 200 are asked" in too_many
    (no_number,) = problems(tmp_path, '[sources.cemaden]\nstations = ["A801"]\n')
    assert "is no station; write its number, for example 6846" in no_number
    (nothing,) = problems(tmp_path, "[sources.nws]\nenabled = true\n")
    assert 'write stations = ["KTOP"]' in nothing


def test_the_example_names_every_key_and_says_its_default(tmp_path: Path) -> None:
    text = EXAMPLE.read_text()
    env = {"XDG_DATA_HOME": str(tmp_path)}
    with_file, without = load(EXAMPLE, env), load(None, env)
    for name in without.__struct_fields__:
        if name not in ("file", "places"):
            assert getattr(with_file, name) == getattr(without, name), name
    for key in KEYS:
        name = key.rpartition(".")[2]
        # A secret in the file itself is possible, and not what one should do.
        if name not in SECRETS:
            assert re.search(rf"^(# )?{name} = ", text, re.MULTILINE), key


def test_the_example_is_valid_with_every_line_that_is_commented_out(tmp_path: Path) -> None:
    text = re.sub(
        r"^# (\w+ = |\[\[place|\[page\.layers)", r"\1", EXAMPLE.read_text(), flags=re.MULTILINE
    )
    text = text.replace('places = "places.csv"\n', "")
    for name in re.findall(r'^\w+_file = "([\w.]+)"', text, re.MULTILINE):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text("a-key-of-some-letters\n")
    tomllib.loads(text)
    settings = load(written(tmp_path, text), {})
    assert settings.places[0].area == "guaiba"
    assert settings.api.key is not None


def test_the_environment_goes_before_the_file_and_the_file_before_defaults(
    tmp_path: Path,
) -> None:
    path = written(
        tmp_path,
        'home = "here"\nlanguage = "es"\n[api]\nport = 1000\n[sources.open-meteo]\n'
        'interval = "10min"\nadaptive = true\n',
    )
    settings = load(path, {})
    assert settings.home == tmp_path / "here"
    assert (settings.api.port, settings.language) == (1000, "es")
    env = {
        "ATALAIA_HOME": "there",
        "ATALAIA_API_PORT": "2000",
        "ATALAIA_SOURCES_OPEN_METEO_ADAPTIVE": "false",
        "ATALAIA_LANGUAGE": "",
    }
    settings = load(path, env)
    assert settings.home == Path("there")
    assert (settings.api.port, settings.language) == (2000, "es")
    assert settings.open_meteo.interval_s == 600
    assert not settings.open_meteo.is_adaptive


def test_every_problem_is_named_with_its_line(tmp_path: Path) -> None:
    text = """\
rules = "inmt"
langage = "en"
[sources.open-meteo]
interval = 5
calm_interval = "1min"
enabled = "yes"
[sources.openmeteo]
[api]
port = 99999
key = "a"
key_file = "b"
[limits]
max_body = "1GB"
[[place]]
id = "a"
name = "A"
latitude = 91
longitude = 0
[[place]]
id = "a"
name = "A"
latitude = 1
longitude = 1
timezone = "Mars/Base"
[[place]]
id = 5
latitude = "north"
longitude = 1
lon = 3
[[place]]
id = "b"
name = "B"
latitude = 1
longitude = 1
[[place]]
id = "b"
name = "B"
latitude = 1
longitude = 1
"""
    told = problems(tmp_path, text)
    for line, words in (
        (1, "no rule set is called 'inmt' (did you mean inmet?)"),
        (2, "unknown key langage (did you mean language?)"),
        (4, "sources.open-meteo.interval: not a duration"),
        (5, "sources.open-meteo.calm_interval: shorter than interval"),
        (6, "sources.open-meteo.enabled: neither true nor false"),
        (7, "unknown key sources.openmeteo (did you mean open-meteo?)"),
        (9, "api.port: not a whole number from 0 to 65535"),
        (10, "api.key: key_file is set too"),
        (13, "limits.max_body: not a size from 1 kB to 64 MB"),
        (17, "place a: latitude 91"),
        (24, "place a: no time zone is called 'Mars/Base'"),
        (25, "place 5: name is missing"),
        (26, "place 5: id is not a text"),
        (27, "place 5: latitude is not a number"),
        (29, "place 5: unknown key lon"),
        (35, "place b is there twice"),
    ):
        assert any(t.startswith(f"file:{line}: ") and words in t for t in told), (line, words, told)
    assert all(re.match(r"file:\d+: .+[;?].+", t) for t in told)


def test_a_file_that_is_no_toml_is_named_with_its_line(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, 'home = "a"\nrules = inmet\n')
    assert told.startswith("file:2: not TOML")


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"ATALAIA_API_PORT": "http"}, "ATALAIA_API_PORT: api.port: not a whole number"),
        ({"ATALAIA_ARCHIVE_INTERVAL": "5"}, "ATALAIA_ARCHIVE_INTERVAL: archive.interval: '5' is"),
        (
            {"ATALAIA_SOURCES_OPEN_METEO_MODELS": "ecmwf, icn"},
            "unknown model 'icn' (did you mean icon?); there are ecmwf, icon, gfs, gem",
        ),
        (
            {"TOMORROW_API_KEY": "a", "TOMORROW_API_KEY_FILE": "b"},
            "TOMORROW_API_KEY: TOMORROW_API_KEY_FILE is set too; keep one of them",
        ),
        ({"TOMORROW_API_KEY_FILE": "/no/such"}, "/no/such: No such file or directory; give a"),
        ({"TOMORROW_API_KEY": "a b"}, "TOMORROW_API_KEY: this is no key"),
        ({"ATALAIA_SOURCES_TOMORROW_IO_ENABLED": "true"}, "there is no key; set TOMORROW"),
        ({"ATALAIA_SOURCES_OPEN_METEO_BASE_URL": "ftp://x"}, "not an address"),
        ({"ATALAIA_PLACES": "/no/such.csv"}, "/no/such.csv:1: No such file"),
        ({"ATALAIA_RULES": "/no/such.toml"}, "no/such.toml"),
    ],
)
def test_a_variable_that_is_wrong_is_named(env: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsInvalid) as told:
        load(None, env)
    assert words in str(told.value)


def test_places_come_from_a_file_beside_the_settings_and_its_faults_are_named(
    tmp_path: Path,
) -> None:
    places = tmp_path / "places.csv"
    places.write_text("place_id,name,latitude,longitude,timezone\na,A,1,2,UTC\n")
    settings = load(written(tmp_path, 'places = "places.csv"\n'), {})
    assert [place.id for place in settings.places] == ["a"]
    places.write_text("place_id,name,latitude,longitude,timezone\na,A,91,2,UTC\na,A,x,2,UTC\n")
    told = problems(tmp_path, '\nplaces = "places.csv"\n')
    assert told[0].startswith(f"file:2: {places}:2: ")
    assert told[1].startswith(f"file:2: {places}:3: ")
    told = problems(tmp_path, 'places = "places.csv"\n[[place]]\nid = "a"\n')
    assert any("cannot go together" in t for t in told)


def test_places_of_ones_own_stand_beside_the_capitals_where_the_settings_say_so(
    tmp_path: Path,
) -> None:
    own = '[[place]]\nid = "{}"\nname = "Mine"\nlatitude = -29.1\nlongitude = -51.5\n'
    capitals = [place.id for place in load(None, {}).places]
    assert len(capitals) == 27
    alone = load(written(tmp_path, own.format("mine")), {})
    assert [place.id for place in alone.places] == ["mine"]
    both = load(written(tmp_path, 'places = "capitals"\n' + own.format("mine")), {})
    assert [place.id for place in both.places] == [*capitals, "mine"]
    by_env = load(written(tmp_path, own.format("mine")), {"ATALAIA_PLACES": "capitals"})
    assert [place.id for place in by_env.places] == [*capitals, "mine"]
    again = load(written(tmp_path, 'places = "capitals"\n' + own.format("4314902")), {})
    assert [place.name for place in again.places if place.id == "4314902"] == ["Mine"]
    assert len(again.places) == 27
    assert beside('places = "capitals"\n') == []


def test_a_fixed_plan_that_does_not_fit_is_refused_and_an_adaptive_one_is_not(
    tmp_path: Path,
) -> None:
    key = {"TOMORROW_API_KEY": "k"}
    text = "[sources.tomorrow-io]\nadaptive = {}\ninterval = '{}'\n"
    (told,) = problems(tmp_path, text.format("false", "3min"), **key)
    assert told.startswith("file:3: sources.tomorrow-io.interval: tomorrow-io: 28 calls a round")
    assert "does not fit in 25 an hour and 500 a day" in told
    assert "adaptive = true" in told
    assert load(written(tmp_path, text.format("true", "3min")), key).tomorrow_io.enabled
    assert load(written(tmp_path, text.format("false", "156min")), key).tomorrow_io.enabled
    (told,) = problems(tmp_path, "[sources.open-meteo]\nadaptive = false\ninterval = '5min'\n")
    assert told.startswith("file:3: sources.open-meteo.interval: open-meteo: 54 calls a round")


def test_the_environments_key_goes_before_the_files(tmp_path: Path) -> None:
    (tmp_path / "in-file").touch(mode=0o600)
    (tmp_path / "in-file").write_text("from-file\n")
    path = written(tmp_path, '[sources.tomorrow-io]\nkey_file = "in-file"\n')
    key = load(path, {}).tomorrow_io.key
    assert key is not None
    assert key.reveal() == "from-file"
    key = load(path, {"TOMORROW_API_KEY": "from-env"}).tomorrow_io.key
    assert key is not None
    assert key.reveal() == "from-env"


def test_a_secret_is_shown_nowhere(tmp_path: Path) -> None:
    path = written(tmp_path, '[api]\nkey = "s3cret"\n')
    settings = load(path, {"TOMORROW_API_KEY": "t0psecret"})
    assert settings.api.key is not None
    for shown in (repr(settings), str(settings), "\n".join(describe(settings)), f"{Secret('x')}"):
        assert "s3cret" not in shown
        assert "t0psecret" not in shown
    told = problems(tmp_path, '[api]\nkey = "s3 cret"\nport = -1\n', TOMORROW_API_KEY="t0p secret")
    assert len(told) == 3
    assert not any(word in line for line in told for word in ("s3 cret", "t0p secret"))


def test_config_check_prints_the_arithmetic_of_the_calls() -> None:
    lines = describe(load(None, {"TOMORROW_API_KEY": "k", "ATALAIA_API_PROT": "1"}))
    told = "\n".join(lines)
    assert "open-meteo: 54 calls a round, every 15 min = 5,184 a day" in told
    assert "does not fit in 25 an hour and 500 a day" in told
    assert "adaptive: calm places every 100 min" in told
    assert "push is off" in told
    assert "ATALAIA_API_PROT is no setting (did you mean ATALAIA_API_PORT?)" in told
    told = "\n".join(describe(load(None, {})))
    assert "people: nobody can subscribe; set people.controller and people.contact" in told
    assert "tomorrow-io: off: no key; set TOMORROW_API_KEY or TOMORROW_API_KEY_FILE" in told


def test_email_by_ses_needs_a_sender_and_no_server(tmp_path: Path) -> None:
    by_ses = '[channels.email]\nvia = "ses"\n'
    (told,) = problems(tmp_path, by_ses)
    assert told.startswith("file:1: channels.email.sender: missing")
    told_too = problems(tmp_path, by_ses + 'sender = "a@b.example"\nhost = "x"\npassword = "y"\n')
    assert [line.partition(";")[0] for line in told_too] == [
        'file:4: channels.email.host: via = "ses" speaks to no server of yours',
        'file:5: channels.email.password: via = "ses" speaks to no server of yours',
    ]
    (told,) = problems(tmp_path, '[channels.email]\nvia = "sse"\n')
    assert told == "file:2: channels.email.via: not known (did you mean ses?); give smtp, ses"
    chosen = load(written(tmp_path, by_ses + 'sender = "a@b.example"\n'), {}).channels
    assert chosen.email is not None
    assert (chosen.email.via, chosen.email.region, chosen.email.base_url) == ("ses", "", None)
    assert "email" in chosen.names


def test_a_secret_of_telegrams_webhook_is_one_that_telegram_takes(tmp_path: Path) -> None:
    text = '[channels.telegram]\ntoken = "t"\nwebhook_secret = "{}"\n'
    for secret in ("short", "sixteen.letters!!", "x" * 257):
        (told,) = problems(tmp_path, text.format(secret))
        assert told.startswith("file:3: channels.telegram.webhook_secret: not 16 to 256 letters")
        assert secret not in told
    telegram = load(written(tmp_path, text.format("a_b-" * 8)), {}).channels.telegram
    assert telegram is not None
    assert telegram.webhook_secret is not None


def test_the_files_that_settings_name_are_told(tmp_path: Path) -> None:
    text = 'rules = "own/rules.toml"\nplaces = "places.csv"\n[api]\nkey_file = "key"\n'
    assert beside(text) == ["own/rules.toml", "places.csv"]
    for text in ("", 'rules = "inmet"', "rules = 3", "places = ["):
        assert beside(text) == []


def test_a_place_by_the_name_of_a_town_is_where_that_town_is(tmp_path: Path) -> None:
    text = '[[place]]\nname = "Caruaru, PE"\n[[place]]\nid = "p"\nname = "Lisboa"\narea = "coast"\n'
    one, other = load(written(tmp_path, text), {}).places
    assert (one.id, one.name, one.timezone) == ("caruaru-pe", "Caruaru", "America/Recife")
    assert (round(one.latitude, 1), round(one.longitude, 1)) == (-8.3, -36.0)
    assert (other.id, other.name, other.area) == ("p", "Lisbon", "coast")


def test_an_official_code_is_enough_as_an_id_or_as_a_name(tmp_path: Path) -> None:
    text = '[[place]]\nid = "2611606"\n[[place]]\nname = "IBGE 3550308"\n'
    text += '[[place]]\nid = "2605459"\nname = "Noronha"\nlatitude = -3.85\nlongitude = -32.42\n'
    text += '[[place]]\nid = "capital"\nname = "1200401"\n'
    one, other, own, named = load(written(tmp_path, text), {}).places
    assert (one.id, one.name, one.timezone) == ("2611606", "Recife", "America/Recife")
    assert (round(one.latitude, 2), round(one.longitude, 2)) == (-8.05, -34.88)
    assert (other.id, other.name) == ("3550308", "São Paulo")
    assert (own.name, own.latitude) == ("Noronha", -3.85), "what is said goes before what is known"
    assert (named.id, named.name) == ("capital", "Rio Branco")


@pytest.mark.parametrize("code", ["2611600", "26"])
def test_a_code_that_is_none_is_refused_on_its_line(tmp_path: Path, code: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        load(written(tmp_path, f'[[place]]\nid = "{code}"\n'), {})
    (problem,) = caught.value.problems
    assert re.search(rf":2: place {code}: no municipality has the code {code}", problem)


def test_a_name_of_several_towns_is_refused_with_them_on_its_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        load(written(tmp_path, '[[place]]\narea = "x"\nname = "Santa Cruz"\n'), {})
    (problem,) = caught.value.problems
    assert re.search(r":3: place 1: .*may be several; name the state.*Santa Cruz, PH", problem)


@pytest.mark.parametrize("half", ["latitude = 1.0", "longitude = 1.0"])
def test_half_a_position_is_not_made_up_from_a_name(tmp_path: Path, half: str) -> None:
    with pytest.raises(SettingsInvalid, match="is missing; add it"):
        load(written(tmp_path, f'[[place]]\nid = "a"\nname = "Recife"\n{half}\n'), {})


STATION = """
[sources.mqtt]
broker = "mqtt://me@192.168.1.10"
password = "mqtt-s3cret"
[[sources.mqtt.stations]]
name = "orchard"
place = "4314902"
topic = "weather/orchard"
values = [{ variable = "temperature_c", path = "t" }]
"""


def test_with_the_client_installed_the_capitals_are_watched_by_inmets_stations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load(None, {"HOME": "/nowhere"})
    assert settings.wis2.enabled
    assert [topic.split("/")[3] for topic in settings.wis2.topics] == ["br-inmet"] * 2
    assert len(settings.wis2.brokers) == 2
    assert all(one.is_tls and one.port == 8883 for one in settings.wis2.brokers)
    own = written(tmp_path, '[[place]]\nid = "a"\nname = "A"\nlatitude = 1\nlongitude = 2\n')
    assert not load(own, {}).wis2.enabled
    monkeypatch.setattr("atalaia.settings.instruments.has_client", lambda: False)
    without = load(None, {"HOME": "/nowhere"})
    assert not without.wis2.enabled
    assert any("pip install 'atalaia[wis2]'" in line for line in describe(without))
    for text in ('[sources.wis2]\ncountry = "br"', STATION):
        assert any("atalaia[wis2]" in line for line in problems(tmp_path, text))


def test_wis2_is_told_by_topics_by_country_or_by_what_is_near(tmp_path: Path) -> None:
    def topics(text: str) -> list[str]:
        return list(load(written(tmp_path, f"[sources.wis2]\n{text}"), {}).wis2.topics)

    assert topics('topics = ["a/#", "b/+/c"]') == ["a/#", "b/+/c"]
    assert [each.split("/")[3] for each in topics('country = "ke"')] == ["ke-meteo"] * 2
    assert {each.split("/")[3] for each in topics("near = true")} == {"br-inmet"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('country = "zz"', "no centre of 'zz' is known here"),
        ('topics = ["a/br-+"]', "+ stands for a whole level"),
        ('topics = ["#/synop"]', "# stands for all that follows"),
        ('brokers = ["http://h"]', "not a broker's address"),
        ('brokers = ["mqtt://h", "mqtt://u@h"]', "twice"),
        ("brokers = []", "no broker"),
        ('silence = "1s"', "too short"),
        ('allow = ["x"]', "10.1.0.0/16"),
        ("enabled = 7", "neither true nor false"),
        ("topic = []", "did you mean topics?"),
    ],
)
def test_a_faulty_subscription_is_named(text: str, words: str, tmp_path: Path) -> None:
    [line] = problems(tmp_path, f"[sources.wis2]\n{text}")
    assert words in line
    assert line.startswith("file:2: ")


def test_stations_by_mqtt_are_read_and_the_password_is_shown_nowhere(tmp_path: Path) -> None:
    settings = load(written(tmp_path, STATION), {})
    [station] = settings.mqtt.stations
    assert (station.name, station.place, station.topic) == ("orchard", "4314902", "weather/orchard")
    assert settings.mqtt.broker is not None
    assert settings.mqtt.broker.password == "mqtt-s3cret"
    assert "mqtt: orchard at 192.168.1.10:1883" in describe(settings)
    assert "mqtt-s3cret" not in repr(settings) + "".join(describe(settings))
    table = {"name": "a", "place": "4314902", "topic": "t", "counter": "rain"}
    env = {"ATALAIA_SOURCES_MQTT_STATIONS": json.dumps([table])}
    assert [one.name for one in load(written(tmp_path, STATION), env).mqtt.stations] == ["a"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('name = "orchard"\n', ""), "a station needs name"),
        (("4314902", "nowhere"), "no place 'nowhere' is watched"),
        (("weather/orchard", "weather/o+"), "+ stands for a whole level"),
        (("temperature_c", "temp"), "no variable is called 'temp'"),
        (("path", "pth"), "pth"),
        (('broker = "mqtt://me@192.168.1.10"', ""), "missing; write for example"),
        (("[[sources.mqtt.stations]]", "[sources.mqtt.stations]"), "not a list of tables"),
    ],
)
def test_a_faulty_station_is_named(change: tuple[str, str], words: str, tmp_path: Path) -> None:
    found = problems(tmp_path, STATION.replace(*change))
    assert any(words in line for line in found), found
