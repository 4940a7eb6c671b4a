"""Intake: from a post to a committed, acknowledged signal."""
