"""ES256 verification: ECDSA over P-256 with SHA-256 (FIPS 186-5 section 6.4.2), in slices that a node can afford.

u1*G + u2*Q is one joint chain of doublings (Straus) over the two scalars in windowed non-adjacent form. Everything
here is public, so nothing hides how long it takes: never use this arithmetic with a private key.
"""

from binascii import a2b_base64

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False  # pyright: ignore[reportConstantRedefinition]

if TYPE_CHECKING:
    from collections.abc import Callable

    Jacobian = tuple[int, int, int]
    """(X, Y, Z) of the point (X / Z**2, Y / Z**3); Z = 0 is the neutral element."""
    Cached = tuple[int, int, int, int, int]
    """(X, Y, Z, Z**2, Z**3)."""

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
"""The field's prime (SP 800-186 section 3.2.1.3)."""
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of the group."""
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
"""The curve is y**2 = x**3 - 3*x + B."""
_BASE = (
    b"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q=="
    b"Xsvk0aYzCkTI9++VHUvxZebGtyHvramF+0FmG8bn/WyHNGQMSZj/fjdLBs4aZKLs2CqwNjhPuD2aebEnon1QMg=="
    b"UVkLelFRQNLXhMhWCGaP3++Mgv0fW+UkIVVKDcPQM+3gwX2okEpyfYrhvza/inkmDQEvANTYCIjR0LtE/aFtpA=="
    b"jlM7b6C/e0YluzBmfAH7YH75+LioD+9bMAYocDGHsqNz6x294DMYNm0Gn4Om9ZAAU8c2M8sEGyHFXhqGwfQAtA=="
    b"6mjXtv7fC3GHiTjVHXH4cp4Ky4wsbfiz156KS5CUnuAqJ0TJcsn854cBSpZKjqDITXFP6qTegj/oWiJKTdBI+g=="
    b"PtETt4g7TFkGODedsMIc2hZ0LtAlUEi/QzOR03S8IdGQmSCazMTIoiTIQ6+k9MaKCQ0E2l6Yidri+O786Co3QA=="
    b"F3yDeuCsSVphgF3y2F7i/HkuKEtl6tWKmOFdnUYHLAFju1jNTr6lWKJAka20D05yJu4Uw6H7TfOcQ7vi78e/2A=="
    b"8EVNxpcauuet+zeJmYiCZa4Dr5LeOg7xY2aMY+WbnV+1uT7jWS4tH05llOUflkPmKjshznW1+j9H5ZzeDQNPNg=="
    b"R3dpBMDxzDqcCYS2b3UwGl+mhnjw1kr4uhq840c4pz6qAF7mtblXKGIxhWV3ZI6DgbKARCjVcz8y94f/cfH83A=="
    b"y20oYRAsDCXOObfBcQjFB3gsRSJXiEiVwfx7dKsD7YNY12FLJNnvUVw15xANbWzkpJZxbjD6PgPjkVB1K87Nqg=="
    b"MlD89oZjfHsuSshutHO8pTpYITn0KxUj/XY2Tmc5noNC58NCZn01k5ezCQ0dfriMiXzTwztWaoIV3iSgcdSMCQ=="
    b"DpHHI5wmQNfSij451Fg/pjwLwKXfZKT+Zy5XMEXKeJZd9lw7VQ26Ihoiczu44L1tfmiDNXXnpa4TgEZUMUCtVQ=="
    b"OmfiVUsMC7aF9PUtjAf6hEFlL8W3bxskhKTcRfIA1ocn0PGHLx/PQyba8mcWOvsNjBiK9zWnYYqp7RazAveTJA=="
    b"GE/6WBnYDVHeui+sRhHzeFdjVb1oPlSr8uIBFzsIg9HApm4nZojzWaTG2Qgmy5mVRb3szGPwSRYg0kLCYJBubw=="
    b"1tM63voZWwenw22gkIU7jP2M0caItYpB3t1pPRx4Te+EqroW7hldfj94JF9Vil3LCaFmq0uV7e1VDBJFk9G8pg=="
    b"MB2eUC3H4F2oXaAmp66aoPrJ231SqVs+Pj+aoKG0W4tlUbb2swYSI+DSPAJrAX1yKY2a5GiHymHVjbauoX7iZw=="
)
"""The base point G, 3G, 5G ... 31G, each x || y in base64: a third of what the numbers would keep of a node's heap."""
_BASE_LENGTH = 88

