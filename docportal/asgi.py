"""The web process: `uvicorn docportal.asgi:application`."""

import os
from typing import cast

from asgiref.typing import ASGI3Application
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "docportal.settings")


def _application() -> ASGI3Application:
    django = cast("ASGI3Application", get_asgi_application())
    # They read the settings.
    from docportal.checks import require_restored
    from docportal.door import Door

    require_restored()
    return Door(django)


application = _application()
