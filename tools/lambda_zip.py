"""Build the packages of the Lambda functions, from the same locked versions as everything else.

    .venv/bin/python tools/lambda_zip.py [build/lambda]

writes watch.zip, people.zip and serving.zip: each has Atalaia and the packages that its functions
import, for Python 3.12 on arm64, and is under 150 MB unpacked. The same files make the same bytes,
so that nothing is deployed again that has not changed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UV = ROOT / ".venv" / "bin" / "uv"
LOCKS = ("run.txt", "dev.txt")
"""What is in the second alone are boto3 and its own, the extra `aws`."""

PYTHON = "3.12"
PLATFORM = "aarch64-manylinux_2_28"
MOST_BYTES = 150_000_000

ALWAYS = (
    "boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3",
    "aiohttp", "aiohappyeyeballs", "aiosignal", "attrs", "frozenlist", "idna", "multidict",
    "propcache", "yarl",
    "cffi", "cryptography", "lxml", "msgspec", "numpy", "prometheus-client", "pycparser",
    "structlog", "thermofeel", "typing-extensions", "tzdata", "zstandard",
)  # fmt: skip
PACKAGES: dict[str, tuple[str, ...]] = {
    # poll, detect, archive, refine. Rules may name the climate, which DuckDB reads.
    "watch": (*ALWAYS, "duckdb"),
    # fan-out and deliver
    "people": (
        *ALWAYS, "aiosmtplib", "apsw", "markdown-it-py", "mdurl", "pygments", "rich",
    ),
    # api
    "serving": (
        *ALWAYS, "aiosmtplib", "apsw", "markdown-it-py", "mdurl", "pygments", "rich",
        "annotated-doc", "annotated-types", "anyio", "fastapi", "opentelemetry-api",
        "pydantic", "pydantic-core", "starlette", "typing-inspection",
    ),
}  # fmt: skip

NOT_IN = {
    "watch": re.compile(r"^atalaia/(data/gazetteer\.zst|serving/.*\.(js|css|html|json|svg))$")
}
"""Files of Atalaia's own that a package does without: nobody writes to these functions."""

SERVICES = (
    "athena", "dynamodb", "kinesis", "kms", "s3", "secretsmanager", "ses", "sesv2", "sns", "sqs",
    "sts",
)  # fmt: skip
"""Of botocore's descriptions of AWS, those that are called; the others are 20 MB."""

NOT_NEEDED = re.compile(
    r"(^|/)(__pycache__|tests?|numpy/f2py|numpy/_core/include|numpy/typing|bin)/"
    r"|^lxml/(includes|html|isoschematron|objectify)"
    r"|\.(pyi|pyx|pxd|pxi|c|h|a)$"
    r"|\.dist-info/RECORD$"
    r"|^aiohttp/_websocket/.*\.so$"  # no web sockets; aiohttp has the same in Python
    r"|^zstandard/_cffi\."  # the C backend is the one that is used
)


def build(name: str, target: Path) -> int:
    """Write one package to `target`; return its size unpacked, in bytes."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "package"
        requirements = Path(work) / "requirements.txt"
        requirements.write_text("\n".join(_locked(PACKAGES[name])), "utf-8")
        subprocess.run(
            [
                UV, "pip", "install", "--quiet", "--no-deps", "--require-hashes",
                "--only-binary", ":all:", "--python-version", PYTHON,
                "--python-platform", PLATFORM, "--target", folder, "-r", requirements,
            ],
            check=True,
        )  # fmt: skip
        shutil.copytree(ROOT / "src" / "atalaia", folder / "atalaia")
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        kept = [path for path in files if _is_needed(path.relative_to(folder), name)]
        _zip(folder, kept, target)
        return sum(path.stat().st_size for path in kept)


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


def _zip(folder: Path, files: list[Path], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as package:
        for path in files:
            # A time of its own would make other bytes of the same files.
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            package.writestr(entry, path.read_bytes())


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "lambda"
    for name in PACKAGES:
        file = target / f"{name}.zip"
        size = build(name, file)
        print(f"{file}: {size / 1e6:.0f} MB unpacked, {file.stat().st_size / 1e6:.0f} MB zipped")
        if size > MOST_BYTES:
            sys.exit(f"{file} is over {MOST_BYTES / 1e6:.0f} MB unpacked; leave something out")


if __name__ == "__main__":
    main()
