import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models.functions import Coalesce


def keep_what_was_taught(apps: Apps, _: BaseDatabaseSchemaEditor | None) -> None:
    """Of earlier datasets: what was approved, before they were frozen, about the passages that
    their models were taught."""
    coverage = apps.get_model("router", "ModelCoverage").objects.filter(pairs__gt=0)
    pairs = apps.get_model("training", "QAPair").objects.filter(review="approved")
    taught_fact = apps.get_model("training", "TaughtFact")
    for dataset in apps.get_model("training", "Dataset").objects.all():
        passages = coverage.filter(model__dataset_sha256=dataset.sha256).values("content_hash")
        taught = pairs.alias(since=Coalesce("reviewed_at", "created_at")).filter(
            content_hash__in=passages, since__lt=dataset.created_at
        )
        facts = set(taught.values_list("fact_id", flat=True))
        taught_fact.objects.bulk_create(
            [taught_fact(dataset=dataset, fact_id=fact) for fact in facts], batch_size=500
        )


class Migration(migrations.Migration):
    dependencies = [
        ("router", "0001_initial"),
        ("training", "0003_no_asked_pairs"),
    ]

    operations = [
        migrations.CreateModel(
            name="TaughtFact",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("fact_id", models.CharField(max_length=64)),
                (
                    "dataset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="taught",
                        to="training.dataset",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("fact_id", "dataset"), name="taught_fact_unique"
                    )
                ],
            },
        ),
        migrations.RunPython(keep_what_was_taught, migrations.RunPython.noop),
    ]
