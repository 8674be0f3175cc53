"""Modbus in a profile: where registers lie and what is in them, and what a device takes in one request."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from paifang.profiles.attributes import Attributes
from paifang.settings import Table

TableName = Literal["coil", "discrete", "input", "holding"]
Order = Literal["ABCD", "CDAB", "BADC", "DCBA"]
TypeName = Literal[
    "bit", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64",
    "acc32", "acc64", "enum16", "bitfield16", "bitfield32", "bcd", "string",
]  # fmt: skip

BIT_TABLES = ("coil", "discrete")
WRITABLE_TABLES = ("coil", "holding")
MAX_REGISTERS = 125
MAX_BITS = 2000
"""Modbus application protocol 1.1b3, 6.1 to 6.4."""
ADDRESSES = 1 << 16


@dataclass(frozen=True, slots=True)
class Kind:
    """`words`: registers it takes, 0: as many as the profile says.

    `absent`: raw value of what is not implemented (SunSpec Information Model Specification, table 3).
    """

    words: int
    form: Literal["unsigned", "signed", "float", "bcd", "string", "bit"]
    absent: int | None = None


KINDS: dict[str, Kind] = {
    "bit": Kind(1, "bit"),
    "uint16": Kind(1, "unsigned", 0xFFFF),
    "int16": Kind(1, "signed", -0x8000),
    "uint32": Kind(2, "unsigned", 0xFFFF_FFFF),
    "int32": Kind(2, "signed", -0x8000_0000),
    "uint64": Kind(4, "unsigned", 0xFFFF_FFFF_FFFF_FFFF),
    "int64": Kind(4, "signed", -0x8000_0000_0000_0000),
    "float32": Kind(2, "float"),
    "float64": Kind(4, "float"),
    "acc32": Kind(2, "unsigned", 0),
    "acc64": Kind(4, "unsigned", 0),
    "enum16": Kind(1, "unsigned", 0xFFFF),
    "bitfield16": Kind(1, "unsigned", 0xFFFF),
    "bitfield32": Kind(2, "unsigned", 0xFFFF_FFFF),
    "bcd": Kind(0, "bcd"),
    "string": Kind(0, "string"),
}


class ModbusAttributes(Attributes):
    table: TableName = Field(description="coil, discrete, input or holding: read with function 1, 2, 4 or 3.")
    address: int = Field(
        ge=0,
        lt=ADDRESSES,
        description="Address as on the line, from 0; a manual's 30001 or 40001 is 0. In a SunSpec profile, from the "
        "model's id register.",
    )
    type: TypeName | None = Field(default=None, description="What is in the registers; coils and inputs need none.")
    order: Order = Field(
        default="ABCD", description="Bytes as they come: ABCD high word first, CDAB low word first, BADC, DCBA."
    )
    registers: int | None = Field(default=None, ge=1, le=MAX_REGISTERS, description="How many, of bcd and string.")
    bit: int | None = Field(default=None, ge=0, le=15, description="Of a switch: which bit of the register, from 0.")
    on: int = Field(default=1, ge=0, lt=ADDRESSES, description="Of a switch in a register: the value that is on.")
    off: int = Field(default=0, ge=0, lt=ADDRESSES, description="Of a switch in a register: the value that is off.")
    nan: Annotated[tuple[int, ...], Field(strict=False)] = Field(
        default=(), description="Raw values that mean: not known, such as [0xFFFF]."
    )
    sunspec: bool = Field(default=False, description="Whether what SunSpec says is not implemented means: not known.")
    scale_register: int | None = Field(
        default=None, ge=0, lt=ADDRESSES, description="Address of the power of ten (int16) that belongs to it."
    )
    function: Literal[5, 6, 15, 16] | None = Field(
        default=None, description="Function that writes it; without it 5 for a coil, 6 for one register, 16 for more."
    )
    write_address: int | None = Field(
        default=None, ge=0, lt=ADDRESSES, description="Where it is written, if not where it is read back."
    )

    @property
    def kind(self) -> Kind:
        return KINDS[self.type or "bit"]

    @property
    def count(self) -> int:
        """Bits or registers that it takes."""
        return self.kind.words or self.registers or 1

    @property
    def span(self) -> tuple[int, int]:
        """First address and the one behind the last, its scale register included: both are read at the same moment."""
        first, end = self.address, self.address + self.count
        if self.scale_register is None:
            return first, end
        return min(first, self.scale_register), max(end, self.scale_register + 1)

    @property
    def absent(self) -> frozenset[int]:
        """Raw values that are none."""
        missing = self.kind.absent if self.sunspec else None
        return frozenset(self.nan if missing is None else (*self.nan, missing))


class Range(Table):
    table: TableName = Field(description="coil, discrete, input or holding.")
    first: int = Field(ge=0, lt=ADDRESSES, description="Its first address.")
    last: int = Field(ge=0, lt=ADDRESSES, description="Its last address.")


class ModbusLimits(Table):
    """What a device takes in one request."""

    max_registers: int = Field(default=MAX_REGISTERS, ge=1, le=MAX_REGISTERS, description="Registers of one request.")
    max_bits: int = Field(default=MAX_BITS, ge=1, le=MAX_BITS, description="Coils or inputs of one request.")
    gaps: bool = Field(
        default=True, description="Whether registers without a meaning may be read along. Devices refuse them often."
    )
    forbidden: Annotated[tuple[Range, ...], Field(strict=False)] = Field(
        default=(), description="Addresses that are never read, such as those whose reading clears something."
    )
    sunspec_model: int | None = Field(
        default=None, ge=1, lt=0xFFFF, description="The SunSpec model; addresses are from its id register on."
    )
