"""What an operator reads when a settings file is wrong: file, line, key, what was expected, found, the nearest name."""

from pathlib import Path

import pytest

from paifang.config.bridges import REMOTE_EXPECTED
from paifang.config.load import ConfigError, load, parse
from paifang.config.names import LISTEN_EXPECTED, POINT_EXPECTED
from paifang.config.places import Place
from paifang.errors import EXIT_USAGE

FILE = Path("/etc/paifang/gateway.toml")

METER = '[[bridges.devices]]\nname = "meter-1"\nprofile = "eastron-sdm630"\nunit = 1\n'

BAD = [
    # An unknown name, with the nearest right one.
    ('site = "a"\nstie = "b"', '2: stie: unknown name; did you mean "site"?'),
    ('[nodes.tcp]\nlisten_on = "x"', '2: nodes.tcp.listen_on: unknown name; did you mean "listen"?'),
    ("[node.tcp]", '1: node: unknown name; did you mean "nodes"?'),
    ("\n\n[tcp]\nbacklog = 5", '3: tcp: unknown name; did you mean "nodes.tcp"?'),
    ('[store]\ncommit_ms = "5ms"', '2: store.commit_ms: unknown name; did you mean "commit"?'),
    ("[log]\nzzz = 1", "2: log.zzz: unknown name; known here: level"),
    (
        '[[nodes.serial]]\ndevice = "a"\n[[nodes.serial]]\ndevice = "b"\nspeed = 1',
        "5: nodes.serial[2].speed: unknown name; known here: device, baud",
    ),
    (
        '[[bridges]]\nserial = "x"\n[[bridges.devices]]\nname = "a"\nprofile = "p"\nunti = 1',
        '6: bridges[1].devices[1].unti: unknown name; did you mean "unit"?',
    ),
    # A value of the wrong kind.
    ("site = 5", "1: site: expected text in quotes, found 5"),
    ("[nodes.tcp]\nbacklog = true", "2: nodes.tcp.backlog: expected a whole number, found true"),
    ("[nodes.tcp]\nbacklog = 1.5", "2: nodes.tcp.backlog: expected a whole number, found 1.5"),
    ('nodes = "all"', '1: nodes: expected a table, found "all"'),
    ("[nodes]\nserial = 3", "2: nodes.serial: expected a list in [ ], found 3"),
    ('[control]\nuids = [\n  1000,\n  "eve",\n]', '4: control.uids[2]: expected a whole number, found "eve"'),
    ("data = 5", '1: data: expected a path in quotes, such as "/var/lib/paifang", found 5'),
    # Bridges: a place, devices, names and units that are there once.
    ('[[bridges]]\nserial = "x"', "1: bridges[1].devices: expected at least one [[bridges.devices]], found a table"),
    (
        f'[[bridges]]\nserial = "x"\ntcp = "a:1"\n{METER}',
        "1: bridges[1]: expected one of serial, tcp and ble, found a table",
    ),
    (
        f'[[bridges]]\nserial = "x"\nframing = "rtu"\n{METER}',
        "1: bridges[1]: expected framing only with tcp, found a table",
    ),
    (f'[[bridges]]\ntcp = "a"\n{METER}', f'2: bridges[1].tcp: expected {REMOTE_EXPECTED}, found "a"'),
    (
        f'[[bridges]]\nserial = "x"\n{METER}{METER.replace("meter", "other")}',
        "3: bridges[1].devices: expected each unit of a bus once: meter-1 and other-1 have 1, found 2 tables",
    ),
    (
        f'[[bridges]]\nserial = "x"\n{METER}[[bridges]]\ntcp = "a:1"\n{METER}',
        "1: bridges: expected each device name once, meter-1 is there twice, found 2 tables",
    ),
    (
        f'[[bridges]]\ntcp = "a:1"\n{METER}[[bridges]]\ntcp = "a:1"\n{METER.replace("meter", "other")}',
        "1: bridges: expected each port or address once, a:1 is there twice, found 2 tables",
    ),
    (
        '[[modbus_server.registers]]\npoint = "a/b"\naddress = 0\nwrite = true',
        (
            "1: modbus_server: expected key, passphrase_file and allow, because there are registers with write = true, "
            "found a table"
        ),
    ),
    (
        '[modbus_server]\nallow = ["10.1"]',
        (
            '2: modbus_server.allow[1]: expected an address or a network, such as "10.1.2.3" or "10.1.0.0/16", '
            'found "10.1"'
        ),
    ),
    # A value out of its bounds.
    ("[nodes.tcp]\nbacklog = 0", "2: nodes.tcp.backlog: expected at least 1, found 0"),
    ('[store]\ncommit = "2s"', '2: store.commit: expected at most 1000, found "2s"'),
    ("[control]\nuids = [-1]", "2: control.uids[1]: expected at least 0, found -1"),
    # A value written the wrong way.
    (
        "[store]\ncommit = 5",
        '2: store.commit: expected a time with its unit, such as "500ms", "30s", "10m", "2h" or "7d", found 5',
    ),
    (
        '[nodes.tcp]\nlisten = "7600"',
        f'2: nodes.tcp.listen: expected {LISTEN_EXPECTED}, found "7600"',
    ),
    (
        'nodes.tcp.listen = "0.0.0.0:99999"',
        f'1: nodes.tcp.listen: expected {LISTEN_EXPECTED}, found "0.0.0.0:99999"',
    ),
    (
        'site = "ward 1"',
        (
            '1: site: expected a short name of letters, digits, "-", "_" and "." (32 at most), such as "ward-1",'
            ' found "ward 1"'
        ),
    ),
    (
        '[log]\nlevel = "warn"',
        (
            "2: log.level: expected one of 'debug', 'info', 'warning' or 'error',"
            ' found "warn"; did you mean "warning"?'
        ),
    ),
    (
        '[[nodes.serial]]\ndevice = "/dev/ttyS0"\nbaud = 115220',
        (
            "3: nodes.serial[1].baud: expected one of 9600, 19200, 38400, 57600, 115200, 230400, 460800 or 921600,"
            ' found 115220; did you mean "115200"?'
        ),
    ),
    # What is missing, and what is there twice.
    (
        "\n[[nodes.serial]]\nbaud = 9600",
        "2: nodes.serial[1].device: missing: the serial port; /dev/serial/by-id/... stays the same over reboots",
    ),
    (
        '[[nodes.serial]]\ndevice = "/dev/a"\n[[nodes.serial]]\ndevice = "/dev/a"',
        "1: nodes.serial: expected each serial device once, /dev/a is there twice, found 2 tables",
    ),
    # Signals.
    ('[[signal]]\nnode = "s"', '1: signal: unknown name; did you mean "signals"?'),
    (
        '[[signals]]\nnode = "s"\n[[signals.phases]]\nphase = 2\nstading = "c/q"',
        '5: signals[1].phases[1].stading: unknown name; did you mean "standing"?',
    ),
    (
        '[[signals]]\nnode = "s"\n[[signals.phases]]\nphase = 2\nstanding = "queue"',
        f'5: signals[1].phases[1].standing: expected {POINT_EXPECTED}, found "queue"',
    ),
    ("[[signals]]\nrings = [[[1, 2]]]", "1: signals[1].node: missing: a signal node"),
    (
        '[[signals]]\nnode = "s"\nkey = "a.key"',
        "1: signals[1]: expected key and passphrase_file, or neither, found a table",
    ),
    (
        '[[signals]]\nnode = "s"\nrings = [[[1, 2]], [[2]]]',
        "3: signals[1].rings: expected one ring or two of as many sides, and each phase once, found [[[1, 2]], [[2]]]",
    ),
    (
        '[[signals]]\nnode = "s"\nrings = [[[1, 2]]]\n[[signals.phases]]\nphase = 3',
        "1: signals[1]: expected [[signals.phases]] for phases of its rings, each once, found a table",
    ),
    (
        '[[signals]]\nnode = "s"\nkey = "a"\npassphrase_file = "b"\nrings = [[[1]]]\n[[signals.phases]]\nphase = 1',
        (
            "1: signals[1]: expected [[signals.phases]] with standing and service for each of its phases, and room with"
            " ahead, found a table"
        ),
    ),
    (
        '[[signals]]\nnode = "s"\n[[signals]]\nnode = "s"',
        "1: signals: expected each node once, s is there twice, found 2 tables",
    ),
    # No TOML at all.
    ("site = ", "1: not TOML: invalid value: site ="),
    ('a = 1\nb = "x', '2: not TOML: unterminated string: b = "x'),
    ("[nodes\nx = 1", "1: not TOML: expected ']' at the end of a table declaration, column 7: [nodes"),
    (
        "[log]\n[nodes.tcp]\n[nodes.tcp]",
        "3: not TOML: [nodes.tcp] is there twice, first on line 2: put both into one",
    ),
    ("site = 'a'\nsite = 'b'", "2: not TOML: cannot overwrite a value: site = 'b'"),
]


