"""Engines of others that Paifang works with, as processes of their own: NATS, PostgreSQL, brokers."""
