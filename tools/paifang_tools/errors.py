"""The one root of what the tools report."""

from __future__ import annotations


class ToolError(Exception):
    """A tool could not do what it was asked; the message says what was wrong and what to do."""
