"""Wired M-Bus: heat, water, gas and electricity meters of EN 13757."""
