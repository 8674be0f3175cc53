"""Connections to NATS and its streams, for whoever writes into them or reads from them."""
