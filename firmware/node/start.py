"""From config.json and the NVS to a node that can run.

Much of it is needed only once, and a node has no heap to spare: each part is loaded when its turn comes and forgotten
after it. `main` forgets this module, too.
"""

import asyncio
import gc
import os
import sys
import time

import esp32
import machine
from micropython import const

from .outbox import Outbox
from .uptime import Uptime

_JOURNAL_BYTES = const(1_048_576)
_BUFFER_BYTES = const(2_048)  # of the journal: half a block of the flash


def build():
    """(Supervisor, its tasks); outputs are in their safe positions. Raises ConfigError, IdentityError or OSError."""
    uptime = Uptime(time.ticks_ms, time.ticks_diff, asyncio.sleep_ms)
    from . import config as checks

    config = checks.load("/config.json")
    outbox = Outbox(config["queue_bytes"])  # before the rest is loaded: one piece of this size is not found later
    role = _role(config, checks, uptime)
    del checks
    forget("config")
    from .identity import open_identity

    nvs = esp32.NVS("paifang")
    identity = open_identity(nvs, config["site"])
    forget("identity")
    if hasattr(role, "open"):
        role.open((config["site"], config["node"]), nvs, machine.reset_cause())
        gc.collect()
    budget = config["journal_bytes"]
    if budget is None:
        budget = getattr(role, "journal_bytes", _JOURNAL_BYTES)
    journal = _journal(budget, identity[0], outbox)
    from .runtime import assemble
    from .supervisor import WATCHDOG_MS

    transport = _transport(config, uptime)
    wdt = machine.WDT(timeout=WATCHDOG_MS)
    board = (machine.reset_cause(), os.urandom, wdt, gc, nvs, machine.reset)
    kept = (outbox, journal, config["journal_flush_s"] * 1_000)
    parts = assemble((config["site"], config["node"]), identity, role, transport, *kept, uptime, board)
    del assemble
    forget("runtime")
    return parts


def _journal(budget: int, boot: int, outbox):
    """The Journal of config.json, None for none."""
    if not budget:
        return None
    from .journal import Journal
    from .segments import Segments

    return Journal(Segments("/journal", budget), boot, _BUFFER_BYTES, lambda: outbox.first)


def forget(part: str) -> None:
    """Give the heap of a module of this package back, once nothing refers to it."""
    del sys.modules["node." + part]
    delattr(sys.modules["node"], part)
    gc.collect()


def _role(config: dict, checks, uptime):
    name = config["role"]
    modules = _role_modules()
    if name not in modules:
        raise checks.ConfigError("role: %r; expected one of: %s" % (name, ", ".join(sorted(modules))))
    module = __import__(modules[name], None, None, ("build",))
    gc.collect()
    wiring = checks.sections("hardware", config["hardware"], module.HARDWARE, module.OPTIONAL)
    for key, wired in wiring.items():
        if config["link"].get("uart") == wired.get("uart", 0):
            text = "hardware.%s.uart: %d is the link's; expected another one" % (key, wired["uart"])
            raise checks.ConfigError(text)
    role = module.build(wiring, machine, uptime, config["period_ms"])
    del module.build, module.HARDWARE, module.OPTIONAL
    return role


def _role_modules() -> dict:
    """{role: its module}: a file in /roles, or the file `role` of a folder there."""
    modules = {}
    for entry in os.listdir("/roles"):
        name, _, suffix = entry.partition(".")
        if suffix:
            modules[name] = "roles." + name
        elif "role.mpy" in os.listdir("/roles/" + entry):
            modules[name] = "roles." + name + ".role"
    return modules


def _transport(config: dict, uptime):
    link = config["link"]
    if link["kind"] == "tcp":
        from .tcp import TcpTransport

        return TcpTransport(link["host"], link["port"], _wifi(config["wifi"], uptime))
    from .serial import SerialTransport

    pins = {"tx": link["tx"], "rx": link["rx"]}
    return SerialTransport(machine.UART(link["uart"], baudrate=link["baud"], timeout=0, rxbuf=2048, **pins))


def _wifi(wifi, uptime):
    if wifi is None:
        return None
    import network

    from .wifi import Wifi

    return Wifi(network.WLAN(network.STA_IF), wifi["ssid"], wifi["password"], uptime)
