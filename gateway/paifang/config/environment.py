"""Will a gateway with these settings find what it needs here? Looked at without changing anything."""

import errno
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from paifang.config.names import split_listen
from paifang.control.address import ADDRESS_LIMIT
from paifang.settings import Settings

OK, WARNING, ERROR = "ok", "warning", "error"

LEAST_DISK_BYTES = 64 * 1024**2
"""With less the store's journal may not fit: an error. Below `LITTLE_DISK_BYTES`, a warning."""
LITTLE_DISK_BYTES = 1024**3


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found: `level` is OK, WARNING or ERROR; `hint` says what to do."""

    level: str
    subject: str
    message: str
    hint: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def findings(settings: Settings, *, running: bool) -> list[Finding]:
    """All findings, in the order of a start. With a gateway `running` here, its port and ttys are its own."""
    looks: list[Callable[[Settings], Iterator[Finding]]] = [_data_folder, _disk, _socket_path]
    if not running:
        looks += [_ports, _serial_lines]
    return [finding for look in looks for finding in look(settings)]


def _data_folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data
    place = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        # Nameless, so nothing is left behind; asking for permission alone says yes to root on a read-only disk.
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        what = f"cannot write in {place}: {error.strerror}"
        yield Finding(ERROR, "data", what, "choose another folder with --data, or correct its owner and mode")
        return
    yield Finding(OK, "data", f"{folder} can be written" if place == folder else f"{folder} can be created")
    if place == folder and folder.stat().st_mode & stat.S_IRWXO:
        what = f"{folder} is open to every user, and the node keys lie in it"
        yield Finding(WARNING, "data", what, f"close it with: chmod o-rwx {folder}")


def _disk(settings: Settings) -> Iterator[Finding]:
    place = next(path for path in (settings.data, *settings.data.parents) if path.exists())
    free = shutil.disk_usage(place).free
    what = f"{free / 1024**2:.0f} MiB free at {place}"
    if free < LEAST_DISK_BYTES:
        yield Finding(ERROR, "disk", what, f"at least {LEAST_DISK_BYTES // 1024**2} MiB are needed; make room")
    elif free < LITTLE_DISK_BYTES:
        yield Finding(WARNING, "disk", what, "readings will fill it: make room, or choose another folder with --data")
    else:
        yield Finding(OK, "disk", what)


def _socket_path(settings: Settings) -> Iterator[Finding]:
    path = settings.socket_path
    length = len(os.fsencode(path))
    if length > ADDRESS_LIMIT:
        what = f"{path} has {length} bytes, the kernel takes {ADDRESS_LIMIT}: other programs than paifang cannot use it"
        yield Finding(WARNING, "control", what, "set a shorter socket in [control], such as /run/paifang/gateway.sock")
    else:
        yield Finding(OK, "control", f"control socket {path}")


def _ports(settings: Settings) -> Iterator[Finding]:
    yield _port("nodes.tcp", settings.nodes.tcp.listen)
    others = (("modbus_server", settings.modbus_server.listen), ("metrics", settings.metrics.listen))
    yield from (_port(table, listen) for table, listen in others if listen is not None)


def _port(table: str, listen: str) -> Finding:
    host, port = split_listen(listen)
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
    except OSError as error:
        return Finding(ERROR, table, f"cannot listen on {listen}: {error.strerror}", _port_hint(table, error.errno))
    return Finding(OK, table, f"{listen} is free")


def _port_hint(table: str, number: int | None) -> str:
    hints = {
        errno.EADDRINUSE: "another program has the port (`ss -ltnp` names it): stop it, or set another listen",
        errno.EADDRNOTAVAIL: "this machine has no such address: see `ip addr`",
        errno.EACCES: "ports below 1024 are for root: set a higher one",
    }
    return hints.get(number or 0, f"set another listen in [{table}]")


def _serial_lines(settings: Settings) -> Iterator[Finding]:
    for line in settings.nodes.serial:
        problem = _serial_problem(line.device)
        if problem is None:
            yield Finding(OK, "nodes.serial", f"{line.device} at {line.baud} baud")
        else:
            yield Finding(ERROR, "nodes.serial", *problem)
    for device in (bridge.serial for bridge in settings.bridges if bridge.serial is not None):
        problem = _serial_problem(device)
        if device in [line.device for line in settings.nodes.serial]:
            what = f"{device} is in [[nodes.serial]] and in [[bridges]]"
            yield Finding(ERROR, "bridges", what, "a serial port has one owner: take it out of one of them")
        elif problem is not None:
            yield Finding(WARNING, "bridges", *problem)


def _serial_problem(device: Path) -> tuple[str, str] | None:
    if not device.exists():
        return f"{device} is not there", "plug it in; `ls /dev/serial/by-id` shows what is"
    if not stat.S_ISCHR(device.stat().st_mode):
        return f"{device} is no serial port", "`ls /dev/serial/by-id` shows those that are"
    if not os.access(device, os.R_OK | os.W_OK):
        return f"{device} may not be used by this user", "add the user to the port's group, often dialout"
    return None
