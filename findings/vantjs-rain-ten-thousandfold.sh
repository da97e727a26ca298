#!/usr/bin/env bash
# vantjs 1.0.10 (npm), run 2026-11-30.
#
# Expected: a Davis console counts its rain in clicks of the collector, 0.01 inch or 0.2 mm each, and its LOOP packet has UV
#   in byte 43 and the sun's radiation in bytes 44 and 45 (Vantage Serial Communication Reference, X.1); the wind is byte 14.
# Seen: for a collector of 0.01 inch, which its settings offer, clicks are multiplied by 100 and not divided: 12 clicks, 3 mm,
#   are 30,480 mm today. In a LOOP packet UV and radiation are byte 14, the wind, and even by its unit: at noon in a calm
#   the sun does not shine, and at night in a gale there is a UV index of 17.9. Temperature, wind, humidity and
#   pressure are right, and the rain with a collector of 0.2 mm, too.
# Why it matters: any limit of rain is passed by the first click, which is a few drops; and evaporation, or a warning of the
#   sun, go by the wind. Who has the other collector in Europe sees nothing of the first.
# Way out: `rainCollectorSize: "0.2mm"` and each rain times 1.27, if the collector is one of 0.01 inch; `getLOOP2` for radiation.
# A console that answers as the reference has it is played here, on a pair of pseudo terminals; the rest is the package's.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
command -v npm >/dev/null || apt-get install -y -qq npm >&2
npm install --silent --no-audit --no-fund --prefix "$tmp" vantjs@1.0.10 vant-environment@1.1.2 >&2

cat >"$tmp/ask.cjs" <<'JS'
const { VantPro2Interface } = require("vantjs/interfaces");
const [path, rainCollectorSize] = process.argv.slice(2);
const units = { rain: "mm", temperature: "°C", pressure: "hPa", solarRadiation: "W/m²", wind: "m/s" };
(async () => {
  const device = await VantPro2Interface.create({ path, rainCollectorSize, units });
  const { tempOut, humOut, press, wind, rainDay, rainMonth, uv, solarRadiation } = await device.getLOOP1();
  console.log(JSON.stringify({ tempOut, humOut, press, wind, rainDay, rainMonth, uv, solarRadiation }));
  process.exit(0);
})().catch((error) => { console.log(String(error)); process.exit(1); });
JS
cat >"$tmp/console.py" <<'PY'
import json
import os
import pty
import struct
import subprocess
import sys
import threading
import tty


def crc(data):
    value = 0
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return struct.pack(">H", value)


def loop(wind, uv, sun):
    """A LOOP packet: 18.4 °C, 88 %, 1013.2 hPa; 12 clicks of rain today, 240 this month."""
    packet = bytearray(b"\xff" * 97)
    packet[0:5] = b"LOO\x00\x00"
    struct.pack_into("<HHhBhBBH", packet, 5, 500, 29921, 715, 45, 651, wind, wind, 210)
    packet[33] = 88
    struct.pack_into("<HBHHhHHHHHH", packet, 41, 0, uv, sun, 0, -1, 12, 240, 3000, 0, 0, 0)
    struct.pack_into("<BHBBHH", packet, 86, 0, 780, 8, 45, 512, 1709)
    packet[95:97] = b"\n\r"
    return bytes(packet) + crc(packet)


def answer(request, packet):
    if request.startswith(b"LPS 1"):
        return b"\x06" + packet
    if request.startswith(b"WRD"):
        return b"\x06\x10"
    return b"\n\r" if request.strip() == b"" else b"\n\rOK\n\rApr 24 2002\n\r"


def read(packet, size):
    ours, theirs = pty.openpty()
    tty.setraw(theirs)

    def serve():
        while True:
            try:
                request = os.read(ours, 100)
            except OSError:
                return
            os.write(ours, answer(request, packet))

    threading.Thread(target=serve, daemon=True).start()
    told = subprocess.run(["node", sys.argv[1], os.ttyname(theirs), size], capture_output=True, text=True, timeout=60)
    return json.loads(told.stdout)


for name, packet in (("a day of sun in a calm", loop(0, 87, 850)), ("a gale in the night", loop(40, 0, 0))):
    for size in ("0.2mm", "0.01in"):
        told = read(packet, size)
        print(f"{name}, collector {size}: {told['tempOut']:.1f} °C, {told['humOut']} %, {told['press']:.1f} hPa, wind {told['wind']:.1f} m/s,"
              f" rain {told['rainDay']:.1f} mm today, {told['rainMonth']:.1f} this month, UV {told['uv']:.1f}, sun {told['solarRadiation']:.1f} W/m²")
PY
"${PYTHON:-python3}" "$tmp/console.py" "$tmp/ask.cjs" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
a day of sun in a calm, collector 0.2mm: 18.4 °C, 88 %, 1013.2 hPa, wind 0.0 m/s, rain 2.4 mm today, 48.0 this month, UV 0.0, sun 0.0 W/m²
a day of sun in a calm, collector 0.01in: 18.4 °C, 88 %, 1013.2 hPa, wind 0.0 m/s, rain 30480.0 mm today, 609600.0 this month, UV 0.0, sun 0.0 W/m²
a gale in the night, collector 0.2mm: 18.4 °C, 88 %, 1013.2 hPa, wind 17.9 m/s, rain 2.4 mm today, 48.0 this month, UV 17.9, sun 17.9 W/m²
a gale in the night, collector 0.01in: 18.4 °C, 88 %, 1013.2 hPa, wind 17.9 m/s, rain 30480.0 mm today, 609600.0 this month, UV 17.9, sun 17.9 W/m²
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: vantjs reads rain or sun otherwise now" >&2; exit 1; }
