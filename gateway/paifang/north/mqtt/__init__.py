"""Records into a broker of MQTT 5."""
