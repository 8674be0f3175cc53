"""Bluetooth Low Energy: what devices advertise, and what their GATT servers tell."""
