"""Listening to brokers: one small task that is always there (infra/listen)."""

from __future__ import annotations

from atalaia.run.aws import deployment
from atalaia.settings.listener import listen_alone

if __name__ == "__main__":
    listen_alone(deployment.settings(), deployment.home(), deployment.CLOCK)
