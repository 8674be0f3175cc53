"""The wire between a Paifang node and its gateway: signed CBOR, sans-IO.

Bytes go in, messages come out. Nothing here opens a socket, reads a clock or draws randomness: all three are
passed in. The same files run on CPython 3.11+ and on MicroPython 1.28+.
"""

__version__ = "0.1.0"
