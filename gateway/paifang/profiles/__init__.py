"""What third-party meters, sensors and relays are, as TOML: how each point is reached, apart from what it means."""
