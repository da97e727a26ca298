#!/usr/bin/env bash
# Babel 2.18.0 against the ICU of Node.js (seen with 78.2), run 2026-11-28.
#
# Expected: hazards listed in Spanish follow the language: "viento e inundación", since "y" becomes
#   "e" before the sound i, and "o" becomes "u" before o.
# Seen: Babel writes "viento y inundación" and "viento o oleaje"; ICU's list format, on the same
#   locale data, writes both rightly.
# Why it matters: floods and rough seas (inundación, oleaje) are hazards of every coast, and a public
#   warning with such a mistake reads like a fake one. Join the last two words by a rule of your own.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check babel==2.18.0
command -v node >/dev/null || apt-get install -y -qq nodejs >&2

{
    "$tmp/venv/bin/python" - <<'PY'
from babel.lists import format_list

print("Babel:", format_list(["viento", "inundación"], locale="es"), "|", format_list(["viento", "oleaje"], "or", locale="es"))
PY
    node - <<'JS'
const list = (type, ...words) => new Intl.ListFormat("es", { type }).format(words);
console.log("ICU:  ", list("conjunction", "viento", "inundación"), "|", list("disjunction", "viento", "oleaje"));
JS
} >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
Babel: viento y inundación | viento o oleaje
ICU:   viento e inundación | viento u oleaje
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: Spanish lists are written otherwise now" >&2; exit 1; }
