"""The session, promise by promise: each reason of refusal, and what a hello can and cannot do."""

from __future__ import annotations

from typing import Any

import pytest
from portable.flips import BOOT, KEY, NODE, SITE, gateway, greeted, joined, node
from portable.plain import refusal

from paifang_wire import cbor, keys, messages
from paifang_wire.cose import COUNTER_LIMIT, Mac0
from paifang_wire.errors import (
    BAD_MAC,
    BOOT_BACK,
    NO_SESSION,
    NOT_CBOR,
    REPLAY,
    SHAPE,
    UNKNOWN_NODE,
    WRONG_SITE,
    WRONG_SUITE,
)
from paifang_wire.link import GatewayLink
from paifang_wire.session import NodeSession, handshake_mac

ABOUT: tuple[Any, ...] = ("1.0", bytes(8), 1000, 1, 0, 5)


def hello(site: str = SITE, name: str = NODE, boot: int = BOOT, key: bytes = KEY) -> bytes:
    return NodeSession(site, name, boot, key, bytes).hello(*ABOUT)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (hello(site="ward-2"), WRONG_SITE),
        (hello(name="aq-9"), UNKNOWN_NODE),
        (hello(key=bytes(32)), BAD_MAC),
        (hello(boot=4), BOOT_BACK),
        (b"", SHAPE),
        (bytes(64), SHAPE),
    ],
)
def test_a_hello_is_refused(frame: bytes, reason: str) -> None:
    link = GatewayLink(SITE, lambda name: (KEY, 5) if name == NODE else None, bytes)
    assert refusal(link.receive, frame) == reason
    assert refusal(link.welcome, None, 0, [], False) == NO_SESSION


def test_a_hello_of_another_suite_is_refused() -> None:
    message = [messages.HELLO, SITE, NODE, BOOT, bytes(16), 2, *ABOUT]
    frame = handshake_mac(KEY, keys.UP, SITE, NODE, BOOT).seal(0, messages.encode(message))
    assert refusal(gateway().receive, frame) == WRONG_SUITE


def test_nothing_is_said_before_the_handshake() -> None:
    here, there, _ = greeted()
    assert refusal(here.send, (messages.CLOCK, 1)) == NO_SESSION
    assert refusal(there.send, (messages.BYE, 1)) == NO_SESSION
    assert refusal(gateway().receive, joined()[0].send((messages.CLOCK, 1))) == NO_SESSION


def test_a_replayed_hello_displaces_nothing() -> None:
    here = node()
    there = gateway()
    first = here.hello(*ABOUT)
    there.receive(first)
    here.receive(there.welcome(None, 0, [], False))
    there.receive(here.send((messages.CLOCK, 1)))
    for _ in range(3):
        assert there.receive(first)[0] == messages.HELLO
        answer = there.welcome(None, 0, [], False)
        assert refusal(here.receive, answer) in (BAD_MAC, REPLAY)
        assert there.receive(here.send((messages.CLOCK, 2))) == [messages.CLOCK, 2]
        assert not there.promoted
        assert here.receive(there.send((messages.BYE, 0))) == [messages.BYE, 0]


def test_a_hello_that_a_line_doubles_gets_one_answer() -> None:
    here, there = node(), gateway()
    hello_frame = here.hello(*ABOUT)
    there.receive(hello_frame)
    welcome = there.welcome(None, 0, [], False)
    here.receive(welcome)
    there.receive(hello_frame)
    assert there.welcome(None, 0, [], False) == welcome
    assert there.receive(here.send((messages.CLOCK, 1))) == [messages.CLOCK, 1]


def test_the_first_frame_under_new_keys_replaces_the_session() -> None:
    here, there = joined()
    second = node(1)
    there.receive(second.hello(*ABOUT))
    second.receive(there.welcome(None, 0, [], False))
    assert there.receive(here.send((messages.CLOCK, 3))) == [messages.CLOCK, 3]
    assert there.receive(second.send((messages.CLOCK, 4))) == [messages.CLOCK, 4]
    assert there.promoted
    assert refusal(there.receive, here.send((messages.CLOCK, 5))) == BAD_MAC
    assert refusal(here.receive, there.send((messages.BYE, 0))) == BAD_MAC


def test_an_old_welcome_answers_no_new_hello() -> None:
    _, _, welcome = greeted()
    assert refusal(node(1).receive, welcome) == NO_SESSION


def test_a_boot_to_come_has_no_records() -> None:
    here, there = joined()
    for boot, wanted in ((1, None), (BOOT, None), (BOOT + 1, SHAPE)):
        frame = here.send((messages.REPORT, boot, 1, 0, None, {1: 1}, {}))
        assert refusal(there.receive, frame) == wanted


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", NOT_CBOR),
        (b"\x82\x09\x18\x01", NOT_CBOR),
        (cbor.encode([messages.CLOCK, -1]), SHAPE),
        (cbor.encode([99]), SHAPE),
        (cbor.encode([messages.ACK, 1, 0, 0]), SHAPE),
    ],
)
def test_an_authentic_frame_of_nonsense_is_spent(payload: bytes, reason: str) -> None:
    """The window moves as soon as the MAC is verified, whatever is found inside."""
    here, there = joined()
    channel = here._channel
    assert channel
    frame = channel.seal_payload(payload)
    assert refusal(there.receive, frame) == reason
    assert refusal(there.receive, frame) == REPLAY


def test_a_forged_frame_moves_no_window() -> None:
    """A frame of a far counter that fails its MAC must not make the honest ones look old."""
    here, there = joined()
    honest = [here.send((messages.CLOCK, number)) for number in range(40)]
    forged = Mac0(bytes(32), keys.context(SITE, keys.UP, NODE, BOOT)).seal(10_000, messages.encode((messages.CLOCK, 1)))
    assert refusal(there.receive, forged) == BAD_MAC
    assert [refusal(there.receive, frame) for frame in honest] == [None] * 40


def test_a_used_up_counter_ends_the_session() -> None:
    here, there = joined()
    channel = here._channel
    assert channel
    channel._counter = COUNTER_LIMIT - 1
    assert there.receive(here.send((messages.CLOCK, 1))) == [messages.CLOCK, 1]
    assert refusal(here.send, (messages.CLOCK, 2)) == NO_SESSION


def test_nonces_differ_where_there_is_no_randomness() -> None:
    hellos = {node(handshake).hello(*ABOUT) for handshake in range(50)}
    hellos |= {hello(boot=boot) for boot in range(100, 150)}
    link = GatewayLink(SITE, lambda name: (KEY, 1), bytes)
    assert len({link.receive(frame)[4] for frame in hellos}) == 100
