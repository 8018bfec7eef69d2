from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def delete_asked_pairs(apps: Apps, _: BaseDatabaseSchemaEditor | None) -> None:
    """Nothing asks them anew, and of an origin that nobody knows they would pass for people's."""
    apps.get_model("training", "QAPair").objects.filter(origin="asked").delete()


class Migration(migrations.Migration):
    dependencies = [
        ("training", "0002_asked_pairs"),
    ]

    operations = [
        migrations.RunPython(delete_asked_pairs, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="qapair",
            name="origin",
            field=models.CharField(
                choices=[
                    ("imported", "Imported with the document"),
                    ("written", "Written by a person"),
                    ("feedback", "Corrected by a reader"),
                    ("teacher", "Written by the teacher model"),
                    ("mined", "Read from the document's structure"),
                ],
                max_length=10,
            ),
        ),
    ]
