#!/usr/bin/env python
"""Commands of the control plane."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from django.core.management import execute_from_command_line

from controlplane.serve.secret_file import read_secrets

ROOT = Path(__file__).resolve().parent


def adopt_secrets() -> None:
    """Take the secrets that `script/server` made for this installation, where none are set.

    So that a command typed in a plain shell works on the running installation.
    """
    kept = read_secrets(Path(os.environ.get("DATA_DIR") or ROOT / "var") / "secrets.json")
    for name in ("SECRET_KEY", "CREDENTIALS_KEY"):
        if name in kept and not os.environ.get(name) and not os.environ.get(f"{name}_FILE"):
            os.environ[name] = kept[name]


if __name__ == "__main__":
    adopt_secrets()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
    execute_from_command_line(sys.argv)
