#!/usr/bin/env bash
# earthkit-meteo 1.2.1 (numpy 2.4.6), run 2026-11-30.
#
# Expected: the extreme forecast index of rain (EFI, -1 to 1) is near 0 where the forecast is what is usual: a dry day in a
#   place that is dry on four days of five. It nears 1 as all members pass what the climate has.
# Seen: with the function's own `eps` a dry day there is -1, as far from usual as can be, and a thousandth of a millimetre
#   in each member, which is a model's numerical noise, is +0.42. With `eps` at the least rain that counts both are
#   near 0. But where the climate has no rain at all, such an `eps` makes the index 0 for any forecast: the
#   first rain in the desert, 30 mm in each member, is "usual", and the shift of tails has no value.
# Why it matters: a drought watch by EFI is red on every ordinary dry day, and a heavy-rain watch sees noise; with the
#   remedy the flood in the desert, which kills, is not seen by either index.
# Way out: `eps=0.1` (mm) for rain; where the climate's greatest percentile is below it, compare amounts instead.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check earthkit-meteo==1.2.1 numpy==2.4.6

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
import numpy as np
from earthkit.meteo import extreme

# The climate's 101 percentiles in mm a day, and 51 members, at one place.
percent = np.arange(101.0)
CLIMATES = {"dry on 4 days of 5": np.maximum(percent - 80, 0), "never any rain": np.zeros(101)}
FORECASTS = {"dry": np.zeros(51), "0.001 mm in each": np.full(51, 0.001), "30 mm in each": np.full(51, 30.0)}
for place, climate in CLIMATES.items():
    for name, members in FORECASTS.items():
        usual, mended = (float(extreme.efi(climate[:, None], members[:, None], **way)[0]) for way in ({}, {"eps": 0.1}))
        tails = float(extreme.sot(climate[:, None], members[:, None], 90)[0])
        print(f"{place}, forecast {name}: EFI {usual:+.2f}, with eps {mended + 0.0:+.2f}, SOT {tails:.1f}")
PY

cat >"$tmp/expected" <<'TXT'
dry on 4 days of 5, forecast dry: EFI -1.00, with eps -0.07, SOT -2.1
dry on 4 days of 5, forecast 0.001 mm in each: EFI +0.42, with eps -0.06, SOT -2.1
dry on 4 days of 5, forecast 30 mm in each: EFI +1.00, with eps +1.00, SOT 1.2
never any rain, forecast dry: EFI -1.00, with eps +0.00, SOT nan
never any rain, forecast 0.001 mm in each: EFI +1.00, with eps +0.00, SOT nan
never any rain, forecast 30 mm in each: EFI +1.00, with eps +0.00, SOT nan
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: earthkit-meteo's EFI of rain is another one now" >&2; exit 1; }
