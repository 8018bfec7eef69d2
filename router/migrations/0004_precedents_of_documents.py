import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """What was kept for each collection goes; the worker makes it anew for each document."""

    dependencies = [
        ('ingestion', '0002_poked_at'),
        ('router', '0003_precedents'),
    ]

    operations = [
        migrations.DeleteModel(name='Precedents'),
        migrations.CreateModel(
            name='Precedents',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('embedder', models.CharField(help_text='Name of the embedding model.', max_length=200)),
                ('rows', models.JSONField(help_text='Question, answer, its sentence and its place of each.')),
                ('asked', models.JSONField(help_text='Their questions without names, each once.')),
                ('vectors', models.BinaryField(help_text='Of those, as unit vectors, little-endian float32.')),
                ('sha256', models.CharField(help_text='Of all these.', max_length=64)),
                ('pairs', models.CharField(help_text='What the pairs were that it was made of.', max_length=200)),
                ('mark', models.BigIntegerField(help_text='Of the digest 40 bits: by their sum processes see that something is new.')),
                ('size', models.PositiveIntegerField(help_text='How many questions there are.')),
                ('has_written', models.BooleanField(help_text='Whether people wrote any of them.')),
                ('document', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='precedents', to='ingestion.document')),
            ],
        ),
    ]
