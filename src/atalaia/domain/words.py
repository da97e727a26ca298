"""What people read: an incident's change in Portuguese, English and Spanish.

Every text says what was measured, estimated or forecast, the limit it passed, the source, the
time of the value in the place's own time, what to do, and that it is not an official warning.
Hazards and levels in the data keep their English names in every language; only texts translate.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from atalaia.domain.hazard import Hazard, Level
from atalaia.domain.reading import Kind
from atalaia.domain.score import Because

LANGUAGES = ("pt-BR", "en", "es")

HAZARDS: dict[str, tuple[str, str, str]] = {
    Hazard.HEAVY_RAIN: ("chuva forte", "heavy rain", "lluvia fuerte"),
    Hazard.WIND: ("vento forte", "strong wind", "viento fuerte"),
    Hazard.HEAT: ("calor extremo", "extreme heat", "calor extremo"),
    Hazard.COLD: ("frio extremo", "extreme cold", "frío extremo"),
    Hazard.FROST: ("geada", "frost", "helada"),
    Hazard.DRY_AIR: ("baixa umidade", "dry air", "baja humedad"),
    Hazard.TEMPERATURE_DROP: (
        "queda de temperatura",
        "sharp drop in temperature",
        "descenso brusco de temperatura",
    ),
    Hazard.SNOW: ("neve", "snow", "nieve"),
    Hazard.STORM: ("tempestade", "storm", "tormenta"),
    Hazard.THUNDERSTORM: ("trovoada", "thunderstorm", "tormenta eléctrica"),
    Hazard.UV: ("radiação ultravioleta", "ultraviolet radiation", "radiación ultravioleta"),
    Hazard.FOG: ("nevoeiro", "fog", "niebla"),
    Hazard.FLOOD: ("inundação", "flood", "inundación"),
    Hazard.LANDSLIDE: ("risco de deslizamento", "risk of landslides", "riesgo de deslizamientos"),
    Hazard.RIVER_FLOOD: ("cheia de rio", "river flood", "crecida de río"),
    Hazard.SEA: ("ressaca", "rough sea", "oleaje fuerte"),
    Hazard.FIRE_WEATHER: ("risco de incêndio", "fire weather", "riesgo de incendio"),
    Hazard.AIR_QUALITY: ("ar poluído", "polluted air", "aire contaminado"),
    Hazard.CANNOT_SEE: ("sem dados", "no data", "sin datos"),
}

LEVELS: dict[int, tuple[str, str, str]] = {
    Level.WATCH: ("Atenção", "Watch", "Vigilancia"),
    Level.YELLOW: ("Amarelo (perigo potencial)", "Yellow (moderate)", "Amarillo (moderado)"),
    Level.ORANGE: ("Laranja (perigo)", "Orange (severe)", "Naranja (severo)"),
    Level.RED: ("Vermelho (grande perigo)", "Red (extreme)", "Rojo (extremo)"),
}

ADVICE: dict[str, tuple[str, str, str]] = {
    Hazard.HEAVY_RAIN: (
        "Não atravesse ruas alagadas; afaste-se de encostas e margens; emergência: 199 ou 193",
        "Do not cross flooded roads; keep away from slopes and riverbanks",
        "No cruce calles inundadas; aléjese de laderas y riberas",
    ),
    Hazard.WIND: (
        "Abrigue-se longe de árvores, placas e fios; prenda o que pode voar",
        "Shelter away from trees, signs and power lines; tie down what can fly",
        "Refúgiese lejos de árboles, carteles y cables; sujete lo que pueda volar",
    ),
    Hazard.THUNDERSTORM: (
        "Entre em casa ou em carro fechado; longe de água, árvores e campo aberto até 30 min após "
        "o último trovão",
        "Go indoors or into a closed car; keep off water, trees and open fields until 30 min after "
        "the last thunder",
        "Entre en casa o en un auto cerrado; lejos de agua, árboles y campo abierto hasta 30 min "
        "tras el último trueno",
    ),
    Hazard.HEAT: (
        "Beba água, fique à sombra, não deixe ninguém em carros; cuide de idosos e crianças",
        "Drink water, stay in the shade, leave no one in cars; look after the old and the young",
        "Beba agua, quédese a la sombra, no deje a nadie en autos; cuide a mayores y niños",
    ),
    Hazard.DRY_AIR: (
        "Beba água, evite esforço entre 10 h e 17 h, não faça fogo",
        "Drink water, avoid effort from 10:00 to 17:00, light no fires",
        "Beba agua, evite esfuerzos de 10 a 17 h, no encienda fuego",
    ),
    Hazard.FLOOD: (
        "Vá para um lugar alto; não entre na água; emergência: 199 ou 193",
        "Go to high ground; do not enter the water",
        "Vaya a un lugar alto; no entre en el agua",
    ),
    Hazard.LANDSLIDE: (
        "Em encosta, saia já para um lugar seguro; atenção a trincas, estalos, árvores e postes "
        "inclinados; emergência: 199 ou 193",
        "On a slope, leave now for a safe place; watch for cracks, cracking sounds, leaning trees "
        "and poles",
        "En una ladera, salga ya hacia un lugar seguro; atención a grietas, crujidos, árboles y "
        "postes inclinados",
    ),
    Hazard.RIVER_FLOOD: (
        "Saia da beira do rio; leve pessoas, animais e documentos para o alto; emergência: 199",
        "Leave the riverbank; bring people, animals and papers to high ground",
        "Aléjese de la orilla; lleve personas, animales y documentos a un lugar alto",
    ),
    Hazard.SEA: (
        "Saia da praia, das pedras e do calçadão; não entre no mar nem vá de barco; bombeiros: 193",
        "Leave the beach, the rocks and the promenade; do not swim, nor go out by boat",
        "Aléjese de la playa, las rocas y el paseo; no se bañe ni salga en barco",
    ),
    Hazard.FIRE_WEATHER: (
        "Não faça fogo nem queime lixo; se vir fogo, saia cedo e avise; bombeiros: 193",
        "Light no fire and burn no waste; if you see fire, leave early and report it",
        "No encienda fuego ni queme basura; si ve fuego, salga pronto y avise",
    ),
    Hazard.AIR_QUALITY: (
        "Fique dentro, com janelas fechadas; evite esforço; fora, use máscara PFF2 ou N95",
        "Stay inside with windows shut; avoid effort; outside wear an FFP2 or N95 mask",
        "Quédese dentro, con ventanas cerradas; evite esfuerzos; fuera use mascarilla FFP2 o N95",
    ),
}
CARE = (
    "Acompanhe as orientações da defesa civil",
    "Follow the advice of your civil defence",
    "Siga las indicaciones de la defensa civil",
)

VARIABLES: dict[str, tuple[str, str, str]] = {
    "temperature_c": ("temperatura", "temperature", "temperatura"),
    "temperature_max_c": ("temperatura máxima", "highest temperature", "temperatura máxima"),
    "temperature_min_c": ("temperatura mínima", "lowest temperature", "temperatura mínima"),
    "apparent_temperature_c": ("sensação térmica", "feels-like temperature", "sensación térmica"),
    "dew_point_c": ("ponto de orvalho", "dew point", "punto de rocío"),
    "relative_humidity_pct": ("umidade relativa", "relative humidity", "humedad relativa"),
    "wind_speed_m_s": ("vento médio", "mean wind", "viento medio"),
    "wind_gust_m_s": ("rajada", "gust", "ráfaga"),
    "wind_direction_deg": ("direção do vento", "wind direction", "dirección del viento"),
    "wind_gust_direction_deg": (
        "direção da rajada",
        "direction of the gust",
        "dirección de la ráfaga",
    ),
    "rain_rate_mm_h": ("intensidade da chuva", "rain rate", "intensidad de lluvia"),
    "rain_mm": ("chuva", "rain", "lluvia"),
    "snow_cm": ("neve", "snow", "nieve"),
    "snow_depth_m": ("espessura da neve", "depth of snow", "espesor de la nieve"),
    "pressure_hpa": ("pressão", "pressure", "presión"),
    "pressure_sea_level_hpa": (
        "pressão ao nível do mar",
        "sea-level pressure",
        "presión al nivel del mar",
    ),
    "visibility_m": ("visibilidade", "visibility", "visibilidad"),
    "cloud_cover_pct": ("nuvens", "cloud cover", "nubes"),
    "cloud_base_m": ("base das nuvens", "cloud base", "base de las nubes"),
    "cloud_ceiling_m": ("teto de nuvens", "cloud ceiling", "techo de nubes"),
    "precipitation_probability_pct": (
        "probabilidade de chuva",
        "probability of rain",
        "probabilidad de lluvia",
    ),
    "uv_index": ("índice UV", "UV index", "índice UV"),
    "cape_j_kg": ("energia convectiva", "convective energy", "energía convectiva"),
    "weather_code": ("código do tempo", "weather code", "código del tiempo"),
    "thunderstorm_class": ("trovoada", "thunderstorm", "tormenta eléctrica"),
    "violent_wind_class": ("ventania violenta", "violent wind", "racha violenta"),
    "severe_storm_m3_s3": (
        "energia da trovoada vezes cisalhamento do vento",
        "the thunderstorm's energy times shear of the wind",
        "energía de la tormenta por cizalladura del viento",
    ),
    "sleet_rate_mm_h": ("intensidade da chuva com neve", "sleet rate", "intensidad de aguanieve"),
    "snow_rate_mm_h": ("intensidade da neve", "snow rate", "intensidad de nieve"),
    "freezing_rain_rate_mm_h": (
        "intensidade da chuva congelante",
        "freezing rain rate",
        "intensidad de lluvia helada",
    ),
    "radiation_kj_m2": ("radiação solar", "sunlight", "radiación solar"),
    "river_level_m": ("nível do rio", "river level", "nivel del río"),
    "river_discharge_m3_s": (
        "vazão do maior rio da célula de 5 km do lugar",
        "discharge of the largest river in the place's 5 km cell",
        "caudal del mayor río de la celda de 5 km del lugar",
    ),
    "fire_weather_index": (
        "índice de perigo de incêndio (FWI)",
        "fire weather index (FWI)",
        "índice de peligro de incendio (FWI)",
    ),
    "wave_height_m": ("altura das ondas", "height of the waves", "altura de las olas"),
    "wave_period_s": ("período das ondas", "period of the waves", "período de las olas"),
    "sea_level_m": ("nível do mar", "sea level", "nivel del mar"),
    "pm2_5_ug_m3": (
        "partículas finas (MP2,5)",
        "fine particles (PM2.5)",
        "partículas finas (PM2,5)",
    ),
    "pm10_ug_m3": ("partículas (MP10)", "particles (PM10)", "partículas (PM10)"),
    "ozone_ug_m3": ("ozônio", "ozone", "ozono"),
    "heat_index_c": ("índice de calor", "heat index", "índice de calor"),
    "wave_power_kw_m": ("potência das ondas", "power of the waves", "potencia de las olas"),
}
"""Every variable of the catalogue and every index, as people call them."""

SCORES: dict[str, tuple[str, str, str]] = {
    "chance_pct": ("chance", "chance", "probabilidad"),
    "score": ("pontuação", "score", "puntuación"),
}
"""What evidence adds up to (`domain.score`)."""

_CLOCK = {
    "hour": ("a hora do dia", "the hour of the day", "la hora del día"),
    "month": ("a época do ano", "the time of the year", "la época del año"),
}
_CHANCE_OF = (
    "chance de {hazard}",
    "chance of {hazard}",
    "probabilidad de {hazard}",
)
_BECAUSE = ("sobretudo {terms}", "mostly {terms}", "sobre todo {terms}")
_TERM_AT = ("{term} em {place}", "{term} at {place}", "{term} en {place}")
_TERM_MEAN = (
    "{term} na média dos lugares",
    "{term} on average of the places",
    "{term} en promedio de los lugares",
)
_TERM_AT_MANY = (
    "{term} em {n} lugares",
    "{term} at {n} places",
    "{term} en {n} lugares",
)

_SAID = {
    Kind.OBSERVED: ("medido", "measured", "medido"),
    Kind.ANALYSIS: ("estimado", "estimated", "estimado"),
    Kind.FORECAST: ("previsto", "forecast", "previsto"),
}

_HEADS: dict[str, tuple[str, str, str]] = {
    "onset": (
        "{level}: {hazard} em {place}",
        "{level}: {hazard} at {place}",
        "{level}: {hazard} en {place}",
    ),
    "escalated": (
        "Subiu para {level}: {hazard} em {place}",
        "Raised to {level}: {hazard} at {place}",
        "Sube a {level}: {hazard} en {place}",
    ),
    "eased": (
        "Baixou para {level}: {hazard} em {place}",
        "Eased to {level}: {hazard} at {place}",
        "Baja a {level}: {hazard} en {place}",
    ),
    "certainty": (
        "Confirmado, {level}: {hazard} em {place}",
        "Confirmed, {level}: {hazard} at {place}",
        "Confirmado, {level}: {hazard} en {place}",
    ),
    "sooner": (
        "Mais cedo, {level}: {hazard} em {place}",
        "Sooner, {level}: {hazard} at {place}",
        "Más pronto, {level}: {hazard} en {place}",
    ),
    "step": (
        "{level}, mais forte: {hazard} em {place}",
        "{level}, stronger: {hazard} at {place}",
        "{level}, más fuerte: {hazard} en {place}",
    ),
    "ended": (
        "Terminou: {hazard} em {place}",
        "Over: {hazard} at {place}",
        "Terminó: {hazard} en {place}",
    ),
    "expired": (
        "Não vemos mais: {hazard} em {place}. Sem dados que digam que terminou",
        "We can no longer see: {hazard} at {place}. No data say that it is over",
        "Ya no podemos ver: {hazard} en {place}. Ningún dato dice que haya terminado",
    ),
    "withdrawn": (
        "Previsão retirada: {hazard} em {place}",
        "Forecast withdrawn: {hazard} at {place}",
        "Pronóstico retirado: {hazard} en {place}",
    ),
    "rule changed": (
        "Cancelado, a regra mudou: {hazard} em {place}",
        "Cancelled, the rule has changed: {hazard} at {place}",
        "Cancelado, la regla cambió: {hazard} en {place}",
    ),
}

_VALUE = (
    "{what}{colon}{value} ({said}, {at}), limite{limit_colon}{limit}",
    "{what}{colon}{value} ({said}, {at}), limit{limit_colon}{limit}",
    "{what}{colon}{value} ({said}, {at}), límite{limit_colon}{limit}",
)
_MEAN = (
    "{variable}, média de {length}",
    "{variable}, average over {length}",
    "{variable}, promedio de {length}",
)
_OF_THE_DAY = (
    "{variable} (mínimo do dia)",
    "{variable} (lowest of the day)",
    "{variable} (mínimo del día)",
)
_IN_A_ROW = (
    "{variable}, dias seguidos além do limite do dia",
    "{variable}, days in a row past the limit of a day",
    "{variable}, días seguidos más allá del límite del día",
)
_FELL = (
    (
        "{what} caiu {by} em {length}",
        "{what} fell by {by} in {length}",
        "{what} bajó {by} en {length}",
    ),
    (
        "{what} subiu {by} em {length}",
        "{what} rose by {by} in {length}",
        "{what} subió {by} en {length}",
    ),
    (
        "{what} não mudou em {length}",
        "{what} did not change in {length}",
        "{what} no cambió en {length}",
    ),
)
"""How a change is told: downwards, upwards, not at all."""
_A_FALL = (
    ("queda de {by}", "a fall of {by}", "descenso de {by}"),
    ("aumento de {by}", "a rise of {by}", "aumento de {by}"),
    ("nenhuma mudança", "no change", "ningún cambio"),
)
_AT_STATION = (
    "{said} em {station}",
    "{said} at {station}",
    "{said} en {station}",
)
_AWAY = (", a {km} km", ", {km} km away", ", a {km} km")
_ALONE = (
    "Um só instrumento o diz, e nenhum outro o confirma: por isso um nível abaixo",
    "One instrument alone says so, and no other bears it out: so a level lower",
    "Un solo instrumento lo dice, y ningún otro lo confirma: por eso un nivel menos",
)
_HOLES = (
    "Esta soma tem lacunas: de parte do tempo nada chegou, e pode ser mais",
    "This sum has holes: of part of the time nothing came, and it may be more",
    "Esta suma tiene huecos: de parte del tiempo nada llegó, y puede ser más",
)
_STANDS_FOR = (
    "sem medida de {variable}",
    "no {variable} was reported",
    "sin medida de {variable}",
)
_RUNS = (
    "{past} em {n} de 10 rodadas dos modelos",
    "{past} in {n} of 10 model runs",
    "{past} en {n} de 10 corridas de los modelos",
)
_FEW_RUNS = (
    "{past} em menos de 1 de 10 rodadas dos modelos",
    "{past} in fewer than 1 of 10 model runs",
    "{past} en menos de 1 de 10 corridas de los modelos",
)
_BY_RECORD = ("nosso histórico: {chance}", "our record: {chance}", "nuestro historial: {chance}")
_RAW_CHANCE = (
    "chance bruta, que nosso histórico ainda não corrige",
    "a raw chance, which our record cannot correct yet",
    "probabilidad bruta, que nuestro historial aún no corrige",
)
_OR_MORE = ("{value} ou mais", "{value} or more", "{value} o más")
_OR_LESS = ("{value} ou menos", "{value} or less", "{value} o menos")
_DAYS = (("dia", "dias"), ("day", "days"), ("día", "días"))
_CLASSES = (
    (
        *("nenhuma", "nas redondezas", "presente", "forte ou com granizo", "forte com granizo"),
        *("vendaval súbito", "nuvem-funil", "tornado ou tromba-d'água"),
    ),
    (
        *("none", "in the vicinity", "present", "heavy or with hail", "heavy with hail"),
        *("squall", "funnel cloud", "tornado or waterspout"),
    ),
    (
        *("ninguna", "en las cercanías", "presente", "fuerte o con granizo", "fuerte con granizo"),
        *("turbonada", "nube embudo", "tornado o tromba marina"),
    ),
)
"""What classes are called, the only unit whose numbers are names: of thunderstorms, and from 5 on
of violent wind."""
_SINCE = ("desde {at}", "since {at}", "desde {at}")
_FROM = ("a partir de {at}", "from {at}", "a partir de {at}")
_PEAK = ("máximo {value} em {at}", "peak {value} at {at}", "máximo {value} el {at}")
_LEAST = ("mínimo {value} em {at}", "lowest {value} at {at}", "mínimo {value} el {at}")
_MOST_CHANGE = (
    "maior mudança: {value} em {at}",
    "largest change: {value} at {at}",
    "mayor cambio: {value} el {at}",
)
_WINDOW = (" em {length}", " in {length}", " en {length}")
_LATE = (
    "Dado atrasado: chegou em {at}",
    "Late data: it came at {at}",
    "Dato atrasado: llegó el {at}",
)
_SOURCE = ("Fonte: {source}", "Source: {source}", "Fuente: {source}")
NOT_OFFICIAL = (
    "Isto não é um aviso oficial",
    "This is not an official warning",
    "Esto no es un aviso oficial",
)
_BLIND = (
    "Sem dados de {source} para {places} desde {at}. Isto não quer dizer tempo calmo",
    "No data from {source} for {places} since {at}. This does not mean calm weather",
    "Sin datos de {source} para {places} desde {at}. Esto no significa tiempo en calma",
)
_SEES = (
    "{source} volta a enviar dados de {places}",
    "{source} sends data for {places} again",
    "{source} vuelve a enviar datos de {places}",
)
_STILL = (
    "Continua sem dados de {places}",
    "Still no data for {places}",
    "Sigue sin datos de {places}",
)
_AND_MORE = (" e mais {n}", " and {n} more", " y {n} más")


def rounded(value: float, digits: int = 1) -> Decimal:
    """Half up, of the decimals as they are written: 25.25 is 25.3 and -0.04 is 0. The page rounds
    by the same rule."""
    exact = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return exact + 0  # never -0


def one_line(text: str) -> str:
    """The text without line ends, tabs and runs of spaces: nobody's name breaks a line."""
    return " ".join(text.split())


