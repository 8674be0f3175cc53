"""ES256 verification: ECDSA over P-256 with SHA-256 (FIPS 186-5 section 6.4.2), in slices that a node can afford.

u1*G + u2*Q is one joint chain of doublings (Straus) over the two scalars in windowed non-adjacent form. Everything
here is public, so nothing hides how long it takes: never use this arithmetic with a private key.
"""

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
BASE = (
    (
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    ),
    (
        0x5ECBE4D1A6330A44C8F7EF951D4BF165E6C6B721EFADA985FB41661BC6E7FD6C,
        0x8734640C4998FF7E374B06CE1A64A2ECD82AB036384FB83D9A79B127A27D5032,
    ),
    (
        0x51590B7A515140D2D784C85608668FDFEF8C82FD1F5BE52421554A0DC3D033ED,
        0xE0C17DA8904A727D8AE1BF36BF8A79260D012F00D4D80888D1D0BB44FDA16DA4,
    ),
    (
        0x8E533B6FA0BF7B4625BB30667C01FB607EF9F8B8A80FEF5B300628703187B2A3,
        0x73EB1DBDE03318366D069F83A6F5900053C73633CB041B21C55E1A86C1F400B4,
    ),
    (
        0xEA68D7B6FEDF0B71878938D51D71F8729E0ACB8C2C6DF8B3D79E8A4B90949EE0,
        0x2A2744C972C9FCE787014A964A8EA0C84D714FEAA4DE823FE85A224A4DD048FA,
    ),
    (
        0x3ED113B7883B4C590638379DB0C21CDA16742ED0255048BF433391D374BC21D1,
        0x9099209ACCC4C8A224C843AFA4F4C68A090D04DA5E9889DAE2F8EEFCE82A3740,
    ),
    (
        0x177C837AE0AC495A61805DF2D85EE2FC792E284B65EAD58A98E15D9D46072C01,
        0x63BB58CD4EBEA558A24091ADB40F4E7226EE14C3A1FB4DF39C43BBE2EFC7BFD8,
    ),
    (
        0xF0454DC6971ABAE7ADFB378999888265AE03AF92DE3A0EF163668C63E59B9D5F,
        0xB5B93EE3592E2D1F4E6594E51F9643E62A3B21CE75B5FA3F47E59CDE0D034F36,
    ),
    (
        0x47776904C0F1CC3A9C0984B66F75301A5FA68678F0D64AF8BA1ABCE34738A73E,
        0xAA005EE6B5B957286231856577648E8381B2804428D5733F32F787FF71F1FCDC,
    ),
    (
        0xCB6D2861102C0C25CE39B7C17108C507782C452257884895C1FC7B74AB03ED83,
        0x58D7614B24D9EF515C35E7100D6D6CE4A496716E30FA3E03E39150752BCECDAA,
    ),
    (
        0x3250FCF686637C7B2E4AC86EB473BCA53A582139F42B1523FD76364E67399E83,
        0x42E7C342667D359397B3090D1D7EB88C897CD3C33B566A8215DE24A071D48C09,
    ),
    (
        0x0E91C7239C2640D7D28A3E39D4583FA63C0BC0A5DF64A4FE672E573045CA7896,
        0x5DF65C3B550DBA221A22733BB8E0BD6D7E68833575E7A5AE138046543140AD55,
    ),
    (
        0x3A67E2554B0C0BB685F4F52D8C07FA8441652FC5B76F1B2484A4DC45F200D687,
        0x27D0F1872F1FCF4326DAF267163AFB0D8C188AF735A7618AA9ED16B302F79324,
    ),
    (
        0x184FFA5819D80D51DEBA2FAC4611F378576355BD683E54ABF2E201173B0883D1,
        0xC0A66E276688F359A4C6D90826CB999545BDECCC63F0491620D242C260906E6F,
    ),
    (
        0xD6D33ADEFA195B07A7C36DA090853B8CFD8CD1C688B58A41DEDD693D1C784DEF,
        0x84AABA16EE195D7E3F78245F558A5DCB09A166AB4B95EDED550C124593D1BCA6,
    ),
    (
        0x301D9E502DC7E05DA85DA026A7AE9AA0FAC9DB7D52A95B3E3E3F9AA0A1B45B8B,
        0x6551B6F6B3061223E0D23C026B017D72298D9AE46887CA61D58DB6AEA17EE267,
    ),
)
"""The base point G, 3G, 5G ... 31G as (x, y): what a window of `_BASE_WIDTH` bits can ask for."""

_BASE_WIDTH = 6
_KEY_WIDTH = 5
_SCALAR_BITS = 257
"""A non-adjacent form may be one digit longer than its number."""
_DIVISIONS_A_STEP = 24
_DIGITS_A_STEP = 16
"""How much of the work before the doublings takes as long as two of them, with a margin."""


def verify(public: bytes, digest: bytes, signature: bytes) -> bool:
    """Tell whether `signature` is one of `digest` by `public`, in one go. Arguments as for `Verification`."""
    verification = Verification(public, digest, signature)
    while verification.step():
        pass
    return verification.valid


class Verification:
    """One signature being verified, a few milliseconds of an ESP32 at a time.

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
            self._base_digits = bytearray(_SCALAR_BITS)
            self._key_digits = bytearray(_SCALAR_BITS)
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
            self._twice = _cached(_double(self._table[0]))
            self._work = self._tabulate

    def _tabulate(self) -> None:
        """The next odd multiple of the key."""
        table = self._table
        table.append(_cached(_add(table[-1], self._twice)))
        if len(table) == 1 << (_KEY_WIDTH - 2):
            self._sum: Jacobian = 0, 1, 0
            self._bit = _SCALAR_BITS - 1
            self._work = self._multiply

    def _multiply(self) -> None:
        """One addition that is due at this bit, or one or two doublings."""
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
            x, y = BASE[(digit & 0x7F) >> 1]
            self._sum = _add(self._sum, (x, P - y if digit & 0x80 else y, 1, 1, 1))
        elif bit:
            self._sum = _double(self._sum)
            bit -= 1
            if bit and not key[bit] and not base[bit]:
                self._sum = _double(self._sum)
                bit -= 1
            self._bit = bit
        else:
            self.valid = _has_x(self._sum, self._r)
            self._work = None


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
    """Write some digits: odd, below 2**(width - 1), the sign in bit 7, `width - 1` zeros at least between them."""
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


def _double(point: "Jacobian | Cached") -> "Jacobian":
    """Jacobian doubling for a = -3 ("dbl-2001-b"); the neutral element (Z = 0) stays what it is."""
    p = P
    x, y, z = point[:3]
    delta = z * z % p
    gamma = y * y % p
    beta = x * gamma % p
    alpha = 3 * (x - delta) * (x + delta) % p
    y += z
    z = (y * y - gamma - delta) % p
    x = (alpha * alpha - (beta << 3)) % p
    return x, (alpha * ((beta << 2) - x) - (gamma * gamma << 3)) % p, z


def _add(point: "Jacobian | Cached", other: "Cached") -> "Jacobian":
    """Jacobian addition of a point, of which the first three numbers count, and one in the form of `_cached`."""
    p = P
    x1, y1, z1 = point[:3]
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
        return (0, 1, 0) if slope else _double(other)
    hh = h * h % p
    hhh = h * hh % p
    v = x1 * hh % p
    x = (slope * slope - hhh - (v << 1)) % p
    z = z1 * h % p
    if z2 != 1:
        z = z * z2 % p
    return x, (slope * (v - x) - y1 * hhh) % p, z
