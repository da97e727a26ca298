"""Build the packages of the Lambda functions, from the same locked versions as everything else.

    .venv/bin/python tools/lambda_zip.py [build/lambda]

writes watch.zip, batch.zip, people.zip and serving.zip: each has Atalaia and the packages that its
functions import, for Python 3.12 on arm64, with their bytecode, and is well under 150 MB unpacked.
The folder listen/ has what the task that listens imports; service/Containerfile.listen takes it.
And rebuild.gluewheels.zip, the wheels that Glue's job installs, for Python 3.11 on x86_64. The same
files make the same bytes, so that nothing is deployed again that has not changed.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UV = ROOT / ".venv" / "bin" / "uv"
LOCKS = ("run.txt", "dev.txt")
"""What is in the second alone are boto3 and its own, the extra `aws`."""

PYTHON = "3.12"
"""Of Lambda; Glue's is `GLUE_PYTHON`."""
PLATFORM = "aarch64-manylinux_2_28"
MOST_BYTES = 150_000_000

ALWAYS = (
    "botocore", "jmespath", "python-dateutil", "six", "urllib3",
    "cffi", "cryptography", "lxml", "msgspec", "numpy", "prometheus-client", "pycparser",
    "structlog", "thermofeel", "typing-extensions", "tzdata", "zstandard",
)  # fmt: skip
HTTP = (
    "aiohttp", "aiohappyeyeballs", "aiosignal", "attrs", "frozenlist", "idna", "multidict",
    "propcache", "yarl",
)  # fmt: skip
PEOPLE = (
    *ALWAYS, *HTTP, "boto3", "s3transfer",
    "aiosmtplib", "apsw", "httptools", "markdown-it-py", "mdurl", "pygments", "rich",
)  # fmt: skip
PACKAGES: dict[str, tuple[str, ...]] = {
    # poll and detect
    "watch": (*ALWAYS, *HTTP),
    # archive and refine
    "batch": (*ALWAYS, "duckdb"),
    # fan-out and deliver
    "people": PEOPLE,
    # api
    "serving": (
        *PEOPLE,
        "annotated-doc", "annotated-types", "anyio", "fastapi", "opentelemetry-api",
        "pydantic", "pydantic-core", "resvg-py", "starlette", "typing-inspection",
    ),
}  # fmt: skip

LISTEN = "listen"
"""Laid into a folder: a task has an image, and no zip."""
PACKAGES[LISTEN] = (*ALWAYS, *HTTP, "paho-mqtt")

GLUE_PYTHON = "3.11"
GLUE_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64")
GLUE = (
    "cffi", "cryptography", "duckdb", "lxml", "msgspec", "numpy", "prometheus-client", "pycparser",
    "structlog", "thermofeel", "typing-extensions", "tzdata", "zstandard",
)  # fmt: skip
"""What the job imports (run/aws/rebuild.py); PySpark and boto3 are Glue's own."""

_ANSWERS = re.compile(
    r"^atalaia/(data/((gazetteer|municipalities)\.zst|fonts/.*|.*\.po)|(api|page|report)/.*)$"
)
NOT_IN = {"watch": _ANSWERS, "batch": _ANSWERS, LISTEN: _ANSWERS, "rebuild": _ANSWERS}
"""Files of Atalaia's own that a package does without: nobody asks these functions anything."""

SERVICES = (
    "athena", "dynamodb", "kinesis", "kms", "s3", "secretsmanager", "ses", "sesv2", "sns", "sqs",
    "sts",
)  # fmt: skip
"""Of botocore's descriptions of AWS, those that are called; the others are 20 MB."""

NOT_NEEDED = re.compile(
    r"(^|/)(__pycache__|tests?|numpy/f2py|numpy/_core/include|bin)/"
    r"|^numpy/(fft|ma|polynomial|random|testing)/"  # only climates and scores draw lots
    r"|^lxml/(includes|html|isoschematron|objectify)"
    r"|\.(pyi|pyx|pxd|pxi|c|h|a)$"
    r"|\.dist-info/RECORD$"
    r"|^aiohttp/_websocket/.*\.so$"  # no web sockets; aiohttp has the same in Python
    r"|^zstandard/_cffi\."  # the C backend is the one that is used
    r"|^atalaia/(cli|replay)/"  # nobody gives a function commands
)


