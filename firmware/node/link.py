"""The link to the gateway: connect, shake hands, send what waits, take what comes; for ever.

One task reads, one sends, and each command has one of its own, which outlives the connection. Everything that goes out
passes through `_next`, in this order: answers, receipts of earlier boots, gaps, records, what waits in the journal as
long as no record does, then a CLOCK when the line was silent. Keys, counters and framing are `paifang_wire`'s.
"""

import asyncio
import errno

from micropython import const

from paifang_wire import messages
from paifang_wire.errors import WireError
from paifang_wire.session import NodeSession

_KEEPALIVE_MS = const(30_000)
# What we send is answered at once, even by a gateway that cannot store: after this long it is not there, or knows no
# session of ours (a serial line has no other way to say so).
_ANSWER_MS = const(15_000)
_TIME_SYNC_MS = const(600_000)  # a crystal of 20 ppm drifts 12 ms in it
_WAIT_LIMIT_MS = const(15_000)
_BACKOFF_MS = const(500)
_BACKOFF_LIMIT_MS = const(30_000)
_ANSWERS = const(16)
_UNDER_WAY = const(8)  # commands at a time; one to the safe state is never one too many
_REFUSAL_SHOWN_MS = const(1_000)


class Link:
    """`identity`: (site, node, boot, node key). `about`: (firmware version, reset cause). `random(n)`: n bytes.

    `description`: a `description.Description`. `transport`: open, receive, send, close, handshake_ms.
    `trust`: a `trust.Trust`. `journal`: a `Journal`, if there is one.
    """

    def __init__(self, identity, about, description, transport, outbox, commands, trust, uptime, wall, random) -> None:
        self._identity = identity
        self._about = about
        self._description = description
        self._transport = transport
        self._outbox = outbox
        self._commands = commands
        self._trust = trust
        self._uptime = uptime
        self._wall = wall
        self._random = random
        self.journal = None
        self._under_way = 0
        self._wake = asyncio.Event()
        self._answers = []
        self._session = None
        self._lost = None
        self._describes = False
        self._handshakes = 0
        self._frames_refused = 0
        self._sent_ms = self._clock_ms = self._refused_ms = 0
        self._alone_since_ms = uptime.now_ms()
        self.sessions = 0

    @property
    def reconnects(self) -> int:
        """Sessions after the first one."""
        return max(self.sessions - 1, 0)

    @property
    def refused(self) -> int:
        """Frames that came and were not believed."""
        return self._frames_refused + self._transport.refused

    def alone_ms(self, now_ms: int) -> int:
        """For how long there has been no session; 0 in one."""
        return 0 if self._alone_since_ms is None else now_ms - self._alone_since_ms

    def notify(self) -> None:
        """There is something to send."""
        self._wake.set()

    async def run(self, alive) -> None:
        """Keep a session. The pause between attempts doubles, with jitter: a ward must not come as one."""
        backoff_ms = _BACKOFF_MS
        while True:
            sessions = self.sessions
            try:
                await self._transport.open()
                await self._handshake()
                await self._talk(alive)
            except (OSError, WireError, asyncio.TimeoutError) as error:
                print("link:", repr(error))
            finally:
                await self._close()
            if self.sessions != sessions:
                backoff_ms = _BACKOFF_MS
            await alive.nap(backoff_ms // 2 + backoff_ms * self._random(1)[0] // 512)
            backoff_ms = min(2 * backoff_ms, _BACKOFF_LIMIT_MS)

    async def _close(self) -> None:
        self._session = None
        if self._alone_since_ms is None:
            self._alone_since_ms = self._uptime.now_ms()
        try:
            await self._transport.close()
        except OSError:
            pass  # it was gone before

    async def _handshake(self) -> None:
        site, node, boot, key = self._identity
        self._session = NodeSession(site, node, boot, key, self._random, handshake=self._handshakes)
        self._handshakes += 1
        firmware, reset_cause = self._about
        asked_ms = self._uptime.now_ms()
        state = (asked_ms, reset_cause, self._trust.version, len(self._outbox))
        hello = self._session.hello(firmware, self._description.hash, *state)
        await self._transport.send(hello)
        welcome = await asyncio.wait_for_ms(self._welcome(), self._transport.handshake_ms)
        self._begin(welcome, asked_ms)

    async def _welcome(self) -> list:
        while True:
            for frame in await self._transport.receive():
                try:
                    return self._session.receive(frame)
                except WireError as error:
                    self._refuse(error)

    def _begin(self, welcome: list, asked_ms: int) -> None:
        _, _, _, utc_ms, _, stored, want_description, window, _ = welcome
        now_ms = self._uptime.now_ms()
        self._wall.learn(asked_ms, utc_ms, now_ms)
        self._outbox.window = max(window, 1)
        live = [high for boot, high in stored if boot == self._identity[2] and high < messages.BACKLOG]
        self._outbox.resume(max(live or [0]), now_ms)
        if self.journal is not None:
            self.journal.resume(stored)
        self._alone_since_ms = None
        self._describes = want_description
        self._answers = self._greeting(now_ms) + self._answers  # the first valid frame makes the session the live one
        self._asked_ms = self._lost = None
        self.sessions += 1

    async def _talk(self, alive) -> None:
        reader = asyncio.create_task(self._read())
        try:
            while self._lost is None:
                alive()
                self._wake.clear()
                now_ms = self._uptime.now_ms()
                if self._asked_ms is not None and now_ms - self._asked_ms >= _ANSWER_MS:
                    raise OSError(errno.ETIMEDOUT)
                payload = self._next(now_ms)
                if payload is not None:
                    await self._transport.send(self._session.send_payload(payload))
                    self._sent_ms = now_ms
                    if self._asked_ms is None:
                        self._asked_ms = now_ms
                else:
                    await self._wait(self._pause_ms(now_ms))
            raise self._lost
        finally:
            reader.cancel()

    async def _wait(self, duration_ms: int) -> None:
        try:
            await asyncio.wait_for_ms(self._wake.wait(), duration_ms)
        except asyncio.TimeoutError:
            pass

    def _next(self, now_ms: int):
        """The payload to send now, or None."""
        payload = self._answers.pop(0) if self._answers else self._commands.earlier()
        if payload is not None:
            return payload
        if self._resend_in_ms(now_ms) == 0:
            self._rewind(now_ms)
            # Is it the storing that takes long, or is nobody there, or was the description lost on the way?
            self._answers = self._greeting(now_ms)
            return self._answers.pop(0)
        gap = self._outbox.take_gap(now_ms)
        if gap is not None:
            return messages.encode((messages.GAP, self._identity[2]) + gap)
        payload = self._record(now_ms)
        if payload is not None:
            return payload
        if now_ms - self._sent_ms >= _KEEPALIVE_MS or self._is_time_old(now_ms):
            return self._clock(now_ms)
        return None

    def _record(self, now_ms: int):
        """What is live before what waits in the journal, unless the gateway waits for something that only that has."""
        outbox, journal = self._outbox, self.journal
        payload = None if outbox.released else outbox.take(now_ms)
        if payload is None and journal is not None and (outbox.released or not outbox.has_unsent):
            payload = journal.take(now_ms)
        return payload

    def _resend_in_ms(self, now_ms: int):
        """Time until something has to be sent once more; None when nothing waits for an acknowledgement."""
        live_ms = self._outbox.resend_in_ms(now_ms)
        kept_ms = None if self.journal is None else self.journal.resend_in_ms(now_ms)
        if live_ms is None or kept_ms is None:
            return live_ms if kept_ms is None else kept_ms
        return min(live_ms, kept_ms)

    def _rewind(self, now_ms: int) -> None:
        for lane in (self._outbox, self.journal):
            if lane is not None and lane.resend_in_ms(now_ms) == 0:
                lane.rewind()

    def _greeting(self, now_ms: int) -> list:
        """The clock, and the description if the gateway lacks it: without it no report is taken."""
        greeting = [self._clock(now_ms)]
        if self._describes:
            greeting.append(self._description.message())
        return greeting

    def _clock(self, now_ms: int) -> bytes:
        self._clock_ms = now_ms
        return messages.encode((messages.CLOCK, now_ms))

    def _is_time_old(self, now_ms: int) -> bool:
        limit_ms = _KEEPALIVE_MS if self._wall.synced_at_ms is None else _TIME_SYNC_MS
        return now_ms - self._clock_ms >= limit_ms

    def _pause_ms(self, now_ms: int) -> int:
        """How long nothing can fall due."""
        due_ms = self._sent_ms + _KEEPALIVE_MS
        if self._asked_ms is not None:
            due_ms = min(due_ms, self._asked_ms + _ANSWER_MS)
        resend_ms = self._resend_in_ms(now_ms)
        pause_ms = due_ms - now_ms if resend_ms is None else min(due_ms - now_ms, resend_ms)
        return max(min(pause_ms, _WAIT_LIMIT_MS), 1)

    async def _read(self) -> None:
        try:
            while True:
                frames = await self._transport.receive()
                while frames:
                    self._take(frames.pop(0))  # and nothing holds on to it: it may be the largest thing in the heap
        except Exception as error:
            self._lost = error
            self._wake.set()

    def _refuse(self, error: WireError) -> None:
        """Count it; the console hears of one a second at the most, so that a flood does not keep the node busy."""
        self._frames_refused += 1
        now_ms = self._uptime.now_ms()
        if now_ms - self._refused_ms >= _REFUSAL_SHOWN_MS:
            self._refused_ms = now_ms
            print("link: refused", error.reason)

    def _take(self, frame: bytes) -> None:
        try:
            message = self._session.receive(frame)
        except WireError as error:
            self._refuse(error)
            return
        now_ms = self._uptime.now_ms()
        self._asked_ms = None
        kind = message[0]
        if kind == messages.ACK:
            _, boot, high, bitmap = message
            if boot == self._identity[2] and high < messages.BACKLOG:
                self._outbox.acknowledge(high, bitmap, now_ms)
            if self.journal is not None:
                self.journal.acknowledge(boot, high, bitmap, now_ms)
        elif kind == messages.TIME:
            if message[3] != messages.TIME_NONE:
                self._wall.learn(message[1], message[2], now_ms)
        elif kind == messages.COMMAND:
            if self._under_way < _UNDER_WAY or message[3] == messages.OP_SAFE:
                self._under_way += 1
                asyncio.create_task(self._execute(message))
        elif kind == messages.RECALL:
            self._answer(self._commands.recall(message[1]))
        elif kind == messages.ROOTED or kind == messages.STAGE:
            asyncio.create_task(self._trust.take(message, self._answer))
        elif kind == messages.BYE:
            raise OSError(errno.ECONNRESET)
        self._wake.set()

    async def _execute(self, command: list) -> None:
        try:
            self._answer(await self._commands.execute(command))
        except Exception as error:
            print("command failed:", repr(error))
        finally:
            self._under_way -= 1

    def _answer(self, payload) -> None:
        if payload is not None:
            self._answers.append(payload)
            del self._answers[:-_ANSWERS]
            self._wake.set()
