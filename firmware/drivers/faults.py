"""What a driver raises when a sensor gave no reading that may be believed."""


class SensorFault(Exception):
    """`quality` is one of the qualities of `paifang_wire.messages`; `detail` says what was seen, for the event."""

    def __init__(self, quality: int, detail: str) -> None:
        super().__init__(detail)
        self.quality = quality
        self.detail = detail
