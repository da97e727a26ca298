#!/usr/bin/env bash
# CRPS 2.0.4, beside properscoring 0.1 and scoringrules 0.10.0 (numpy 2.4.6), run 2026-11-30.
#
# Expected: a forecast that nothing was observed for has no score, as the package says by its check for missing values.
# Seen: it asks whether the observation *is* `numpy.nan`. What comes out of an array, a table or a file is missing, too,
#   and is another object: it is scored as if the lowest member had been observed, a number without a warning.
#   A missing member gives no score. properscoring and scoringrules have none for a missing observation.
# Why it matters: gauges fail in storms. The days without an observation are scored as dry ones, and the forecast that
#   warned of the storm is the worst of the season: 2.9 mm a day instead of 0.8 here.
# Way out: leave pairs without an observation out before scoring (`numpy.isnan`), and say how many there were.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check \
    CRPS==2.0.4 properscoring==0.1 scoringrules==0.10.0 numpy==2.4.6

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
import numpy as np
import properscoring
import scoringrules
from CRPS import CRPS

# Rain of four days in mm, four members each; on the third, that of the storm, the gauge failed.
ensemble = np.array([[0.0, 0.5, 1.0, 2.0], [1.0, 3.0, 8.0, 12.0], [20.0, 30.0, 38.0, 60.0], [0.0, 0.0, 1.0, 4.0]])
observed = np.array([0.2, 5.0, np.nan, 0.5])
days = range(len(observed))
with_gaps = [float(CRPS(ensemble[d], observed[d]).compute()[0]) for d in days]
print("CRPS         ", [round(score, 3) for score in with_gaps], "mean", round(float(np.nanmean(with_gaps)), 3))
print("properscoring", properscoring.crps_ensemble(observed, ensemble).round(3).tolist())
print("scoringrules ", scoringrules.crps_ensemble(observed, ensemble).round(3).tolist())
known = [d for d in days if not np.isnan(observed[d])]
print("CRPS of the days with an observation: mean", round(float(np.mean([with_gaps[d] for d in known])), 3))
print("the storm, had it been the lowest member:", CRPS(ensemble[2], 20.0).compute()[0])
print("the storm, with the very object numpy.nan:", CRPS(ensemble[2], np.nan).compute()[0])
PY

cat >"$tmp/expected" <<'TXT'
CRPS          [0.369, 1.625, 9.0, 0.438] mean 2.858
properscoring [0.369, 1.625, nan, 0.438]
scoringrules  [0.369, 1.625, nan, 0.438]
CRPS of the days with an observation: mean 0.81
the storm, had it been the lowest member: 9.0
the storm, with the very object numpy.nan: nan
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: a package scores what is missing otherwise now" >&2; exit 1; }
