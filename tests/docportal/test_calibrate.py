"""What the command `calibrate` prints."""

import io

import pytest
from django.core.management import call_command

from ingestion.models import Collection
from tests.pairs import a_model
from tests.training.evaluations import a_dataset, a_question, a_trained_run
from training.models import Evaluation

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home", "embedder")]


def test_it_says_with_what_confidence_and_of_which_questions(wiki: Collection) -> None:
    run = a_trained_run(a_dataset([wiki], [a_question(1, "Which port?", "7000")])).run
    Evaluation.objects.create(run=run, system=Evaluation.System.TUNED)
    run.model = a_model([wiki], [])
    run.save()
    out = io.StringIO()
    call_command("calibrate", run.model.name, stdout=out)
    assert "0 questions that no rule keeps from it" in out.getvalue()
    assert "with 95% confidence up to 100.0% get one, and 5.0% is allowed" in out.getvalue()
