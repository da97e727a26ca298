"""What a plug-in does wrongly costs itself: it is named, and all else goes on."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace

from atalaia.clock import Clock
from atalaia.domain.contact import Contact, read_contact
from atalaia.domain.delivery import Outcome
from atalaia.errors import SettingsInvalid
from atalaia.notify.plugged import plugged
from atalaia.settings import Settings, load
from atalaia.settings.plans import plans
from atalaia.settings.strength import refusals, weaknesses
from atalaia.sources.poller import Poller
from atalaia.sources.schedule import Nearness
from channels.servers import letter, nothing_leaks
from kept import Kept
from patience import until
from stories import here

from .bring import installed, package

GOOD = """
import msgspec
from atalaia.plugins import *

class Own(msgspec.Struct, frozen=True):
    url: str
    many: int = 3
    names: list[str] = []
    token: Secret | None = None

    def __post_init__(self):
        if self.many == 13:
            raise ValueError("many: thirteen brings no luck; write another")

SOURCE = SourcePlugin(settings=Own, variables=frozenset({"temperature_c"}),
    request=lambda own, place: PluginRequest(url=own.url, note=str(own.many)),
    decode=lambda answer: [], interval_s=600)

def address(text):
    if text == "boom":
        raise KeyError(text)
    if not text.startswith("q"):
        raise ValueError(f"not a quay: {text}; write q12")
    return text

async def send(own, message, session):
    if message.level == "red":
        raise RuntimeError(message.address)
    return "fine" if message.level == "yellow" else Outcome("again", f"no {message.address} here")

