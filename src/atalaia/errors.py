"""Every error that Atalaia raises on purpose, named by what the caller does next.

AtalaiaError
├── SettingsInvalid     a person mends a file or an option
├── PayloadInvalid      the payload is kept in RAW with the reason, and counted; the rest goes on
├── QueueFull           come again in a moment: nothing of this was taken
├── StateConflict       another process holds this home, or changed the item first
│   ├── HeldByAnother   another process does this very thing: there is nothing left to do
│   └── Overtaken       what this was about went on meanwhile: look again, and do it anew
└── QueryInvalid        a person mends the SQL
    └── QueryMistaken   whatever the tables hold

A message names the source or file, the place, and the next step.
"""

from __future__ import annotations


class AtalaiaError(Exception):
    """The root. The command line prints its message without a traceback and exits with 1."""


class SettingsInvalid(AtalaiaError):
    """A settings, rules or places file cannot be used; `problems` has one line for each fault.

    Each problem reads ``file:line: what is wrong; what to do``.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class PayloadInvalid(AtalaiaError):
    """A payload, or a part of it, cannot be decoded. It is kept with this reason and counted."""


class QueueFull(AtalaiaError):
    """More has come than the store has kept so far; nothing of this push was taken."""


class StateConflict(AtalaiaError):
    """The home is held by another process, or belongs to another replay. Use another --home."""


class HeldByAnother(StateConflict):
    """Another process is at this very thing, and does what there is to do."""


class Overtaken(StateConflict):
    """What was to be written is about something that went on meanwhile: nothing was written."""


class QueryInvalid(AtalaiaError):
    """The SQL cannot be run; the message is the engine's own, and says where."""


class QueryMistaken(QueryInvalid):
    """It could not be run over tables without rows either: no file is at fault."""
