"""Third-party meters and sensors: their protocols, and how they become points of the ward."""
