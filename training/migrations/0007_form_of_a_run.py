from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("training", "0006_keys_of_questions"),
    ]

    operations = [
        migrations.AddField(
            model_name="trainingrun",
            name="form",
            field=models.UUIDField(
                help_text="The form that asked for it, which starts no other.",
                null=True,
                unique=True,
            ),
        ),
    ]
