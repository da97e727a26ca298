"""Installs Atalaia as docs/operations.md says, and as service/Containerfile does, and asks it.

    sudo python tools/installed.py [service] [image]

Each in a small Debian of its own (debootstrap) in a temporary folder. `service` boots it with
systemd (systemd-nspawn) and types every command of the page's sections there, in their order;
`image` does each step of the Containerfile, in place of an engine that builds it, and starts what
it starts: without root and capabilities, on a root that cannot be written. Exit code 1 where what
came of it is not ready. Minutes, most of them downloads; nothing of this machine is changed.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "operations.md"
CONTAINERFILE = ROOT / "service" / "Containerfile"
SECTIONS = ("Install it as a service", "Back up", "Restore, or move to another machine", "Upgrade")
DEBIAN = "http://deb.debian.org/debian"
ASK = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8420/readyz').status)"
_NSPAWN = ("systemd-nspawn", "-q", "--register=no", "--keep-unit")
_PATIENCE_S = 180


def debian(root: Path, *packages: str) -> None:
    """A Debian with these packages, with this machine's certificates and names."""
    include = ",".join(("python3-venv", "ca-certificates", *packages))
    done = subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={include}", "bookworm", str(root), DEBIAN],
        stdout=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit("no Debian could be had: debootstrap and its mirror are needed")
    for file in ("etc/ssl/certs/ca-certificates.crt", "etc/pip.conf"):
        if Path("/", file).exists():
            (root / file).write_bytes(Path("/", file).read_bytes())


def commands(section: str) -> str:
    """The first block of commands of a section of the page."""
    text = PAGE.read_text("utf-8")
    found = re.search(rf"^## {section}.*?^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise SystemExit(f"{PAGE.name}: no commands under {section!r}")
    return found[1]


def leader_of(process: subprocess.Popen[bytes]) -> str:
    """The first process in there."""
    for _ in range(100):
        found = subprocess.run(
            ["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False
        )
        if found.stdout:
            return found.stdout.split()[0]
        time.sleep(0.1)
    raise SystemExit("systemd-nspawn started nothing")


def inside(leader: str, script: str, *, echo: bool = False) -> subprocess.CompletedProcess[str]:
    """Type it into a shell in there."""
    path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    shell = ["/bin/bash", "-exc" if echo else "-c", f"cd /root/atalaia && {script}"]
    command = ["nsenter", "-t", leader, "-a", "env", "-i", "HOME=/root", path, *shell]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def until_ready(leader: str, python: str) -> None:
    """Wait for its API, asked from in there."""
    began = time.monotonic()
    while inside(leader, f'{python} -c "{ASK}"').stdout.strip() != "200":
        if time.monotonic() - began > _PATIENCE_S:
            raise SystemExit("it does not become ready")
        time.sleep(1)


@contextmanager
def running(command: list[str]) -> Iterator[str]:
    """Its leader."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    ) as process:
        try:
            yield leader_of(process)
        finally:
            process.terminate()


def service(root: Path) -> None:
    """What the page says, section by section."""
    debian(root, "systemd-sysv", "dbus", "sudo")
    (root / "etc" / "hosts").write_text("127.0.0.1 localhost\n")
    (root / "etc" / "hostname").write_text("localhost\n")
    subprocess.run(["git", "clone", "-q", str(ROOT), str(root / "root" / "atalaia")], check=True)
    with running([*_NSPAWN, "-D", str(root), "--hostname=localhost", "--boot"]) as leader:
        for _ in range(_PATIENCE_S):
            if inside(leader, "systemctl is-system-running").stdout.strip() == "running":
                break
            time.sleep(1)
        for section in SECTIONS:
            kept = inside(leader, "ls /other/atalaia-keys").stdout.split()
            script = re.sub(r"keys-\d+T\d+Z", kept[-1] if kept else "", commands(section))
            done = inside(leader, re.sub(r"^atalaia doctor.*$", "", script, flags=re.M), echo=True)
            if done.returncode:
                raise SystemExit(f"{section}: {done.stderr[-2000:]}")
            until_ready(leader, "python3")
            told = inside(leader, "atalaia doctor").stdout
            wrong = [x for x in told.splitlines() if x.startswith("WRONG") and "source" not in x]
            if wrong or "ok    watch" not in told:
                raise SystemExit(f"{section}: {told}")
            print(f"{section}: ready, and the doctor finds nothing")
        rated = inside(leader, "systemd-analyze security atalaia").stdout.strip().splitlines()
        print(rated[-1].encode("ascii", "ignore").decode().strip())


def copy(into: Path, what: list[str]) -> None:
    """What a line of COPY names, from the clone."""
    *sources, to = what
    target = into / to
    if to.endswith("/"):
        target.mkdir(parents=True, exist_ok=True)
    for source in sources:
        subprocess.run(["cp", "-r", str(ROOT / source), str(target)], check=True)


def image(root: Path) -> None:
    """Each step of the Containerfile; both of its stages are in one root."""
    debian(root)
    (root / "usr" / "local" / "bin" / "python").symlink_to("/usr/bin/python3")
    text = CONTAINERFILE.read_text("utf-8").replace("\\\n", " ")
    steps = [line.split(None, 1) for line in text.splitlines() if line and line[0] != "#"]
    folder, user, environment, entry, health = "/", "root", [], [], ""
    for step, what in steps:
        match step:
            case "WORKDIR":
                folder = what
                (root / what[1:]).mkdir(parents=True, exist_ok=True)
            case "COPY" if not what.startswith("--from"):
                copy(root / folder[1:], what.split())
            case "RUN":
                shell = ["/bin/sh", "-c", f"cd {folder} && {what}"]
                subprocess.run([*_NSPAWN, "-D", str(root), *shell], check=True)
            case "USER":
                user = what
            case "ENV":
                environment = [f"--setenv={each}" for each in shlex.split(what)]
            case "ENTRYPOINT" | "CMD":
                entry += re.findall(r'"([^"]*)"', what)
            case "HEALTHCHECK":
                health = shlex.join(re.findall(r'"([^"]*)"', what))
    name = next(
        line.split(":")[0]
        for line in (root / "etc" / "passwd").read_text("ascii").splitlines()
        if line.split(":")[2] == user.split(":")[0]
    )
    volume = root.with_name("volume")
    volume.mkdir(mode=0o700)
    os.chown(volume, *map(int, user.split(":")))
    bounds = [f"--user={name}", "--read-only", "--tmpfs=/tmp", f"--bind={volume}:/var/lib/atalaia"]
    bounds += ["--drop-capability=all", "--no-new-privileges=yes", "--private-network"]
    (root / "root" / "atalaia").mkdir()
    with running([*_NSPAWN, "-D", str(root), *bounds, *environment, *entry]) as leader:
        began = time.monotonic()
        while inside(leader, health).returncode:
            if time.monotonic() - began > _PATIENCE_S:
                raise SystemExit("its health check does not become well")
            time.sleep(1)
        status = Path(f"/proc/{leader}/status").read_text("ascii")
        told = re.findall(r"^(?:Uid|CapBnd|NoNewPrivs):.*$", status, re.MULTILINE)
        written = inside(leader, "touch /opt/atalaia/x").returncode == 0
        print(f"the image: healthy; {'; '.join(' '.join(one.split()) for one in told)}")
        if written:
            raise SystemExit("its root can be written")


def main() -> None:
    """Those that are asked for, or both."""
    for name in sys.argv[1:] or ["service", "image"]:
        with tempfile.TemporaryDirectory() as folder:
            {"service": service, "image": image}[name](Path(folder, "root"))


if __name__ == "__main__":
    main()
