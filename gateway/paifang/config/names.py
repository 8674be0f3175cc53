"""How places and points are written in settings."""

import re
from typing import Annotated

from pydantic import AfterValidator

LISTEN_EXPECTED = 'HOST:PORT, such as "127.0.0.1:7600" or "[::1]:7600" (port 0 takes any free one)'
POINT_EXPECTED = 'a point of a node as "NODE/POINT", such as "camera-1/standing_2"'
NODE_EXPECTED = 'the name of a node or device, such as "aq-1"'

_NODE = re.compile(r"[^*/\s]{1,64}")
_POINT = re.compile(r"[^/\s]{1,64}/[^/\s]{1,64}")
_LISTEN = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>[0-9]{1,5})")


def split_listen(listen: str) -> tuple[str, int]:
    """Host and port of "HOST:PORT"; ValueError naming what was expected."""
    match = _LISTEN.fullmatch(listen)
    if match is None or int(match["port"]) > 65535:
        raise ValueError(LISTEN_EXPECTED)
    return match["six"] or match["host"], int(match["port"])


def _listen(value: str) -> str:
    split_listen(value)
    return value


def _node(value: str) -> str:
    if not _NODE.fullmatch(value):
        raise ValueError(NODE_EXPECTED)
    return value


def _point(value: str) -> str:
    if not _POINT.fullmatch(value):
        raise ValueError(POINT_EXPECTED)
    return value


Listen = Annotated[str, AfterValidator(_listen)]
NodeName = Annotated[str, AfterValidator(_node)]
PointName = Annotated[str, AfterValidator(_point)]
