"""Relay: from a post to the endpoints."""
