"""What the AWS home needs and costs, from 27 places to 170,000: the arithmetic of docs/growth.md.

    .venv/bin/python tools/growth.py --measure    # measures this machine and this program; seconds
    .venv/bin/python tools/growth.py              # the tables, from what --measure printed once
    .venv/bin/python tools/growth.py --interval 300 --prices-times 1.6 --detect-ms 80 …

Every number is an argument. Defaults of what was measured are what --measure printed on one core
of a shared machine of two; prices are assumptions that have a name, and a date: `PRICES`.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from atalaia import rules
from atalaia.batch.archive import archive
from atalaia.batch.counted import counted as counted_by
from atalaia.batch.refine import refine
from atalaia.detect.watch import Watch
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.homes.aws.stream import Carried, pack
from atalaia.homes.embedded import open_home
from atalaia.lake import gold, raw
from atalaia.lake.raw_days import PART_BYTES
from atalaia.ports import Record
from atalaia.rules.read import parse
from atalaia.sources import decode_all, open_meteo_apis

CURRENT, HOURLY = (open_meteo_apis.FORECAST.asked[block] for block in ("current", "hourly"))
PLACES_A_CALL = open_meteo_apis.MOST_PLACES
[*_, ENSEMBLE] = open_meteo_apis.asked_by((), by_chance=("rain_mm",))
BY_CHANCE = parse(
    """
name = "by chance"
[[rule]]
name = "rain"
hazard = "heavy_rain"
variable = "rain_mm"
measure = "sum"
window = "24h"
limits = { yellow = 30, orange = 50, red = 100 }
exit = { yellow = 25, orange = 45, red = 95 }
chance = 0.3
origin = "arithmetic"
""",
    "by chance",
)
SCALES = (("27 capitals", 27), ("Brazil's municipalities", 5_571), ("the world's places", 170_391))
DAY, MONTH_S = 86_400, 30 * 86_400
MB, GB = 1e6, 1e9

LOOSE_DAYS = 8
"""So long after a day its files are made few."""

LINE_BYTES = 629_000
"""What an answer for 100 places has before it is compressed."""

LOOKS_BACK = 2 << 20
"""Bytes over which zstd finds what is alike."""

LEAST_MOVED = 128 * 1024
"""S3 moves no smaller file."""

AGED = 60
"""Months of RAW in the table of what it costs as it ages."""


@dataclass(frozen=True)
class Measured:
    """What --measure prints: of one call's answer, which is about 100 places."""

    detect_ms: float = 351.8
    stream_bytes: float = 118_027.0
    raw_alone_bytes: float = 118_014.0
    raw_day_bytes: float = 24_831.0
    state_items: float = 101.0
    state_bytes: float = 2_713.0
    gold_bytes: float = 16_676.0
    refine_ms: float = 24.0
    ensemble_raw_bytes: float = 1_966.0
    ensemble_gold_bytes: float = 646.0


@dataclass(frozen=True)
class Counted:
    """What `tests/aws/test_load.py` prints of DynamoDB: write units with those of indexes, and read
    units. Of an answer of Open-Meteo for 100 places (poll, detect, archive), of a message to a
    person (fan-out, deliver, refine), and of a minute in which nothing is to be told (fan-out,
    deliver); and calls a subscriber whom a new copy of fan-out reads in no snapshot. `of_the_page`
    takes them out of docs/growth.md."""

    answer_writes: float = 631.8
    answer_reads: float = 0.2
    message_writes: float = 27.5
    message_reads: float = 14.4
    idle_reads: float = 15.5
    subscriber_calls: float = 0.14


PAGE = Path(__file__).resolve().parents[1] / "docs" / "growth.md"


def counted_on_the_page() -> dict[str, list[float]]:
    """By row of the table of what was counted: calls, write units, those of indexes, read units."""
    text = PAGE.read_text("utf-8").partition("| of | per | calls")[2].partition("\n\n")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines()[2:]]
    return {name: [float(cell) for cell in cells[:4]] for name, _, *cells in rows}


def of_the_page() -> Counted:
    """What the arithmetic goes by, of that table: of refine a message's share of three answers."""
    rows = counted_on_the_page()

    def units(*names: str) -> tuple[float, float]:
        found = [row for name, row in rows.items() if name.endswith(names)]
        return sum(w + i for _, w, i, _ in found), sum(reads for *_, reads in found)

    answer = units("Open-Meteo: `poll`", "… `detect`", "… `archive`")
    message = units("storm: `fan-out`", "storm: `deliver`")
    refined = units("300 messages")
    share = 3 / 300
    idle = units("nothing: `fan-out`", "nothing: `deliver`")
    [cold] = (row[0] for name, row in rows.items() if name.endswith("no snapshot"))
    return Counted(
        answer_writes=round(answer[0], 1),
        answer_reads=round(answer[1], 1),
        message_writes=round(message[0] + share * refined[0], 1),
        message_reads=round(message[1] + share * refined[1], 1),
        idle_reads=round(idle[1], 1),
        subscriber_calls=round(cold, 2),
    )


