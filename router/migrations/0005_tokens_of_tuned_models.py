from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('router', '0004_precedents_of_documents'),
    ]

    operations = [
        migrations.AddField(
            model_name='answer',
            name='tuned_completion_tokens',
            field=models.PositiveIntegerField(db_default=0, default=0, help_text='Those of them that a tuned model wrote.'),
        ),
        migrations.AddField(
            model_name='answer',
            name='tuned_prompt_tokens',
            field=models.PositiveIntegerField(db_default=0, default=0, help_text='Those of them that a tuned model read.'),
        ),
    ]
