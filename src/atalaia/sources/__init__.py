"""Sources: one file a provider. A request goes out, a payload comes back, readings come out of it.

`request` → `fetch` → `Payload` → `decode_all` → `Readings`; `budget` and `schedule` say when.
A decoder never raises for bad input: what could be read is returned, and a `Reject` for the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from atalaia.domain.decoded import Decode, Decoded, nothing
from atalaia.domain.payload import Lines, Payload, Reject
from atalaia.domain.place import Places

if TYPE_CHECKING:
    from atalaia.sources.decoding import Wanted

CLOCK = "clock"
"""The source of empty payloads that only say that time has passed."""


def decoders(places: Places) -> dict[str, Decode]:
    """Every source's decoder by its name, for these watched places."""
    # Who wants one module of this package is spared the decoders of all.
    from atalaia.sources import inmet, open_meteo, readings_csv, tomorrow_io  # noqa: PLC0415
    from atalaia.sources.cap import decoder as cap  # noqa: PLC0415
    from atalaia.sources.described import decoder as described  # noqa: PLC0415
    from atalaia.sources.instruments import of_stations  # noqa: PLC0415
    from atalaia.sources.plugged import NAME as PLUGGED  # noqa: PLC0415
    from atalaia.sources.plugged import decoder as plugged  # noqa: PLC0415
    from atalaia.sources.stations import instruments  # noqa: PLC0415

    readings = readings_csv.decoder(places)
    return {
        tomorrow_io.NAME: tomorrow_io.decoder(places),
        open_meteo.NAME: open_meteo.decoder(places),
        inmet.NAME: inmet.decoder(places),
        cap.NAME: cap.decoder(places),
        readings_csv.NAME: readings,
        readings_csv.STATION: readings,
        CLOCK: nothing,
        described.NAME: described.decoder(places),
        PLUGGED: plugged.decoder(places),
        **{name: of_stations(decode) for name, decode in instruments(places).items()},
    }


def pushable(places: Places) -> frozenset[str]:
    """The sources whose answers may be pushed: what a described source is believed for is what
    this program asked it, so is a plug-in's, and instruments have ways of their own."""
    from atalaia.sources import plugged  # noqa: PLC0415
    from atalaia.sources.described.description import NAME  # noqa: PLC0415
    from atalaia.sources.stations import instruments  # noqa: PLC0415

    return frozenset(decoders(places)) - {CLOCK, NAME, plugged.NAME, *instruments(places)}


def decode_all(places: Places) -> Decode:
    """One decoder for payloads of any sources: rows source by source, in order of appearance."""
    known = decoders(places)

    def decode(payloads: Sequence[Payload], wanted: Wanted) -> Decoded:
        if isinstance(payloads, Lines):
            return _decode_one(_of(known, payloads.source), payloads, wanted)
        if len({payload.source for payload in payloads}) == 1:
            return _decode_one(_of(known, payloads[0].source), payloads, wanted)
        by_source: dict[str, list[Payload]] = {}
        for payload in payloads:
            by_source.setdefault(payload.source, []).append(payload)
        parts = [
            _decode_one(_of(known, source), group, wanted) for source, group in by_source.items()
        ]
        return Decoded.together(parts)

    return decode


def _of(known: dict[str, Decode], source: str) -> Decode | None:
    """A source's decoder: of its name, or of what stands before its colon."""
    return known.get(source) or known.get(source.partition(":")[0])


def _decode_one(decode: Decode | None, payloads: Sequence[Payload], wanted: Wanted) -> Decoded:
    if decode is None:
        return Decoded(rejects=[_unknown(payload) for payload in payloads])
    try:
        return decode(payloads, wanted)
    except Exception as error:
        # A mistake in a decoder must cost one payload, not the watch: the stream would never get
        # past it. It is looked for payload by payload, and told as what it is.
        if len(payloads) == 1:
            fault = Reject(
                source=payloads[0].source,
                reason="fault in the decoder",
                detail=f"{type(error).__name__}; please report it with this payload",
            )
            return Decoded(rejects=[fault])
    return Decoded.together(_decode_one(decode, [payload], wanted) for payload in payloads)


def _unknown(payload: Payload) -> Reject:
    return Reject(source=payload.source, reason="unknown source", detail=repr(payload.source)[:99])