MEASURES = {
    "detect_ms": "an answer decoded, judged, and turned into a commit, ms",
    "stream_bytes": "an answer in the stream, bytes",
    "raw_alone_bytes": "an answer in RAW, alone in its file, bytes",
    "raw_day_bytes": "the same in a file of its day, bytes",
    "state_items": "state items that an answer changes",
    "state_bytes": "one such item, packed, bytes",
    "gold_bytes": "GOLD's Parquet of one place and day, bytes",
    "refine_ms": "an answer from RAW into GOLD, ms",
    "ensemble_raw_bytes": "an ensemble's rain of one place in RAW, alone in its file, bytes",
    "ensemble_gold_bytes": "GOLD's ensembles of one place, rule and day, bytes",
}

PRICES = {
    "stream_hour": (0.04, "Kinesis on demand, an hour"),
    "stream_in_gb": (0.08, "Kinesis, a GB in"),
    "stream_out_gb": (0.04, "Kinesis, a GB to a consumer"),
    "stream_kept_gb": (0.10, "Kinesis on demand, a GB and month beyond the first day"),
    "shard_hour": (0.015, "Kinesis provisioned, a shard and hour"),
    "shard_kept_hour": (0.02, "Kinesis provisioned, the same kept for more than a day"),
    "lambda_gb_s": (0.0000133334, "Lambda on arm64, a GB and second"),
    "lambda_million": (0.20, "Lambda, a million calls"),
    "write_million": (0.625, "DynamoDB on demand, a million write units"),
    "read_million": (0.125, "DynamoDB on demand, a million read units"),
    "table_gb": (0.25, "DynamoDB, a GB and month"),
    "put_thousand": (0.005, "S3, a thousand objects written"),
    "s3_gb": (0.023, "S3, a GB and month"),
    "seldom_gb": (0.0125, "S3 Standard-IA, a GB and month"),
    "archive_gb": (0.004, "S3 Glacier Instant Retrieval, a GB and month"),
    "move_thousand": (0.03, "S3, a thousand objects moved to the one and then to the other"),
    "athena_tb": (5.0, "Athena, a TB read"),
    "glue_hour": (0.44, "Glue, a worker of 4 cores and hour"),
    "queue_million": (0.40, "SQS, a million requests"),
    "clock_million": (1.0, "EventBridge Scheduler, a million starts"),
    "key_million": (3.0, "KMS, a million requests"),
    "trail_million": (1.0, "CloudTrail, a million data events"),
    "log_gb": (0.50, "CloudWatch Logs, a GB in"),
    "metric": (0.30, "CloudWatch, a metric of one's own"),
    "alarm": (0.10, "CloudWatch, a metric that an alarm looks at"),
    "key": (1.0, "KMS, a key"),
    "secret": (0.40, "Secrets Manager, a secret"),
    "task_core_hour": (0.03238, "Fargate on arm64, a core and hour"),
    "task_gb_hour": (0.00356, "Fargate on arm64, a GB and hour"),
    "address_hour": (0.005, "a public IPv4 address, an hour"),
    "sms": (0.05, "SNS, an SMS to Brazil: a careful guess"),
}
"""US dollars in us-east-1: assumptions of November 2026, not looked up. São Paulo costs more:
`--prices-times` says how much."""


