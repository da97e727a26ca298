"""Which channels the settings open."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from atalaia.homes.embedded.keys import open_keys
from atalaia.notify.channels import open_channels
from atalaia.settings import load


def opened(folder: Path, text: str, **env: str) -> set[str]:
    file = folder / "atalaia.toml"
    file.write_text(text)

    async def run() -> set[str]:
        async with aiohttp.ClientSession() as session:
            found = open_channels(load(file, env), session, open_keys(folder / "home"))
            assert all(name == channel.name for name, channel in found.items())
            return set(found)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {"inbox", "webhook"}),
        ("[channels.webhook]\nenabled = false", {"inbox"}),
        ("[channels.telegram]\ntoken_file = 'token'", {"inbox", "webhook", "telegram"}),
        ("[channels.email]\nhost = '127.0.0.1'\nsender = 'a@example.org'\nsecurity = 'none'",
         {"inbox", "webhook", "email"}),
        ("[channels.whatsapp]\ntoken_file = 'token'\nphone_number_id = '1'",
         {"inbox", "webhook", "whatsapp"}),
        ("[channels.alertmanager]\nenabled = true", {"inbox", "webhook", "alertmanager"}),
        ("[people]\ncontact = 'dados@example.org'", {"inbox", "webhook", "webpush"}),
        ("[api]\nurl = 'https://alerts.example.org'", {"inbox", "webhook", "webpush"}),
        ("[people]\ncontact = 'dados@example.org'\n[channels.webpush]\nenabled = false",
         {"inbox", "webhook"}),
    ],
)  # fmt: skip
def test_a_channel_is_open_when_the_settings_have_what_it_needs(
    tmp_path: Path, text: str, expected: set[str]
) -> None:
    token = tmp_path / "token"
    token.write_text("123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1")
    token.chmod(0o600)
    assert opened(tmp_path, text) == expected
