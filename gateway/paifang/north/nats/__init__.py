"""A sink into NATS JetStream: each record a message, confirmed when the stream keeps it."""

from paifang.north.nats.connector import build as build