def build(name: str, target: Path) -> int:
    """Write one package to `target`; return its size unpacked, in bytes."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "package"
        assemble(name, folder)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        _zip(folder, files, target)
        return sum(path.stat().st_size for path in files)


def assemble(name: str, folder: Path) -> None:
    """Lay the files of one package into a new folder."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as requirements:
        requirements.write("\n".join(_locked(PACKAGES[name])))
        requirements.flush()
        subprocess.run(
            [
                UV, "pip", "install", "--quiet", "--no-deps", "--require-hashes",
                "--only-binary", ":all:", "--python-version", PYTHON,
                # A link would be to the file that every other environment has, too.
                "--python-platform", PLATFORM, "--link-mode", "copy", "--target", folder,
                "-r", requirements.name,
            ],
            check=True,
        )  # fmt: skip
    shutil.copytree(ROOT / "src" / "atalaia", folder / "atalaia")
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if not _is_needed(path.relative_to(folder), name):
            path.unlink()
        elif ".so" in path.name:
            path.write_bytes(stripped(path.read_bytes()))
    _compile(folder)


def build_wheels(target: Path) -> int:
    """Write the wheels of Glue's job as Glue takes them; return their size in bytes."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "wheels"
        folder.mkdir()
        requirements = Path(work) / "requirements.txt"
        requirements.write_text("\n".join(_of_python(_locked(GLUE), GLUE_PYTHON)), "utf-8")
        platforms = [word for name in GLUE_PLATFORMS for word in ("--platform", name)]
        subprocess.run(
            [
                sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
                "--no-deps", "--require-hashes", "--only-binary", ":all:",
                "--python-version", GLUE_PYTHON, *platforms,
                "--dest", folder, "-r", requirements,
            ],
            check=True,
        )  # fmt: skip
        _own_wheel(folder)
        names = sorted(path.name.split("-")[:2] for path in folder.glob("*.whl"))
        text = "".join(f"{name}=={version}\n" for name, version in names)
        (folder / "requirements.txt").write_text(text, "utf-8")
        files = sorted(folder.iterdir())
        _zip(Path(work), files, target)
        return sum(path.stat().st_size for path in files)


def _own_wheel(folder: Path) -> None:
    """Atalaia as a wheel that asks for nothing: what the job imports lies beside it."""
    text = (ROOT / "src" / "atalaia" / "__init__.py").read_text("utf-8")
    version = re.findall(r'^__version__ = "(.+)"', text, re.MULTILINE)[0]
    info = f"atalaia-{version}.dist-info"
    source = ROOT / "src"
    files = {
        path.relative_to(source).as_posix(): path.read_bytes()
        for path in sorted((source / "atalaia").rglob("*"))
        if path.is_file() and _is_needed(path.relative_to(source), "rebuild")
    }
    metadata = f"Metadata-Version: 2.1\nName: atalaia\nVersion: {version}\n"
    files[f"{info}/METADATA"] = metadata.encode()
    wheel = "Wheel-Version: 1.0\nGenerator: atalaia\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/WHEEL"] = wheel.encode()
    record = "".join(f"{name},{_hash(body)},{len(body)}\n" for name, body in files.items())
    files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    _write_zip(folder / f"atalaia-{version}-py3-none-any.whl", files.items())


def _hash(body: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest())
    return f"sha256={digest.decode().rstrip('=')}"


def _of_python(blocks: list[str], python: str) -> list[str]:
    """The requirements that are for this Python. Pip would ask the one that it runs in."""
    now = tuple(map(int, python.split(".")))
    chosen = []
    for block in blocks:
        asked = re.search(r"python_full_version (<|>=) '(\d+)\.(\d+)'", block)
        if asked:
            is_below = now < (int(asked[2]), int(asked[3]))
            if is_below != (asked[1] == "<"):
                continue
        chosen.append(re.sub(r" ;.*?(?= \\$)", "", block, count=1, flags=re.MULTILINE))
    return chosen


def _locked(wanted: tuple[str, ...]) -> list[str]:
    """The requirements of these packages, with their hashes, as the lock files have them."""
    found: dict[str, list[str]] = {}
    for lock in LOCKS:
        text = (ROOT / "requirements" / lock).read_text("utf-8")
        here: dict[str, list[str]] = {}
        for block in re.findall(r"^[a-z0-9].*?(?=^[a-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL):
            here.setdefault(re.split(r"[=\[ ;]", block, maxsplit=1)[0], []).append(block.rstrip())
        found = here | found
    missing = [name for name in wanted if name not in found]
    if missing:
        sys.exit(f"requirements/ has no {', '.join(missing)}; run `make lock`")
    return [block for name in wanted for block in found[name]]


def _is_needed(path: Path, package: str) -> bool:
    left_out = (NOT_NEEDED, NOT_IN[package]) if package in NOT_IN else (NOT_NEEDED,)
    if any(pattern.search(path.as_posix()) for pattern in left_out):
        return False
    is_description = path.parts[:2] == ("botocore", "data") and len(path.parts) > 3
    return not is_description or path.parts[2] in SERVICES


def stripped(body: bytes) -> bytes:
    """A shared library for 64 bits without what lies behind the last part that is ever loaded:
    symbols for debuggers, and the table of sections, which is for linkers."""
    if body[:5] != b"\x7fELF\x02":
        return body
    first, *_ = struct.unpack_from("<Q", body, 32)
    size, number = struct.unpack_from("<HH", body, 54)
    parts = [struct.unpack_from("<IIQQQQ", body, first + i * size) for i in range(number)]
    end = max(offset + length for _, _, offset, _, _, length in parts)
    head = bytearray(body[:end])
    struct.pack_into("<Q", head, 40, 0)  # where the sections' table lies
    struct.pack_into("<HHH", head, 58, 0, 0, 0)  # its entries' size, their number, their names
    return bytes(head)


def _compile(folder: Path) -> None:
    """Bytecode beside the sources: Lambda cannot keep any, and would compile at each cold start.

    It is checked against no source and no time, as both come from this package alone.
    """
    found = subprocess.run(
        [UV, "python", "find", "--no-python-downloads", PYTHON],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if found.returncode:
        print(
            f"there is no Python {PYTHON} here to compile with: cold starts take some two seconds "
            f"more. Install it ({UV} python install {PYTHON}), and build again",
            file=sys.stderr,
        )
        return
    subprocess.run(
        [
            found.stdout.strip(), "-I", "-m", "compileall", "-q", "-f",
            "--invalidation-mode", "unchecked-hash", "-s", folder, "-p", "/var/task", folder,
        ],
        check=True,
    )  # fmt: skip


def _zip(folder: Path, files: list[Path], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    _write_zip(target, ((path.relative_to(folder).as_posix(), path.read_bytes()) for path in files))


def _write_zip(target: Path, files: Iterable[tuple[str, bytes]]) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as package:
        for name, body in files:
            # A time of its own would make other bytes of the same files.
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            package.writestr(entry, body)


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "lambda"
    laid = target / LISTEN
    shutil.rmtree(laid, ignore_errors=True)
    assemble(LISTEN, laid)
    size = sum(path.stat().st_size for path in laid.rglob("*") if path.is_file())
    print(f"{laid}: {size / 1e6:.0f} MB")
    for name in (name for name in PACKAGES if name != LISTEN):
        file = target / f"{name}.zip"
        size = build(name, file)
        print(f"{file}: {size / 1e6:.0f} MB unpacked, {file.stat().st_size / 1e6:.0f} MB zipped")
        if size > MOST_BYTES:
            sys.exit(f"{file} is over {MOST_BYTES / 1e6:.0f} MB unpacked; leave something out")
    file = target / "rebuild.gluewheels.zip"
    print(f"{file}: {build_wheels(file) / 1e6:.0f} MB of wheels")


if __name__ == "__main__":
    main()
