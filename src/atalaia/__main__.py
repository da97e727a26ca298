"""The command ``atalaia``, also as ``python -m atalaia``: so little that Ctrl-C has a meaning
before all else is loaded."""

from __future__ import annotations


def main() -> None:
    """See `cli.main`."""
    try:
        from atalaia.cli import main as command  # noqa: PLC0415
        from atalaia.cli.interrupt import ending_at_once  # noqa: PLC0415

        with ending_at_once():
            command()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
