"""A home that was set back to a backup counts its alerts anew from there. What others keep of a
message of before (a webhook's receiver, a mailbox, a button in a chat) is by its id."""

from __future__ import annotations

from pathlib import Path

import pytest

from atalaia.domain.alert import LogEntry
from atalaia.domain.delivery import Message
from notify.test_still import Desk, standing
from telling import NOON, news, person

LOST = news("i1", level="red")
"""What came after the backup, and was told."""


def told(folder: Path, *entries: LogEntry, by: str = "fan-out") -> list[Message]:
    """By a home set back to where it had no alert: what it then tells of these."""
    desk = Desk(folder)
    try:
        if by == "standing":
            stands = standing(desk)
            desk.log(*entries)
            desk.fan_out(NOON)
            desk.join(person("p_ana", "telegram", "sms", since=NOON + 1))
            stands.step({"p_ana"}, NOON + 1)
        else:
            desk.join(person("p_ana", "telegram", "sms"))
            desk.say(*entries, now=NOON)
            desk.send(NOON)
        if by == "escalation":
            desk.now = NOON + 600
            assert desk.escalation.hand_on()
        return desk.all()
    finally:
        desk.home.close()


@pytest.mark.parametrize("by", ["fan-out", "standing", "escalation"])
@pytest.mark.parametrize(
    "other",
    [
        news("i2", level="red", place="recife"),
        news("i1", level="red", at=NOON + 60),
    ],
)
def test_another_alert_never_goes_by_the_id_of_one_that_was_lost(
    tmp_path: Path, other: LogEntry, by: str
) -> None:
    before, after = (told(tmp_path / name, LOST, by=by) for name in ("before", "again"))
    assert [m.id for m in before] == [m.id for m in after], "the same alert is known again"
    after = told(tmp_path / "other", other, by=by)
    assert [m.seqs for m in before] == [m.seqs for m in after]
    assert not {m.id for m in before} & {m.id for m in after}


def test_an_answer_to_what_was_lost_is_none_to_what_came_in_its_place(tmp_path: Path) -> None:
    [lost] = told(tmp_path / "before", LOST)
    desk = Desk(tmp_path / "after", person("p_ana", "telegram", "sms"))
    desk.say(news("i2", level="red"), now=NOON)
    desk.send(NOON)
    assert not desk.home.outbox.acknowledge("p_ana", lost.id, NOON + 1)
    desk.now = NOON + 600
    assert desk.escalation.hand_on() == 1
    desk.home.close()
