"""`/config.json`: what this node is and what it is wired to, checked before anything is started.

A table says for each key what it must be; a message says which key is wrong, what it is and what was expected.
"""

import json

from micropython import const

REQUIRED = const(-1)  # stands where a default would

# key: (default or REQUIRED, least, greatest) for integers and for the length of texts; the type is the default's,
# text when the key is required.
_NODE = {"node": (REQUIRED, 1, 32), "site": (REQUIRED, 1, 32), "role": (REQUIRED, 1, 32)}
_NUMBERS = {
    "period_ms": (10_000, 50, 3_600_000),
    "queue_bytes": (6_144, 1_024, 65_536),
    "journal_bytes": (None, 0, 8_388_608),  # the default is the role's
    "journal_flush_s": (150, 1, 3_600),
}
_LEAST_JOURNAL_BYTES = const(16_384)
_SECTIONS = ("link", "wifi", "hardware")
_LINKS = {
    "tcp": {"host": (REQUIRED, 1, 253), "port": (7600, 1, 65535)},
    "serial": {"uart": (1, 1, 2), "baud": (115200, 1200, 1_000_000), "tx": (4, 0, 48), "rx": (5, 0, 48)},
}
_WIFI = {"ssid": (REQUIRED, 1, 32), "password": ("", 0, 63)}


class ConfigError(ValueError):
    """Says which key of config.json is wrong and what was expected."""


def load(path: str) -> dict:
    """The checked configuration at `path`, defaults filled in; "hardware" is checked by the role (`section`)."""
    try:
        with open(path) as file:
            text = file.read()
    except OSError:
        raise ConfigError(path + " is missing: provision the node again")
    try:
        raw = json.loads(text)
    except ValueError:
        raise ConfigError(path + " is not JSON (cut short?): provision the node again")
    return check(raw)


def check(raw) -> dict:
    """The checked form of what was read. Raises ConfigError."""
    _want_dict("config.json", raw)
    top = dict(_NODE)
    top.update(_NUMBERS)
    plain = {key: value for key, value in raw.items() if key not in _SECTIONS}
    config = section("", plain, top, _SECTIONS)
    if 0 < (config["journal_bytes"] or 0) < _LEAST_JOURNAL_BYTES:
        text = "journal_bytes: %d; expected 0 (no journal) or at least %d"
        raise ConfigError(text % (config["journal_bytes"], _LEAST_JOURNAL_BYTES))
    config["link"] = _check_link(raw.get("link"))
    wifi = raw.get("wifi")
    config["wifi"] = None if wifi is None else section("wifi", wifi, _WIFI)
    config["hardware"] = raw.get("hardware", {})
    _want_dict("hardware", config["hardware"])
    return config


def section(name: str, raw, table: dict, others: tuple = ()) -> dict:
    """`raw` checked against `table` ({key: (default or REQUIRED, least, greatest)}), defaults filled in.

    `others` are keys of the same level that are checked elsewhere: they are named among the valid ones.
    Raises ConfigError.
    """
    _want_dict(name, raw)
    for key in raw:
        if key not in table:
            valid = ", ".join(sorted(list(table) + list(others)))
            raise ConfigError("%s: unknown key; valid here: %s" % (_path(name, key), valid))
    return {key: _value(_path(name, key), raw.get(key), table[key]) for key in table}


def sections(name: str, raw: dict, tables: dict, optional: tuple = ()) -> dict:
    """As `section`, one level deeper: `tables` is {section: table}.

    A section that is not there has its defaults, and one of `optional` is left out.
    """
    for key in raw:
        if key not in tables:
            raise ConfigError("%s: unknown key; valid here: %s" % (_path(name, key), ", ".join(sorted(tables))))
    present = [key for key in tables if key in raw or key not in optional]
    return {key: section(_path(name, key), raw.get(key, {}), tables[key]) for key in present}


def _check_link(raw) -> dict:
    _want_dict("link", raw)
    kind = raw.get("kind")
    if kind not in _LINKS:
        raise ConfigError("link.kind: %r; expected one of: %s" % (kind, ", ".join(sorted(_LINKS))))
    link = section("link", {key: value for key, value in raw.items() if key != "kind"}, _LINKS[kind], ("kind",))
    link["kind"] = kind
    return link


def _value(path: str, value, rule: tuple):
    default, least, greatest = rule
    if value is None:
        if default == REQUIRED:
            raise ConfigError(path + ": missing")
        return default
    if default == REQUIRED or isinstance(default, str):
        if not isinstance(value, str) or not least <= len(value) <= greatest:
            raise ConfigError("%s: %r; expected a text of %d to %d characters" % (path, value, least, greatest))
    elif type(value) is not int or not least <= value <= greatest:
        raise ConfigError("%s: %r; expected an integer from %d to %d" % (path, value, least, greatest))
    return value


def _want_dict(path: str, value) -> None:
    if not isinstance(value, dict):
        raise ConfigError("%s: %r; expected an object { … }" % (path, value))


def _path(name: str, key: str) -> str:
    return name + "." + key if name else key
