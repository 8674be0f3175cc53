"""Sessions with ESP32 nodes: over TCP and serial lines, from hello to the acknowledged record."""
