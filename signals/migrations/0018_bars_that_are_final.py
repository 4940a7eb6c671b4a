"""Whether a bar's day was over when it was read. Of what is stored, only the last bar of each symbol may not be: those
before it were read again with it."""

from django.db import migrations, models


def settle(apps, schema_editor):
    bars = apps.get_model("signals", "Bar").objects
    bars.update(final=True)
    latest = bars.values("source", "symbol").annotate(last=models.Max("date"))
    for source, symbol, last in list(latest.values_list("source", "symbol", "last")):
        bars.filter(source=source, symbol=symbol, date=last).update(final=False)


class Migration(migrations.Migration):

    dependencies = [
        ('signals', '0017_indexes_of_what_is_open'),
    ]

    operations = [
        migrations.AddField(
            model_name='bar',
            name='final',
            field=models.BooleanField(default=False, help_text='It was read when its day was over, so it stays as it is.'),
        ),
        migrations.RunPython(settle, migrations.RunPython.noop),
    ]