CHANNEL = ChannelPlugin(settings=Own, address=address, send=send)
"""
TABLE = '[sources.mine]\nurl = "https://mine.example.org"\n'


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    package(folder, "good", GOOD, sources="mine = good:SOURCE", channels="boards = good:CHANNEL")
    return folder


def settings(folder: Path, text: str, **env: str) -> Settings:
    file = folder / "atalaia.toml"
    file.write_text(text, "utf-8")
    return load(file, env)


def problems(folder: Path, text: str, **env: str) -> list[str]:
    with pytest.raises(SettingsInvalid) as refused:
        settings(folder, text, **env)
    return [line.replace(str(folder) + os.sep, "") for line in refused.value.problems]


BROKEN = {
    "import nowhere_to_be_found": "cannot be loaded: ModuleNotFoundError",
    "raise SystemExit(3)": "cannot be loaded: SystemExit: 3",
    "A = 1": "other:SOURCE: cannot be loaded",
    "SOURCE = CHANNEL = object()": "is no SourcePlugin of atalaia.plugins",
    "from good import *\nSOURCE = SourcePlugin(settings=int, variables=frozenset(), request=None, "
    "decode=None)": "its settings are no struct",
    "from good import *\nclass Taken(msgspec.Struct):\n    interval: int\n"
    "SOURCE = SourcePlugin(settings=Taken, variables=frozenset(), request=None, decode=None)":
        "its settings have interval, which is a key of Atalaia's own",
}  # fmt: skip


@pytest.mark.parametrize("code", BROKEN)
def test_one_that_cannot_be_used_is_named_and_the_rest_goes_on(
    tmp_path: Path, site: Path, code: str
) -> None:
    package(site, "other", code, sources="other = other:SOURCE")
    expected = BROKEN[code].removeprefix("other:SOURCE: ")
    with installed(site):
        text = TABLE + "[sources.other]\nwhat = 1\n"
        chosen = settings(tmp_path, text)
        (told,) = chosen.broken_plugins
        assert told.startswith("sources.other: plug-in 'other' of other 1.2")
        assert expected in told
        assert "mend the package" in told
        assert [plan.name for plan in plans(chosen)][-1] == "plugin:mine"
        assert told in list(weaknesses(chosen))
        done = here("config", "check", tmp_path / "atalaia.toml")
        assert done.returncode == 1
        assert f"BROKEN {told}" in done.stdout
        assert "plugin:mine: of places temperature_c, by good 1.2" in done.stdout
        doctor = here("doctor", "--settings", tmp_path / "atalaia.toml", "--home", tmp_path / "no")
        assert "WRONG settings: sources.other: plug-in 'other' of other 1.2" in doctor.stdout


def test_two_packages_that_bring_one_name_are_both_named(tmp_path: Path, site: Path) -> None:
    package(site, "rival", GOOD, sources="mine = rival:SOURCE")
    with installed(site):
        (told,) = settings(tmp_path, TABLE).broken_plugins
        assert told == (
            "sources.mine: plug-in 'mine': good 1.2 and rival 1.2 bring it; uninstall one of them"
        )


def test_what_is_not_named_is_never_imported(tmp_path: Path, site: Path) -> None:
    package(site, "loud", "raise AssertionError", sources="loud = loud:SOURCE")
    with installed(site):
        assert settings(tmp_path, TABLE).broken_plugins == []
    assert problems(tmp_path, TABLE)[0].startswith("atalaia.toml:1: unknown key sources.mine")
    assert "and what installed plug-ins bring" in problems(tmp_path, TABLE)[0]


def test_settings_are_checked_by_their_types_all_at_once(tmp_path: Path, site: Path) -> None:
    with installed(site):
        text = (
            '[sources.mine]\nmany = "x"\ninterval = "1s"\nmanny = 3\n[channels.boards]\nurl = 3\n'
        )
        assert sorted(line.replace("`", "") for line in problems(tmp_path, text)) == [
            "atalaia.toml:1: sources.mine.url: missing; the plug-in needs it",
            "atalaia.toml:2: sources.mine.many: Expected int, got str; mend it",
            "atalaia.toml:3: sources.mine.interval: 1s is too short; write 1 min or longer",
            "atalaia.toml:4: unknown key sources.mine.manny (did you mean many?); here go "
            "calls_a_day, calls_a_minute, calls_an_hour, enabled, interval, many, names, token, "
            "token_file, url",
            "atalaia.toml:6: channels.boards.url: Expected str, got int; mend it",
        ]
        assert problems(tmp_path, TABLE + "many = 13\n") == [
            "atalaia.toml:1: sources.mine: many: thirteen brings no luck; write another"
        ]
        assert "does not fit in 10 a day" in problems(tmp_path, TABLE + "calls_a_day = 10\n")[0]


def test_the_environment_goes_before_the_file_and_secrets_are_shown_to_nobody(
    tmp_path: Path, site: Path
) -> None:
    with installed(site):
        env = {
            "ATALAIA_SOURCES_MINE_MANY": "7",
            "ATALAIA_SOURCES_MINE_NAMES": '["a", "b"]',
            "ATALAIA_SOURCES_MINE_TOKEN": "c4nary",
        }
        chosen = settings(tmp_path, TABLE, **env)
        (one,) = chosen.described.plugged
        assert (one.settings.many, one.settings.names) == (7, ["a", "b"])
        assert one.settings.token.reveal() == "c4nary"
        assert "c4nary" not in repr(chosen) + repr(one.settings)
        assert chosen.ignored == ()
        assert "MANY: sources.mine.many" in problems(
            tmp_path, TABLE, ATALAIA_SOURCES_MINE_MANY="x"
        )[0]  # fmt: skip
        held = settings(tmp_path, TABLE + 'token = "c4nary"\n')
        (tmp_path / "atalaia.toml").chmod(0o644)
        (told,) = refusals(held)
        assert "others may read sources.mine.token in it" in told
        off = settings(tmp_path, TABLE + "enabled = false\n")
        assert off.described.plugged == ()


CHANNEL = '[channels.boards]\nurl = "https://boards.example.org"\n'


def test_an_address_is_kept_in_one_form_and_repeated_in_no_error(
    tmp_path: Path, site: Path
) -> None:
    with installed(site):
        chosen = settings(tmp_path, CHANNEL).channels
        assert "boards" in chosen.names
        assert read_contact("boards:q12", chosen.brought) == Contact("boards", "q12")
        for text in ("boards:c4nary", "boards:boom", "boards:qc4nary\n2", "boards:q\x7fc4nary"):
            with pytest.raises(ValueError, match="boards: ") as refused:
                read_contact(text, chosen.brought)
            assert "c4nary" not in str(refused.value)
            assert "boom" not in str(refused.value)
    with pytest.raises(ValueError, match="no channel of this name"):
        read_contact("boards:q12")


def test_what_a_channel_does_wrongly_costs_the_try(tmp_path: Path, site: Path) -> None:
    async def sent(level: str) -> Any:
        with installed(site):
            chosen = settings(tmp_path, CHANNEL).channels
            async with aiohttp.ClientSession() as session:
                (channel,) = plugged(chosen, session)
                made = letter(Contact("boards", "q-c4nary"))
                content = replace(made.content, level=level)
                return await channel.send(replace(made, content=content))

    with nothing_leaks() as said:
        said.append(asyncio.run(sent("orange")))
    assert said == [Outcome("again", "no *** here")]
    assert asyncio.run(sent("yellow")) == Outcome("unknown", "the plug-in gave no outcome")
    with pytest.raises(RuntimeError):  # which the sender takes as of any channel
        asyncio.run(sent("red"))


def test_what_is_for_a_broken_channel_dies_with_its_reason(tmp_path: Path, site: Path) -> None:
    package(site, "bad", "1 / 0", channels="signs = bad:CHANNEL")
    with installed(site):
        chosen = settings(tmp_path, CHANNEL + "[channels.signs]\nrows = 3\n")
        assert "ZeroDivisionError" in chosen.broken_plugins[0]

        async def story() -> Outcome:
            async with aiohttp.ClientSession() as session:
                _, off = plugged(chosen.channels, session)
                assert off.name == "signs"
                return await off.send(letter(Contact("signs", "q1")))

        assert asyncio.run(story()).verdict == "never"
        assert "signs" not in chosen.channels.names


def test_an_import_has_a_column_for_a_plug_ins_channel(tmp_path: Path, site: Path) -> None:
    with installed(site):
        people = '[people]\ncontroller = "Port"\ncontact = "a@harbour.example"\n'
        settings(tmp_path, f'home = "home"\nplaces = "capitals"\n{CHANNEL}{people}')
        file = tmp_path / "people.csv"
        file.write_text("boards,place,proof\nq12,Recife,paper\nx9,Recife,paper\n")
        done = here("subscribe", "--file", file, "--json", "--settings", tmp_path / "atalaia.toml")
        assert done.stdout.count('"person":"p_') == 1, done.stderr
        assert "people.csv:3: boards: not a quay: ***; write q12" in done.stderr


def test_one_that_cannot_say_what_to_ask_is_a_source_with_a_fault(
    tmp_path: Path, site: Path
) -> None:
    code = "from good import *\nSOURCE = SourcePlugin(settings=Own, variables=frozenset(), "
    package(site, "mute", f"{code}request=lambda own, place: 1 / 0, decode=None)",
            sources="mute = mute:SOURCE")  # fmt: skip

    async def story() -> str:
        chosen = settings(tmp_path, '[sources.mute]\nurl = "https://mute.example.org"\n')
        (mute,) = [plan for plan in plans(chosen) if plan.name == "plugin:mute"]
        async with aiohttp.ClientSession() as session:
            poller = Poller(
                mute, chosen.places, session, _nobody, nearness=lambda: Nearness.unknown(27),
                notes=Kept(), clock=Clock(),
            )  # fmt: skip
            asking = asyncio.create_task(poller.run())
            await until(lambda: poller.health.reason)
            asking.cancel()
            return str(poller.health.reason)

    with installed(site):
        told = asyncio.run(story())
        assert "plug-in 'mute' of mute 1.2 cannot say what to ask: ZeroDivisionError" in told
        asked = here("sources", "try", "mute", "--settings", tmp_path / "atalaia.toml")
        assert asked.returncode == 1
        assert told in asked.stderr
        assert "Traceback" not in asked.stderr


async def _nobody(_: object) -> None:
    raise AssertionError("nothing was asked")