@lru_cache(maxsize=4096)  # a value is said in three languages, and again in each letter
def number(value: float, language: int, digits: int = 1) -> str:
    """A number as people of a language write it: at most so many decimals, none of them idle."""
    text = f"{rounded(value, digits):f}"
    text = text.rstrip("0").rstrip(".") if digits else text
    return text if LANGUAGES[language] == "en" else text.replace(".", ",")


def digits_of(unit: str | None) -> int:
    """Decimals that are worth reading: of metres (a river, snow) centimetres, else one."""
    return 2 if unit == "m" else 1


def amount(value: float, unit: str | None, language: int) -> str:
    """A number with its unit as people write it: ``35 mm``, ``3 days``; an index has none, and a
    class is told by its name."""
    told = number(value, language, digits_of(unit))
    if unit == "class":
        names = _CLASSES[language]
        return names[int(told)] if told.isdigit() and int(told) < len(names) else told
    if unit == "d":
        return f"{told} {_DAYS[language][told != '1']}"
    return told if unit in (None, "1") else f"{told} {unit}"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@lru_cache(maxsize=4096)
def clock(seconds: int, zone: str, language: int) -> str:
    """An instant in a place's own time: ``23/07 18:00`` or ``23 Jul 18:00``."""
    day, month, time = _on_the_clock(seconds, zone)
    told = f" {_MONTHS[int(month) - 1]}" if LANGUAGES[language] == "en" else f"/{month}"
    return f"{day}{told} {time}"


