from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('signals', '0020_forecasts_that_are_due'),
    ]

    operations = [
        migrations.AddField(
            model_name='analysisplan',
            name='timed_at',
            field=models.DateTimeField(blank=True, help_text='When it was switched on or its times changed: before that, none was missed.', null=True),
        ),
    ]
