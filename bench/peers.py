"""Peers that are no packages of ours: each in an environment of its own, made when a bench asks.

``requirements/peers-NAME.txt`` locks what is in ``build/peers/NAME``. A bench runs its peer there
as a process of its own, and is a comparison less where a registry does not have it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def environment(name: str) -> Path | None:
    """The environment's Python, with the locked packages as they are now.

    None where they cannot be had, said aloud: no wheel for this machine, or no registry.
    """
    locked = ROOT / "requirements" / f"peers-{name}.txt"
    folder = ROOT / "build" / "peers" / name
    python, made_of = folder / "bin" / "python", folder / "made-of.txt"
    if made_of.exists() and made_of.read_bytes() == locked.read_bytes():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    uv = Path(sys.executable).with_name("uv")
    install = ("pip", "install", "--quiet", "--only-binary", ":all:", "--require-hashes")
    try:
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
        subprocess.run([uv, *install, "--python", python, "-r", locked], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        what = locked.relative_to(ROOT)
        print(f"NOT COMPARED: the peers in {what} cannot be had: {error}", file=sys.stderr)
        return None
    shutil.copyfile(locked, made_of)
    return python
