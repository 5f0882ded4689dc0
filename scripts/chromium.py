"""The Chromium of this machine, which Playwright drives."""

import shutil


def executable() -> str | None:
    """Return the path of Debian's headless Chromium, which takes half the time, or of another."""
    return shutil.which("chromium-headless-shell") or shutil.which("chromium")
