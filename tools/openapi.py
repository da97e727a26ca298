"""Write the description of the API to the file that is named (docs/openapi.json)."""

from __future__ import annotations

import sys
from pathlib import Path

from atalaia.api.described import described

Path(sys.argv[1]).write_text(described(), "utf-8")