_BASE_WIDTH = 6
_KEY_WIDTH = 4
"""Windows in bits. A wider one for the key was measured no faster: its table takes what it saves in additions."""
_DIGITS = 257
"""A non-adjacent form may be one digit longer than its number."""
_DIVISIONS_A_STEP = 24
_DIGITS_A_STEP = 40
"""How much of the work before the doublings takes less than two of them, with a margin."""


def verify(public: bytes, digest: bytes, signature: bytes) -> bool:
    """Tell whether `signature` is one of `digest` by `public`, in one go. Arguments as for `Verification`."""
    verification = Verification(public, digest, signature)
    while verification.step():
        pass
    return verification.valid


class Verification:
    """One signature being verified, step by step.

    `public` is x || y and `signature` r || s, 64 bytes each; `digest` is SHA-256 of what was signed. Numbers out of
    range, a point off the curve and s > n / 2 (each signature would have a twin) are refused before the first step.
    """

    def __init__(self, public: bytes, digest: bytes, signature: bytes) -> None:
        self.valid = False
        """Whether the signature is proven good; False as long as there is work left."""
        self._work: Callable[[], None] | None = None
        if len(public) != 64 or len(digest) != 32 or len(signature) != 64:
            return
        x, y = _halves(public)
        r, s = _halves(signature)
        if not (0 < r < N and 0 < s <= N >> 1 and _on_curve(x, y)):
            return
        self._r = r
        self._hash = int.from_bytes(digest, "big")
        self._euclid = (s, N, 1, 0)
        self._table: list[Cached] = [(x, y, 1, 1, 1)]
        self._work = self._invert

    def step(self) -> bool:
        """Do about as much as two point doublings take, at most; tell whether there is more to do."""
        work = self._work
        if work is None:
            return False
        work()
        return self._work is not None

    def _invert(self) -> None:
        """Some divisions of Euclid's algorithm on s and n; at its end, both scalars."""
        a, b, p, q = self._euclid
        for _ in range(_DIVISIONS_A_STEP):
            if a == 1:
                break
            quotient = b // a
            a, b, p, q = b - quotient * a, a, q - quotient * p, p
        self._euclid = a, b, p, q
        if a == 1:
            self._base_digits = bytearray(_DIGITS)
            self._key_digits = bytearray(_DIGITS)
            self._base_rest = self._hash * p % N, 0
            self._key_rest = self._r * p % N, 0
            self._work = self._recode

    def _recode(self) -> None:
        """Some digits of one scalar; at the end of both, on to the key's table."""
        if self._base_rest[0]:
            self._base_rest = _recode(self._base_digits, self._base_rest, _BASE_WIDTH)
        elif self._key_rest[0]:
            self._key_rest = _recode(self._key_digits, self._key_rest, _KEY_WIDTH)
        else:
            self._twice = _cached(_double(self._table[0][:3]))
            self._work = self._tabulate

    def _tabulate(self) -> None:
        """The next odd multiple of the key."""
        table = self._table
        table.append(_cached(_add(table[-1][:3], self._twice)))
        if len(table) == 1 << (_KEY_WIDTH - 2):
            self._sum: Jacobian = 0, 1, 0
            self._bit = _DIGITS - 1
            self._work = self._multiply

    def _multiply(self) -> None:
        """One addition that is due at this bit, or one doubling: an addition takes as long as one and a half."""
        bit = self._bit
        key, base = self._key_digits, self._base_digits
        if key[bit]:
            digit = key[bit]
            key[bit] = 0
            x, y, z, zz, zzz = self._table[(digit & 0x7F) >> 1]
            self._sum = _add(self._sum, (x, P - y if digit & 0x80 else y, z, zz, zzz))
        elif base[bit]:
            digit = base[bit]
            base[bit] = 0
            x, y = _base_multiple((digit & 0x7F) >> 1)
            self._sum = _add(self._sum, (x, P - y if digit & 0x80 else y, 1, 1, 1))
        elif bit:
            self._sum = _double(self._sum)
            bit -= 1
            self._bit = bit
        else:
            self.valid = _has_x(self._sum, self._r)
            self._work = None


