"""From config.json and the NVS to a node that can run. Needed once: `main` forgets this module before it runs the node."""

import asyncio
import gc
import os
import time

import esp32
import machine

from . import config as configuration
from .identity import open_identity
from .outbox import Outbox
from .runtime import Node
from .supervisor import WATCHDOG_MS
from .uptime import Uptime


def build():
    """The node, its outputs already in their safe positions. Raises ConfigError, IdentityError or OSError."""
    uptime = Uptime(time.ticks_ms, time.ticks_diff, asyncio.sleep_ms)
    config = configuration.load("/config.json")
    outbox = Outbox(config["queue_bytes"])  # before the rest is loaded: one piece of this size is not found later
    role = _role(config, uptime)
    transport = _transport(config, uptime)
    identity = open_identity(esp32.NVS("paifang"), config["site"])
    wdt = machine.WDT(timeout=WATCHDOG_MS)
    board = (machine.reset_cause(), os.urandom, wdt, gc)
    return Node((config["site"], config["node"]), identity, role, transport, outbox, uptime, board)


def _role(config: dict, uptime):
    name = config["role"]
    names = sorted([entry.split(".")[0] for entry in os.listdir("/roles") if entry != "shared"])
    if name not in names:
        raise configuration.ConfigError("role: %r; expected one of: %s" % (name, ", ".join(names)))
    module = __import__("roles." + name, None, None, ("build",))
    gc.collect()
    wiring = configuration.sections("hardware", config["hardware"], module.HARDWARE)
    _check_uarts(config["link"], wiring)
    return module.build(wiring, machine, uptime, config["period_ms"])


def _check_uarts(link: dict, wiring: dict) -> None:
    for key, wired in wiring.items():
        if link["kind"] == "serial" and wired.get("uart") == link["uart"]:
            text = "hardware.%s.uart: %d is the link's; expected another one" % (key, link["uart"])
            raise configuration.ConfigError(text)


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
