from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from training.identity import question_key

BATCH_SIZE = 500


def name_questions_anew(apps: Apps, _: BaseDatabaseSchemaEditor | None) -> None:
    """Give every pair the key that its question has by now, not that of an earlier form. Most have
    it: those are read, and not written."""
    model = apps.get_model("training", "QAPair")
    stored = model.objects.order_by("pk").values_list("pk", "question", "question_key")
    changed = [
        model(pk=pk, question_key=named)
        for pk, question, key in stored.iterator(BATCH_SIZE)
        if (named := question_key(question)) != key
    ]
    model.objects.bulk_update(changed, ["question_key"], batch_size=BATCH_SIZE)


class Migration(migrations.Migration):
    dependencies = [
        ("training", "0005_left_out_of_runs"),
    ]

    operations = [
        migrations.RunPython(name_questions_anew, migrations.RunPython.noop),
    ]
