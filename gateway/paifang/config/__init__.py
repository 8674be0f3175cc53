"""What an operator writes down: where it lies, what it may say, and how a mistake in it is explained."""
