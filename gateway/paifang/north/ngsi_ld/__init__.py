"""NGSI-LD: records as entities of the Smart Data Models, into a context broker."""
