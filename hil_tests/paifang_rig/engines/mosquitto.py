"""Eclipse Mosquitto on the loopback: killed, halted, and with rules and passwords."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Self

from paifang_rig.engines.server import Server, answers, find, free_ports, until

if TYPE_CHECKING:
    from pathlib import Path

_DATABASE = "mosquitto.db"
_CONFIG = """\
listener {port} 127.0.0.1
{listener}
persistence true
persistence_location {folder}/
user {user}
{more}
"""
OPEN = "allow_anonymous true"
AT_ONCE = f"{OPEN}\nmax_inflight_messages 0\nmax_queued_messages 0\nqueue_qos0_messages true"
"""What comes in is written to its subscribers before it is confirmed, those who are away are kept all of it.

A Mosquitto that is killed forgets what it confirmed and had not yet handed on, so a count of what was lost before it
needs a subscriber with QoS 0, who reads on to the end of its connection: one with QoS 1 stops at its first answer that
cannot be sent.
"""


class Mosquitto:
    """One broker with its files in `folder`. `listener` and `more` are lines of its configuration.

    It keeps subscriptions, and what waits for them, when `keep` tells it to; when it is killed it forgets the rest.
    """

    def __init__(self, folder: Path, *, listener: str = "", more: str = OPEN, port: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_ports(1)[0]
        self.address = f"127.0.0.1:{self.port}"
        self._folder = folder
        self._config = folder / "mosquitto.conf"
        self.configure(listener=listener, more=more)
        command = [str(find("mosquitto", "mosquitto")), "-c", str(self._config)]
        self.process = Server(command, folder / "mosquitto.log")

    def configure(self, *, listener: str = "", more: str = OPEN) -> None:
        """In force from the next start on."""
        # As root it would become another user, who may not write here.
        self._config.write_text(
            _CONFIG.format(port=self.port, listener=listener, folder=self._folder, user="root", more=more)
        )

    async def start(self) -> None:
        self.process.start()
        await until(lambda: answers(self.port), f"a broker at {self.address}")

    async def keep(self, client_id: str) -> None:
        """Write what it knows to the disk now, `client_id` and its subscriptions among it."""
        self.process.tell(signal.SIGUSR1)
        database = self._folder / _DATABASE
        await until(lambda: database.is_file() and client_id.encode() in database.read_bytes(), f"{client_id} kept")

    def kill(self) -> None:
        self.process.end(signal.SIGKILL)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.kill()
