"""What went through RAW goes through the stream once more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from atalaia.batch.again import again
from atalaia.batch.archive import archive
from atalaia.domain.payload import Payload
from atalaia.homes.embedded import open_home
from atalaia.lake import gold, raw
from atalaia.lake.raw_days import compact_days
from atalaia.ports import Commit

T0 = 1_768_003_200


def payload(number: int, source: str, minute: int) -> Payload:
    body = b'{"n": %d}' % number
    return Payload(source=source, content="c", received_at=T0 + 60 * minute, body=body)


@pytest.mark.parametrize("is_of_days", [False, True])
def test_payloads_go_again_in_the_order_in_which_they_came_as_far_as_there_is_time(
    tmp_path: Path, is_of_days: bool
) -> None:
    came = [payload(n, "ab"[n % 2], 7 * n) for n in range(30)]  # three hours and a half
    went: list[Payload] = []

    def append(some: Sequence[Payload]) -> None:
        went.extend(some)

    with open_home(tmp_path / "home") as home:
        home.stream.append(came)
        archive(home.stream, home.state, home.lake)
        if is_of_days:
            home.state.commit(
                Commit(gold.REFINED, 1, items=dict.fromkeys(home.state.load("part:")))
            )
            assert compact_days(home.state, home.lake, None, T0 + 9 * 86_400) == 2
        since, until = T0 + 600, T0 + 9_000
        expected = [one for one in came if since <= one.received_at < until]
        left = iter([True, False])
        first = again(home.lake, append, since, until, lambda: next(left))
        assert first == (len(went), T0 + 3600)
        assert 0 < len(went) < len(expected)
        rest = again(home.lake, append, first.until, until, lambda: True)
        assert went == expected
        assert rest == (len(expected) - first.payloads, until)
        assert again(home.lake, append, since, until, lambda: False) == (0, since)


def test_a_day_that_is_made_one_part_meanwhile_is_read_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    came = [payload(n, "ab"[n % 2], 7 * n) for n in range(30)]
    went: list[Payload] = []
    with open_home(tmp_path / "home") as home:
        home.stream.append(came)
        archive(home.stream, home.state, home.lake)
        home.state.commit(Commit(gold.REFINED, 1, items=dict.fromkeys(home.state.load("part:"))))
        read, listed = home.lake.read, home.lake.keys(raw.PAYLOADS)

        def slowly(key: str) -> bytes:
            monkeypatch.undo()
            assert compact_days(home.state, home.lake, None, T0 + 9 * 86_400) == 2
            return read(key)

        monkeypatch.setattr(home.lake, "read", slowly)
        assert again(home.lake, went.extend, T0, T0 + 4 * 3600, lambda: True).payloads == 30
        assert not set(listed) & set(home.lake.keys(raw.PAYLOADS))
    assert went == came


def test_a_damaged_file_costs_itself_alone(tmp_path: Path) -> None:
    went: list[Payload] = []
    with open_home(tmp_path / "home") as home:
        home.stream.append([payload(n, "ab"[n % 2], n) for n in range(6)])
        archive(home.stream, home.state, home.lake)
        damaged, _ = home.lake.keys(raw.PAYLOADS)
        home.lake.write(damaged, b"nonsense")
        assert again(home.lake, went.extend, T0, T0 + 3600, lambda: True).payloads == 3
    assert [one.source for one in went] == ["b"] * 3
