"""What an upgrade makes of rows that an earlier version wrote."""

from importlib import import_module

import pytest
from django.apps import apps

from ingestion.models import Collection
from tests.documents import passage, publish
from tests.pairs import a_model, a_pair
from training import conflicts
from training.models import Dataset, QAPair, TaughtFact

BELL = "The night bell rings at 22:40."


@pytest.mark.django_db
def test_pairs_that_a_model_asked_are_deleted_and_no_others(wiki: Collection) -> None:
    version = publish(wiki, "bell.md", [passage(BELL)], title="Night bell")
    asked = a_pair(version, "What time is it loud?", "22:40", evidence=BELL)
    kept = a_pair(version, "When does the night bell ring?", "22:40", evidence=BELL)
    QAPair.objects.filter(pk=asked.pk).update(origin="asked")
    import_module("training.migrations.0003_no_asked_pairs").delete_asked_pairs(apps, None)
    assert list(QAPair.objects.all()) == [kept]


@pytest.mark.django_db
def test_earlier_model_was_taught_what_was_approved_before_on_its_passages(
    wiki: Collection,
) -> None:
    version = publish(wiki, "bell.md", [passage(BELL), passage("It is loud.")], title="Night bell")
    a_pair(version, "When does the night bell ring?", "22:40", review="approved", fact="taught")
    a_pair(version, "How is it?", "loud", review="approved", fact="of another passage")
    a_pair(version, "Rings what?", "bell", fact="that waits")
    a_model([wiki], version.chunks.filter(text=BELL))
    a_pair(version, "What rings?", "night bell", review="approved", fact="that came later")
    TaughtFact.objects.all().delete()
    import_module("training.migrations.0004_taught_facts").keep_what_was_taught(apps, None)
    assert list(TaughtFact.objects.values_list("fact_id", "dataset")) == [
        ("taught", Dataset.objects.get().pk)
    ]


@pytest.mark.django_db
def test_questions_about_two_parts_contradict_each_other_no_more(wiki: Collection) -> None:
    fittings = "The A-12 fitting costs 8 EUR, the AN-12 fitting 9 EUR."
    version = publish(wiki, "parts.md", [passage(fittings)], title="Parts")
    pairs = [
        a_pair(version, f"What does the {part} fitting cost?", price, evidence=fittings)
        for part, price in (("A-12", "8 EUR"), ("AN-12", "9 EUR"))
    ]
    others = a_pair(version, "What does a fitting cost at least?", "8 EUR", evidence=fittings)
    was = others.question_key
    QAPair.objects.filter(pk__in=[one.pk for one in pairs]).update(question_key="0" * 64)
    assert conflicts.settle(wiki.pk) == 2
    import_module("training.migrations.0006_keys_of_questions").name_questions_anew(apps, None)
    assert conflicts.settle(wiki.pk) == 0
    assert QAPair.objects.values("question_key").distinct().count() == 3
    assert QAPair.objects.get(pk=others.pk).question_key == was
