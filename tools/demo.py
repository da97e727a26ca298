"""The demo: New York's weather of 2013, replayed through the complete path, a look at GOLD, and
what three people received.

    python tools/demo.py FOLDER

Everything that it runs is printed, so that it can be typed again.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

from rich.console import Console

import nycflights

QUESTION = """
SELECT place_id AS place, month(valid_at) AS month,
       round(sum(rain_mm), 1) AS rain_mm, round(max(wind_gust_m_s), 1) AS gust_m_s,
       round(max(temperature_c), 1) AS warmest_c
FROM readings GROUP BY place, month ORDER BY rain_mm DESC LIMIT 5"""

PEOPLE = (
    (
        "at Kennedy airport, red alone, any hazard",
        "--place 40.64,-73.78 --radius 10 --hazard all=red --language en",
    ),
    (
        "em Newark, chuva a partir de laranja, silêncio das 22 às 7",
        "--place 40.69,-74.17 --radius 10 --hazard heavy_rain=orange --quiet 22:00-07:00"
        " --timezone America/New_York --language pt-BR",
    ),
    (
        "en LaGuardia, lluvia desde 80 mm en un día",
        "--place 40.78,-73.87 --radius 10 --threshold 'rain_mm over 24h >= 80' --language es",
    ),
)
"""Three who subscribed: what each received is printed, as they read it."""

NEXT = """
What next
  every alert of June 2013, with its reason
    {atalaia} sql --home {home} "SELECT sent_at, place_id, level, text_en FROM alerts \\
        WHERE hazard = 'heavy_rain' AND sent_at BETWEEN '2013-06-01' AND '2013-07-01'"
  the live watch over Brazil's state capitals, without account or key
    make run
  your own places, rules, and people to tell
    README.md, docs/settings.md, docs/rules.md, docs/people.md"""


def main(folder: Path) -> int:
    console = Console(highlight=False)
    console.print("[bold]Atalaia[/bold]: a year of weather at New York's airports, as it came.\n")
    nycflights.convert(nycflights.find_weather(), folder)
    atalaia = Path(sys.executable).with_name("atalaia")
    shown = atalaia.relative_to(Path.cwd()) if atalaia.is_relative_to(Path.cwd()) else atalaia
    home = folder / "home"
    replay = [str(shown), "replay", "--places", str(folder / "places.csv")]
    replay += [str(folder / "readings.csv"), "--home", str(home)]
    ask = [str(shown), "sql", "--home", str(home), " ".join(QUESTION.split())]
    people = [
        (
            [str(shown), "preview", "--home", str(home), "--days", "0", *shlex.split(wish)],
            f"People: {who}",
        )
        for who, wish in PEOPLE
    ]
    for command, headline in (
        (replay, "Replay: sources → stream → check → detect → incidents → alerts, RAW and GOLD"),
        (ask, "SQL over GOLD: the wettest months"),
        *people,
    ):
        console.print(f"[bold]{headline}[/bold]")
        console.print(f"$ {shlex.join(command)}\n", style="dim", markup=False, soft_wrap=True)
        code = subprocess.run(command, check=False).returncode
        if code:
            return code
        console.print()
    console.print(NEXT.strip().format(atalaia=shown, home=home), markup=False, soft_wrap=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
