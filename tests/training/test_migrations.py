"""What an upgrade makes of rows that an earlier version wrote."""

from importlib import import_module

import pytest
from django.apps import apps

from ingestion.models import Collection
from tests.documents import passage, publish
from tests.pairs import a_pair
from training.models import QAPair

BELL = "The night bell rings at 22:40."


@pytest.mark.django_db
def test_pairs_that_a_model_asked_are_deleted_and_no_others(wiki: Collection) -> None:
    version = publish(wiki, "bell.md", [passage(BELL)], title="Night bell")
    asked = a_pair(version, "What time is it loud?", "22:40", evidence=BELL)
    kept = a_pair(version, "When does the night bell ring?", "22:40", evidence=BELL)
    QAPair.objects.filter(pk=asked.pk).update(origin="asked")
    import_module("training.migrations.0003_no_asked_pairs").delete_asked_pairs(apps, None)
    assert list(QAPair.objects.all()) == [kept]
