"""Modbus: frames, which registers are asked for together, and who may speak on a line when."""
