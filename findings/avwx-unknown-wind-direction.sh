#!/usr/bin/env bash
# avwx-engine 1.9.10 against metar 2.0.2, run 2026-11-28.
#
# Expected: ///35KT, an automatic station whose vane is broken, costs the direction alone.
# Seen: avwx loses the direction, the speed and the visibility that follows: 35KT and 0800 lie
#   unread in `other`, without an error. With a gust (///35G50KT) it reads all three, and `metar`
#   reads both forms.
# Why it matters: one broken vane hides a gale and a fog at once, and only while no gust is
#   reported, so a test made with a gust does not find it.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check metar==2.0.2 avwx-engine==1.9.10

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
import avwx
from metar.Metar import Metar

for wind in ("23035KT", "///35G50KT", "///35KT"):
    text = f"LFRS 281200Z AUTO {wind} 0800 FG VV002 09/05 Q0987"
    m, a = Metar(text), avwx.Metar.from_report(text).data
    print(wind)
    print("  metar", m.wind_dir, m.wind_speed, m.wind_gust, m.vis, sep=" | ")
    print("  avwx ", *(v and v.value for v in (a.wind_direction, a.wind_speed, a.wind_gust, a.visibility)),
          a.other, sep=" | ")
PY

cat >"$tmp/expected" <<'TXT'
23035KT
  metar | 230 degrees | 35 knots | None | 800 meters
  avwx  | 230 | 35 | None | 800 | []
///35G50KT
  metar | None | 35 knots | 50 knots | 800 meters
  avwx  | None | 35 | 50 | 800 | []
///35KT
  metar | None | 35 knots | None | 800 meters
  avwx  | None | None | None | None | ['35KT', '0800']
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: avwx reads an unknown direction otherwise now" >&2; exit 1; }
