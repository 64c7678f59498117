"""Where a Chromium is: the one that CHROMIUM names, Playwright's own, the system's, or Debian's."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
NONE = "No Chromium: name one in CHROMIUM, or run `playwright install chromium`."


def find(playwrights_own: str) -> str | None:
    """The path of a Chromium, installing Debian's as the last resort; None where there is none."""
    if named := os.environ.get("CHROMIUM"):
        return shutil.which(named)
    if Path(playwrights_own).is_file():
        return playwrights_own
    return _of_the_system() or (_of_the_system() if _installed_from_debian() else None)


def _of_the_system() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def _installed_from_debian() -> bool:
    if os.geteuid() != 0 or not Path("/etc/debian_version").is_file():
        return False
    quiet = {"check": False, "capture_output": True, "timeout": 600}
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update"], env=environment, **quiet)
    done = subprocess.run(
        ["apt-get", "install", "-y", "--no-install-recommends", "chromium"],
        env=environment,
        **quiet,
    )
    return done.returncode == 0
