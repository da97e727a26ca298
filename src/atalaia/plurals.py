"""A sentence of one thing and of many, in any language: ``{n} {n|day|days}``.

Where ``{name|one|many}`` stands in a sentence it is `one` where the value of that name is 1, and
else `many`, of none too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_CHOICE = re.compile(r"\{(\w+)\|([^{}|]*)\|([^{}|]*)\}")


def chosen(sentence: str, values: Mapping[str, object]) -> str:
    """The sentence, in which nothing is left but the places of its values.

    >>> chosen("{n} {n|day|days}", {"n": 1})
    '{n} day'
    """
    return _CHOICE.sub(lambda one: one[2 if str(values[one[1]]).strip() == "1" else 3], sentence)


def filled(sentence: str, **values: object) -> str:
    """The sentence with its values.

    >>> filled("{n} {n|day|days}", n=2)
    '2 days'
    """
    return chosen(sentence, values).format(**values)
