"""The JSON schema of a run's results, as A4 has it."""

NUMBER = {"type": "number"}
SHARE = {"type": "number", "minimum": 0, "maximum": 1}
PREDICTION = {
    "type": "object",
    "required": ["model_used", "predicted_price", "direction", "confidence", "latency_ms"],
    "properties": {
        "model_used": {"enum": ["TFT-Primary", "N-HITS", "Statistical"]},
        "predicted_price": NUMBER,
        "low": NUMBER,
        "high": NUMBER,
        "direction": {"enum": ["UP", "DOWN"]},
        "confidence": SHARE,
        "latency_ms": {"type": "integer", "minimum": 0},
    },
    "additionalProperties": False,
}
MOOD = {
    "type": "object",
    "required": ["sentiment", "confidence", "recommendation"],
    "properties": {
        "sentiment": {"enum": ["positive", "negative", "neutral"]},
        "confidence": SHARE,
        "recommendation": {"enum": ["BUY", "SELL", "HOLD"]},
    },
    "additionalProperties": False,
}
GOOD = {
    "type": "object",
    "required": [
        "success", "action", "confidence", "signal_score", "current_price", "reasoning", "components",
    ],
    "properties": {
        "success": {"const": True},
        "action": {"enum": ["BUY STRONG", "BUY", "HOLD", "SELL", "SELL STRONG"]},
        "confidence": SHARE,
        "signal_score": {"type": "number", "minimum": -1, "maximum": 1},
        "current_price": NUMBER,
        "reasoning": {"type": "string", "minLength": 10},
        "components": {
            "type": "object",
            "required": ["price_prediction", "sentiment_analysis"],
            "properties": {"price_prediction": PREDICTION, "sentiment_analysis": MOOD},
        },
    },
    "additionalProperties": False,
}  # fmt: skip
BAD = {
    "type": "object",
    "required": ["success", "error"],
    "properties": {"success": {"const": False}, "error": {"type": "string", "minLength": 5}},
    "additionalProperties": False,
}
RESULTS = {
    "type": "object",
    "required": [
        "run_id", "timestamp", "symbols_analyzed", "trading_signals", "alerts", "performance_metrics",
    ],
    "properties": {
        "run_id": {"type": "string"},
        "timestamp": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"},
        "symbols_analyzed": {"type": "array", "items": {"type": "string"}},
        "trading_signals": {"type": "object", "additionalProperties": {"oneOf": [GOOD, BAD]}},
        "alerts": {
            "type": "array",
            "items": {"type": "object", "required": ["level", "symbol", "message", "timestamp"]},
        },
        "performance_metrics": {
            "type": "object",
            "required": ["success_rate", "avg_confidence", "signal_distribution"],
            "properties": {
                "success_rate": SHARE,
                "avg_confidence": SHARE,
                "signal_distribution": {
                    "type": "object",
                    "required": ["BUY", "SELL", "HOLD"],
                    "additionalProperties": {"type": "integer"},
                },
            },
        },
    },
    "additionalProperties": False,
}  # fmt: skip
