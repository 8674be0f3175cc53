"""The one root of what the rig reports."""

from __future__ import annotations


class RigError(Exception):
    """The rig could not do what a test asked; the message names the board and says what was wrong."""
