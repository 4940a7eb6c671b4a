"""`POST /webhook/execution`: what a bridge says came of an order or signal that was delivered to it (L5)."""
