"""A CycloneDX bill of materials of the page's npm packages, of their lock alone: no network.

python tools/page_sbom.py tools/page/package-lock.json build/sbom/page.cdx.json
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote


def bill(lock: dict[str, Any]) -> dict[str, Any]:
    """Of a package-lock.json of version 3: every package with version, hash and license."""
    components = [
        _component(path.rpartition("node_modules/")[2], one)
        for path, one in lock["packages"].items()
        if path
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "components": sorted(components, key=lambda one: one["bom-ref"]),
    }


def _component(name: str, one: dict[str, Any]) -> dict[str, Any]:
    method, _, digest = one["integrity"].partition("-")
    purl = f"pkg:npm/{quote(name)}@{one['version']}"
    told: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": one["version"],
        "purl": purl,
        "scope": "excluded" if one.get("dev") else "required",
        "hashes": [
            {
                "alg": f"SHA-{method.removeprefix('sha')}",
                "content": base64.b64decode(digest).hex(),
            }
        ],
    }
    if "license" in one:
        told["licenses"] = [{"expression": one["license"]}]
    return told


def main() -> int:
    source, target = map(Path, sys.argv[1:])
    target.parent.mkdir(parents=True, exist_ok=True)
    lock = json.loads(source.read_text("utf-8"))
    target.write_text(json.dumps(bill(lock), indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
