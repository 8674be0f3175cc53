"""The program of a node: read what it is, put it together, run it. Every way out of here ends in a reset."""

import gc
import os
import time

import machine

_RETRY_MS = 10_000


def _transport(config: dict, uptime):
    link = config["link"]
    if link["kind"] == "serial":
        from node.serial import SerialTransport

        return SerialTransport(
            machine.UART(link["uart"], baudrate=link["baud"], tx=link["tx"], rx=link["rx"], timeout=0, rxbuf=2048)
        )
    from node.tcp import TcpTransport

    return TcpTransport(link["host"], link["port"], _wifi(config["wifi"], uptime))


def _wifi(wifi, uptime):
    if wifi is None:
        return None
    import network

    from node.wifi import Wifi

    return Wifi(network.WLAN(network.STA_IF), wifi["ssid"], wifi["password"], uptime)


def _role(config: dict, uptime):
    from node.config import ConfigError

    name = config["role"]
    names = sorted([entry.split(".")[0] for entry in os.listdir("/roles") if entry != "shared"])
    if name not in names:
        raise ConfigError("role: %r; expected one of: %s" % (name, ", ".join(names)))
    module = __import__("roles." + name, None, None, ("build",))
    gc.collect()
    return module.build(config["hardware"], machine, uptime, config["period_ms"])


def run() -> None:
    """Raises what stands in the way of running; does not return otherwise."""
    import asyncio

    import esp32

    from node import config as configuration
    from node.identity import open_identity
    from node.supervisor import WATCHDOG_MS
    from node.uptime import Uptime

    uptime = Uptime(time.ticks_ms, time.ticks_diff, asyncio.sleep_ms)
    config = configuration.load("/config.json")
    role = _role(config, uptime)  # the outputs are in their safe positions from here on, whatever comes
    gc.collect()
    from node.runtime import Node

    transport = _transport(config, uptime)
    identity = open_identity(esp32.NVS("paifang"), config["site"])
    wdt = machine.WDT(timeout=WATCHDOG_MS)
    Node(config, identity, role, transport, uptime, (machine.reset_cause(), os.urandom, wdt, gc)).run()


try:
    run()
except BaseException as error:
    print("node stopped:", repr(error))
    time.sleep_ms(_RETRY_MS)
finally:
    machine.reset()