def measure(places_n: int, polls: int) -> Measured:
    """Poll made-up weather of so many places, every 15 minutes, through the program itself."""
    places = Places(
        Place(id=f"p{i}", name=f"P{i}", latitude=-30 + i * 0.01, longitude=-50.0)
        for i in range(places_n)
    )
    decode = decode_all(places)
    watch = Watch(rules.load("inmet"), places, decode)
    times: list[float] = []
    items: list[int] = []
    sizes: list[int] = []
    with tempfile.TemporaryDirectory() as folder, open_home(Path(folder) / "home") as home:
        for payload in answers(places, polls):
            sizes.append(len(pack(Carried(1, 0, False, payload))))
            offset = home.stream.append([payload])
            begin = time.perf_counter()
            _, commit = watch.step([Record(offset, payload)])
            times.append(time.perf_counter() - begin)
            items += [len(zstandard.compress(body)) for body in commit.items.values() if body]
            home.state.commit(commit)
        archive(home.stream, home.state, home.lake, home.outbox)
        begin = time.perf_counter()
        refine(home.state, home.lake, decode, places, home.outbox)
        refined = time.perf_counter() - begin
        weigh = home.lake.keys
        gold_bytes = sum(len(home.lake.read(key)) for key in weigh("gold/readings/"))
    alone, of_day = raw_bytes(places)
    ensemble_raw, ensemble_gold = ensemble_bytes(places)
    settled = slice(polls // 4, None)  # the first answers are all news
    return Measured(
        detect_ms=round(1000 * statistics.median(times[settled]), 1),
        stream_bytes=round(statistics.mean(sizes)),
        raw_alone_bytes=alone,
        raw_day_bytes=of_day,
        state_items=round(len(items) / polls, 1),
        state_bytes=round(statistics.mean(items)) if items else 0,
        gold_bytes=round(gold_bytes / places_n / (polls * 900 / DAY)),
        refine_ms=round(1000 * refined / polls, 1),
        ensemble_raw_bytes=ensemble_raw,
        ensemble_gold_bytes=ensemble_gold,
    )


def raw_bytes(places: Places) -> tuple[int, int]:
    """Of a day's answers one, in a file of its own as the archive leaves it, and in the day's."""
    lines, alone = [], []
    for offset, payload in enumerate(answers(places, DAY // 900), 1):
        alone.append(raw.write_payloads([Record(offset, payload)]))
        lines += raw.read_lines(raw.part_name(offset), alone[-1])
    return round(statistics.mean(map(len, alone))), round(len(raw.write_lines(lines)) / len(lines))


def ensemble_bytes(places: Places) -> tuple[int, int]:
    """Of a day of the ensemble what a place has in RAW, an answer, and in GOLD, a day."""
    some = Places(list(places)[: ENSEMBLE.places_a_call])
    told = list(ensemble_answers(some, DAY // ENSEMBLE.every_s))
    sizes = [len(raw.write_payloads([Record(n, one)])) for n, one in enumerate(told, 1)]
    with tempfile.TemporaryDirectory() as folder, open_home(Path(folder) / "home") as home:
        home.stream.append(told)
        archive(home.stream, home.state, home.lake, home.outbox)
        decode = counted_by(decode_all(some), BY_CHANCE, some, home.lake)
        refine(home.state, home.lake, decode, some, home.outbox)
        kept = [len(home.lake.read(key)) for key in home.lake.keys(gold.ENSEMBLES)]
    return round(statistics.mean(sizes) / len(some)), round(sum(kept) / len(some))


def ensemble_answers(places: Places, n: int) -> Iterator[Payload]:
    """A storm somewhere in five days, of which each run has an idea of its own, anew each time."""
    chance = random.Random(2)
    for i in range(n):
        at = 1_767_225_600 + i * ENSEMBLE.every_s
        first = at // 3600 * 3600 - 24 * 3600
        times = [minute(first + 3600 * hour) for hour in range(24 + 120 + 1)]
        elements = []
        for place in places:
            peak, width = chance.gauss(80, 20), abs(chance.gauss(6, 3)) + 2
            series = {}
            for run in range(ENSEMBLE.runs):
                most, when = abs(chance.gauss(5, 4)), chance.gauss(peak, 6)
                name = f"precipitation_member{run:02d}" if run else "precipitation"
                series[name] = [
                    round(most * math.exp(-(((hour - when) / width) ** 2)), 1)
                    for hour in range(len(times))
                ]
            elements.append(
                {
                    "latitude": place.latitude,
                    "longitude": place.longitude,
                    "utc_offset_seconds": 0,
                    "hourly_units": {"time": "iso8601"} | dict.fromkeys(series, "mm"),
                    "hourly": {"time": times, **series},
                }
            )
        yield Payload(
            source=ENSEMBLE.name,
            content=ENSEMBLE.content,
            places=tuple(place.id for place in places),
            received_at=at,
            body=msgspec.json.encode(elements),
        )


def answers(places: Places, polls: int) -> Iterator[Payload]:
    """Open-Meteo's answers in their shape: hours that drift, and a new forecast every six hours."""
    chance = random.Random(1)
    at = 1_767_225_600
    bases = {place.id: [chance.gauss(20, 6) for _ in HOURLY] for place in places}
    told: dict[str, dict[str, list[float]]] = {}
    for n in range(polls):
        now = at + n * 900
        elements = []
        for place in places:
            if n % 24 == 0:
                told[place.id] = {
                    name: [round(abs(base + chance.gauss(0, 2)), 1) for _ in range(72)]
                    for name, base in zip(HOURLY, bases[place.id], strict=True)
                }
            elements.append(element(place, now, told[place.id], chance))
        yield Payload(
            source=open_meteo_apis.NAME,
            content=open_meteo_apis.CONTENT,
            places=tuple(place.id for place in places),
            received_at=now,
            body=msgspec.json.encode(elements),
        )


def element(
    place: Place, now: int, hourly: dict[str, list[float]], chance: random.Random
) -> dict[str, Any]:
    """One place's part of an answer."""
    units = {
        "temperature_2m": "°C", "apparent_temperature": "°C", "relative_humidity_2m": "%",
        "precipitation": "mm", "snowfall": "cm", "surface_pressure": "hPa", "visibility": "m",
        "wind_speed_10m": "m/s", "wind_gusts_10m": "m/s", "wind_direction_10m": "°",
        "precipitation_probability": "%", "cape": "J/kg", "uv_index": "",
        "weather_code": "wmo code",
    }  # fmt: skip
    first = now // 3600 * 3600 - 24 * 3600
    calm = {"precipitation": 0.0, "snowfall": 0.0, "surface_pressure": 1010.0}
    current = {name: round(abs(chance.gauss(8, 3)), 1) for name in CURRENT} | calm
    return {
        "latitude": place.latitude,
        "longitude": place.longitude,
        "utc_offset_seconds": 0,
        "current_units": {"time": "iso8601", "interval": "seconds"}
        | {name: units[name] for name in CURRENT},
        "current": {"time": minute(now), "interval": 900} | current,
        "hourly_units": {"time": "iso8601"} | {name: units[name] for name in HOURLY},
        "hourly": {
            "time": [minute(first + 3600 * i) for i in range(72)],
            **hourly,
            "snowfall": [0.0] * 72,
        },
    }


def minute(at: int) -> str:
    """As Open-Meteo writes an instant."""
    return time.strftime("%Y-%m-%dT%H:%M", time.gmtime(at))


@dataclass(frozen=True)
class Load:
    """What is asked of a deployment.

    interval_s    between two answers for a place
    people        subscribers a place; storms a place and year; entries of the alert log a storm
    by_sms        share of messages that go by SMS
    queries       asked in Athena a day, each of a month and a tenth of the columns
    stream        kinesis (on demand), shard (one that is provisioned) or table
    metrics       of our own that are told in a month; 6 of them have alarms
    stations      that are heard by WIS2 each hour: INMET's
    report_bytes  of such a report in the stream, packed
    """

    interval_s: int = 900
    people: float = 40.0
    storms: float = 10.0
    entries: float = 4.0
    by_sms: float = 0.05
    queries: float = 50.0
    stream: str = "kinesis"
    metrics: float = 60.0
    stations: float = 674.0
    report_bytes: float = 950.0


# How the definitions in infra/ and the program stand: what the arithmetic goes by.
RUNS_A_MONTH = MONTH_S / 60  # of the poller, and of each other function that the clock starts
LANE_BYTES = 100 * MB  # of state that one copy of detect takes up within its minute, with room
LANE_LOAD = 0.5  # of its time
READ_BYTES_S = 40 * MB  # of a table, by one function
ARCHIVE_S, REFINE_S = 300, 900
DAYS_REWRITTEN = 4  # partitions that one round of refining touches: yesterday to the day after next
MEMORY_GB = {"poll": 0.5, "detect": 1.77, "archive": 1.0, "refine": 3.0, "tell": 1.0}
NEAR_BYTES, LANE_NEAR_BYTES = (
    1,
    32,
)  # a place, and a lane, in what detect tells the poller (detect/near.py)
NOTE_BYTES = 24  # a place in the poller's note of when it asked: its id and ten digits
NOTES_A_CALL = 1.5  # that note is written before and after calls, of which four go at once
CLIMATE_S = 2.0  # of a core, for a place with 25 years (bench/bench_climate.py)
GLUE_WORKERS, GLUE_CORES, GLUE_START_S = 2, 4, 60  # one of the workers leads
WEEKS_A_MONTH = MONTH_S / (7 * DAY)
FUNCTIONS = 8
# Metrics that infra/watch/alarms.tf looks at: of errors three a function.
ALARMS = {"silent": 1, "late": 3, "waiting": 3, "behind": 1, "letters": 2, "errors": 3 * FUNCTIONS}
ALARMS |= {"sms": 1}
SECRETS, KEYS = 2, 2
# Lambda asks each of two queues by five connections at least, each 20 s long, whatever comes.
QUEUE_POLLS = 2 * 5 * MONTH_S / 20
TASK_CORES, TASK_GB = 0.25, 0.5  # infra/listen/main.tf
REPORT_MS = 1.0  # of detect, for a station's report: it decodes and judges some values
REPORT_UNITS = 2  # written of it, where a place lies near the station
RETENTION_DAYS = 7  # infra/ingest/main.tf
SCHEDULED = 3 * RUNS_A_MONTH + MONTH_S / 900 + 30  # poll, fan-out, deliver; refine; retention
NEW_COPIES = 0.1  # of all runs: each opens its variables with a key
TABLE_KEYS_A_MONTH = 8 * MONTH_S / 300 * 2  # DynamoDB asks KMS anew every five minutes, a table


@dataclass(frozen=True)
class Needs:
    """Of one scale, a month where nothing else is said."""

    calls_a_day: float
    lanes: int
    stream_bytes_s: float
    shards: int
    detect_busy: float
    detect_at_once: int
    state_bytes: float
    take_up_s: float
    poller_bytes: float
    write_units: float
    read_units: float
    raw_objects: float
    raw_gb: float
    loose: Kept
    days: Kept
    gold_gb: float
    refine_share: float
    climate_hours: float
    day_gb: float
    athena_gb: float
    messages: float
    usd: dict[str, float]


@dataclass(frozen=True)
class Kept:
    """What comes into RAW in a month: so many GB in so many files of one kind."""

    gb: float
    files: float

    @property
    def file_bytes(self) -> float:
        return self.gb * GB / self.files

    def usd(self, price: dict[str, float]) -> float:
        """A month of what came in `AGED` months: where S3 moves it, it is a month in Standard, five
        in Standard-IA, and then in Glacier Instant Retrieval."""
        if self.file_bytes < LEAST_MOVED:
            return self.gb * AGED * price["s3_gb"]
        a_gb = price["s3_gb"] + 5 * price["seldom_gb"] + (AGED - 6) * price["archive_gb"]
        return self.gb * a_gb + self.files / 1000 * price["move_thousand"]


def needs(
    places: int, load: Load, found: Measured, counted: Counted, price: dict[str, float]
) -> Needs:
    """The arithmetic, one line an idea."""
    polls = places * MONTH_S / load.interval_s
    answers_ = polls / PLACES_A_CALL
    detect_busy = answers_ * found.detect_ms / 1000 / MONTH_S
    state_bytes = places * found.state_bytes
    lanes = math.ceil(max(detect_busy / LANE_LOAD, state_bytes / LANE_BYTES, 1))
    copies = min(lanes, PLACES_A_CALL)  # an answer goes to each lane that it has places of
    streamed = answers_ * found.stream_bytes * copies
    detected = answers_ * copies * found.detect_ms / 1000  # each copy is decoded as a whole
    messages = places * load.people * load.storms / 12 * load.entries
    state_writes = answers_ * counted.answer_writes
    take_up_s = state_bytes / lanes / READ_BYTES_S
    # Each minute the poller reads how near places are to a limit, and when it asked them; where
    # there are several lanes, there is a poller for each.
    near = places * NEAR_BYTES / lanes + LANE_NEAR_BYTES
    note = places * NOTE_BYTES / lanes
    reads = RUNS_A_MONTH * lanes * (math.ceil(near / 4096) + math.ceil(note / 4096) + 1)
    reads += answers_ * counted.answer_reads + messages * counted.message_reads
    reads += RUNS_A_MONTH * counted.idle_reads
    state_writes += NOTES_A_CALL * answers_ * (math.ceil(note / 1024) + 1)
    raw_objects = MONTH_S / ARCHIVE_S * max(1, min(lanes, 200)) * 2
    gold_objects = MONTH_S / REFINE_S * DAYS_REWRITTEN * 2
    loose_gb = answers_ * found.raw_alone_bytes / GB
    # A longer round of all places is forgotten when the next one comes.
    is_alike = places * LINE_BYTES / PLACES_A_CALL < LOOKS_BACK
    raw_gb = answers_ * found.raw_day_bytes / GB if is_alike else loose_gb
    raw_files = min(
        MONTH_S / ARCHIVE_S, MONTH_S / load.interval_s * math.ceil(places / PLACES_A_CALL)
    )
    loose = Kept(loose_gb, raw_files)
    days = Kept(raw_gb, 30 * max(1, round(answers_ / 30 * LINE_BYTES / PART_BYTES)))
    gold_gb = places * found.gold_bytes * 30 / GB
    day_gb = places * found.gold_bytes / GB
    refine_s = answers_ * found.refine_ms / 1000 / (MONTH_S / REFINE_S)
    asked_gb = load.queries * 30 * max(0.01, gold_gb * 0.1)
    poll_s = RUNS_A_MONTH * lanes * 1.5
    climate_s = GLUE_START_S + places * CLIMATE_S / (GLUE_CORES * (GLUE_WORKERS - 1))
    seconds = {
        "poll": poll_s,
        "detect": detected,
        "archive": answers_ * copies * 0.02,
        "refine": refine_s * MONTH_S / REFINE_S,
        "tell": 2 * RUNS_A_MONTH * 0.3 + messages * 0.05,
    }
    gb_s = sum(MEMORY_GB[name] * took for name, took in seconds.items())
    runs = 3 * RUNS_A_MONTH + answers_ * copies / 4 + MONTH_S / REFINE_S + messages / 10
    writes = state_writes + counted.message_writes * messages
    if load.stream == "table":
        writes += answers_ * copies * math.ceil(found.stream_bytes / 1024)
    usd = {
        "Kinesis": stream_usd(load.stream, streamed / GB, price),
        "DynamoDB": writes / 1e6 * price["write_million"]
        + reads / 1e6 * price["read_million"]
        + state_bytes / GB * price["table_gb"],
        "Lambda": gb_s * price["lambda_gb_s"] + runs / 1e6 * price["lambda_million"],
        "S3": (raw_objects + gold_objects) / 1000 * price["put_thousand"]
        + (raw_gb + gold_gb + loose_gb * LOOSE_DAYS / 30) * price["s3_gb"],
        "Athena": asked_gb / 1000 * price["athena_tb"],
        "Glue": WEEKS_A_MONTH * GLUE_WORKERS * climate_s / 3600 * price["glue_hour"],
        "SQS, Scheduler, KMS, CloudTrail": (messages * 3 + QUEUE_POLLS)
        / 1e6
        * price["queue_million"]
        + SCHEDULED / 1e6 * price["clock_million"]
        + (runs * NEW_COPIES + TABLE_KEYS_A_MONTH) / 1e6 * price["key_million"]
        + 2 * (raw_objects + gold_objects) / 1e6 * price["trail_million"],
        "CloudWatch": load.metrics * price["metric"]
        + sum(ALARMS.values()) * price["alarm"]
        + runs * 2_000 / GB * price["log_gb"],
        "keys and secrets": KEYS * price["key"] + SECRETS * price["secret"],
        "SMS": messages * load.by_sms * price["sms"],
    }
    return Needs(
        calls_a_day=polls / 30 * open_meteo_apis.FORECAST.calls_per_place,
        lanes=lanes,
        stream_bytes_s=streamed / MONTH_S,
        shards=max(1, math.ceil(streamed / MONTH_S / MB)),
        detect_busy=detected / MONTH_S,
        detect_at_once=min(lanes, max(1, math.ceil(detected / MONTH_S / LANE_LOAD))),
        state_bytes=state_bytes,
        take_up_s=take_up_s,
        poller_bytes=lanes * (near + note),
        write_units=writes,
        read_units=reads,
        raw_objects=raw_objects,
        raw_gb=raw_gb,
        loose=loose,
        days=days,
        gold_gb=gold_gb,
        refine_share=refine_s / REFINE_S,
        climate_hours=climate_s / 3600,
        day_gb=day_gb,
        athena_gb=asked_gb,
        messages=messages,
        usd=usd,
    )


def stream_usd(stream: str, gb: float, price: dict[str, float]) -> float:
    """What carries so many GB a month, besides DynamoDB's units."""
    hours = MONTH_S / 3600
    if stream == "table":
        return 0.0
    if stream == "shard":
        return hours * (price["shard_hour"] + price["shard_kept_hour"])
    kept = gb * (RETENTION_DAYS - 1) / 30 * price["stream_kept_gb"]
    return (
        hours * price["stream_hour"]
        + gb * (price["stream_in_gb"] + 2 * price["stream_out_gb"])
        + kept
    )


def calm(load: Load, found: Measured, counted: Counted, price: dict[str, float]) -> str:
    """What 27 places cost without a message to anybody, line by line, on each kind of stream."""
    kinds = {
        "Kinesis on demand": replace(load, people=0.0),
        "one shard": replace(load, people=0.0, stream="shard"),
        "a table, alarms' metrics": replace(load, people=0.0, stream="table", metrics=6.0),
    }
    told = [needs(SCALES[0][1], kind, found, counted, price).usd for kind in kinds.values()]
    lines = [
        "| US$ a month, 27 places, calm | " + " | ".join(kinds) + " |",
        "|---|" + "--:|" * len(kinds),
        *(f"| {n} | " + " | ".join(f"{one[n]:,.2f}" for one in told) + " |" for n in told[0]),
        "| **all** | " + " | ".join(f"**{sum(one.values()):,.2f}**" for one in told) + " |",
    ]
    return "\n".join(lines)


def by_chance(found: Measured, price: dict[str, float]) -> str:
    """What one rule of rain adds that names a chance: the ensemble is asked, every six hours."""
    lines = [
        "| a rule that names a chance of rain, a month | "
        + " | ".join(name for name, _ in SCALES)
        + " |",
        "|---|" + "--:|" * len(SCALES),
    ]
    rounds = DAY / ENSEMBLE.every_s
    cells: dict[str, list[str]] = {}
    for _, n in SCALES:
        raw_gb = n * rounds * 30 * found.ensemble_raw_bytes / GB
        gold_gb = n * 30 * found.ensemble_gold_bytes / GB
        for name, cell in (
            ("calls of Open-Meteo a day", f"{n * rounds * ENSEMBLE.calls_per_place:,.0f}"),
            ("RAW, GB", f"{raw_gb:,.2f}"),
            ("GOLD's `ensembles`, GB", f"{gold_gb:,.2f}"),
            (
                "… for each GB of its `readings`",
                f"{found.ensemble_gold_bytes / found.gold_bytes:.2f}",
            ),
            ("S3, US$", f"{(raw_gb + gold_gb) * price['s3_gb']:,.2f}"),
        ):
            cells.setdefault(name, []).append(cell)
    lines += [f"| {name} | " + " | ".join(row) + " |" for name, row in cells.items()]
    return "\n".join(lines)


def listening(load: Load, price: dict[str, float]) -> str:
    """What listening to WIS2 adds, on Kinesis and on a table: a task that is always there, and its
    reports on their way. Of a copy by another broker or cache nothing is kept."""
    hours = MONTH_S / 3600
    reports = load.stations * hours
    gb = reports * load.report_bytes / GB
    detect = MEMORY_GB["detect"] * reports * REPORT_MS / 1000 * price["lambda_gb_s"]
    # Each is a call of detect where none other comes within the same second; and its number.
    detect += reports / 1e6 * price["lambda_million"]
    detect += REPORT_UNITS * reports / 1e6 * price["write_million"]
    numbers = reports / 1e6 * price["write_million"]
    units = math.ceil(load.report_bytes / 1024)
    per_gb = price["stream_in_gb"] + 2 * price["stream_out_gb"]
    rows = {
        "the task: a quarter of a core, half a GB": 2
        * [hours * (TASK_CORES * price["task_core_hour"] + TASK_GB * price["task_gb_hour"])],
        "its public address": 2 * [hours * price["address_hour"]],
        "its reports in the stream": [gb * per_gb + numbers, (units + 1) * numbers],
        "detect": 2 * [detect],
        "its secret": 2 * [price["secret"]],
    }
    sums = [sum(row[i] for row in rows.values()) for i in range(2)]
    return "\n".join(
        [
            f"| US$ a month, {load.stations:,.0f} stations by the hour"
            " | Kinesis on demand | a table |",
            "|---|--:|--:|",
            *(f"| {name} | {a:,.2f} | {b:,.2f} |" for name, (a, b) in rows.items()),
            f"| **all** | **{sums[0]:,.2f}** | **{sums[1]:,.2f}** |",
        ]
    )


def report(load: Load, found: Measured, counted: Counted, price: dict[str, float]) -> str:
    """The tables, in Markdown."""
    told = [(name, n, needs(n, load, found, counted, price)) for name, n in SCALES]
    rows: list[tuple[str, Any]] = [
        ("places", lambda n, _: f"{n:,}"),
        ("calls of Open-Meteo a day", lambda _, x: f"{x.calls_a_day:,.0f}"),
        ("lanes of detection", lambda _, x: f"{x.lanes:,}"),
        ("stream, kB/s", lambda _, x: f"{x.stream_bytes_s / 1000:,.0f}"),
        ("shards of 1 MB/s", lambda _, x: f"{x.shards:,}"),
        ("detect: busy copies of Lambda", lambda _, x: f"{x.detect_busy:,.2f}"),
        ("… at once, at most one a lane", lambda _, x: f"{x.detect_at_once:,}"),
        ("state in DynamoDB, MB", lambda _, x: f"{x.state_bytes / MB:,.1f}"),
        ("… of a lane, taken up by a new copy, s", lambda _, x: f"{x.take_up_s:,.1f}"),
        ("read by the pollers each minute, kB", lambda _, x: f"{x.poller_bytes / 1000:,.1f}"),
        ("write units, million", lambda _, x: f"{x.write_units / 1e6:,.1f}"),
        ("read units, million", lambda _, x: f"{x.read_units / 1e6:,.1f}"),
        ("objects into RAW", lambda _, x: f"{x.raw_objects:,.0f}"),
        ("RAW, GB", lambda _, x: f"{x.raw_gb:,.1f}"),
        ("GOLD, GB", lambda _, x: f"{x.gold_gb:,.2f}"),
        ("… a day's partition, GB", lambda _, x: f"{x.day_gb:,.3f}"),
        ("refine: share of its 15 minutes", lambda _, x: f"{x.refine_share:.1%}"),
        ("the climate, learnt weekly, hours", lambda _, x: f"{x.climate_hours:,.1f}"),
        ("read by Athena, GB", lambda _, x: f"{x.athena_gb:,.0f}"),
        ("subscribers", lambda n, _: f"{n * load.people:,.0f}"),
        (
            "… read one by one, where there is no snapshot, calls",
            lambda n, _: f"{n * load.people * counted.subscriber_calls:,.0f}",
        ),
        ("messages to people", lambda _, x: f"{x.messages:,.0f}"),
    ]
    head = ["| a month | " + " | ".join(name for name, *_ in told) + " |", "|---|" + "--:|" * 3]
    lines = [
        *head,
        *(f"| {row} | " + " | ".join(f(n, x) for _, n, x in told) + " |" for row, f in rows),
    ]
    lines += ["", head[0].replace("a month", "US$ a month"), head[1]]
    for name in told[0][2].usd:
        lines.append(f"| {name} | " + " | ".join(f"{x.usd[name]:,.2f}" for *_, x in told) + " |")
    sums = [(sum(x.usd.values()) - x.usd["SMS"], sum(x.usd.values())) for *_, x in told]
    lines.append("| **without SMS** | " + " | ".join(f"**{a:,.0f}**" for a, _ in sums) + " |")
    lines.append("| with SMS | " + " | ".join(f"{b:,.0f}" for _, b in sums) + " |")
    aged = ageing([x for *_, x in told], head[0], price)
    alone = calm(load, found, counted, price)
    more = by_chance(found, price)
    return "\n".join([*lines, "", aged, "", more, "", alone, "", listening(load, price)])


def ageing(told: list[Needs], head: str, price: dict[str, float]) -> str:
    """RAW after five years, as the archive leaves it and as days are made few files."""
    rows: list[tuple[str, Callable[[Needs], str]]] = [
        ("a file of five minutes, kB", lambda x: f"{x.loose.file_bytes / 1000:,.0f}"),
        ("a file of a day, kB", lambda x: f"{x.days.file_bytes / 1000:,.0f}"),
        ("five years in files of five minutes, GB", lambda x: f"{x.loose.gb * AGED:,.1f}"),
        ("… US$ a month", lambda x: f"{x.loose.usd(price):,.2f}"),
        ("five years in files of days, GB", lambda x: f"{x.days.gb * AGED:,.1f}"),
        ("… US$ a month", lambda x: f"{x.days.usd(price):,.2f}"),
    ]
    lines = [head.replace("a month", "RAW"), "|---|" + "--:|" * len(told)]
    lines += [f"| {row} | " + " | ".join(map(f, told)) + " |" for row, f in rows]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--measure", action="store_true", help="measure, and print what was found")
    parser.add_argument("--prices-times", type=float, default=1.0, help="of another region")
    for record in (Measured, Counted, Load):
        for field in fields(record):
            option = "--" + field.name.replace("_", "-").removesuffix("-s")
            kind = type(field.default)
            parser.add_argument(option, dest=field.name, type=kind, default=field.default)
    given = vars(parser.parse_args())
    if given["measure"]:
        for name, value in vars(measure(places_n=100, polls=32)).items():
            print(f"--{name.replace('_', '-')} {value:g}    {MEASURES[name]}")
        return
    found = Measured(**{field.name: given[field.name] for field in fields(Measured)})
    load = Load(**{field.name: given[field.name] for field in fields(Load)})
    counted = Counted(**{field.name: given[field.name] for field in fields(Counted)})
    price = {name: usd * given["prices_times"] for name, (usd, _) in PRICES.items()}
    print(report(load, found, counted, price))


if __name__ == "__main__":
    main()
