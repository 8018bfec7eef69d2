"""What `check_integrity` found each night is kept for a month."""

import json
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from docportal import integrity
from docportal.models import IntegrityCheck
from tests.damage import age

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


def test_fresh_home_has_no_problems(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check_integrity", "--json")
    assert json.loads(capsys.readouterr().out) == {"checked": 0, "problems": []}


def test_nightly_result_is_kept_and_changes_nothing() -> None:
    orphan = Path(settings.RUNS_DIR) / "0042"
    orphan.mkdir()
    age(orphan)
    for _ in range(2):
        integrity.check_nightly()
    latest = IntegrityCheck.objects.all()[0]
    assert latest.ended_at is not None
    assert latest.problems == [{"kind": "run-orphan", "what": "Folder 0042", "repaired": False}]
    before = IntegrityCheck.objects.values_list("pk", "ended_at", "checked")
    known = list(before)
    integrity.run_check(latest.pk)
    assert list(before.all()) == known


def test_results_of_a_month_are_kept() -> None:
    for _ in range(integrity.KEPT + 2):
        integrity.check_nightly()
    assert IntegrityCheck.objects.count() == integrity.KEPT
