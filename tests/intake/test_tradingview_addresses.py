import importlib

from signals.intake.sources import directory
from signals.models import AddressList
from tradeops.core import configuration, network


def test_the_migration_seeds_tradingviews_four_addresses_and_leaves_an_edited_list_alone(db):
    from django.apps import apps

    seed = importlib.import_module("signals.migrations.0002_tradingview_addresses").seed
    AddressList.objects.all().delete()
    seed(apps, None)
    configuration.changed()
    for address in ("52.89.214.238", "34.212.75.30", "54.218.53.128", "52.32.178.7"):
        assert directory().is_tradingview(network.parse(address))
    assert not directory().is_tradingview(network.parse("52.89.214.239"))
    assert not directory().is_tradingview(None)
    AddressList.objects.update(networks=["198.51.100.0/24"])
    seed(apps, None)
    assert AddressList.objects.get().networks == ["198.51.100.0/24"]
