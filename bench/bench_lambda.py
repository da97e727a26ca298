"""Cold start and warm batches of the functions, on this machine, against services on loopback.

    .venv/bin/python bench/bench_lambda.py
    .venv/bin/python bench/bench_lambda.py --packed --python python3.12

A cold start is a new interpreter: importing, settings, the first batch of 100 records. A warm batch
is one of 100 records more in the same container. The emulator answers in milliseconds where AWS
does in others: each figure is printed whole, and without the calls, whose number stands beside it.
Processor time is what does not depend on what else this machine does.

--packed runs what is deployed: the packages of tools/lambda_zip.py, built for this machine's
processor, by a Python of the version that they are for. Without it the functions are run from the
sources, with bytecode that Python kept.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
if sys.argv[1:2] != ["--function"]:
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

PLACES, BATCHES, SIZE = 27, 12, 100
LIMIT_COLD_S, LIMIT_WARM_MS = 1.5, 20.0
TOLD = "bench:"
"""Before a line of ours: the functions write their figures to the same place."""


def settings() -> str:
    lines = ['rules = "inmet"', "[sources.open-meteo]", "enabled = false"]
    for i in range(PLACES):
        lines += ["[[place]]", f'id = "p{i}"', f'name = "P{i}"', f"latitude = {-i / 4}"]
        lines += ["longitude = -40.0", 'timezone = "America/Recife"']
    return "\n".join(lines) + "\n"


# ruff: noqa: PLC0415 - what a cold start imports is what is measured


def fill() -> None:
    """A record a place and quarter of an hour: one CSV of calm weather each."""
    from atalaia.domain.payload import Payload
    from atalaia.run.aws import deployment
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
    start, processor = time.perf_counter(), time.process_time()
    handler = import_module(f"atalaia.run.aws.{name}").handle
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
    spent = time.process_time() - processor
    print(TOLD, time.perf_counter() - start, waited[0], waited[1], spent)
    for event in events[1:]:
        waited[:] = [0.0, 0]
        began, processor = time.perf_counter(), time.process_time()
        answer = handler(event, None)
        assert answer == {"batchItemFailures": []}
        spent = time.process_time() - processor
        print(TOLD, time.perf_counter() - began, waited[0], waited[1], spent)


def packed(name: str, python: str, folder: Path) -> str:
    """A package, unpacked; built for this machine and this interpreter."""
    from tools import lambda_zip

    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    said = subprocess.run([python, "-c", code], stdout=subprocess.PIPE, check=True, text=True)
    lambda_zip.PYTHON = said.stdout.strip()
    lambda_zip.PLATFORM = f"{platform.machine()}-manylinux_2_28"
    lambda_zip.assemble(name, folder / name)
    size = sum(path.stat().st_size for path in (folder / name).rglob("*") if path.is_file())
    print(f"{name}.zip: {size / 1e6:.0f} MB unpacked, {platform.machine()}, {lambda_zip.PYTHON}")
    return str(folder / name)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--packed", action="store_true", help="run the packages, built for here")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that runs them")
    asked = parser.parse_args()
    from atalaia.run.aws import deployment
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
        for name, package in (("detect", "watch"), ("archive", "batch")):
            command = [asked.python, __file__, "--function", name]
            paths = [packed(package, asked.python, Path(folder))] if asked.packed else sys.path[1:]
            environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
            said = subprocess.run(
                command, input=body, stdout=subprocess.PIPE, env=environment, check=True
            ).stdout
            lines = [line for line in said.decode().splitlines() if line.startswith(TOLD)]
            rows = [tuple(map(float, line.split()[1:])) for line in lines]
            cold_s, cold_wait_s, cold_calls, cold_own_s = rows[0]
            whole = statistics.median(row[0] for row in rows[1:]) * 1000
            own = statistics.median(row[0] - row[1] for row in rows[1:]) * 1000
            calls = statistics.median(row[2] for row in rows[1:])
            spent = statistics.median(row[3] for row in rows[1:]) * 1000
            print(
                f"{name}: cold {cold_s:.2f} s ({cold_s - cold_wait_s:.2f} s without its "
                f"{cold_calls:.0f} calls; processor {cold_own_s:.2f} s), limit {LIMIT_COLD_S} s\n"
                f"{name}: warm {whole:.1f} ms a batch of {SIZE} ({own:.1f} ms without its "
                f"{calls:.0f} calls; processor {spent:.1f} ms), limit {LIMIT_WARM_MS} ms"
            )
        assert not list(deployment.home().state.rejects()), "the bench's weather is mistyped"
    server.stop()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--function"]:
        child(sys.argv[2])
    else:
        main()
