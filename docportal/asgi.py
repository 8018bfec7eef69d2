"""The web process: `uvicorn docportal.asgi:application`."""

import gc
import os
import sys
from importlib import import_module
from typing import cast

import django
from asgiref.typing import ASGI3Application
from django.conf import settings

from docportal.allocator import keep_few_arenas

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "docportal.settings")

# Collections of the middle generation from one of the oldest to the next, where Python has 10.
_FULL_COLLECTION = 100
_OLDEST = 2
_SEARCH = "router.retrieval.searching"


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
    at work: a third of a second, and under load that was every six seconds.

    What the start made is not looked at again, nor what is there at the first look after a search,
    which loads libraries of its own. Looks at the rest, most of it precedents, are rare: by
    Python's own measure one is due when a quarter as much has come as the last one left, which is
    soon where most is frozen. They find little, as answered requests go without (handler.py,
    templating.py).
    """
    import_module(settings.ROOT_URLCONF)
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, _FULL_COLLECTION)
    gc.callbacks.append(_freeze_what_searches_load)


def _freeze_what_searches_load(phase: str, told: dict[str, int]) -> None:
    if phase == "stop" and told["generation"] == _OLDEST and _SEARCH in sys.modules:
        gc.callbacks.remove(_freeze_what_searches_load)
        gc.freeze()


application = _application()
