"""Applies the definitions in ``infra/`` to an emulator of AWS on loopback.

What is applied is the real configuration. `OVERRIDES` is the little that differs, as the emulator
cannot do it: it judges no condition of a bucket's policy, and so would take "TLS only" for "never"
on plain loopback; and it knows neither a budget's tags nor Lake Formation's columns, nor
CloudFront's policies, and publishes none of its functions.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
ENVIRONMENT = "ci"
REGION = "us-east-1"
PLUGINS = "*/hashicorp/aws"
"""Of a mirror, below the name of the registry that it mirrors."""

OVERRIDES = {
    "backend_override.tf": 'terraform {\n  backend "local" {}\n}\n',
    "provider_override.tf": """
provider "aws" {
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}
""",
    "bucket/emulator_override.tf": """
data "aws_iam_policy_document" "this" {
  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:GetBucketWebsite"]
    resources = [aws_s3_bucket.this.arn]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }
}
""",
    "watch/emulator_override.tf": """
resource "aws_budgets_budget" "month" {
  count = 0
}
""",
    "serving/emulator_override.tf": """
resource "aws_lakeformation_permissions" "deliveries" {
  count = 0
}
resource "aws_cloudfront_function" "viewer" {
  publish = false
}
resource "aws_cloudfront_cache_policy" "kept" {
  count = 0
}
resource "aws_cloudfront_origin_request_policy" "kept" {
  count = 0
}
""",
}


PARALLEL = "-parallelism=40"
"""Most of the time Terraform waits for what it made to stay as it is."""

OWN = {
    "atalaia.toml": 'language = "pt-BR"\nrules = "./rules/own.toml"\nplaces = "places.csv"\n',
    "places.csv": "place_id,name,latitude,longitude,timezone\npoa,Porto Alegre,-30,-51.2,UTC\n",
    "rules/own.toml": """name = "own"
extends = ["regions/coast.toml"]
[[rule]]
name = "own-gusts"
hazard = "wind"
variable = "wind_gust_m_s"
limits = { yellow = 12 }
keep_firing_for = "1h"
""",
    "rules/regions/coast.toml": '[limits."*".own-gusts]\nred = 30\n',
}
"""Settings with rules and places of one's own beside them."""


class TerraformMissing(Exception):
    """Terraform or its provider is not on this machine; the message says which."""


class Terraform:
    """A working copy of ``infra/`` with Terraform initialised in it."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self._binary, plugins = found()
        self.folder = folder / "infra"
        self._said = folder / "apply.log"
        shutil.copytree(
            INFRA, self.folder, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*")
        )
        for name, text in OVERRIDES.items():
            (self.folder / name).write_text(text, "utf-8")
        rc = folder / "terraform.rc"
        rc.write_text(_command_line_settings(plugins), "utf-8")
        self.environment = {
            **os.environ,
            "TF_CLI_CONFIG_FILE": str(rc),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            **(environment or {}),
        }
        self.run("init", "-input=false")

    def run(self, *arguments: str, timeout_s: float = 540) -> str:
        """What a command printed. Raises AssertionError with all of it where it fails."""
        done = subprocess.run(
            [self._binary, *arguments, "-no-color"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )
        assert done.returncode == 0, f"terraform {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def start_apply(self, variables: Mapping[str, Any]) -> subprocess.Popen[bytes]:
        """Begin to apply with these variables. See `applied`."""
        file = self.folder / "test.auto.tfvars.json"
        file.write_text(json.dumps(variables), "utf-8")
        with self._said.open("w") as said:
            return subprocess.Popen(
                [self._binary, "apply", "-input=false", "-auto-approve", "-no-color", PARALLEL],
                cwd=self.folder,
                env=self.environment,
                stdout=said,
                stderr=said,
            )

    def applied(self, process: subprocess.Popen[bytes], timeout_s: float = 540) -> dict[str, Any]:
        """The outputs, when it is done. Raises AssertionError with all it said if it failed."""
        status = process.wait(timeout_s)
        assert status == 0, f"terraform apply\n{self._said.read_text('utf-8')}"
        outputs: dict[str, Any] = json.loads(self.run("output", "-json"))
        return {name: output["value"] for name, output in outputs.items()}


def is_here() -> bool:
    """Whether Terraform and its provider are on this machine."""
    try:
        found()
    except TerraformMissing:
        return False
    return True


def found() -> tuple[str, Path]:
    """The program, and the folder of providers. Raises TerraformMissing."""
    binary = shutil.which("terraform")
    if binary is None:
        raise TerraformMissing("there is no terraform on the PATH")
    return binary, mirror()


def mirror() -> Path:
    """The folder of providers on this machine. Raises TerraformMissing where there is none."""
    named = os.environ.get("ATALAIA_TF_PLUGINS")
    places = (
        [Path(named)]
        if named
        else [
            Path("/usr/local/share/terraform/plugins"),
            Path("/usr/share/terraform/plugins"),
            Path.home() / ".terraform.d" / "plugins",
            *sorted(Path("/opt").glob("*")),
        ]
    )
    for place in places:
        if any(place.glob(PLUGINS)):
            return place
    raise TerraformMissing(
        f"no folder of Terraform's usual ones has {PLUGINS}: set ATALAIA_TF_PLUGINS to a mirror of "
        "providers"
    )


def variables(folder: Path) -> dict[str, Any]:
    """Of a deployment with everything in it. Its packages are empty: nothing is run from them."""
    for name in ("watch.zip", "batch.zip", "people.zip", "serving.zip", "rebuild.gluewheels.zip"):
        with zipfile.ZipFile(folder / name, "w") as package:
            package.writestr("empty.py", "")
    settings = folder / "atalaia.toml"
    for name, text in OWN.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return {
        "environment": ENVIRONMENT,
        "region": REGION,
        "packages": str(folder),
        "settings": str(settings),
        "sources": ["open-meteo", "tomorrow-io"],
        "channel_secrets": ["telegram", "whatsapp"],
        "alarm_email": "ops@example.org",
        "email_domain": "example.org",
        "heartbeat_url": "https://example.org/ping",
        "listen_image": f"{'1' * 12}.dkr.ecr.{REGION}.amazonaws.com/atalaia@sha256:{'a' * 64}",
        "edge": {"is_on": True},
        "protect": False,
    }


def _command_line_settings(plugins: Path) -> str:
    return f'''provider_installation {{
  filesystem_mirror {{
    path    = "{plugins}"
    include = ["*/*"]
  }}
}}
'''
