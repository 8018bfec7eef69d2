"""The worker process: `celery -A docportal worker`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "docportal.settings")

app = Celery("docportal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["docportal"], related_name="pipeline")
app.autodiscover_tasks(["training"])
