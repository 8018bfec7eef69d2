"""The browser of the journeys: Chromium or Chrome, by the name that the machine has it under."""

import shutil

# The first has no window, and takes less of the processor.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
NO_BROWSER = f"Chromium: no {' or '.join(_NAMES)} in PATH"


def browser() -> str | None:
    """The path of its program; None where the machine has none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)
