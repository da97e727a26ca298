#!/usr/bin/env bash
# weather-formulas 1.0.9 (npm), run 2026-11-30.
#
# Expected: an index of ultraviolet radiation of 10.6 is at least "very high", as 10 is. The bands of WHO's guide (Global Solar
#   UV Index, 2002) are for whole numbers, to which it is rounded; services and instruments hand it out with tenths.
# Seen: what lies between 2 and 3, 5 and 6, 7 and 8 or 10 and 11 is in no band, and what is in no band is "Low", "No protection
#   needed": 10.6 as 2.5. The same package rounds a wind and a hurricane's wind before it looks for their bands.
# Why it matters: on a day whose index rises from 5 to 12 the advice at 5.5, 7.4 and 10.6 is that none is needed, between
#   those to avoid the sun; a warning that goes by the band ends three times on its way up, the last time just below extreme.
# Way out: `getCategory(Math.round(index))`.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
command -v npm >/dev/null || apt-get install -y -qq npm >&2
npm install --silent --no-audit --no-fund --prefix "$tmp" weather-formulas@1.0.9 >&2

cat >"$tmp/node_modules/bands.mjs" <<'JS'
import { getCategory } from "weather-formulas/uvindex";
import { scales } from "weather-formulas";

const DAY = [0.4, 2, 2.5, 3, 5, 5.5, 6, 7, 7.4, 8, 9.8, 10, 10.6, 11, 12.3];
for (const index of DAY) {
  const { category, advice } = getCategory(index);
  const needed = advice.startsWith("No protection") ? "no protection needed" : "protection";
  console.log(`${String(index).padEnd(4)} ${category}, ${needed}; rounded ${getCategory(Math.round(index)).category}`);
}
console.log("a wind between two bands, 17.16 m/s:", scales.beaufort.getBeaufortScaleByWindSpeed(17.16).category);
JS
node "$tmp/node_modules/bands.mjs" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
0.4  Low, no protection needed; rounded Low
2    Low, no protection needed; rounded Low
2.5  Low, no protection needed; rounded Moderate
3    Moderate, protection; rounded Moderate
5    Moderate, protection; rounded Moderate
5.5  Low, no protection needed; rounded High
6    High, protection; rounded High
7    High, protection; rounded High
7.4  Low, no protection needed; rounded High
8    Very High, protection; rounded Very High
9.8  Very High, protection; rounded Very High
10   Very High, protection; rounded Very High
10.6 Low, no protection needed; rounded Extreme
11   Extreme, protection; rounded Extreme
12.3 Extreme, protection; rounded Extreme
a wind between two bands, 17.16 m/s: Gale
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: weather-formulas has other bands now" >&2; exit 1; }
