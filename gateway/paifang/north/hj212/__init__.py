"""HJ 212: what a data logger says to the environment bureau."""
