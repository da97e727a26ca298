"""Messages of one person that are due together go as one letter.

What changes at one instant is one message since fan-out. What changed at several (a storm that
passes the limit at twelve places within two minutes) and waits for the same person and channel,
because one before it is under way, the channel has its pace, was paused or is busy, or quiet hours
end, is one letter: nothing waits for another in order to go with it.

    outbox ─ claim: with a message what else of its order key is due (`Outbox.claim`, together)
      └► compose: a `Letter` each, or what became of a message that tells nothing any more
           └► bundles: which of these go as one                                        here
                └► bound: its id, and what it leaves out, kept before it can go       here
                     └► sender: one place in the channel's pace and caps, one last look at each
                          └► as_one: the texts joined                                  here
                               └► settle: each by itself, all by what the letter came to

Each message stays what it is: its expiry, its left-out alerts, its turn at a next channel and its
acknowledgement are its own. A letter goes by the id of its last message, so that who acknowledges
it acknowledges all that it told and all before. That id is kept with the others (`Message.letter`),
and what the letter leaves out (`Message.left_out`), before anything goes: where the sender dies, or
no answer comes, the same messages go once more, together, by the same id, with nobody else, and
with nothing that was left out: who has that letter throws the second away. Where it surely did not
go, with whom each goes is decided anew; where it was refused, each goes by itself, for one of them
may be why.

A channel says how long such a letter may be (`Limits.letter_chars`); what does not fit goes in the
next one. 0, as with channels to programs, of one segment, or whose messages replace one another:
each message goes by itself.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import msgspec

from atalaia.domain.delivery import TOGETHER_MOST, Letter, Message, letter_of
from atalaia.domain.message import merged

TRIES_TOGETHER = 3
"""What failed so often goes by itself: it may be why its letters failed."""

Written = tuple[Message, Letter]
"""A message with what it says by itself."""

Bundle = tuple[Written, ...]
"""What goes as one letter, in the order of the log; mostly one message."""


def bundles(row: Iterable[Written], longest: int) -> list[Bundle]:
    """Messages of one order key, in their order, as the letters that they go in.

    longest  characters that a letter of several may have; 0: each goes by itself, but for those
             that may have gone in one before
    """
    found: dict[str, Bundle] = {}
    last = ""
    for one in row:
        name = letter_of(one[0])
        if name in found:  # it may have gone with these: the same again
            found[name] = (*found[name], one)
        elif last and _goes_with(found[last], one, longest):
            found[name] = (*found.pop(last), one)
        else:
            found[name] = (one,)
        last = name
    return list(found.values())


def bound(bundle: Bundle) -> Bundle:
    """The messages with what is to be kept before they can go: the id that they go by, which is
    that of the last, and the alerts that are left out. Of one that may have gone it is known."""
    name = letter_of(bundle[-1][0])
    return tuple((_bound(message, letter, name), letter) for message, letter in bundle)


def is_bound(message: Message, letter: Letter) -> bool:
    """Whether what is kept of a message is what its letter leaves out. What may have gone told no
    more than that, whatever it tells now."""
    return message.unknowns > 0 or message.left_out == letter.left_out


def as_one(letters: Sequence[Letter]) -> Letter:
    """One letter of those of a bundle: it answers what the newest of them answers."""
    last = letters[-1]
    if len(letters) == 1:
        return last
    return msgspec.structs.replace(
        last,
        content=merged([one.content for one in letters]),
        expires_at=max(one.expires_at for one in letters),
        reply_to=next((one.reply_to for one in reversed(letters) if one.reply_to), ""),
        thread=tuple(dict.fromkeys(id_ for one in letters for id_ in one.thread)),
        asks=any(one.asks for one in letters),
        left_out=(),
    )


def fit(letters: Sequence[Letter], longest: int) -> bool:
    """Whether one letter can say all that these say, to the same address in the same language."""
    first = letters[0]
    if any(one.contact != first.contact for one in letters):
        return False
    if any(one.content.language != first.content.language for one in letters):
        return False
    text = merged([one.content for one in letters]).text(sys.maxsize)
    return len(text) <= longest


def _goes_with(bundle: Bundle, one: Written, longest: int) -> bool:
    if not longest or len(bundle) >= TOGETHER_MOST:
        return False
    both = (*bundle, one)
    if not all(map(_is_free, both)):
        return False
    # Of one incident what is newer takes the place of what came before: never both in one letter.
    told = {alert.incident for _, letter in bundle for alert in letter.content.alerts}
    if told & {alert.incident for alert in one[1].content.alerts}:
        return False
    return fit([letter for _, letter in both], longest)


def _is_free(one: Written) -> bool:
    """Whether it may go with others: an alert that tells something, that cannot have gone, and was
    not refused with others. A drill never goes with what is real."""
    message, letter = one
    return (
        message.kind == "alert"
        and not message.letter
        and not message.unknowns
        and message.attempts < TRIES_TOGETHER
        and bool(letter.content.parts)
    )


def _bound(message: Message, letter: Letter, name: str) -> Message:
    if not is_bound(message, letter):
        message = msgspec.structs.replace(message, left_out=letter.left_out)
    if letter_of(message) == name:
        return message
    return msgspec.structs.replace(message, letter=name)
