"""Lunch breaks of exchanges. Days that were copied before go: they are copied again, with their breaks, when asked for."""

from django.db import migrations, models


def forget(apps, schema_editor):
    apps.get_model("signals", "MarketDay").objects.all().delete()


class Migration(migrations.Migration):

    dependencies = [
        ('signals', '0001_squashed_0015'),
    ]

    operations = [
        migrations.RunPython(forget, migrations.RunPython.noop),
        migrations.AddField(
            model_name='marketday',
            name='break_ends_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='marketday',
            name='break_starts_at',
            field=models.DateTimeField(help_text='The lunch break; empty: there is none.', null=True),
        ),
    ]
