"""Whether bills of materials are valid CycloneDX, by the schema of the version that each names.

    python tools/valid_sbom.py FILE…

To be run where cyclonedx-python-lib is, as `make sbom` does. Exit code 1: one is not.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def main() -> int:
    wrong = 0
    for name in sys.argv[1:]:
        text = Path(name).read_text("utf-8")
        version = json.loads(text)["specVersion"]
        error = JsonStrictValidator(SchemaVersion.from_version(version)).validate_str(text)
        print(f"{name}: CycloneDX {version}, {f'WRONG: {error}' if error else 'valid'}")
        wrong += error is not None
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
