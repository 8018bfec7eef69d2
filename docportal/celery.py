"""The worker process: `celery -A docportal worker`."""

import os
from logging.config import dictConfig

from celery import Celery
from celery.signals import beat_init, setup_logging, worker_init
from django.conf import settings

from docportal import broker
from docportal.allocator import keep_few_arenas

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "docportal.settings")

broker.install()
app = Celery("docportal")
app.config_from_object("django.conf:settings", namespace="CELERY")
for tasks in ("pipeline", "integrity", "syncing", "workers", "delivering", "sessions"):
    app.autodiscover_tasks(["docportal"], related_name=tasks)
app.autodiscover_tasks(["training"])


@setup_logging.connect
def log_as_the_rest(**_: object) -> None:
    """Celery's own form of logs would stand beside that of the settings."""
    dictConfig(settings.LOGGING)


@worker_init.connect
def begin_with_few_arenas(**_: object) -> None:
    keep_few_arenas()


@worker_init.connect
@beat_init.connect
def start_only_what_is_restored(**_: object) -> None:
    # It needs the models, which are there once Celery has set up Django.
    from docportal.checks import require_restored

    require_restored()