def _base_multiple(index: int) -> "tuple[int, int]":
    """Return (x, y) of 2 * index + 1 times G."""
    start = index * _BASE_LENGTH
    return _halves(a2b_base64(_BASE[start : start + _BASE_LENGTH]))


def _halves(data: bytes) -> "tuple[int, int]":
    return int.from_bytes(data[:32], "big"), int.from_bytes(data[32:], "big")


def _on_curve(x: int, y: int) -> bool:
    return x < P and y < P and (y * y - (x * x - 3) * x - B) % P == 0


def _has_x(point: "Jacobian", r: int) -> bool:
    """Tell whether the point's x is r modulo n: x = X / Z**2 is r, or r + n where that is below p."""
    x, _, z = point
    if not z:
        return False
    zz = z * z % P
    return (r * zz - x) % P == 0 or (r + N < P and ((r + N) * zz - x) % P == 0)


def _recode(digits: bytearray, rest: "tuple[int, int]", width: int) -> "tuple[int, int]":
    """Write some digits of the scalar's `rest` (what is left, its place) and return the new rest.

    A digit is odd, below 2**(width - 1), its sign in bit 7; at least `width - 1` zeros follow it.
    """
    scalar, at = rest
    whole = 1 << width
    for _ in range(_DIGITS_A_STEP):
        if not scalar:
            break
        if scalar & 1:
            digit = scalar & (whole - 1)
            if digit > whole >> 1:
                digit -= whole
            scalar = (scalar - digit) >> width
            digits[at] = digit if digit > 0 else 0x80 - digit
            at += width
        else:
            scalar >>= 1
            at += 1
    return scalar, at


def _cached(point: "Jacobian") -> "Cached":
    """Return (X, Y, Z, Z**2, Z**3), with which a point is added more cheaply."""
    x, y, z = point
    zz = z * z % P
    return x, y, z, zz, zz * z % P


def _double(point: "Jacobian") -> "Jacobian":
    """Jacobian doubling for a = -3 ("dbl-2001-b"); the neutral element (Z = 0) stays what it is."""
    p = P
    x, y, z = point
    delta = z * z % p
    gamma = y * y % p
    beta = x * gamma % p
    alpha = 3 * (x - delta) * (x + delta) % p
    z = (y * z << 1) % p
    beta <<= 2
    x = (alpha * alpha - (beta << 1)) % p
    return x, (alpha * (beta - x) - (gamma * gamma << 3)) % p, z


def _add(point: "Jacobian", other: "Cached") -> "Jacobian":
    """Jacobian addition of a point and one in the form of `_cached`, whose Z may be 1 but not 0 ("add-1998-cmo-2")."""
    p = P
    x1, y1, z1 = point
    x2, y2, z2, zz2, zzz2 = other
    if not z1:
        return x2, y2, z2
    zz1 = z1 * z1 % p
    if z2 != 1:
        x1 = x1 * zz2 % p
        y1 = y1 * zzz2 % p
    h = (x2 * zz1 - x1) % p
    slope = (y2 * (zz1 * z1 % p) - y1) % p
    if not h:
        return (0, 1, 0) if slope else _double((x2, y2, z2))
    hh = h * h % p
    hhh = h * hh % p
    v = x1 * hh % p
    x = (slope * slope - hhh - (v << 1)) % p
    z = z1 * h % p
    if z2 != 1:
        z = z * z2 % p
    return x, (slope * (v - x) - y1 * hhh) % p, z
