"""Cold start and warm batches of the functions, on this machine, against services on loopback.

A cold start is a new interpreter: importing, settings, the first batch of 100 records. A warm batch
is one of 100 records more in the same container. What a call costs that goes over the network to
AWS is not in these figures; how many calls there are is printed beside them.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

PLACES, BATCHES, SIZE = 27, 12, 100
LIMIT_COLD_S, LIMIT_WARM_MS = 1.5, 20.0


def settings() -> str:
    lines = ['rules = "inmet"', "[sources.open-meteo]", "enabled = false"]
    for i in range(PLACES):
        lines += ["[[place]]", f'id = "p{i}"', f'name = "P{i}"', f"latitude = {-i / 4}"]
        lines += ["longitude = -40.0", 'timezone = "America/Recife"']
    return "\n".join(lines) + "\n"


# ruff: noqa: PLC0415 - what a cold start imports is what is measured


def fill() -> None:
    """A record a place and quarter of an hour: one CSV of calm weather each."""
    from atalaia.aws import deployment
    from atalaia.domain.payload import Payload
    from atalaia.sources import readings_csv

    head = "place_id,valid_at,period_s,kind,source,rain_mm,wind_gust_m_s,temperature_c\n"
    payloads = []
    for number in range(BATCHES * SIZE):
        place, seconds = f"p{number % PLACES}", 1_700_000_100 + 900 * (number // PLACES)
        at = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(seconds))
        payloads.append(
            Payload(
                source=readings_csv.NAME,
                content=readings_csv.CSV,
                places=(place,),
                received_at=seconds,
                body=f"{head}{place},{at},900,observed,station,0.2,5.1,24.5\n".encode(),
                is_recorded=True,
            )
        )
    deployment.home().stream.append(payloads)


def child(name: str) -> None:
    """One container: prints the seconds of its cold start and of each warm batch."""
    start = time.perf_counter()
    from atalaia.aws import handlers

    handler = getattr(handlers, name)
    import msgspec

    events: list[Any] = msgspec.json.decode(sys.stdin.buffer.read())
    import botocore.client

    call = botocore.client.BaseClient._make_api_call
    waited = [0.0, 0]

    def timed(client: Any, operation: str, arguments: Any) -> Any:
        began = time.perf_counter()
        try:
            return call(client, operation, arguments)
        finally:
            waited[0] += time.perf_counter() - began
            waited[1] += 1

    botocore.client.BaseClient._make_api_call = timed
    handler(events[0], None)
    print(time.perf_counter() - start, waited[0], waited[1])
    for event in events[1:]:
        waited[:] = [0.0, 0]
        began = time.perf_counter()
        answer = handler(event, None)
        assert answer == {"batchItemFailures": []}
        print(time.perf_counter() - began, waited[0], waited[1])


def main() -> None:
    from atalaia.aws import deployment
    from aws import moto
    from aws.mapper import Mapper

    server, url = moto.start()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "atalaia.toml"
        file.write_text(settings())
        os.environ.update(moto.ENVIRONMENT | {"AWS_ENDPOINT_URL": url})
        config = moto.deploy(url)
        os.environ |= {
            "ATALAIA_ENV": config.env,
            "ATALAIA_ACCOUNT": config.account,
            "ATALAIA_SETTINGS": str(file),
        }
        fill()
        events: list[Any] = []

        def gather(event: Any, _: Any) -> Any:
            events.append(event)
            return {"batchItemFailures": []}

        Mapper(config.stream, gather, "", size=SIZE).run()
        import msgspec

        body = msgspec.json.encode(events)
        for name in ("detect", "archive"):
            said = subprocess.run(
                [sys.executable, __file__, name], input=body, stdout=subprocess.PIPE, check=True
            ).stdout
            rows = [tuple(map(float, line.split())) for line in said.decode().splitlines()]
            cold_s, cold_wait_s, cold_calls = rows[0]
            whole = statistics.median(row[0] for row in rows[1:]) * 1000
            own = statistics.median(row[0] - row[1] for row in rows[1:]) * 1000
            calls = statistics.median(row[2] for row in rows[1:])
            print(
                f"{name}: cold {cold_s:.2f} s ({cold_s - cold_wait_s:.2f} s without its "
                f"{cold_calls:.0f} calls), limit {LIMIT_COLD_S} s; warm {whole:.1f} ms a batch of "
                f"{SIZE} ({own:.1f} ms without its {calls:.0f} calls), limit {LIMIT_WARM_MS} ms"
            )
        assert not list(deployment.home().state.rejects()), "the bench's weather is mistyped"
    server.stop()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        child(sys.argv[1])
    else:
        main()
