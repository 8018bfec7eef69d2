from django.db import migrations, models


class Migration(migrations.Migration):
    """What earlier datasets left out goes: of several runs with the same one nobody knows whose it
    was, and so who may see it."""

    dependencies = [
        ("training", "0004_taught_facts"),
    ]

    operations = [
        migrations.AddField(
            model_name="trainingrun",
            name="left_out",
            field=models.JSONField(
                db_default=models.Value([], models.JSONField()),
                default=list,
                help_text='Of its collections, not in the dataset: [{"what", "why", "pairs"}]',
            ),
        ),
        migrations.RemoveField(model_name="dataset", name="left_out"),
    ]