@lru_cache(maxsize=4096)
def _on_the_clock(seconds: int, zone: str) -> tuple[str, str, str]:
    """Day, month and time of the day in a zone, in figures: they are the same in each language."""
    local = datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(zone)).isoformat()
    return local[8:10], local[5:7], local[11:16]


def duration(seconds: int) -> str:
    """``24 h``, ``15 min``, ``3 d``, ``90 s``: the same in all three languages."""
    if seconds % 60:
        return f"{seconds} s"
    if seconds % 86400 == 0 and seconds > 86400:
        return f"{seconds // 86400} d"
    return f"{seconds // 3600} h" if seconds % 3600 == 0 else f"{seconds // 60} min"


CHANGES = ("change", "day_change")
"""Measures whose sign is a direction."""


def _way(change: float, unit: str | None) -> int:
    """0: downwards, 1: upwards, 2: neither, as far as the rounding shows."""
    size = rounded(change, digits_of(unit))
    return 2 if not size else int(size > 0)


def variable_name(variable: str | None, language: int) -> str:
    """What people call a variable of the catalogue, an index or a score; empty: there is none."""
    if not variable:
        return ""
    return (SCORES.get(variable) or VARIABLES[variable])[language]


def measured_name(variable: str | None, measure: str, window_s: int, language: int) -> str:
    """``rain in 1 h``: what a rule measured, in small letters. A change tells its window itself."""
    name = variable_name(variable, language)
    if measure == "days_in_a_row":
        return _IN_A_ROW[language].format(variable=name)
    if measure == "day_change":
        return _OF_THE_DAY[language].format(variable=name)
    if measure == "change" or not window_s:
        return name
    length = duration(window_s)
    if measure == "mean":
        return _MEAN[language].format(variable=name, length=length)
    return name + _WINDOW[language].format(length=length)


