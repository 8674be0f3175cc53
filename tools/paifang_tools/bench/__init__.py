"""Benchmarks: ratios measured in one run, each figure with its goal. Never a test."""
