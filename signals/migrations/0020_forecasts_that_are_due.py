"""The day from which a forecast may be scored, and those that never can be.

Of what waits now, what was made on its base day began with the price of a day that was not over: there is no close that
it could fairly be held against.
"""

from datetime import timedelta

from django.db import migrations, models
from django.utils import timezone


def wait(apps, schema_editor):
    forecasts = apps.get_model("signals", "Forecast").objects
    changed = []
    for row in forecasts.filter(scored_at=None).only("base_date", "horizon_days", "made_at").iterator():
        if row.made_at.date() <= row.base_date:
            row.unscorable_at = timezone.now()
        else:
            row.due_on = row.base_date + timedelta(days=row.horizon_days)
        changed.append(row)
    forecasts.bulk_update(changed, ["due_on", "unscorable_at"], batch_size=200)


class Migration(migrations.Migration):

    dependencies = [
        ('signals', '0019_insurance_of_paper_accounts'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='forecast',
            name='signals_forecast_unscored',
        ),
        migrations.AddField(
            model_name='forecast',
            name='due_on',
            field=models.DateField(help_text='From this day on its price is looked for; empty: no more.', null=True),
        ),
        migrations.AddField(
            model_name='forecast',
            name='unscorable_at',
            field=models.DateTimeField(help_text='There is no price to hold it against, and none is looked for any more.', null=True),
        ),
        migrations.AlterField(
            model_name='forecast',
            name='actual_price',
            field=models.FloatField(help_text="On the base price's scale: a split since then is taken out of it.", null=True),
        ),
        migrations.AddIndex(
            model_name='forecast',
            index=models.Index(condition=models.Q(('due_on__isnull', False)), fields=['due_on'], name='signals_forecast_due'),
        ),
        migrations.AddConstraint(
            model_name='forecast',
            constraint=models.CheckConstraint(condition=models.Q(('scored_at__isnull', True), ('unscorable_at__isnull', True), _connector='OR'), name='signals_forecast_scored_or_unscorable'),
        ),
        migrations.RunPython(wait, migrations.RunPython.noop),
    ]