def figure(value: float, unit: str | None, measure: str, language: int) -> str:
    """``35 mm``; of a change ``a fall of 6 °C``: what stands alone, and has no sign to be read."""
    if measure not in CHANGES:
        return amount(value, unit, language)
    way = _A_FALL[_way(value, unit)][language]
    return way.format(by=amount(abs(value), unit, language))


def fell(what: str, value: float, unit: str | None, window_s: int, language: int) -> str:
    """``temperature fell by 6 °C in 24 h``"""
    by, length = amount(abs(value), unit, language), duration(window_s)
    return _FELL[_way(value, unit)][language].format(what=what, by=by, length=length)


def runs_text(term: Because, i: int, *, is_below: bool) -> str:
    """``50 mm or more in 3 of 10 model runs``: tenths, as a few dozen runs tell no more."""
    share = term.runs / term.of_runs
    tenths = 10 if share == 1 else min(9, int(rounded(10 * share, 0)))
    told = _FEW_RUNS if share and not tenths else _RUNS
    past = (_OR_LESS if is_below else _OR_MORE)[i].format(
        value=figure(term.value, term.unit, term.measure, i)
    )
    return told[i].format(past=past, n=tenths)


def term_text(term: Because, i: int) -> str:
    """``rain in 15 min 24 mm at Riocentro``, ``rain in 6 h 41 mm on average of the places``"""
    if term.variable in _CLOCK:
        return _CLOCK[term.variable][i]
    if term.measure in CHANGES:
        name = variable_name(term.variable, i)
        said = fell(name, term.value, term.unit, term.window_s, i)
    else:
        name = measured_name(term.variable, term.measure, term.window_s, i)
        said = f"{name} {figure(term.value, term.unit, term.measure, i)}"
    if not term.of:
        return _TERM_MEAN[i].format(term=said)
    if term.of > 1:
        return _TERM_AT_MANY[i].format(term=said, n=term.of)
    return _TERM_AT[i].format(term=said, place=term.place) if term.place else said


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a text about a weather incident's change is made of. All times are Unix seconds.

    `place` and `zone` are the name and the time zone that people read; `kind` is of the value.
    `measure` and `is_below` are the rule's (`domain.rule.Rule`); `stands_for` is the variable that
    `variable` was judged in place of, empty where none. `station` is the name of the instrument
    that measured it, so far away, empty where the source is none; `is_alone`: without any witness;
    `has_holes`: a sum of its over a time of which not all was told. `because` has the terms of a
    score that weighed most, or how many runs of an ensemble pass a limit.
    """

    reason: str
    hazard: str
    level: int
    place: str
    zone: str
    source: str
    kind: Kind
    sent_at: int
    onset_at: int
    valid_at: int
    variable: str | None
    unit: str | None
    window_s: int
    value: float
    limit: float | None
    peak: float
    peak_at: int
    is_late: bool = False
    measure: str = "value"
    is_below: bool = False
    stands_for: str = ""
    station: str = ""
    station_km: float | None = None
    is_alone: bool = False
    has_holes: bool = False
    because: tuple[Because, ...] = ()

    def head(self, i: int) -> str:
        """``Raised to Orange (severe): heavy rain at Recife``"""
        return _HEADS[self.reason][i].format(
            level=LEVELS[self.level][i], hazard=HAZARDS[self.hazard][i], place=self.place
        )

    def short_head(self, i: int) -> str:
        """``Raised to Orange: heavy rain at Recife``; the place's name stands last."""
        before, _, _ = _HEADS[self.reason][i].partition("{place}")
        level = LEVELS[self.level][i].partition(" (")[0]
        return before.format(level=level, hazard=HAZARDS[self.hazard][i]) + self.place

    def since(self, i: int) -> str:
        """``since 23 Jul 18:00``; empty where it is over."""
        if self.reason not in _GOING_ON:
            return ""
        is_to_come = self.kind == Kind.FORECAST and self.onset_at > self.sent_at
        when = _FROM if is_to_come else _SINCE
        return when[i].format(at=clock(self.onset_at, self.zone, i))

    def measured(self, i: int) -> str:
        """``Rain in 1 h: 35 mm (measured, 23 Jul 18:00), limit 30 mm``, and the peak at an end."""
        if self.variable is None or self.limit is None:
            return ""
        sentence = self._in_runs(i) if self.runs else self._against_limit(self.limit, i)
        if self.because and not self.runs and self.reason in _GOING_ON:
            terms = ", ".join(term_text(term, i) for term in self.because)
            sentence += "; " + _BECAUSE[i].format(terms=terms)
        if self.reason in ("ended", "expired", "eased"):
            sentence += "; " + self._peak(i)
        if self.stands_for:
            sentence += "; " + _STANDS_FOR[i].format(variable=variable_name(self.stands_for, i))
        return sentence

    def _against_limit(self, limit: float, i: int) -> str:
        what = measured_name(self.variable, self.measure, self.window_s, i)
        if self.variable == "chance_pct":
            what = _CHANCE_OF[i].format(hazard=HAZARDS[self.hazard][i])
        value = self._figure(self.value, i)
        is_change = self.measure in CHANGES
        if is_change:
            what = fell(what, self.value, self.unit, self.window_s, i)
        return _VALUE[i].format(
            what=what[0].upper() + what[1:],
            colon="" if is_change else ": ",
            value="" if is_change else value,
            said=self._by(i),
            at=clock(self.valid_at, self.zone, i),
            limit_colon=": " if is_change else " ",
            limit=self._figure(limit, i),
        )

    def _in_runs(self, i: int) -> str:
        """``Rain in 24 h: 50 mm or more in 3 of 10 model runs (forecast, 23 Jul 18:00); our record:
        24 %``"""
        what = measured_name(self.variable, self.measure, self.window_s, i)
        told = self._runs_text(i)
        at = clock(self.valid_at, self.zone, i)
        sentence = f"{what[0].upper()}{what[1:]}: {told} ({self._by(i)}, {at})"
        if self.runs is None or self.reason not in _GOING_ON:
            return sentence
        if self.runs.record is None:
            return f"{sentence}; {_RAW_CHANCE[i]}"
        chance = amount(float(rounded(100 * self.runs.record, 0)), "%", i)
        return f"{sentence}; {_BY_RECORD[i].format(chance=chance)}"

    @property
    def runs(self) -> Because | None:
        """How many runs of an ensemble pass a limit, where it is by these that was decided."""
        return next((term for term in self.because if term.of_runs), None)

    def _runs_text(self, i: int) -> str:
        return runs_text(self.runs, i, is_below=self.is_below) if self.runs else ""

    def _by(self, i: int) -> str:
        """``measured``, ``measured at Jardim Botânico, 3 km away``"""
        if not self.station:
            return _SAID[self.kind][i]
        at = _AT_STATION[i].format(said=_SAID[self.kind][i], station=self.station)
        km = number(self.station_km or 0.0, i, 0)
        return at if km == "0" else at + _AWAY[i].format(km=km)

    def alone(self, i: int) -> str:
        """That nobody else says so; empty where somebody does, or where it is over."""
        return _ALONE[i] if self.is_alone and self.reason in _GOING_ON else ""

    def holes(self, i: int) -> str:
        """That a sum may be more; empty where all of it was told, or where it is over."""
        return _HOLES[i] if self.has_holes and self.reason in _GOING_ON else ""

    def short(self, i: int) -> str:
        """``rain 71 mm/1 h``, ``temperature fell by 6 °C in 24 h``: for who counts letters."""
        name = variable_name(self.variable, i)
        if self.measure in CHANGES:
            return fell(name, self.value, self.unit, self.window_s, i)
        if self.runs:
            over = f"/{duration(self.window_s)}" if self.window_s else ""
            return f"{name}{over}: {self._runs_text(i)}"
        value = self._figure(self.value, i)
        return f"{name} {value}" + (f"/{duration(self.window_s)}" if self.window_s else "")

    def _figure(self, value: float, i: int) -> str:
        return figure(value, self.unit, self.measure, i)

    def _peak(self, i: int) -> str:
        """The worst of it: the lowest where small values are the dangerous ones."""
        said = _LEAST if self.is_below else _PEAK
        if self.measure in CHANGES:
            said = _MOST_CHANGE
        return said[i].format(
            value=self._figure(self.peak, i), at=clock(self.peak_at, self.zone, i)
        )

    def late(self, i: int) -> str:
        """When a value came that is older than what its source had said; empty: in its turn."""
        return _LATE[i].format(at=clock(self.sent_at, self.zone, i)) if self.is_late else ""

    def advice(self, i: int) -> str:
        """What to do; empty where it is over."""
        needs_care = self.reason in _GOING_ON or self.reason == "expired"
        return ADVICE.get(self.hazard, CARE)[i] if needs_care else ""


