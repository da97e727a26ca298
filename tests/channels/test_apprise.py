from __future__ import annotations

import asyncio
import builtins
from typing import Any

import pytest

from atalaia.channels.apprise import Apprise
from atalaia.domain.contact import Contact
from atalaia.domain.delivery import Letter, Outcome
from atalaia.errors import SettingsInvalid
from patience import LIMIT_S, brief

from . import servers
from .servers import CHAT, TITLE, Answer, Provider, content, letter, says


def sending(
    *answers: Answer, to: Letter | None = None, timeout_s: float = LIMIT_S
) -> tuple[Outcome, Provider]:
    """Send once to a service that takes JSON by POST; its address is a secret."""
    pytest.importorskip("apprise")

    async def story() -> tuple[Outcome, Provider]:
        async with servers.serving(says("ok")) as provider:
            provider.answers += answers
            # The package's own limit is the longer one, and its thread is waited for at the end.
            at = f"{provider.url.removeprefix('http://')}/canary/{CHAT}"
            url = f"json://{at}?rto={3 * timeout_s:.1f}"
            with servers.nothing_leaks() as shown:
                channel = Apprise(timeout_s=timeout_s)
                outcome = await channel.send(to or letter(Contact("apprise", url)))
                shown += [channel, outcome]
            return outcome, provider

    return asyncio.run(story())


def test_a_message_goes_to_the_service_of_its_url() -> None:
    outcome, provider = sending()
    assert outcome == Outcome("sent")
    [(path, body)] = provider.asked
    assert path == f"/canary/{CHAT}"
    assert body["title"] == TITLE
    assert "44 mm" in body["message"]
    assert body["message"].endswith("Para parar, peça a quem cuida desta Atalaia.")


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_what_a_service_does_not_take_is_tried_again(status: int) -> None:
    outcome, _ = sending(says("canary", status))
    assert (outcome.verdict, outcome.is_gone) == ("again", False)


def test_a_torn_connection_is_tried_again() -> None:
    assert sending(servers.resets)[0].verdict == "again"


def test_a_service_that_hangs_is_waited_for_only_so_long() -> None:
    outcome, _ = sending(servers.hangs, timeout_s=brief())
    assert outcome == Outcome("unknown", "no answer in time")


def test_a_url_of_no_service_is_of_no_use() -> None:
    outcome, provider = sending(to=letter(Contact("apprise", "canary://no/such/service")))
    assert (outcome.verdict, outcome.is_gone) == ("never", True)
    assert provider.asked == []


def test_a_service_of_short_messages_gets_no_half_of_one() -> None:
    pytest.importorskip("apprise")
    from apprise.plugins.custom_json import NotifyJSON

    longest = NotifyJSON.body_maxlen
    NotifyJSON.body_maxlen = 300
    try:
        outcome, provider = sending_many()
    finally:
        NotifyJSON.body_maxlen = longest
    assert outcome.verdict == "sent"
    assert len(provider.asked[0][1]["message"]) <= 300
    assert "and " in provider.asked[0][1]["message"]


def sending_many() -> tuple[Outcome, Provider]:
    async def story() -> tuple[Outcome, Provider]:
        async with servers.serving(says("ok")) as provider:
            url = f"json://{provider.url.removeprefix('http://')}/x"
            contact = Contact("apprise", url)
            return await Apprise().send(letter(contact, content=content("en", 9))), provider

    return asyncio.run(story())


def test_without_the_package_the_error_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "apprise":
            raise ImportError(name)
        return load(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SettingsInvalid, match=r"pip install 'atalaia\[apprise\]'"):
        Apprise()
