"""Fills of the paper venue have rows of their own: those of orders that were filled before get theirs."""

from django.db import migrations


def make(apps, schema_editor):
    orders = apps.get_model("signals", "PaperOrder").objects.filter(status="FILLED", trades=None)
    trades = apps.get_model("signals", "PaperTrade").objects
    for order in orders.iterator():
        order.filled = order.quantity
        order.save(update_fields=["filled"])
        trades.create(
            order=order,
            account_id=order.account_id,
            number=1,
            quantity=order.quantity,
            price=order.price,
            fee=order.fee,
            fee_currency=order.fee_currency,
            at=order.at,
        )


class Migration(migrations.Migration):
    dependencies = [("signals", "0014_decisions_positions_and_paper")]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
