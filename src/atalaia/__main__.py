"""``python -m atalaia`` is the command ``atalaia``."""

from atalaia.cli import main

main()
