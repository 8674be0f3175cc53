"""Paifang's gateway: verifies, stores and acknowledges what a ward's nodes report, and commands them."""
