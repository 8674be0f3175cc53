"""Real simulated traffic for the signals: nets, the loop with SUMO, a judge of lamp logs, and the figures."""
