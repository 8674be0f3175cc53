"""The settings of the Modbus TCP server, by which a plant's SCADA reads the ward."""

import ipaddress
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from paifang.config.names import Listen, PointName
from paifang.config.tables import FilePath, Milliseconds, Table

NETWORK_EXPECTED = 'an address or a network, such as "10.1.2.3" or "10.1.0.0/16"'
SCALE_LIMIT = 12
ADDRESSES = 1 << 15
"""From here on a register says what the value at the address below is worth."""


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError as error:
        raise ValueError(NETWORK_EXPECTED) from error
    return value


class RegisterSettings(Table):
    point: PointName = Field(description='The point, as "NODE/POINT"; a bridged device is a node too.')
    address: int = Field(
        ge=0, lt=ADDRESSES, description="Its address as on the line, from 0; a 32-bit value takes two."
    )
    unit: int = Field(default=1, ge=1, le=247, description="The unit id it is shown under.")
    type: Literal["float32", "float64", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bit"] = Field(
        default="float32", description="How it is shown: a number in registers, or bit for a switch as a coil."
    )
    order: Literal["ABCD", "CDAB", "BADC", "DCBA"] = Field(
        default="ABCD", description="Bytes as they go: ABCD high word first, CDAB low word first, BADC, DCBA."
    )
    scale: int = Field(
        default=0,
        ge=-SCALE_LIMIT,
        le=SCALE_LIMIT,
        description="Of an integer type: power of ten of one step, -1 counts tenths of the point's unit.",
    )
    write: bool = Field(
        default=False, description="Whether clients may set it, as far as its class and a delegation allow that."
    )


class ModbusServerSettings(Table):
    listen: Listen | None = Field(
        default=None, description="Where SCADA systems connect. Modbus knows no passwords: who can connect can read."
    )
    allow: Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], Field(strict=False)] = Field(
        default=(), description="Addresses and networks that are let in; none: whoever can connect."
    )
    connections: int = Field(default=16, ge=1, le=256, description="Connections at once; beyond, the idlest one goes.")
    idle_ms: Milliseconds = Field(
        default=60_000,
        ge=1_000,
        le=86_400_000,
        validation_alias="idle",
        description="After which time without a request a connection is closed.",
    )
    stale_ms: Milliseconds = Field(
        default=300_000,
        ge=1_000,
        le=86_400_000,
        validation_alias="stale",
        description="From which age on a value is not shown any more.",
    )
    key: FilePath | None = Field(
        default=None,
        description="The key file of the service that signs what clients write; without it they only read.",
    )
    passphrase_file: FilePath | None = Field(default=None, description="The file with that key's passphrase.")
    registers: Annotated[tuple[RegisterSettings, ...], Field(strict=False)] = Field(
        default=(), description="What stands where, one such table a point."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.key is None) != (self.passphrase_file is None):
            raise ValueError("key and passphrase_file, or neither")
        if any(each.write for each in self.registers) and (self.key is None or not self.allow):
            raise ValueError("key, passphrase_file and allow, because there are registers with write = true")
        return self
