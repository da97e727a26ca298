"""The decoders of what stations measure, by the name of their source."""

from __future__ import annotations

from atalaia.domain.place import Places
from atalaia.sources import ana, cemaden, nws_observations
from atalaia.sources.cap.found import forms_of
from atalaia.sources.instruments import DecodeStations
from atalaia.sources.metar import decoder as metar
from atalaia.sources.pws import decoder as pws
from atalaia.sources.wis2 import decoder as wis2


def instruments(places: Places) -> dict[str, DecodeStations]:
    """Each network's; of WIS2 one for all its centres (``wis2:CENTRE``).

    Consoles do not say where they are, nor do gauges of rivers: they stand at one of the places.
    """
    return {
        wis2.NAME: wis2.decoder(forms_of(places)),
        metar.NAME: metar.decoder(),
        pws.NAME: pws.decoder(places),
        cemaden.NAME: cemaden.decoder(),
        ana.NAME: ana.decoder(places),
        nws_observations.NAME: nws_observations.decoder(),
    }
