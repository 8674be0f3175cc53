"""The one exception of the wire, and every reason it can carry (`names.REASONS`)."""

TOO_LONG = "too-long"
NOT_CBOR = "not-strict-cbor"
SHAPE = "shape"
CRC = "crc"
UNKNOWN_NODE = "unknown-node"
BAD_MAC = "bad-mac"
REPLAY = "replay"
BOOT_BACK = "boot-went-back"
WRONG_SITE = "wrong-site"
WRONG_SUITE = "wrong-suite"
NO_SESSION = "no-session"
UNKNOWN_POINT = "unknown-point"
BAD_TYPE = "bad-type"
OVER_LIMIT = "over-limit"
RATE = "rate"


class WireError(ValueError):
    """A frame or value was refused. `reason` is one of the texts above; `detail` is for people."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason + ": " + detail if detail else reason)
        self.reason = reason
        self.detail = detail
