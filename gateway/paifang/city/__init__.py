"""The city's side: workers that write what wards have sent through JetStream into PostgreSQL, each record once."""