@pytest.mark.parametrize(("text", "expected"), BAD, ids=[expected.split(",")[0] for _, expected in BAD])
def test_a_mistake_is_named_with_its_line_key_and_remedy(text, expected):
    with pytest.raises(ConfigError) as refused:
        parse(text, FILE)
    assert refused.value.message == f"{FILE}:{expected}"
    assert refused.value.exit_code == EXIT_USAGE
    assert refused.value.hint


def test_all_mistakes_are_told_at_once_in_the_files_order():
    with pytest.raises(ConfigError) as refused:
        parse('sit = "a"\n[log]\nlevel = 1\n[nodes.tcp]\nlisten = "x"\nport = 2', FILE)
    assert [(problem.line, problem.key) for problem in refused.value.problems] == [
        (1, "sit"),
        (3, "log.level"),
        (5, "nodes.tcp.listen"),
        (6, "nodes.tcp.port"),
    ]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read: No such file or directory"):
        load(Place(config=tmp_path / "nowhere.toml"))


def test_a_file_that_is_no_text_is_named_with_its_line(tmp_path):
    file = tmp_path / "gateway.toml"
    file.write_bytes(b'site = "a"\n# \xff\n')
    with pytest.raises(ConfigError, match=r"gateway\.toml:2: not UTF-8 text"):
        load(Place(config=file))


def test_a_long_value_is_shown_shortened():
    with pytest.raises(ConfigError) as refused:
        parse(f'site = "{"x" * 500}"', FILE)
    assert len(refused.value.message) < 250
