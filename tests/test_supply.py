"""What is built of: providers by hash, the page's packages in a bill of materials."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
KNOWN = {"a/b": {"version": "1.2.3", "hashes": ["h1:abc=", "h1:def="]}}
LOCK = (
    'provider "any.example/a/b" {\n  version     = "1.2.3"\n  hashes = [\n    "h1:def=",\n  ]\n}\n'
)

faults = runpy.run_path(str(ROOT / "tools/provider_hashes.py"))["faults"]
bill = runpy.run_path(str(ROOT / "tools/page_sbom.py"))["bill"]


def test_a_provider_is_known_by_its_hash_wherever_it_came_from() -> None:
    assert faults(LOCK, KNOWN) == []
    assert faults(LOCK.replace("any.example/", ""), KNOWN) == []


@pytest.mark.parametrize(
    ("lock", "said"),
    [
        (LOCK.replace("h1:def=", "h1:evil="), "no hash that is known"),
        (LOCK.replace("1.2.3", "1.2.4"), "another version"),
        (LOCK + LOCK.replace("a/b", "c/d"), "c/d is not known"),
        ("", "not in the lock"),
    ],
)
def test_another_provider_is_refused(lock: str, said: str) -> None:
    [line] = faults(lock, KNOWN)
    assert said in line


def test_the_version_that_infra_asks_for_has_a_hash() -> None:
    known = json.loads((ROOT / "infra/providers.json").read_text("utf-8"))
    versions = (ROOT / "infra/versions.tf").read_text("utf-8")
    for name, one in known.items():
        assert f'"{name}"' in versions
        assert f'"= {one["version"]}"' in versions
        assert one["hashes"]


def test_the_bill_of_the_page_has_every_locked_package_with_its_hash() -> None:
    lock = json.loads((ROOT / "tools/page/package-lock.json").read_text("utf-8"))
    made = bill(lock)
    assert len(made["components"]) == len(lock["packages"]) - 1 > 0
    assert all(len(one["hashes"][0]["content"]) == 128 for one in made["components"])
    assert all("://" not in json.dumps(one) for one in made["components"])
