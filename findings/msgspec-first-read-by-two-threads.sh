#!/usr/bin/env bash
# msgspec 0.22.0 (CPython 3.11.7), run 2026-11-29.
#
# Expected: `msgspec.json.decode(data, type=T)` may be called from several threads.
# Seen: where two threads are the first to read a struct type, the process ends by SIGSEGV. msgspec
#   looks at a type when it is first decoded as it, and evaluates its annotations in Python, between
#   which another thread goes on with the half-made description.
# Why it matters: a server whose first two requests of a kind come at once dies, and passes all tests.
#   Make a `Decoder` of each type with its module, before there are threads.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check msgspec==0.22.0

cat >"$tmp/race.py" <<'PY'
from __future__ import annotations

import sys
import threading

import msgspec

IS_SAFE = sys.argv[1] == "decoder"
sys.setswitchinterval(1e-6)
FIELDS = "\n".join(f"    f{i}: dict[str, tuple[int, ...]] | None = None" for i in range(30))
SOURCE = f"""from __future__ import annotations
class Inner{{n}}(msgspec.Struct):
{FIELDS}
class Outer{{n}}(msgspec.Struct):
    a: Inner{{n}}
{FIELDS}
"""
for n in range(400):
    exec(SOURCE.format(n=n), globals())
    kind = globals()[f"Outer{n}"]
    if IS_SAFE:
        msgspec.json.Decoder(kind)
    start = threading.Barrier(3)

    def read() -> None:
        start.wait()
        msgspec.json.decode(b'{"a": {}}', type=kind)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
PY

set +e
{
  "$tmp/venv/bin/python" "$tmp/race.py" plain
  echo "read by three threads at once: exit $?"
  "$tmp/venv/bin/python" "$tmp/race.py" decoder
  echo "with a decoder made before: exit $?"
} >"$tmp/seen" 2>/dev/null
set -e
cat >"$tmp/expected" <<'TXT'
read by three threads at once: exit 139
with a decoder made before: exit 0
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: msgspec takes first reads at once now" >&2; exit 1; }
