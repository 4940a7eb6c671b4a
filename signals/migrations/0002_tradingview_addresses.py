"""The addresses that TradingView says it sends webhooks from (tradingview.com/support/solutions/43000529348).

They are a row and not a constant, so that an operator can follow a change without an upgrade.
"""

from django.db import migrations

NETWORKS = ["52.89.214.238/32", "34.212.75.30/32", "54.218.53.128/32", "52.32.178.7/32"]


def seed(apps, schema_editor):
    apps.get_model("signals", "AddressList").objects.get_or_create(
        slug="tradingview", defaults={"networks": NETWORKS}
    )


class Migration(migrations.Migration):
    dependencies = [("signals", "0001_initial")]
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
