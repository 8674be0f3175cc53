"""OGC SensorThings API 1.1: records as observations."""
