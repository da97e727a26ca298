"""What the process says of itself: to stderr, with what looks like an address or a key masked."""

from __future__ import annotations

import logging
import os
import sys
from functools import cached_property
from typing import Any

from atalaia.redact import redact, redact_event
from atalaia.translated import translated

_LOUD = ("warning", "error", "exception", "critical")
"""What somebody might want to see to."""


class Logger:
    """structlog's, which is loaded when something is said: it brings rich's tracebacks, pygments
    and asyncio, and most commands that ask for something have nothing to log.

    What cannot be written, as a disk is full or memory short, stops nobody who says it. How many
    lines that were is said with the next one that can be.
    """

    _unsaid = 0  # by all of them

    def __init__(self, **values: object) -> None:
        self._values = values

    @cached_property
    def _log(self) -> Any:
        import structlog  # noqa: PLC0415  as above

        return structlog.get_logger(**self._values)

    def info(self, event: str, **values: object) -> None:
        """What goes as it should."""
        self._say("info", event, values)

    def warning(self, event: str, **values: object) -> None:
        """What somebody might want to see to."""
        self._say("warning", event, values)

    def error(self, event: str, **values: object) -> None:
        """What does not go on by itself."""
        self._say("error", event, values)

    def exception(self, event: str, **values: object) -> None:
        """A fault of ours, with the traceback of what is being handled."""
        self._say("exception", event, values)

    def _say(self, how: str, event: str, values: dict[str, object]) -> None:
        try:
            if (unsaid := Logger._unsaid) > 0:
                self._log.warning("lines came late, or not at all", lines=unsaid)
                Logger._unsaid -= unsaid
            getattr(self._log, how)(event, **values)
        except (OSError, MemoryError):
            Logger._unsaid += 1


def configure_logs() -> None:
    """Logs to stderr: for people on a terminal, else one line of ``key=value`` an event.

    On a terminal a warning is said in the language that is spoken, beside its event's name.

    What libraries log (asyncio, aiohttp, uvicorn) goes the same way, from warnings on.
    """
    import structlog  # noqa: PLC0415  see `Logger`

    is_terminal = sys.stderr.isatty()
    render: Any = (
        structlog.dev.ConsoleRenderer(
            colors="NO_COLOR" not in os.environ,
        )
        if is_terminal
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
    )
    processors: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Before anything is shown, for a traceback may quote an address; without local variables,
        # which would show keys.
        structlog.processors.format_exc_info,
        redact_event,
    ]
    if is_terminal:
        processors.append(_says)
    structlog.configure(
        processors=[*processors, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    others = logging.StreamHandler(sys.stderr)
    others.setFormatter(_Masked("%(name)s: %(levelname)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[others], force=True)
    # It tells of each fault in a request what `api.problem` has told already.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)


def _says(_log: Any, level: str, event: dict[str, Any]) -> dict[str, Any]:
    name = str(event["event"])
    said = translated(name) if level in _LOUD else name
    return event if said == name else {**event, "says": said}


class _Masked(logging.Formatter):
    """Tracebacks of libraries may quote an address, too."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))
