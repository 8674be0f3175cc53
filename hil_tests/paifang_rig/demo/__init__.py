"""`paifang demo`: a whole ward on this machine, and what it does when things go wrong."""

from paifang_rig.demo.command import command

__all__ = ["command"]
