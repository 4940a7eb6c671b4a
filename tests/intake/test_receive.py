from decimal import Decimal

from signals.receive import Alert


def test_zero_is_given_and_survives_the_journey_through_json():
    alert = Alert(symbol="X", market_position="flat", market_position_size=Decimal(0))
    assert alert.to_json() == {
        "symbol": "X",
        "market_position": "flat",
        "market_position_size": "0",
        "order_type": "market",
    }
    assert Alert.from_json(alert.to_json()) == alert
