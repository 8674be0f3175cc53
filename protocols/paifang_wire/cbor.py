"""Strict deterministic CBOR (RFC 8949 section 4.2.1): one encoding per value, anything else is refused.

The profile: integers of 64 bits, byte and text strings, arrays, maps with integers or strings as keys, false, true,
null. No floats, because an ESP32 has 32-bit ones and a value must mean the same on both sides; no tags, no other
simple values.
"""

from .errors import BAD_TYPE, NOT_CBOR, TOO_LONG, WireError

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False  # pyright: ignore[reportConstantRedefinition]

if TYPE_CHECKING:
    from typing import Any

LIMIT = 4096
"""Bytes of the longest item that is read: a frame must fit a node's heap several times over."""
DEPTH_LIMIT = 8

_KEYS = (int, bytes, str)


def encode(value: "Any") -> bytes:
    """Return the one encoding of `value`. Raises WireError(BAD_TYPE) for what the profile does not hold."""
    out = bytearray()
    append(out, value)
    return bytes(out)


def decode(data: bytes, limit: int = LIMIT) -> "Any":
    """Return the value of `data`, which must be one whole item and no more.

    Raises WireError: TOO_LONG above `limit` bytes, NOT_CBOR for everything that `encode` would not have written.
    """
    if len(data) > limit:
        raise WireError(TOO_LONG, "more than " + str(limit))
    try:
        value, end = item(data, 0, DEPTH_LIMIT)
    except IndexError:
        raise WireError(NOT_CBOR, "cut short") from None
    if end != len(data):
        raise WireError(NOT_CBOR, "bytes left")
    return value


def item(data: bytes, pos: int, depth: int = DEPTH_LIMIT) -> "tuple[Any, int]":
    """Return (value, position after it) of the item at `pos`. Raises WireError; IndexError where data ends early."""
    initial = data[pos]
    pos += 1
    if initial >= 0xE0:
        return _simple(initial), pos
    argument = initial & 31
    if argument >= 24:
        argument, pos = _argument(data, pos, argument)
    if initial < 0x20:
        return argument, pos
    if initial < 0x40:
        return -1 - argument, pos
    if argument > len(data) - pos:
        raise WireError(NOT_CBOR, "cut short")
    if initial < 0x80:
        chunk = data[pos : pos + argument]
        return chunk if initial < 0x60 else _text(chunk), pos + argument
    if initial >= 0xC0:
        raise WireError(NOT_CBOR, "a tag")
    if depth == 0:
        raise WireError(NOT_CBOR, "too deep")
    if initial < 0xA0:
        return _array(data, pos, argument, depth - 1)
    return _map(data, pos, argument, depth - 1)


def append_head(out: bytearray, major: int, argument: int) -> None:
    """Append the shortest head of `major` (0..7) with `argument` (0..2**64-1) to `out`."""
    major <<= 5
    if argument < 24:
        out.append(major | argument)
        return
    for index in range(4):
        shift = 8 << index
        if argument >> shift == 0:
            out.append(major | 24 + index)
            while shift:
                shift -= 8
                out.append(argument >> shift & 0xFF)
            return
    raise WireError(BAD_TYPE, "> 64 bits")


def byte_string(data: bytes) -> bytes:
    """Return `data` as an encoded byte string."""
    out = bytearray()
    append_head(out, 2, len(data))
    out.extend(data)
    return bytes(out)


def append(out: bytearray, value: "Any") -> None:
    """Append the encoding of `value` to `out`, which on a node is cheaper than `encode`. Raises WireError(BAD_TYPE)."""
    kind = value.__class__
    if kind is int:
        if value < 0:
            append_head(out, 1, -1 - value)
        else:
            append_head(out, 0, value)
    elif kind is dict:
        append_head(out, 5, len(value))
        for key in _in_order(value):
            append(out, key)
            append(out, value[key])
    elif kind is list or kind is tuple:
        append_head(out, 4, len(value))
        for item in value:
            append(out, item)
    elif kind is bytes or kind is bytearray:
        append_head(out, 2, len(value))
        out.extend(value)
    elif kind is str:
        text = value.encode("utf-8")
        append_head(out, 3, len(text))
        out.extend(text)
    elif value is None:
        out.append(0xF6)
    elif kind is bool:
        out.append(0xF5 if value else 0xF4)
    else:
        raise WireError(BAD_TYPE, str(kind))


