"""The results of an analysis as OpenAPI describes them (A4)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

ACTIONS = ("BUY STRONG", "BUY", "HOLD", "SELL", "SELL STRONG")


class PredictionSerializer(serializers.Serializer[Any]):
    model_used = serializers.CharField(help_text="TFT-Primary, N-HITS or Statistical.")
    predicted_price = serializers.FloatField()
    low = serializers.FloatField(help_text="Lower end of the band that holds 80 %.")
    high = serializers.FloatField()
    direction = serializers.ChoiceField(choices=("UP", "DOWN"))
    confidence = serializers.FloatField()
    latency_ms = serializers.IntegerField()


class SentimentSerializer(serializers.Serializer[Any]):
    sentiment = serializers.ChoiceField(choices=("positive", "negative", "neutral"))
    confidence = serializers.FloatField()
    recommendation = serializers.ChoiceField(choices=("BUY", "SELL", "HOLD"))


class ComponentsSerializer(serializers.Serializer[Any]):
    price_prediction = PredictionSerializer()
    sentiment_analysis = SentimentSerializer()


class TradingSignalSerializer(serializers.Serializer[Any]):
    """Without success there is only `error`."""

    success = serializers.BooleanField()
    error = serializers.CharField(required=False)
    action = serializers.ChoiceField(choices=ACTIONS, required=False)
    confidence = serializers.FloatField(required=False)
    signal_score = serializers.FloatField(required=False)
    current_price = serializers.FloatField(required=False)
    reasoning = serializers.CharField(required=False)
    components = ComponentsSerializer(required=False)


class AnalysisAlertSerializer(serializers.Serializer[Any]):
    level = serializers.CharField()
    symbol = serializers.CharField()
    message = serializers.CharField()
    timestamp = serializers.DateTimeField()


class DistributionSerializer(serializers.Serializer[Any]):
    BUY = serializers.IntegerField()
    SELL = serializers.IntegerField()
    HOLD = serializers.IntegerField()


class MetricsSerializer(serializers.Serializer[Any]):
    success_rate = serializers.FloatField()
    avg_confidence = serializers.FloatField()
    signal_distribution = DistributionSerializer()


class ResultsSerializer(serializers.Serializer[Any]):
    run_id = serializers.CharField()
    timestamp = serializers.DateTimeField()
    symbols_analyzed = serializers.ListField(child=serializers.CharField())
    trading_signals = serializers.DictField(child=TradingSignalSerializer())
    alerts = AnalysisAlertSerializer(many=True)
    performance_metrics = MetricsSerializer()
