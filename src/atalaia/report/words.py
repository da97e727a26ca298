"""The words of a report in Portuguese, English and Spanish, in the order of `words.LANGUAGES`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from atalaia.domain.hazard import Level
from atalaia.domain.words import (
    CHANGES,
    HAZARDS,
    LANGUAGES,
    LEVELS,
    duration,
    figure,
    measured_name,
    number,
    rounded,
    variable_name,
)
from atalaia.plurals import filled
from atalaia.report.reported import Day, Spot

_WORDS: dict[str, tuple[str, str, str]] = {
    "title": ("Relatório do tempo extremo", "Extreme weather report", "Informe de tiempo extremo"),
    "period": ("{first} a {last}", "{first} to {last}", "{first} al {last}"),
    "made": ("feito em {at}", "made on {at}", "hecho el {at}"),
    "not_official": (
        "Isto não é um aviso oficial. Dado que falta não é tempo calmo.",
        "This is not an official warning. Missing data are not calm weather.",
        "Esto no es un aviso oficial. Dato que falta no es tiempo en calma.",
    ),
    "range": (
        "de {first} 00:00 até {last} 00:00 ({zone}); o último instante não está incluído",
        "from {first} 00:00 to {last} 00:00 ({zone}); the last instant is left out",
        "del {first} 00:00 al {last} 00:00 ({zone}); el último instante no está incluido",
    ),
    "of_system": ("Sistema {id}", "System {id}", "Sistema {id}"),
    "of_place": ("Lugar {id}", "Place {id}", "Lugar {id}"),
    "seen": ("O que se pôde ver", "What could be seen", "Lo que se pudo ver"),
    "nothing_known": (
        "Nenhum dado neste período: nada se sabe dele. Isto não é tempo calmo.",
        "No data in this period: nothing is known of it. That is not calm weather.",
        "Ningún dato en este período: nada se sabe de él. Esto no es tiempo en calma.",
    ),
    "days_unknown": (
        "De {n} de {of} {of|dia|dias} não há nenhum dado: {n|dele|deles} nada se sabe, e não "
        "{n|foi calmo|foram calmos}.",
        "Of {n} of {of} {of|day|days} there are no data: nothing is known of {n|it|them}, and "
        "{n|it was|they were} not calm.",
        "De {n} de {of} {of|día|días} no hay ningún dato: nada se sabe de {n|él|ellos}, y no "
        "{n|fue|fueron} en calma.",
    ),
    "days_known": (
        "{of|Do|De cada um dos} {of} {of|dia|dias} há algum dado.",
        "{of|Of the|Of each of the} {of} {of|day|days} there are some data.",
        "{of|Del|De cada uno de los} {of} {of|día|días} hay algún dato.",
    ),
    "were_blind": (
        "Nestas horas uma fonte não pôde ser vista. O que houve então pode faltar aqui.",
        "In these hours a source could not be seen. What was then may be missing here.",
        "En estas horas una fuente no pudo verse. Lo que hubo entonces puede faltar aquí.",
    ),
    "no_incident_seen": (
        "Nenhum incidente no que se pôde ver neste período.",
        "No incident in what could be seen of this period.",
        "Ningún incidente en lo que se pudo ver de este período.",
    ),
    "from": ("de", "from", "desde"),
    "to": ("até", "to", "hasta"),
    "extremes": ("O que foi medido e estimado", "Measured and estimated", "Lo medido y estimado"),
    "extremes_note": (
        "Por dias do lugar, de horas inteiras.",
        "By the place's days, of whole hours.",
        "Por días del lugar, de horas enteras.",
    ),
    "hazard": ("perigo", "hazard", "peligro"),
    "how": ("como terminou", "how it ended", "cómo terminó"),
    "variable": ("variável", "variable", "variable"),
    "days": ("dias", "days", "días"),
    "highest": ("mais alto", "highest", "más alto"),
    "lowest_value": ("mais baixo", "lowest", "más bajo"),
    "most_in_day": ("mais num dia", "most in a day", "más en un día"),
    "total": ("total", "total", "total"),
    "more_rows": (
        "… e mais {n}; a página em HTML tem todos.",
        "… and {n} more; the page in HTML has all.",
        "… y {n} más; la página en HTML tiene todos.",
    ),
    "page_of": ("página", "page", "página"),
    "incidents": ("incidentes", "incidents", "incidentes"),
    "alerts": ("avisos", "alerts", "avisos"),
    "table": ("Em tabela", "As a table", "En tabla"),
    "storm": ("A tempestade", "The storm", "La tormenta"),
    "storm_title": (
        "{hazard} em {place}: {variable} de {first} a {last}",
        "{hazard} at {place}: {variable} from {first} to {last}",
        "{hazard} en {place}: {variable} de {first} a {last}",
    ),
    "local": ("hora local, {zone}", "local time, {zone}", "hora local, {zone}"),
    "peak": ("máximo", "peak", "máximo"),
    "lowest": ("mínimo", "lowest", "mínimo"),
    "largest": ("maior mudança:", "largest change:", "mayor cambio:"),
    "lasted": ("durou", "lasted", "duró"),
    "open": ("em curso", "open", "en curso"),
    "ended": ("terminou", "ended", "terminó"),
    "cancelled": ("cancelado", "cancelled", "cancelado"),
    "expired": (
        "deixamos de ver",
        "we could no longer see",
        "dejamos de ver",
    ),
    "told": ("O que foi dito", "What was told", "Lo que se dijo"),
    "no_storm": (
        "Nenhum incidente neste período.",
        "No incident in this period.",
        "Ningún incidente en este período.",
    ),
    "other_rule": (
        "A regra mudou desde então: a curva é da variável, e os limites são os que foram ditos.",
        "The rule has changed since: the course is the variable's, the limits are those told.",
        "La regla cambió desde entonces: la curva es de la variable, y los límites los dichos.",
    ),
    "nothing_measured": (
        "Não há medida deste lugar no período: mostra-se o que foi dito.",
        "Nothing was measured there in this time: what was told is shown.",
        "No hay medida de este lugar en el período: se muestra lo que se dijo.",
    ),
    "change": ("mudança em {length}", "change in {length}", "cambio en {length}"),
    "limit": ("limite", "limit", "límite"),
    "amounts": ("cada período", "each period", "cada período"),
    "at": ("quando", "when", "cuándo"),
    "level": ("nível", "level", "nivel"),
    "value": ("valor", "value", "valor"),
    "source": ("fonte", "source", "fuente"),
    "place": ("lugar", "place", "lugar"),
    "hazards": ("perigos", "hazards", "peligros"),
    "day": ("dia", "day", "día"),
    "calendar": ("Calendário", "Calendar", "Calendario"),
    "calendar_note": (
        "Cada dia com o nível mais alto em vigor, no relógio de cada lugar. Sem quadro: nenhum "
        "dado. Tracejado: uma fonte não podia ser vista.",
        "Each day with the highest level in force, by each place's own clock. No tile: no data. "
        "Dashed: a source could not be seen.",
        "Cada día con el nivel más alto vigente, según el reloj de cada lugar. Sin cuadro: ningún "
        "dato. Discontinuo: una fuente no podía verse.",
    ),
    "days_with": (
        "{n} {n|dia|dias} com incidentes, de {of}",
        "{n} {n|day|days} with incidents, of {of}",
        "{n} {n|día|días} con incidentes, de {of}",
    ),
    "calm": ("calmo", "calm", "en calma"),
    "blind": ("uma fonte sem dados", "a source was silent", "una fuente sin datos"),
    "no_data": ("sem dados", "no data", "sin datos"),
    "map": ("Lugares", "Places", "Lugares"),
    "map_note": (
        "Forma e cor: o nível mais alto do período. Tamanho: quantos incidentes. Projeção plana.",
        "Shape and colour: the highest level of the period. Size: how many incidents. Plain "
        "projection.",
        "Forma y color: el nivel más alto del período. Tamaño: cuántos incidentes. Proyección "
        "plana.",
    ),
    "none": ("nenhum", "none", "ninguno"),
    "skill": ("Acertos", "Skill", "Aciertos"),
    "performance": ("Diagrama de desempenho", "Performance diagram", "Diagrama de desempeño"),
    "performance_note": (
        "Acima e à direita é melhor. Curvas: CSI; raias: viés (avisos por evento). Barras: 95 %.",
        "Up and to the right is better. Curves: CSI; rays: bias (warnings an event). Bars: 95 %.",
        "Arriba y a la derecha es mejor. Curvas: CSI; rayos: sesgo (avisos por evento). Barras: "
        "95 %.",
    ),
    "performance_events": (
        "Avisos contra {n} {n|ocorrência|ocorrências}, de {first} a {last} ({zone}); um evento "
        "são {least} ou "
        "mais num dia.",
        "Alerts against {n} {n|occurrence|occurrences}, {first} to {last} ({zone}); an event is "
        "{least} or more "
        "in a day.",
        "Avisos contra {n} {n|ocurrencia|ocurrencias}, de {first} a {last} ({zone}); un evento "
        "son {least} o más "
        "en un día.",
    ),
    "performance_record": (
        "Fontes que preveem, contra o que instrumentos mediram no mesmo lugar.",
        "Sources that forecast, against what instruments measured at the same place.",
        "Fuentes que pronostican, contra lo que los instrumentos midieron en el mismo lugar.",
    ),
    "no_performance": (
        "Nada a comparar ainda: dê --events com o que aconteceu, ou espere previsões que um "
        "instrumento possa confirmar.",
        "Nothing to score yet: give --events with what happened, or wait for forecasts that an "
        "instrument can confirm.",
        "Nada que comparar todavía: dé --events con lo que pasó, o espere pronósticos que un "
        "instrumento pueda confirmar.",
    ),
    "success_ratio": (
        "razão de sucesso (1 − FAR)",
        "success ratio (1 − FAR)",
        "razón de éxito (1 − FAR)",
    ),
    "pod": (
        "probabilidade de detecção (POD)",
        "probability of detection (POD)",
        "probabilidad de detección (POD)",
    ),
    "bias": ("viés", "bias", "sesgo"),
    "hits": ("acertos", "hits", "aciertos"),
    "misses": ("perdidos", "misses", "perdidos"),
    "false_alarms": ("alarmes falsos", "false alarms", "falsas alarmas"),
    "all": ("todos", "all", "todos"),
    "reliability": (
        "Confiabilidade por fonte",
        "Reliability by source",
        "Confiabilidad por fuente",
    ),
    "reliability_note": (
        "Quanto do que cada fonte previu se confirmou no instrumento do lugar, por antecedência; "
        "a barra é o intervalo de 95 %.",
        "How much of what each source forecast came true at the place's instrument, by lead time; "
        "the bar is the 95 % interval.",
        "Cuánto de lo que cada fuente pronosticó se confirmó en el instrumento del lugar, por "
        "anticipación; la barra es el intervalo del 95 %.",
    ),
    "no_reliability": (
        "Nenhuma previsão foi dita ainda.",
        "No forecast was told yet.",
        "Todavía no se dijo ningún pronóstico.",
    ),
    "lead": ("antecedência", "lead time", "anticipación"),
    "forecasts": ("previsões", "forecasts", "pronósticos"),
    "came_true": ("confirmadas", "came true", "confirmados"),
    "not_verifiable": ("não verificáveis", "not verifiable", "no verificables"),
    "came_true_of": ("{n} de {of}", "{n} of {of}", "{n} de {of}"),
    "sources": ("Fontes", "Sources", "Fuentes"),
    "readings": ("leituras", "readings", "lecturas"),
    "places": ("lugares", "places", "lugares"),
    "answers": ("respostas", "answers", "respuestas"),
    "faults": ("falhas", "faults", "fallas"),
    "last_reading": ("última leitura (UTC)", "last reading (UTC)", "última lectura (UTC)"),
    "under 3 h": ("menos de 3 h", "under 3 h", "menos de 3 h"),
    "3 to 6 h": ("3 a 6 h", "3 to 6 h", "3 a 6 h"),
    "6 to 12 h": ("6 a 12 h", "6 to 12 h", "6 a 12 h"),
    "12 to 24 h": ("12 a 24 h", "12 to 24 h", "12 a 24 h"),
    "24 h on": ("24 h ou mais", "24 h on", "24 h o más"),
    "nearest run": ("rodada mais próxima", "nearest run", "corrida más cercana"),
    "onset": ("começo", "onset", "comienzo"),
    "escalated": ("subiu", "raised", "sube"),
    "eased": ("baixou", "eased", "baja"),
    "certainty": ("confirmado", "confirmed", "confirmado"),
    "sooner": ("mais cedo", "sooner", "más pronto"),
    "step": ("mais forte", "stronger", "más fuerte"),
    "withdrawn": ("previsão retirada", "forecast withdrawn", "pronóstico retirado"),
    "rule changed": ("a regra mudou", "the rule changed", "la regla cambió"),
}

_MONTHS = (
    ["jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "nov", "dez"],
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"],
)

_WEEKDAYS = ("STQQSSD", "MTWTFSS", "LMXJVSD")


class Say:
    """The words of one language."""

    def __init__(self, language: str) -> None:
        self.i = LANGUAGES.index(language)
        self.language = language

    def __call__(self, key: str, **parts: object) -> str:
        """The words for a key; a word that is nobody's key is said as it is."""
        found = _WORDS.get(key)
        return filled(found[self.i], **parts) if found else key

    def hazard(self, hazard: str) -> str:
        """``heavy rain``"""
        return HAZARDS[hazard][self.i]

    def level(self, level: int) -> str:
        """``Red``: the short form."""
        return LEVELS[level][self.i].partition(" (")[0] if level else self("none")

    def spot(self, spot: Spot) -> str:
        """How a place stood; one of which nothing was known is not said to have had nothing."""
        return self.level(spot.level) if spot.level or spot.has_data else self("no_data")

    def no_storm(self, days: Sequence[Day]) -> str:
        """That there was no incident; of days of which nothing is known that is not said."""
        known = [day.has_data for day in days]
        key = "no_storm" if all(known) else "no_incident_seen" if any(known) else "nothing_known"
        return self(key)

    def variable(self, name: str) -> str:
        """``rain``"""
        return variable_name(name, self.i)

    def measured(self, variable: str | None, measure: str, window_s: int) -> str:
        """``rain in 24 h``, as messages have it; of a change its window, too."""
        if variable is None:
            return ""
        said = measured_name(variable, measure, window_s, self.i)
        if measure in CHANGES:
            return f"{said} ({self('change', length=duration(window_s))})"
        return said

    def worst(self, measure: str, *, is_below: bool) -> str:
        """What the worst value of an incident is called."""
        return self("largest" if measure in CHANGES else "lowest" if is_below else "peak")

    def number(self, value: float | None, digits: int = 1) -> str:
        """A number with the language's decimal sign; a dash where there is none. More than one
        decimal is kept, as columns of them stand under each other."""
        if value is None:
            return "–"
        if digits == 1:
            return number(value, self.i)
        said = f"{rounded(value, digits):f}"
        return said if self.language == "en" else said.replace(".", ",")

    def figure(self, value: float, unit: str | None, measure: str) -> str:
        """A value with its unit, as messages have it."""
        return figure(value, unit, measure, self.i)

    def count(self, value: int) -> str:
        """A count with thousands apart."""
        return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")

    def day(self, at: int, zone: str = "UTC") -> str:
        """``8 Jun 2013``"""
        local = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone))
        return f"{local.day} {self.month(local.month)} {local.year}"

    def clock(self, at: int, zone: str = "UTC") -> str:
        """``8 Jun 14:00``"""
        local = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone))
        return f"{local.day} {self.month(local.month)} {local:%H:%M}"

    def minute(self, at: int, zone: str) -> str:
        """``8 Jun 2013 14:00 (UTC−3)``: with the offset that the zone had then."""
        local = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone))
        return f"{self.day(at, zone)} {local:%H:%M} (UTC{offset_of(at, zone)})"

    def capital(self, said: str) -> str:
        """The same with a capital letter at its beginning."""
        return said[:1].upper() + said[1:]

    def month(self, month: int) -> str:
        """Month 1 … 12, in three letters."""
        return _MONTHS[self.i][month - 1]

    @property
    def weekdays(self) -> str:
        """A letter a day, from Monday."""
        return _WEEKDAYS[self.i]


def offset_of(at: int, zone: str) -> str:
    """``−3``: hours by which a zone's clock was ahead of UTC then; empty where it was not."""
    offset = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    minutes = round((offset or timedelta()).total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    sign = "−" if minutes < 0 else "+"
    return f"{sign}{hours}" + (f":{rest:02d}" if rest else "") if minutes else ""


SHOWN = (Level.WATCH, Level.YELLOW, Level.ORANGE, Level.RED)
"""Levels in the order in which a legend has them."""