def _in_order(value: "dict[Any, Any]") -> "dict[Any, Any] | list[Any]":
    """Return the keys in the bytewise order of their encodings (MicroPython's dicts keep no order of their own).

    For unsigned integers that is their own order: nothing is encoded twice, and nothing copied where it holds already.
    """
    before = -1
    is_sorted = True
    for key in value:
        if type(key) is not int or key < 0:
            return sorted(value, key=_encoded_key)
        is_sorted = is_sorted and key > before
        before = key
    return value if is_sorted else sorted(value)


def _encoded_key(key: "Any") -> bytes:
    """Refuse the keys that would not be read back: to Python, True is the same key as 1."""
    if not isinstance(key, _KEYS) or key is True or key is False:
        raise WireError(BAD_TYPE, "a map key")
    return encode(key)


def _simple(initial: int) -> "bool | None":
    if initial == 0xF6:
        return None
    if initial == 0xF4 or initial == 0xF5:
        return initial == 0xF5
    raise WireError(NOT_CBOR, "bad simple")


def _argument(data: bytes, pos: int, information: int) -> "tuple[int, int]":
    """Return (argument, position after it) for additional information 24 and above (RFC 8949 section 3)."""
    if information == 24:
        argument = data[pos]
        end = pos + 1
        floor = 24
    elif information > 27:
        raise WireError(NOT_CBOR, "bad length")
    else:
        length = 1 << information - 24
        end = pos + length
        if end > len(data):
            raise WireError(NOT_CBOR, "cut short")
        argument = int.from_bytes(data[pos:end], "big")
        floor = 1 << 4 * length  # what half as many bytes do not hold
    if argument < floor:
        raise WireError(NOT_CBOR, "long form")
    return argument, end


def _array(data: bytes, pos: int, count: int, depth: int) -> "tuple[list[Any], int]":
    items: "list[Any]" = []
    while count:
        value = data[pos]
        if value < 24:  # small integers are most of what is read: no call for them, here and in maps
            pos += 1
        else:
            value, pos = item(data, pos, depth)
        items.append(value)
        count -= 1
    return items, pos


def _map(data: bytes, pos: int, count: int, depth: int) -> "tuple[dict[Any, Any], int]":
    items: "dict[Any, Any]" = {}
    before = b""
    while count:
        start = pos
        key = data[pos]
        if key < 24:
            pos += 1
        else:
            key, pos = item(data, pos, depth)
            if not isinstance(key, _KEYS) or key is True or key is False:
                raise WireError(NOT_CBOR, "a map key")
        encoded = data[start:pos]
        if encoded <= before:
            raise WireError(NOT_CBOR, "key order")
        before = encoded
        value = data[pos]
        if value < 24:
            pos += 1
        else:
            value, pos = item(data, pos, depth)
        items[key] = value
        count -= 1
    return items, pos


def _text(chunk: bytes) -> str:
    """Refuse what RFC 3629 does: MicroPython's own check lets overlong forms and surrogates pass."""
    pos = 0
    while pos < len(chunk):
        lead = chunk[pos]
        if lead < 0x80:
            pos += 1
            continue
        length = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
        code = lead & (0xFF >> (length + 1))
        tail = chunk[pos + 1 : pos + length]
        for byte in tail:
            if byte & 0xC0 != 0x80:
                raise WireError(NOT_CBOR, "not UTF-8")
            code = code << 6 | byte & 0x3F
        least = (0x80, 0x800, 0x10000)[length - 2]
        if lead < 0xC2 or lead > 0xF4 or len(tail) != length - 1 or code < least or code > 0x10FFFF or code >> 11 == 27:
            raise WireError(NOT_CBOR, "not UTF-8")
        pos += length
    return str(chunk, "utf-8")
