#!/usr/bin/env bash
# iobroker.dwd 2.8.5 (npm), run 2026-11-30.
#
# Expected: Germany's weather service (DWD, warnings.json) tells of a severe storm hours ahead, when it may not be certain
#   yet, as `vorabInformation` beside its `warnings`. The adapter for ioBroker has a level for it, 1, "Preliminary
#   info". A warning for what is higher than 1000 m is one for the mountains.
# Seen: `warnings` alone is read. Of an advance information of gusts near hurricane force there is nothing: no warning is
#   counted, the level is null and the headline empty, so that level 1 never comes. And the metres are in no state
#   but the JSON: to a town in the valley the gusts of the summits are a warning of level 4 like any other.
# Why it matters: the hours in which windows are shut and trips put off are those of the advance information; and who is
#   warned of each storm on the summits does not run from the one in the valley.
# Way out: read `vorabInformation` oneself; take `altitudeStart` from the state `object`.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
command -v npm >/dev/null || apt-get install -y -qq npm >&2
npm install --silent --no-audit --no-fund --ignore-scripts --omit=peer --prefix "$tmp" iobroker.dwd@2.8.5 >&2

cat >"$tmp/read.cjs" <<'JS'
const { writeFileSync } = require("node:fs");
const Module = require("node:module");

const REGION = "Kreis Miesbach";
const NOW = Date.UTC(2026, 10, 30, 6);
const warning = (level, hours, event, headline, altitudeStart = null) => ({
  start: NOW + 3600000 * hours[0], end: NOW + 3600000 * hours[1], regionName: REGION, level, type: 1, altitudeStart,
  altitudeEnd: null, event, headline, description: "", instruction: "", state: "Bayern", stateShort: "BY",
});
const ADVANCE = warning(1, [14, 26], "VORABINFORMATION UNWETTER", "VORABINFORMATION UNWETTER vor ORKANARTIGEN BÖEN");
const SUMMITS = warning(4, [0, 9], "ORKANBÖEN", "Amtliche UNWETTERWARNUNG vor ORKANBÖEN", 1000);

// The host of the adapter, with the states that it keeps; the rest is the adapter's.
function host(file, done) {
  const states = {};
  const handlers = {};
  class Adapter {
    constructor() {
      this.namespace = "dwd.0";
      this.config = { region: REGION, warnings: "1", url: file, land: "", rainRadar: false };
      this.log = { debug() {}, info() {}, warn() {}, error(text) { throw new Error(text); } };
    }
    on(name, handler) { handlers[name] = handler; }
    getForeignObjects(_, __, callback) { callback(null, {}); }
    setForeignObject(_, __, callback) { callback?.(null); }
    setForeignState(_, __, ___, callback) { callback?.(null); }
    async getForeignObjectAsync() { return null; }
    async setForeignStateAsync(id, value) { states[id.replace("dwd.0.", "")] = value; }
    terminate() { done(states); }
  }
  return { start: () => handlers.ready(), module: { Adapter } };
}

const read = (name, data) => new Promise((resolve) => {
  const file = `${process.argv[2]}/warnings.json`;
  writeFileSync(file, `warnWetter.loadWarnings(${JSON.stringify({ time: NOW, copyright: "", ...data })});`);
  const { start, module } = host(file, (states) => {
    console.log(`${name}: ${states.numberOfWarnings} warnings, level ${states["warning0.level"]}, severity`
      + ` ${states["warning0.severity"]}, "${states["warning0.headline"]}"`);
    const metres = Object.entries(states).filter(([id, value]) => /1000/.test(String(value)) && !id.endsWith("object"));
    if (data.warnings.one) console.log(`states but the JSON that name the 1000 m: ${metres.length}`);
    resolve();
  });
  const load = Module._load;
  Module._load = (request, ...more) => (request === "@iobroker/adapter-core" ? module : load(request, ...more));
  for (const path of Object.keys(require.cache)) if (path.includes("iobroker.dwd")) delete require.cache[path];
  require("iobroker.dwd/main.js")({});
  Module._load = load;
  start();
});

(async () => {
  await read("advance information", { warnings: {}, vorabInformation: { one: [ADVANCE] } });
  await read("above 1000 m", { warnings: { one: [SUMMITS] }, vorabInformation: {} });
  process.exit(0);
})();
JS
NODE_PATH="$tmp/node_modules" node "$tmp/read.cjs" "$tmp" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
advance information: 0 warnings, level null, severity 0, ""
above 1000 m: 1 warnings, level 4, severity 3, "Amtliche UNWETTERWARNUNG vor ORKANBÖEN"
states but the JSON that name the 1000 m: 0
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: advance information, or metres, are told now" >&2; exit 1; }
