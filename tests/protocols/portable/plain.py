"""Wire values as JSON can carry them, and as text that two interpreters can compare."""

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
    if value is None or value is True or value is False:
        return {None: "n", True: "t", False: "f"}[value]
    if isinstance(value, int):
        return "i" + str(value) + ";"
    if isinstance(value, bytes):
        return "b" + hexlify(value).decode() + ";"
    if isinstance(value, str):
        return "s" + hexlify(value.encode()).decode() + ";"
    if isinstance(value, (list, tuple)):
        return "[" + "".join([fingerprint(item) for item in value]) + "]"
    if isinstance(value, dict):
        return "{" + "".join(sorted([fingerprint(key) + fingerprint(item) for key, item in value.items()])) + "}"
    raise TypeError("no wire value: " + repr(value))


def refusal(act, *arguments):
    """Return the reason with which `act(*arguments)` refuses, or None when it does not."""
    try:
        act(*arguments)
    except WireError as error:
        return error.reason
    return None