_GOING_ON = ("onset", "escalated", "eased", "certainty", "sooner", "step")


def change_text(said: Said) -> dict[str, str]:
    """An incident's change as a paragraph by language."""
    texts = {}
    for i, language in enumerate(LANGUAGES):
        head = ", ".join(filter(None, (said.head(i), said.since(i))))
        source = _SOURCE[i].format(source=said.source)
        told = (head, said.measured(i), said.holes(i), said.alone(i), said.late(i))
        parts = (*told, source, said.advice(i), NOT_OFFICIAL[i])
        texts[language] = ". ".join(filter(None, parts)) + "."
    return texts


def cannot_see(
    source: str,
    places: Sequence[str],
    zone: str,
    seen_at: int,
    *,
    is_over: bool,
    others: Sequence[str] = (),
) -> tuple[str, ...]:
    """That a source fell silent for some places, or can be heard again, by language.

    Places are names; `others` are those that it was and stays silent for. `seen_at` (Unix
    seconds) is of its last usable value. The last sentence has no full stop.
    """
    told = []
    for i in range(len(LANGUAGES)):
        head = (_SEES if is_over else _BLIND)[i].format(
            source=source, places=listed(places, i), at=clock(seen_at, zone, i)
        )
        still = _STILL[i].format(places=listed(others, i)) if others else ""
        told.append(". ".join(filter(None, (head, still))))
    return tuple(told)


def cannot_see_text(
    source: str,
    places: Sequence[str],
    zone: str,
    seen_at: int,
    *,
    is_over: bool,
    others: Sequence[str] = (),
) -> dict[str, str]:
    """What `cannot_see` says as a paragraph by language."""
    told = cannot_see(source, places, zone, seen_at, is_over=is_over, others=others)
    return {
        language: f"{sentences}. {NOT_OFFICIAL[i]}."
        for i, (language, sentences) in enumerate(zip(LANGUAGES, told, strict=True))
    }


def listed(places: Sequence[str], language: int) -> str:
    """Five names at most, and how many more there are."""
    names = ", ".join(places[:5])
    return names + _AND_MORE[language].format(n=len(places) - 5) if len(places) > 5 else names
