"""What every home's stream must do. A home's test subclasses this and says how to make one."""

from __future__ import annotations

from abc import ABC, abstractmethod

import pytest

from atalaia.domain.payload import Payload
from atalaia.ports import Stream


def payload(number: int, body: bytes = b"{}") -> Payload:
    return Payload(
        source="open-meteo",
        content="forecast",
        places=("poa", "são paulo"),
        received_at=1_700_000_000 + number,
        body=body,
    )


class StreamContract(ABC):
    drops = True
    """Whether `drop` forgets at once; else the stream forgets by itself, and it does nothing."""

    @abstractmethod
    def reopened(self) -> Stream:
        """The same stream, opened anew."""

    @pytest.fixture
    def stream(self) -> Stream:
        return self.reopened()

    def test_an_empty_stream_ends_at_zero(self, stream: Stream) -> None:
        assert stream.last_offset() == 0
        assert stream.read(0, 10) == []

    def test_records_come_back_as_they_went_in_and_in_order(self, stream: Stream) -> None:
        odd = Payload(
            source="tomorrow-io",
            content="realtime",
            received_at=1,
            body=b"\x00\xff\r\n",
            status=429,
            failure="time-out after 20 s",
            is_recorded=True,
        )
        given = [payload(1), odd, payload(2, b"")]
        last = stream.append(given)
        records = stream.read(0, 10)
        assert [record.payload for record in records] == given
        offsets = [record.offset for record in records]
        assert offsets == sorted(set(offsets))
        assert offsets[-1] == last == stream.last_offset()

    def test_reading_goes_on_after_an_offset_and_stops_at_the_limit(self, stream: Stream) -> None:
        stream.append([payload(i) for i in range(10)])
        first = stream.read(0, 4)
        rest = stream.read(first[-1].offset, 100)
        assert [r.payload.received_at for r in first + rest] == [
            1_700_000_000 + i for i in range(10)
        ]
        assert len(first) == 4

    def test_a_reopened_stream_still_has_everything(self, stream: Stream) -> None:
        last = stream.append([payload(i) for i in range(3)])
        again = self.reopened()
        assert again.last_offset() == last
        assert again.read(0, 10) == stream.read(0, 10)

    def test_an_append_that_fails_keeps_nothing_of_it(self, stream: Stream) -> None:
        stream.append([payload(0)])
        with pytest.raises(TypeError):
            stream.append([payload(1), payload(2, body=object())])  # type: ignore[arg-type]
        assert len(stream.read(0, 10)) == 1

    def test_offsets_never_repeat_after_a_drop(self, stream: Stream) -> None:
        last = stream.append([payload(i) for i in range(3)])
        assert stream.drop(last) == (3 if self.drops else 0)
        again = self.reopened()
        assert again.last_offset() == last
        assert again.append([payload(9)]) > last

    def test_a_drop_leaves_what_is_newer(self, stream: Stream) -> None:
        stream.append([payload(i) for i in range(5)])
        second = stream.read(0, 5)[1].offset
        assert stream.drop(second) == (2 if self.drops else 0)
        left = (2, 3, 4) if self.drops else range(5)
        assert [r.payload for r in stream.read(0, 9)] == [payload(i) for i in left]
        assert stream.drop(second) == 0

    def test_appending_nothing_changes_nothing(self, stream: Stream) -> None:
        last = stream.append([payload(1)])
        assert stream.append([]) == last
        assert len(stream.read(0, 9)) == 1
