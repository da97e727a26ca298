"""What an issuer's warning is about: by the issuer's own type codes first, then by words.

The tables are those of docs/warnings.md ("What maps to what"), and a test holds them to that. They
were held against public programs that read such messages, not against the issuers' own documents;
that page names the programs, and what they did not confirm. INMET sends no codes: its names of
events are among the Portuguese words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

from atalaia.domain.hazard import Hazard

METEOALARM: Mapping[Hazard, str] = {
    Hazard.WIND: "1",
    Hazard.SNOW: "2",
    Hazard.STORM: "3",
    Hazard.FOG: "4",
    Hazard.HEAT: "5",
    Hazard.COLD: "6",
    Hazard.DRY_AIR: "8",
    Hazard.HEAVY_RAIN: "10",
    Hazard.FLOOD: "12 13",
}
"""Parameter `awareness_type`, ``5; high-temperature``. 7 (coast), 9 (avalanches),
14 (sea) and 15 (drought) are none of our hazards, and nothing gives 11: words decide there."""

VTEC: Mapping[Hazard, str] = {
    Hazard.FLOOD: "FF FL FA HY CF LS SS",
    Hazard.STORM: "TO SV TR HU TY HI TI MA DS DU",
    Hazard.WIND: "HW WI EW GL HF SR LW BW SC SI",
    Hazard.SNOW: "WS BZ HS SN LE LB BS SQ WW SB HP IP IS",
    Hazard.FROST: "FZ FR HZ ZR ZY UP",
    Hazard.COLD: "EC WC CW",
    Hazard.HEAT: "EH HT XH",
    Hazard.FOG: "FG MF ZF",
    Hazard.DRY_AIR: "FW",
}
"""Phenomena: parameter `VTEC`, or the first two letters of event code `NationalWeatherService`.
Rough bars and seas (RB, SW, SE) are no wind. CW, XH and HP are not confirmed."""

SAME: Mapping[Hazard, str] = {
    Hazard.FLOOD: "FFW FFA FFS FLW FLA FLS CFW CFA SSW SSA DBW DBA",
    Hazard.STORM: "TOR TOA SVR SVA SVS TRW TRA HUW HUA HLS TYW TYA SMW DSW",
    Hazard.WIND: "HWW HWA EWW",
    Hazard.SNOW: "BZW WSW WSA SQW",
    Hazard.FROST: "FZW FSW",
    Hazard.DRY_AIR: "FRW",
}
"""Event code `SAME`; DBW and DBA are of dams, FRW of a fire that spreads.
TYA and TYW are not confirmed."""

DWD: Mapping[Hazard, str] = {
    Hazard.FROST: "22 24 81 82 84 85 87",
    Hazard.STORM: "31 33 34 36 38 40 41 42 44 45 46 48 49 90 91 92 93 95 96",
    Hazard.WIND: "11 12 13 14 15 16 51 52 53 54 55 56 57 58",
    Hazard.FOG: "59",
    Hazard.HEAVY_RAIN: "61 62 63 64 65 66",
    Hazard.SNOW: "70 71 72 73 74 75 76 77 78",
    Hazard.FLOOD: "88 89",
    Hazard.UV: "246",
    Hazard.HEAT: "247 248",
}
"""Event code `II` of DWD's warnings. 248 is not confirmed; 79 (power lines), 98 and 99 (tests) are
none; 88 and 89, thaw, are there for the water that comes of it."""

WORDS: Mapping[Hazard, Mapping[str, str]] = {
    Hazard.FLOOD: {
        "pt": "inunda|alagament|enchente|enxurrad",
        "en": "flood|storm surge",
        "es": "inunda|crecida|desborde|riada",
        "de": "hochwasser|überflut|überschwemm|sturmflut",
        "fr": "inondation| crue | crues |submersion",
        "it": "alluvion|inondazion|esondazion",
    },
    Hazard.TEMPERATURE_DROP: {
        "pt": "declínio de temp|queda…temp",
        "en": "temperature drop|drop in temp",
        "es": "descenso…temp",
        "de": "temperatursturz",
        "fr": "baisse…temp",
        "it": "calo…temp|calo termico",
    },
    Hazard.DRY_AIR: {
        "pt": "umidade|ar seco|incêndio",
        "en": "low humidity|dry air|red flag|fire weath|forest fire|wildfire|fire danger",
        "es": "humedad|incendio",
        "de": "waldbrand|lufttrocken|trockene luft",
        "fr": "feux de foret|feu de foret|air sec",
        "it": "umidità|incendi",
    },
    Hazard.FOG: {
        "pt": "nevoeiro|neblina",
        "en": " fog| mist ",
        "es": "niebla",
        "de": "nebel",
        "fr": "brouillard",
        "it": "nebbia",
    },
    Hazard.SNOW: {
        "pt": " neve |nevasca",
        "en": "snow|blizzard|winter storm|winter weather|ice storm",
        "es": "nieve|nevada|ventisca",
        "de": "schnee",
        "fr": "neige",
        "it": "nevicat| neve ",
    },
    Hazard.FROST: {
        "pt": "geada",
        "en": "frost|freez|icing|black ice| icy | ice ",
        "es": "helada|hielo",
        "de": "frost|glätte|glatteis",
        "fr": " gel |gelée|verglas",
        "it": " gelo |gelate|ghiaccio",
    },
    Hazard.COLD: {
        "pt": " frio |friagem|baixas temp|temperat… mínim|temperat… baix",
        "en": " cold|wind chill|low temp|minimum temp",
        "es": " frío |bajas temp|temperat… mínim|temperat… baj",
        "de": "kälte|tiefe temp",
        "fr": " froid|basses temp|temperat… bass",
        "it": "freddo|basse temp|temperat… minim",
    },
    Hazard.HEAT: {
        "pt": "calor|altas temp|temperat… máxim|temperat… alt|temperat… elevad",
        "en": " heat|high temp|maximum temp|hot weather",
        "es": "calor|altas temp|temperat… máxim|temperat… alt",
        "de": "hitze|wärmebelastung|hohe temp",
        "fr": "canicul|chaleur|temperat… élev|hautes temp|fortes temp",
        "it": " caldo |calore|temperat… massim|temperat… elevat|alte temp",
    },
    Hazard.UV: {
        "pt": "ultraviolet",
        "en": " uv |ultraviolet",
        "es": "ultraviolet",
        "de": "uv index|ultraviolett",
        "fr": "ultraviolet",
        "it": "ultraviolett",
    },
    Hazard.STORM: {
        "pt": "tempestade|ciclone|furacão|granizo|raios ",
        "en": "thunder|tornado|hurricane|typhoon|tropical|cyclone| hail|lightning|severe weather"
        "|storm",
        "es": "tormenta|ciclón|huracán|granizo|temporal ",
        "de": "gewitter|hagel|tornado",
        "fr": " orage|tempête|ouragan|grêle",
        "it": "tempest|temporal|uragano|grandin",
    },
    Hazard.WIND: {
        "pt": "vento|vendaval|rajad",
        "en": " wind|gale | gales | gust",
        "es": "viento|ráfaga",
        "de": "sturm|orkan| wind|starkwind|böen",
        "fr": " vent |vents |rafale",
        "it": " vento| venti |raffich|burrasc",
    },
    Hazard.HEAVY_RAIN: {
        "pt": "chuva|precipita",
        "en": " rain|downpour|precipita",
        "es": "lluvia|aguacero|chubasco|precipita",
        "de": "regen|niederschl",
        "fr": "pluie|précipita",
        "it": "pioggi|piogge|precipita",
    },
}
"""Parts of names of events, the hazard that comes first winning: the particular goes before the
general. Parts stand between ``|``; a space is where a word begins or ends, ``…`` anything between;
accents, case and hyphens do not count."""


def hazard_of(events: Iterable[str], codes: Iterable[tuple[str, str]] = ()) -> str:
    """What a warning is about; empty: not known.

    events   names of its event, in any language
    codes    (name, value) of its event codes and parameters, as the issuer writes them
    """
    for name, value in codes:
        found = _of_code(name.strip().casefold(), value.strip().upper())
        if found:
            return found
    for event in events:
        plain = f" {_plain(event)} "
        for hazard, stems in _STEMS:
            if any(_has(plain, stem) for stem in stems):
                return hazard.value
    return ""


def _of_code(name: str, value: str) -> str:
    """The hazard of one code; empty: of none that is known."""
    if name == "awareness_type":
        return _BY_CODE["meteoalarm"].get(value.partition(";")[0].strip(), "")
    if name == "vtec":  # /O.NEW.KOUN.TO.W.0045.130520T1951Z-130520T2030Z/
        parts = value[:40].split(".")
        return _BY_CODE["vtec"].get(parts[3], "") if len(parts) > 4 else ""
    if name == "nationalweatherservice":
        return _BY_CODE["vtec"].get(value[:2], "") if len(value) == 3 else ""
    if name == "same":
        return _BY_CODE["same"].get(value, "")
    return _BY_CODE["dwd"].get(value, "") if name == "ii" else ""


def _plain(text: str) -> str:
    """Lower case, without accents and hyphens."""
    letters = unicodedata.normalize("NFKD", text[:300].casefold())
    kept = (letter for letter in letters if not unicodedata.combining(letter))
    words = "".join(letter if letter.isalnum() else " " for letter in kept)
    return " ".join(words.split())


def _has(plain: str, stem: tuple[str, ...]) -> bool:
    """Whether the parts of a stem stand in a text, in this order."""
    at = 0
    for part in stem:
        at = plain.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True


def _stem(written: str) -> tuple[str, ...]:
    bare = written.replace("…", "\0")
    spaced = "\0".join(_spaced(part) for part in bare.split("\0"))
    return tuple(spaced.split("\0"))


def _spaced(part: str) -> str:
    """`_plain`, with the spaces at both ends as they were."""
    inner = _plain(part)
    return f"{' ' * part.startswith(' ')}{inner}{' ' * part.endswith(' ')}"


_BY_CODE = {
    name: {code: hazard.value for hazard, codes in table.items() for code in codes.split()}
    for name, table in (
        ("meteoalarm", METEOALARM),
        ("vtec", VTEC),
        ("same", SAME),
        ("dwd", DWD),
    )
}
_STEMS = tuple(
    (hazard, tuple(_stem(each) for words in by.values() for each in words.split("|")))
    for hazard, by in WORDS.items()
)
