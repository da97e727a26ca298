"""The command ``atalaia``, also as ``python -m atalaia``: so little that Ctrl-C has a meaning
before all else is loaded."""

from __future__ import annotations

import atexit
import gc
import os

_SELDOM = 200_000
"""Objects until Python looks for rings of garbage among them: a command loads fifty thousand, which
stay, and a storm makes others by the ten thousand, none of them in rings."""


def main() -> None:
    """See `cli.main`."""
    try:
        _made_short()
        from atalaia.cli import main as command  # noqa: PLC0415
        from atalaia.cli.interrupt import ending_at_once  # noqa: PLC0415

        with ending_at_once():
            command()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _made_short() -> None:
    """Leave out what a process does to no end: a quarter of a short answer."""
    gc.set_threshold(_SELDOM, *gc.get_threshold()[1:])
    # In the end Python looks twice through all that there is, which goes with the process.
    atexit.register(gc.freeze)
    # Each thread of NumPy's OpenBLAS looks for work for 25 ms before it sleeps; so it sleeps.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")


if __name__ == "__main__":
    main()
