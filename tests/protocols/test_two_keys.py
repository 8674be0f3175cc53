"""During a change of epoch a node may come under either of two keys, and the link tells which it was."""

from __future__ import annotations

import os

import pytest

from paifang_wire import messages
from paifang_wire.errors import BAD_MAC, WireError
from paifang_wire.link import GatewayLink
from paifang_wire.session import NodeSession

OLD, NEW, OTHER = bytes(32), bytes(range(32)), b"\xff" * 32


def come(link: GatewayLink, key: bytes, boot: int = 1) -> None:
    session = NodeSession("ward-1", "aq-1", boot, key, os.urandom)
    link.receive(session.hello("9.9", bytes(8), 0, 1, 0, 0))
    session.receive(link.welcome(None, 0, [], want_description=False))
    link.receive(session.send([messages.CLOCK, 5]))


@pytest.mark.parametrize(("known", "keys"), [((OLD, 1), [OLD]), ((OLD, 1, None), [OLD]), ((OLD, 1, NEW), [OLD, NEW])])
def test_the_link_tells_under_which_key_the_node_came(known, keys):
    for key in (OLD, NEW, OTHER):
        link = GatewayLink("ward-1", lambda _: known, os.urandom)
        if key in keys:
            come(link, key)
            assert (link.node, link.key) == ("aq-1", key)
        else:
            with pytest.raises(WireError) as raised:
                come(link, key)
            assert (raised.value.reason, link.node, link.key) == (BAD_MAC, "", b"")


def test_a_session_under_the_new_key_takes_the_place_of_the_old_one():
    link = GatewayLink("ward-1", lambda _: (OLD, 1, NEW), os.urandom)
    come(link, OLD)
    come(link, NEW, boot=2)
    assert (link.key, link.boot) == (NEW, 2)
