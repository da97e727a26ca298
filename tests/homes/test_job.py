"""What a job of Glue is given."""

from __future__ import annotations

import pytest

from atalaia.homes.aws.job import asked


def test_a_jobs_variables_are_arguments_and_what_is_glues_own_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("ATALAIA_ENV", "ATALAIA_LANES", "ATALAIA_QUEUES"):
        monkeypatch.setenv(name, "before")
    monkeypatch.delenv("ATALAIA_QUEUES")
    found = asked(["--TempDir", "s3://x", "--ATALAIA_ENV", "prod", "--work", "climate"])
    assert found[:3] == ("climate", 10, False)
    sent = found.enter()
    assert (sent["ATALAIA_ENV"], sent["ATALAIA_LANES"]) == ("prod", "before")
    assert "ATALAIA_QUEUES" not in sent
