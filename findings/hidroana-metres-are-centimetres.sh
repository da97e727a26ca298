#!/usr/bin/env bash
# hidroana 0.1.2 (series of Brazil's water agency, ANA) with pandas 3.1.1, run 2026-12-01.
#
# Expected: ANA gives the stage of a river (`Cota`) in centimetres; a column that says metres has them. Asked for consisted values
#   alone (`cons=2`), it gives those that the agency has consisted (`NivelConsistencia` 2).
# Seen: the column is called "Cota (m)" and has the centimetres, 2180 for 21.80 m. Asked for consisted values it says that
#   there are none, as it compares the text "2" with the number. Where a consisted month ends and a raw one begins,
#   the raw month's first day is lost: April's 31st, which is empty, stands in its place.
# Why it matters: a warning level of 21 m is passed by 22 cm of water. Each row of stages is one, where nobody looks at it.
# Way out: divide by 100; take `cons=1`, where consisted values go before raw ones, and mind the seams.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile pandas==3.1.1 tqdm==4.67.1
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile --no-deps hidroana==0.1.2

cd "$tmp"
cat >stage.py <<'PY'
import sys
from unittest import mock

# What draws, maps and asks the service is not needed: the answer is given below.
for name in ("geopandas", "matplotlib", "matplotlib.dates", "matplotlib.pyplot", "matplotlib.colors", "plotly", "plotly.express",
             "plotly.graph_objects", "geovoronoi", "zeep"):
    sys.modules[name] = mock.MagicMock()

import pandas as pd
from hidroana import hidroana

DAYS = {3: 31, 4: 30, 5: 31}


def month(row, number, level, stage):
    days = "".join(
        f"<Cota{day:02}>{stage + day}</Cota{day:02}>" if day <= DAYS[number] else f"<Cota{day:02} />" for day in range(1, 32)
    )
    return (
        f'<SerieHistorica diffgr:id="SerieHistorica{row + 1}" msdata:rowOrder="{row}"><EstacaoCodigo>86510000</EstacaoCodigo>'
        f"<NivelConsistencia>{level}</NivelConsistencia><DataHora>2024-{number:02}-01 00:00:00</DataHora>"
        f"<MediaDiaria>1</MediaDiaria>{days}</SerieHistorica>"
    )


class Answer:
    content = "".join([month(0, 3, 2, 400), month(1, 4, 2, 500), month(2, 5, 1, 2178)]).encode()


hidroana.client = mock.MagicMock()
hidroana.client.service.HidroSerieHistorica.return_value = Answer
hidroana.plot_disp = hidroana.n_anos_perc = lambda *told, **named: None
for cons in (1, 2):
    print(f"SEEN cons={cons}")
    hidroana.get_conv_data_list(["86510000"], "2024-03-01", "2024-05-31", "1", caminho="", cons=cons)
    if cons == 1:
        kept = pd.read_csv("86510000.csv")
        print("SEEN  ", list(kept.columns), len(kept), "days")
        for day in ("2024-04-30", "2024-05-01", "2024-05-02"):
            print(f"SEEN   {day}: {kept.loc[kept['Data'].str.startswith(day), kept.columns[-1]].iloc[0]}")
PY
"$tmp/venv/bin/python" -W ignore stage.py 2>log | grep -E '^SEEN|consist' | sed 's/^ *//' >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
SEEN cons=1
SEEN   ['Data', 'Cota (m)'] 92 days
SEEN   2024-04-30: 530.0
SEEN   2024-05-01: nan
SEEN   2024-05-02: 2180.0
SEEN cons=2
Aviso: Não há dados com o nível de consistência (2) solicitado para as estações: 86510000
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { tail -3 log >&2; echo "CHANGED: stages are told otherwise now" >&2; exit 1; }
