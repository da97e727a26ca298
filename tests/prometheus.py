"""A real Prometheus on loopback: Debian's, started and stopped by tests; and its promtool."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from mosquitto import free_port

PROGRAM, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")

needs_prometheus = pytest.mark.skipif(
    PROGRAM is None or PROMTOOL is None,
    reason="no prometheus is here: apt-get install --no-install-recommends prometheus",
)


def promtool(*words: str | Path) -> None:
    """Fails with what promtool says where it does."""
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def prometheus(config: Path, folder: Path, target: str) -> Iterator[str]:
    """One that runs by this file but for the target, and by the second; its address."""
    assert PROGRAM is not None
    told = yaml.safe_load(config.read_text("utf-8"))
    told["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    told["rule_files"] = [str(config.parent / name) for name in told["rule_files"]]
    (job,) = told["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["127.0.0.1:8420"]}]
    job["static_configs"] = [{"targets": [target]}]
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(told), "utf-8")
    where = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [
            PROGRAM,
            f"--config.file={file}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address={where}",
            "--log.level=error",
        ]
    )
    try:
        yield f"http://{where}"
    finally:
        process.terminate()
        process.wait(60)
