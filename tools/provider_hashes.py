"""Whether Terraform's providers are those that are known: by the hashes in infra/providers.json.

    python tools/provider_hashes.py infra

`terraform init` writes .terraform.lock.hcl, with the host that a provider came from, which differs
from machine to machine and so is not committed. What has to be the same is the provider: its
version, and a hash of what was unpacked (h1:…). Anything else is refused, before it is run.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

_PROVIDER = re.compile(
    r'provider "(?:[^"/]+/)?([^"/]+/[^"/]+)" \{(.*?)^\}', re.DOTALL | re.MULTILINE
)
_VERSION = re.compile(r'^\s*version\s*=\s*"([^"]+)"', re.MULTILINE)
_HASH = re.compile(r'"(h1:[A-Za-z0-9+/=]+)"')


def faults(lock: str, known: dict[str, dict[str, object]]) -> list[str]:
    """What of a lock is not as it is known, a line each; none where all is."""
    found = dict(_PROVIDER.findall(lock))
    told = [f"provider {name} is not in the lock" for name in known if name not in found]
    for name, body in found.items():
        one = known.get(name)
        version = _VERSION.search(body)
        if one is None:
            told.append(f"provider {name} is not known")
        elif version is None or version[1] != one["version"]:
            told.append(f"provider {name} has another version than {one['version']}")
        elif not set(_HASH.findall(body)) & set(one["hashes"]):  # type: ignore[call-overload]
            told.append(f"provider {name} {version[1]} has no hash that is known")
    return told


def main() -> int:
    folder = Path(sys.argv[1])
    known = json.loads((folder / "providers.json").read_text("utf-8"))
    try:
        told = faults((folder / ".terraform.lock.hcl").read_text("utf-8"), known)
    except FileNotFoundError:
        told = ["there is no .terraform.lock.hcl; run terraform init first"]
    for line in told:
        print(f"{folder}: {line}; look at it, and add its hash to providers.json", file=sys.stderr)
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
