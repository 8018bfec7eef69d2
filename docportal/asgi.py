"""The web process: `uvicorn docportal.asgi:application`."""

import gc
import os
from typing import cast

import django
from asgiref.typing import ASGI3Application

from docportal.allocator import keep_few_arenas

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "docportal.settings")

# Collections of the middle generation from one of the oldest to the next, where Python has 10.
_FULL_COLLECTION = 100


def _application() -> ASGI3Application:
    keep_few_arenas()
    django.setup(set_prefix=False)
    # They read the settings.
    from docportal.checks import require_restored
    from docportal.door import Door
    from docportal.handler import Handler

    require_restored()
    handler = cast("ASGI3Application", Handler())
    _collect_rarely()
    return Door(handler)


def _collect_rarely() -> None:
    """All threads wait while Python looks for garbage among the half million objects of a process
    at work: a third of a second, and under load that was every six seconds."""
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, _FULL_COLLECTION)


application = _application()
