"""The `paifang` command: one file a noun, loaded when it is asked for."""

from paifang.cli.app import main as main
