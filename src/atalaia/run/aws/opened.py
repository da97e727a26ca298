"""The decoder of a deployment: it also opens what people sealed.

KMS is asked when such a payload comes, and not before: who has none needs no key. Nor could a
function that only reads make the keys, where nobody has subscribed yet.
"""

from __future__ import annotations

from collections.abc import Sequence

from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.domain.reading import Decode, Decoded
from atalaia.homes.aws import AwsHome
from atalaia.people.bodies import is_sealed, unsealed
from atalaia.people.vault import Vault
from atalaia.sources import decode_all


def opened(home: AwsHome, places: Places) -> Decode:
    """Of all sources, at these places."""
    decode = decode_all(places)
    opens: list[Decode] = []

    def opening(payloads: Sequence[Payload], wanted: frozenset[str] | None) -> Decoded:
        if not any(is_sealed(payload.body) for payload in payloads):
            return decode(payloads, wanted)
        if not opens:
            opens.append(unsealed(decode, Vault(home.keys)))
        return opens[0](payloads, wanted)

    return opening
