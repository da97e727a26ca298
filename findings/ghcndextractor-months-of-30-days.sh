#!/usr/bin/env bash
# ghcndextractor 0.2, run 2026-11-30.
#
# Expected: a line of GHCN-Daily has 31 values, VALUE1 to VALUE31 (its readme.txt, section III), each with flags of its own; a
#   month read from it has the days that it has, its sum has their rain, and what failed the archive's own check
#   (a letter in QFLAG) is marked as such or left out.
# Seen: 30 are read. The 31st is not there, not even when it is asked for, and neither are its 143 mm in the month's sum
#   nor its 41.1 degrees in the mean; the sum has the 900 mm that the archive refused. Days as CSV are one line a month,
#   the 30th, as if only that had been measured; February's is its 30th, without a value.
# Why it matters: seven days a year are never there. A record that fell on a 31st did not happen, a limit drawn from the
#   series has never seen it, and what stands beside other stations' sums is short or far too wet.
# Way out: `measurements.fileMeasurements` for days, with the flag; the 31st from the line's own columns 262 to 266.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check setuptools==80.9.0 ghcndextractor==0.2

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
from ghcndextractor import ghcndextractor

MISSING = "-9999   "


def line(month, element, values):
    text = f"BR0015470042025{month}{element}" + "".join(values)
    assert len(text) == 269  # as the readme.txt has it
    return text + "\n"


def value(number, quality=" "):
    return f"{number:>5} {quality}B"


# Rain in tenths of a millimetre, temperature in tenths of a degree. All days are dry and of 30 degrees but these.
RAIN, HEAT = [value(0)] * 31, [value(300)] * 31
RAIN[9], RAIN[20], RAIN[30], HEAT[30] = value(120), value(9000, "X"), value(1430), value(411)
for month, days in (("02", 28), ("11", 30), ("12", 31)):
    missing = [MISSING] * (31 - days)
    ghcndextractor.readRow(line(month, "PRCP", RAIN[:days] + missing))
    ghcndextractor.readRow(line(month, "TMAX", HEAT[:days] + missing))

print("of December, written: 10th 12.0 mm, 21st 900.0 mm (failed the archive's check), 31st 143.0 mm and 41.1 degrees")
days = [one for one in ghcndextractor.getDailyData(["12"], []) if one["month"] == "12"]
print("read:", len(days), "days; with rain:", ", ".join(f"{one['day']}th {int(one['prcp']) / 10} mm" for one in days if one["prcp"] != "0"))
print("the 31st alone:", ghcndextractor.getDailyData(["12"], ["31"]))
for one in ghcndextractor.getMonthlyData(["12"], []):
    print(f"its sum: {one['sumPrcp'] / 10} mm, its mean: {one['avgTmax']} degrees")
print("three months of days as CSV:")
for text in ghcndextractor.getDailyDataCSV([], [])[1:]:
    print(" ", text.rstrip(", "))
PY

cat >"$tmp/expected" <<'TXT'
of December, written: 10th 12.0 mm, 21st 900.0 mm (failed the archive's check), 31st 143.0 mm and 41.1 degrees
read: 30 days; with rain: 10th 12.0 mm, 21th 900.0 mm
the 31st alone: []
its sum: 912.0 mm, its mean: 30.0 degrees
three months of days as CSV:
  BR001547004, 2025, 02, 30
  BR001547004, 2025, 11, 30, 30.0, , 0
  BR001547004, 2025, 12, 30, 30.0, , 0
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: ghcndextractor has other days now" >&2; exit 1; }
