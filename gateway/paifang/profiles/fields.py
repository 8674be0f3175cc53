"""Kinds of values that the tables of a profile share: exact numbers, bytes, names."""

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

NAME_EXPECTED = 'a short name of small letters, digits and "_", such as "voltage_l1"'
PROFILE_EXPECTED = 'a short name of small letters, digits and "-", such as "eastron-sdm630"'
BYTES_EXPECTED = 'bytes as hexadecimal digits, such as "01 04 00 00 00 02 71 CB"'
NUMBER_EXPECTED = "a number"

CONTENT_EXPECTED = "a number, true or false, or a text"
UUID_EXPECTED = 'a UUID in capitals, such as "2A6E"'
OBIS_EXPECTED = 'an OBIS code A-B:C.D.E, such as "1-0:1.8.1"'


def _number(value: object) -> object:
    """TOML's numbers, read as decimals: 0.1 is a tenth."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if not isinstance(value, Decimal) or not value.is_finite():
        raise ValueError(NUMBER_EXPECTED)
    return value


def _bytes(value: object) -> object:
    if isinstance(value, bytes):
        return value
    try:
        found = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        found = b""
    if not found:
        raise ValueError(BYTES_EXPECTED)
    return found


def _content(value: object) -> object:
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int | Decimal):
        return _number(value)
    raise ValueError(CONTENT_EXPECTED)


class Matching:
    """A text of this pattern; `expected` says so to whoever wrote another one, `pattern` to an editor."""

    def __init__(self, pattern: str, expected: str) -> None:
        self._pattern = re.compile(pattern)
        self._expected = expected

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "pattern": f"^({self._pattern.pattern})$"}

    def _check(self, value: str) -> str:
        if not self._pattern.fullmatch(value):
            raise ValueError(self._expected)
        return value


Number = Annotated[Decimal, BeforeValidator(_number), WithJsonSchema({"type": "number"})]
HexBytes = Annotated[
    bytes, BeforeValidator(_bytes), WithJsonSchema({"type": "string", "pattern": "^([0-9A-Fa-f]{2}\\s*)+$"})
]
Content = Annotated[Any, BeforeValidator(_content), WithJsonSchema({"type": ["number", "boolean", "string"]})]
PointName = Annotated[str, Matching(r"[a-z][a-z0-9_]{0,63}", NAME_EXPECTED)]
ProfileName = Annotated[str, Matching(r"[a-z0-9][a-z0-9-]{0,63}", PROFILE_EXPECTED)]
Uuid = Annotated[
    str, Matching(r"[0-9A-F]{4}|[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}", UUID_EXPECTED)
]
Obis = Annotated[str, Matching(r"\d{1,3}-\d{1,3}:\d{1,3}\.\d{1,3}\.\d{1,3}", OBIS_EXPECTED)]
