#!/usr/bin/env bash
# node-red-contrib-dwd-local-weather 1.0.5 (npm), run 2026-11-30.
#
# Expected: between the hours of a forecast a wind that goes from 350 to 10 degrees is one from the north.
# Seen: the node draws a straight line between the figures: a quarter past it is a wind from the west, half past one from
#   the south, then from the east. The speed is right, and so is the direction where it does not pass north.
# Why it matters: a change of wind decides where a fire runs and on which side of a house it is dangerous, and a gate or a
#   blind that is told of the direction stands on the wrong side; the forecast has no wind from the south.
# Way out: take the direction of the nearest hour (`>DD` or `<DD` as an additional field), or the mean of sines and cosines.
# The forecast is made here, as DWD's MOSMIX files are, and given by the node's own HTTP client; no network is asked.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
command -v npm >/dev/null || apt-get install -y -qq npm >&2
npm install --silent --no-audit --no-fund --prefix "$tmp" node-red-contrib-dwd-local-weather@1.0.5 >&2

first=$("${PYTHON:-python3}" - "$tmp/forecast.kmz" <<'PY'
import sys
import zipfile
from datetime import datetime, timedelta, timezone

# Eight hours from the last full one on, with one wind but for its direction.
first = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)
VALUES = {"TTT": 293.15, "Td": 288.15, "FF": 9.0, "wwP": 10.0, "RR1c": 0.0}
DIRECTIONS = (350.0, 10.0, 20.0, 60.0, 340.0, 320.0, 320.0, 320.0)
steps = "".join(f"<dwd:TimeStep>{first + timedelta(hours=h):%Y-%m-%dT%H:%M:%S.000Z}</dwd:TimeStep>" for h in range(8))
rows = {name: " ".join(f"{value:.2f}" for _ in range(8)) for name, value in VALUES.items()}
rows["DD"] = " ".join(f"{value:.2f}" for value in DIRECTIONS)
forecasts = "".join(f'<dwd:Forecast dwd:elementName="{name}"><dwd:value>{row}</dwd:value></dwd:Forecast>'
                    for name, row in rows.items())
kml = f"""<?xml version="1.0" encoding="UTF-8"?>
<kml:kml xmlns:dwd="https://opendata.dwd.de/weather/lib/pointforecast_dwd_extension_V1_0.xsd"
 xmlns:kml="http://www.opengis.net/kml/2.2"><kml:Document><kml:ExtendedData><dwd:ProductDefinition>
<dwd:ForecastTimeSteps>{steps}</dwd:ForecastTimeSteps></dwd:ProductDefinition></kml:ExtendedData>
<kml:Placemark><kml:name>10147</kml:name><kml:description>HAMBURG</kml:description>
<kml:ExtendedData>{forecasts}</kml:ExtendedData></kml:Placemark></kml:Document></kml:kml>"""
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("MOSMIX_L_LATEST_10147.kml", kml)
print(int(first.timestamp() * 1000))
PY
)

cat >"$tmp/ask.cjs" <<'JS'
const { createReadStream } = require("node:fs");
const NODE = require.resolve("node-red-contrib-dwd-local-weather/dwdweather.js");
const axios = require(require.resolve("axios", { paths: [NODE] }));
axios.defaults.adapter = async (config) => ({ status: 200, data: createReadStream(process.argv[2]), headers: {}, config });

// As much of Node-RED as the node asks for.
const nodes = {};
const RED = {
  _: (text) => text,
  nodes: {
    registerType: (name, Node) => { nodes[name] = Node; },
    createNode: (node) => {
      const handlers = {};
      node.on = (event, handler) => { handlers[event] = handler; };
      node.emit = (event, ...given) => handlers[event]?.(...given);
      node.status = () => {};
      node.warn = (text) => { throw new Error(text); };
    },
  },
};
require(NODE)(RED);
const hour = 3600000;
const first = Number(process.argv[3]);
const node = new nodes.dwdweather({ mosmixStation: "10147", lookAheadHours: 0, additionalFields: "", omitMessageOnStart: true });

const asked = (hours) => new Promise((resolve) => {
  node.send = (message) => resolve(message.payload);
  node.emit("input", { payload: { lookAheadHours: (first + hours * hour - Date.now()) / hour } });
});
(async () => {
  const halves = [[0.25, "350 and 10"], [0.5, "350 and 10"], [0.75, "350 and 10"], [2.5, "20 and 60"], [3.5, "60 and 340"]];
  for (const [hours, between] of halves) {
    const { tempc, windspeed, winddirection } = await asked(hours);
    console.log(`${String(hours).padEnd(4)} h, between ${between}: from ${Math.round(winddirection)}, ${windspeed} m/s, ${tempc} C`);
  }
})();
JS
cp "$tmp/ask.cjs" "$tmp/node_modules/ask.cjs"
node "$tmp/node_modules/ask.cjs" "$tmp/forecast.kmz" "$first" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
0.25 h, between 350 and 10: from 265, 9 m/s, 20 C
0.5  h, between 350 and 10: from 180, 9 m/s, 20 C
0.75 h, between 350 and 10: from 95, 9 m/s, 20 C
2.5  h, between 20 and 60: from 40, 9 m/s, 20 C
3.5  h, between 60 and 340: from 200, 9 m/s, 20 C
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: the node takes winds between the hours otherwise now" >&2; exit 1; }
