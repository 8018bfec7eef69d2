import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ingestion', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='documentversion',
            name='poked_at',
            field=models.DateTimeField(blank=True, default=django.utils.timezone.now, help_text='When a message was last sent for it; null: a worker has taken it since.', null=True),
        ),
    ]
