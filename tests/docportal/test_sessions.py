"""Sessions that have ended are removed, and the worker knows whatever is scheduled."""

import subprocess
import sys
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from docportal.schedule import SCHEDULE
from docportal.sessions import remove_ended
from tests.people import People


@pytest.mark.django_db
def test_session_is_removed_once_it_has_ended(people: People) -> None:
    ended, current = Client(), Client()
    ended.force_login(people.engineer)
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    current.force_login(people.writer)
    remove_ended()
    assert Session.objects.get().pk == current.cookies["sessionid"].value


UNKNOWN = """
from docportal.celery import app
from docportal.schedule import SCHEDULE
app.loader.import_default_modules()
print(*{job["task"] for job in SCHEDULE.values()} - app.tasks.keys(), len(SCHEDULE))
"""


def test_worker_knows_whatever_is_scheduled() -> None:
    command = [sys.executable, "-c", UNKNOWN]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    assert told.stdout.split() == [str(len(SCHEDULE))]
