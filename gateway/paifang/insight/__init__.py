"""What the gateway makes of the traffic it sees: green waves, congestion, and orders to signals under a delegation."""
