"""The task that listens: what a real broker passes on is in the deployment's stream, and is
acknowledged then; an end of the task loses nothing of it."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from atalaia.clock import Clock
from atalaia.homes.aws import AwsHome, open_home
from atalaia.settings import load
from atalaia.settings.listener import listen
from aws import moto
from contracts.test_aws import Deployed
from mosquitto import Mosquitto, broker, needs_mosquitto
from patience import until
from sources.mqtt.test_subscriber import told

pytestmark = [
    needs_mosquitto,
    pytest.mark.skipif(
        "ATALAIA_AWS" not in os.environ, reason="the AWS home is tested by `make test-aws`"
    ),
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server, url = moto.start()
    yield url
    server.stop()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    with broker(tmp_path / "broker") as found:
        yield found


class OnADeployment(Deployed):
    """Kept apart from pytest's own collection: what both kinds of stream must do."""

    services = ("dynamodb", "kinesis")

    def ids(self, home: AwsHome) -> Counter[str]:
        bodies = [record.payload.body for record in home.stream.read(0, 99)]
        return Counter(msgspec.json.decode(body)["id"] for body in bodies)

    def test_what_a_broker_passes_on_is_in_the_stream_though_the_task_ends(
        self, mosquitto: Mosquitto, tmp_path: Path
    ) -> None:
        file = tmp_path / "atalaia.toml"
        topics = f'brokers = ["{mosquitto.url}"]\ntopics = ["#"]'
        file.write_text(f'places = "capitals"\n[sources.wis2]\n{topics}\n')
        settings = load(file, {})
        home = open_home(self.config, settings.places)

        async def live(tell: asyncio.Event, n: int, *messages: tuple[str, bytes]) -> None:
            listening = asyncio.create_task(listen(settings, home, Clock(), tell))
            try:
                if messages:
                    await until(
                        lambda: '"topics":["#"]' in (home.state.note("subscriber:wis2") or "")
                    )
                    await asyncio.sleep(0.5)  # until the broker has the filters, too
                    await asyncio.to_thread(mosquitto.publish, messages)
                await until(lambda: home.stream.last_offset() >= n)
            finally:
                tell.set()
                await listening

        async def story() -> None:
            await live(asyncio.Event(), 2, told(1), told(2), told(2))
            await asyncio.to_thread(mosquitto.publish, [told(3)])  # nobody listens
            await live(asyncio.Event(), 3)

        asyncio.run(story())
        # What was kept and not yet acknowledged comes again, and changes no row.
        assert self.ids(home).keys() == {"id-1", "id-2", "id-3"}


class TestOnKinesis(OnADeployment):
    streams_by = "kinesis"


class TestOnATable(OnADeployment):
    streams_by = "table"
