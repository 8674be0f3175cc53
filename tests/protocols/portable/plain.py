"""Wire values as JSON can carry them, and as text that two interpreters can compare."""

import hashlib
from binascii import hexlify

from paifang_wire.errors import WireError


def restore(form):
    """Return the wire value of its JSON form: {"bytes": hex} and {"map": [[key, value], ...]}, else itself."""
    if isinstance(form, list):
        return [restore(item) for item in form]
    if not isinstance(form, dict):
        return form
    if "bytes" in form:
        return bytes.fromhex(form["bytes"])
    return {restore(key): restore(value) for key, value in form["map"]}


def fingerprint(value):
    """Return an ASCII text that two values share only if they are equal and of the same types all the way down."""
    parts = []
    spell(value, parts.append)
    return "".join(parts)


def digest(value):
    """Return the SHA-256 of the fingerprint in hex, made piece by piece: a node's heap need not hold the text."""
    running = hashlib.sha256()
    spell(value, lambda part: running.update(part.encode()))
    return hexlify(running.digest()).decode()


def spell(value, write):
    """Write the fingerprint of `value` in pieces. Raises TypeError for what is no wire value."""
    if value is None or value is True or value is False:
        write("n" if value is None else "t" if value else "f")
    elif isinstance(value, int):
        write("i" + str(value) + ";")
    elif isinstance(value, (bytes, str)):
        text = isinstance(value, str)
        write("s" if text else "b")
        write(hexlify(value.encode() if text else value).decode() + ";")
    elif isinstance(value, (list, tuple)):
        write("[")
        for item in value:
            spell(item, write)
        write("]")
    elif isinstance(value, dict):
        write("{")
        for key_text, key in sorted([(fingerprint(key), key) for key in value], key=lambda pair: pair[0]):
            write(key_text)
            spell(value[key], write)
        write("}")
    else:
        raise TypeError("no wire value: " + repr(value))


def refusal(act, *arguments):
    """Return the reason with which `act(*arguments)` refuses, or None when it does not."""
    try:
        act(*arguments)
    except WireError as error:
        return error.reason
    return None
