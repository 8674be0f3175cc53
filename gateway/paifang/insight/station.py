"""The coordination of one junction: asks max-pressure, signs what it advises, and is silent when it should be.

It is silent when its key or its delegation does not do, when a reading is missing, when the node has other things to do
or refuses. Then nothing is sent, the node forgets what it was told within ten seconds, and goes on actuated.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from paifang.errors import PaifangError
from paifang.insight.congestion import Approach, Congestion
from paifang.insight.orders import KINDS, LAPSES_MS, Due, Orders
from paifang.insight.sight import WAITS, Sight
from paifang.keys.requests import ID_LENGTH, Target, make_order, sign_order
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from paifang.insight.advisers import Adviser
    from paifang.insight.sight import Reading
    from paifang.keys.signing import SigningKey
    from paifang.settings import SignalSettings

RETRY_S = 10.0
"""How long nothing is tried after an order was refused: each refusal is logged."""
WITHIN_MS = 2_000
"""The node acts in this time or not at all."""
REASON = "max-pressure"
ADVISING, SILENT, WATCHING = "advising", "silent", "watching"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outside:
    """What the coordination needs of the rest of the gateway. Each may raise PaifangError.

    `read(node, point)`: the newest good reading. `uptime_ms(node)`: None when it is not connected.
    `target(node, point)`: what an order is signed over, as `commands.target` answers it.
    `submit(order, within_ms, delegation)`: hands a signed order in, and returns its answer.
    `grant(kid)`: the delegation for a service's key, as `delegations.list` shows it.
    `take(key, now_s, per_minute)`: whether there is one more of `key` this minute.
    """

    site: str
    read: Callable[[str, str], Reading | None]
    uptime_ms: Callable[[str], int | None]
    target: Callable[[str, str], Mapping[str, Any]]
    submit: Callable[[bytes, int, bytes], Awaitable[Mapping[str, Any]]]
    grant: Callable[[bytes], Mapping[str, Any] | None]
    take: Callable[[object, float, int], bool]
    utc_ms: Callable[[], int]
    monotonic: Callable[[], float]
    random: Callable[[int], bytes]


class Station:
    """`advise` is the adviser of this junction. Without a key in its settings it is only watched."""

    def __init__(self, settings: SignalSettings, advise: Adviser, outside: Outside) -> None:
        self.settings = settings
        approaches = {
            each.phase: Approach(each.lanes, each.lane_flow, sum(1 << n - 1 for n in each.detectors), each.counters)
            for each in settings.phases
        }
        self.congestion = Congestion(approaches, settings.report_ms, settings.window_ms)
        self.sent = self.refused = 0
        self._key: SigningKey | PaifangError = PaifangError("its key has not been opened yet", code="key")
        self._advise = advise
        self._outside = outside
        self._sight = Sight(settings, self.congestion.passed, outside.read)
        self._orders = Orders()
        self._silence: PaifangError | None = None
        self._is_held_up = False  # until an order has been executed again
        self._since_s = outside.monotonic()
        self._rests_until_s = 0.0

    def unlock(self, key: SigningKey | PaifangError) -> None:
        """Sign with this key from now on; or with none, for this reason."""
        self._key = key

    async def step(self) -> None:
        """Send what is due now. Never raises PaifangError."""
        if self.settings.key is None or self._outside.monotonic() < self._rests_until_s:
            return
        try:
            grant, key = self._delegation()
            due = self._due()
        except PaifangError as error:
            self._is_held_up = False
            self.fall_silent(error)
            return
        if not self._is_held_up:
            self._speak()
        await self._send_all(due, grant, key)

    def fall_silent(self, error: PaifangError) -> None:
        """Say why, once."""
        if self._silence is None or self._silence.code != error.code:
            self._since_s = self._outside.monotonic()
            level = logging.INFO if error.code == WAITS else logging.WARNING
            _log.log(level, "%s: no orders, it goes on actuated: %s", self.settings.node, error)
        self._silence = error

    def rest(self) -> None:
        """Try nothing for a while."""
        self._rests_until_s = self._outside.monotonic() + RETRY_S

    def status(self) -> dict[str, Any]:
        in_force = self._orders.in_force(self._now_ms())
        return {
            "state": self.state,
            "why": None if self._silence is None else self._silence.message,
            "for_s": round(self._outside.monotonic() - self._since_s),
            "orders": {kind: [n for n in range(1, 9) if phases >> n - 1 & 1] for kind, phases in in_force.items()},
            "sent": self.sent,
            "refused": self.refused,
        }

    @property
    def state(self) -> str:
        if self.settings.key is None:
            return WATCHING
        return ADVISING if self._silence is None else SILENT

    @property
    def silence(self) -> PaifangError | None:
        """Why it is silent, unless the node just does other things."""
        return None if self._silence is None or self._silence.code == WAITS else self._silence

    def _now_ms(self) -> int:
        return round(self._outside.monotonic() * 1000)

    def _speak(self) -> None:
        if self._silence is not None:
            self._silence = None
            self._since_s = self._outside.monotonic()
            _log.info("%s: is advised", self.settings.node)

    def _delegation(self) -> tuple[Mapping[str, Any], SigningKey]:
        """What the key may do now, and the key. Raises PaifangError."""
        key = self._key
        if isinstance(key, PaifangError):
            raise key
        grant = self._outside.grant(key.kid)
        if grant is None:
            message = f"nothing is delegated to the key {key.kid.hex()}"
            raise PaifangError(message, "paifang keys delegate, then paifang delegations add", code="not-delegated")
        if grant["state"] != "active":
            message = f"the delegation {grant['id']} for {grant['service']} is {grant['state']}"
            raise PaifangError(message, "have a new one signed: paifang keys delegate", code=grant["state"])
        return grant, key

    def _due(self) -> list[Due]:
        """Raises PaifangError when too little is known to advise anything."""
        node = self.settings.node
        if self._outside.uptime_ms(node) is None:
            raise PaifangError(f"{node} is not connected", code="offline")
        now_ms = self._now_ms()
        return self._orders.due(self._advise(self._sight.traffic(now_ms)), now_ms)

    async def _send_all(self, due: list[Due], grant: Mapping[str, Any], key: SigningKey) -> None:
        for each in due:
            if not self._outside.take(grant["id"], self._outside.monotonic(), grant["rate"]):
                message = f"the delegation {grant['id']} allows {grant['rate']} commands a minute, and they are used up"
                self._is_held_up = True
                self.fall_silent(PaifangError(message, "have one signed for more: --rate", code="rate"))
                return
            try:
                await self._send(each, bytes.fromhex(grant["id"]), key)
            except PaifangError as error:
                self._take_refusal(error)
                return
            self.sent += 1
            self._orders.sent(each, self._now_ms())
            self._is_held_up = False
            self._speak()

    async def _send(self, due: Due, delegation: bytes, key: SigningKey) -> None:
        """Raises PaifangError unless the node has executed it."""
        outside, node, point = self._outside, self.settings.node, KINDS[due.kind]
        target = Target.of_answer(outside.site, outside.target(node, point))
        order = make_order(
            target,
            messages.OP_DIRECT,
            due.phases,
            identifier=outside.random(ID_LENGTH),
            expires_ms=outside.utc_ms() + LAPSES_MS,
            reason=REASON,
        )
        answer = await outside.submit(sign_order(key, outside.site, order), WITHIN_MS, delegation)
        if answer["verdict"] != "executed":
            reason = answer["reason"] or answer["verdict"]
            raise PaifangError(f"{node} did not take {point}: {reason}", code=str(reason))

    def _take_refusal(self, error: PaifangError) -> None:
        self.refused += 1
        self._is_held_up = True
        self._orders.forget()
        self.rest()
        self.fall_silent(error)
