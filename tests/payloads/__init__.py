"""Bodies that senders and attackers send. Each is posted as it stands, byte for byte."""
