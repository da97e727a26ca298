"""What advisories there are of the locked packages: asked of PyPI's database and of npm's.

    python tools/audit.py FOLDER

writes what was answered into FOLDER, and says it. Exit code 1: there are advisories. Who cannot be
asked is told with NOT AUDITED, and is no fault: pip-audit without its database says that it knows
of no vulnerability, and that it went well. Nothing is waited for longer than `LIMIT_S`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PIP_AUDIT = "pip-audit==2.9.0"
LIMIT_S = 180


def main() -> int:
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    uv = Path(sys.executable).with_name("uv")
    python: list[str | Path] = [
        *(uv, "tool", "run", "--quiet", "--from", PIP_AUDIT, "pip-audit", "--progress-spinner=off"),
        *("--disable-pip", "--require-hashes", "--format=json"),
        *("-r", ROOT / "requirements/run.txt"),
    ]
    said = asked(python, folder / "python.json")
    found = [told_of_python(said)]
    npm = [sys.executable, ROOT / "tools/npm.py", "--audit", ROOT / "tools/page", folder / "npm"]
    found.append(told_of_npm(asked(npm, folder / "npm.txt")))
    return max(found)


def asked(command: Sequence[str | Path], file: Path) -> str | None:
    """What a command answers, kept in a file; None where it does not in time."""
    try:
        said = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=False, timeout=LIMIT_S, cwd=ROOT
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    file.write_text(said, "utf-8")
    return said


def told_of_python(said: str | None) -> int:
    """Say what pip-audit's JSON has; 1: there are advisories."""
    try:
        packages: list[dict[str, Any]] = json.loads(said or "")["dependencies"]
    except (ValueError, KeyError):
        return _not_audited("Python", "the advisory database cannot be reached")
    skipped = [one["name"] for one in packages if "skip_reason" in one]
    if skipped or not packages:
        _not_audited("Python", f"{len(skipped)} of {len(packages)} packages have no answer")
    hit = [one for one in packages if one.get("vulns")]
    for one in hit:
        print(f"{one['name']} {one['version']}: {', '.join(v['id'] for v in one['vulns'])}")
    if not hit and packages and not skipped:
        print(f"requirements/run.txt: no advisory of {len(packages)} packages")
    return int(bool(hit))


def told_of_npm(said: str | None) -> int:
    """Say what `tools/npm.py --audit` said (it tells by itself whom it cannot ask)."""
    if said is None:
        return _not_audited("page", "npm's advisory database does not answer")
    print(said, end="")
    return int(
        bool(said) and ": 0 info, 0 low, 0 moderate, 0 high, 0 critical, 0 total" not in said
    )


def _not_audited(what: str, why: str) -> int:
    print(f"NOT AUDITED: {what} packages: {why}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
