"""How a point is reached, protocol by protocol: identifiers as the standards name them."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from paifang.profiles.fields import HexBytes, Matching, Number, Obis, Uuid
from paifang.settings import Table

Di = Annotated[str, Matching("[0-9A-F]{8}|[0-9A-F]{4}", 'a data identifier in capitals, such as "02010100"')]


class Attributes(Table):
    """What every protocol's attributes have. Number in the point's unit = (number sent * factor + offset) of `unit`."""

    unit: str | None = Field(
        default=None, description="The unit of what the device sends, if it is another one than the point's."
    )
    factor: Number = Field(default=Decimal(1), description="What the number sent is multiplied by, such as 0.1.")
    offset: Number = Field(default=Decimal(0), description="What is added after that.")
    inverted: bool = Field(default=False, description="Of a switch: what is sent as on means off.")


class Dlt645Attributes(Attributes):
    di: Di = Field(
        description="Data identifier, DI3 DI2 DI1 DI0 as the standard prints it, such as 02010100; four digits: 1997."
    )
    item: str | None = Field(default=None, description="Which item of a block or a status word, such as voltage_a.")
    write: Literal["relay"] | None = Field(default=None, description="Which control function sets it: relay is 1Ch.")


class Cjt188Attributes(Attributes):
    di: Di = Field(default="901F", description="Data identifier DI0 DI1, such as 901F.")
    field: str = Field(description="Which field of the answer, such as total or valve_closed.")
    write: Literal["valve"] | None = Field(default=None, description="Which command sets it: valve is A017.")


class MbusAttributes(Attributes):
    """A record is found by what its DIF and VIF say (EN 13757-3, tables 4 to 14)."""

    quantity: str = Field(description="What the VIF says, such as energy, volume or flow_temperature.")
    function: Literal["instantaneous", "maximum", "minimum", "error"] = Field(
        default="instantaneous", description="What the DIF says it is."
    )
    storage: int = Field(default=0, ge=0, description="Storage number: 0 is now, others are earlier days.")
    tariff: int = Field(default=0, ge=0, description="Tariff.")
    subunit: int = Field(default=0, ge=0, description="Unit of the device.")


class ObisAttributes(Attributes):
    obis: Obis = Field(description="OBIS code A-B:C.D.E, such as 1-0:1.8.1.")


class BthomeAttributes(Attributes):
    object: int = Field(ge=0, le=0xFF, description="Object id of BTHome v2, such as 0x02.")
    index: int = Field(default=1, ge=1, le=16, description="Which one, when a device sends several of a kind.")


class BeaconAttributes(Attributes):
    field: str = Field(description="Which field of the advertisement, such as temperature.")


class GattAttributes(Attributes):
    service: Uuid = Field(default="181A", description="Service, as 16 or 128 bits; 181A is environmental sensing.")
    characteristic: Uuid = Field(description="Characteristic, such as 2A6E.")
    type: Literal["uint8", "int8", "uint16", "int16", "uint24", "uint32", "int32", "float16", "float32"] = Field(
        description="How its value is encoded, the low byte first (float16: IEEE 11073)."
    )
    nan: HexBytes | None = Field(default=None, description="The bytes that mean: not known.")
