"""CJ/T 188: Chinese water, heat and gas meters."""
