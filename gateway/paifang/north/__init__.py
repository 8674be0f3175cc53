"""The city network: sinks are places in the records, each moved on when its far side has confirmed."""
