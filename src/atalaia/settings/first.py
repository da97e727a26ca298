"""The first settings file of somebody who sets up a watch: the towns that they chose, and the rest
commented, so that what can be set is seen where it is set."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import msgspec

from atalaia.domain.geo import distance_km
from atalaia.sources.gazetteer import Town, fold

_SAME_KM = 30.0
"""So far apart the gazetteer and the table of codes place one town at most."""


class First(msgspec.Struct, frozen=True, kw_only=True):
    """What was chosen.

    towns       what is watched, each once
    controller, contact    who answers for people's data, and how they are reached; empty: not said
    """

    language: str
    rules: str
    towns: Sequence[Town]
    controller: str = ""
    contact: str = ""


def around(towns: Iterable[Town], middle: Town, km: float) -> list[Town]:
    """Those within so many kilometres of a town, the nearest first."""
    away = (
        (distance_km(middle.latitude, middle.longitude, town.latitude, town.longitude), town)
        for town in towns
    )
    return [town for far, town in sorted(away, key=lambda one: one[0]) if far <= km]


def told_apart(towns: Iterable[Town]) -> list[tuple[str, Town]]:
    """Each town once, with an id of its own: of those of one name in one state the first has it
    plain, the others with their number in the gazetteer. One that is there by its code as well is
    there by that alone."""
    ids: dict[str, Town] = {}
    every = list(towns)
    coded: dict[tuple[str, str, str], list[Town]] = {}
    for town in every:
        if town.code:
            coded.setdefault(_name(town), []).append(town)
    for town in every:
        if not town.code and around(coded.get(_name(town), ()), town, _SAME_KM):
            continue
        if ids.get(town.slug, town) != town:
            ids[f"{town.slug}-{town.id}"] = town
        else:
            ids[town.slug] = town
    return list(ids.items())


def _name(town: Town) -> tuple[str, str, str]:
    return fold(town.name), town.region, town.country


def written(first: First) -> str:
    """The file's text."""
    mark = "" if first.controller else "# "
    head = f"""\
# Settings of Atalaia. `atalaia config check` names what is wrong with them, line by line, and
# shows what the sources' calls come to. Every key there is: docs/settings.md

# What is dangerous: a shipped rule set (`atalaia rules`), or a rule file of your own, which may
# extend one (docs/rules.md).
rules = {_text(first.rules)}

# What the terminal speaks: "pt-BR", "en" or "es".
language = {_text(first.language)}

# Open-Meteo needs no key and is on. Tomorrow.io is on as soon as there is a key:
# [sources.tomorrow-io]
# key_file = "tomorrow.key"

# Official warnings, passed on word for word (docs/feeds.md):
# [sources.cap]
# feeds = ["https://apiprevmet3.inmet.gov.br/avisos/rss"]

# Who answers for people's data: the words of consent say it (docs/people.md).
{mark}[people]
{mark}controller = {_text(first.controller or "Defesa Civil de Cidade")}
{mark}contact = {_text(first.contact or "privacidade@cidade.example")}

# Ways to people besides the webhook, which is on (docs/channels.md). Tokens lie in files of their
# own, mode 0600.
# [channels.telegram]
# token_file = "telegram.token"
# [channels.email]
# host = "smtp.example.org"
# sender = "Atalaia <atalaia@example.org>"
# [channels.whatsapp]
# token_file = "whatsapp.token"
# phone_number_id = "1234567890"

# Pushing readings and the operator's page need a key (docs/api.md):
# [api]
# key_file = "operator.key"
"""
    return head + "".join(_place(id_, town) for id_, town in told_apart(first.towns))


def _place(id_: str, town: Town) -> str:
    return f"""
[[place]]
id = {_text(id_)}
name = {_text(town.name)}
latitude = {town.latitude!r}
longitude = {town.longitude!r}
timezone = {_text(town.timezone)}
"""


def _text(text: str) -> str:
    """A text as TOML has it: JSON's form is one of its own."""
    return json.dumps(text, ensure_ascii=False)
