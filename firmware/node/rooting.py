"""One message that brings the node a record, from the room that its check takes to the answer.

`trust` loads it for the message. When that is done, this module and what it has loaded itself is forgotten.
"""

from micropython import const

from paifang_wire import messages

from .modules import forget_since, loaded

_OWN = (__name__, "node.modules")
_RESTART_MS = const(3_000)  # for what is still to be said
_NEEDED = const(23_000)  # free heap that the check takes where pointers have 8 bytes, half of it where they have 4


async def take(trust, message: list, answer) -> None:
    """As `Trust.take`."""
    what = message[1]
    held, refusal = trust.version, messages.BUSY
    if not _is_known(trust, message):
        refusal = messages.NO_SUCH_OP
    elif not trust.is_taking:
        trust.is_taking = True
        before = [name for name in loaded() if name not in _OWN]
        try:
            held, refusal = await _check(trust, message, lambda: forget_since(before))
        finally:
            trust.is_taking = False
            forget_since(before)
    answer(messages.encode((messages.HELD, what, held, refusal)))
    if message[0] == messages.ROOTED and what != messages.ROOTED_KEYSET and not refusal:
        await trust.clock.sleep_ms(_RESTART_MS)
        if trust.holdings is not None:
            trust.holdings.retire()
        trust.restart()


def _is_known(trust, message: list) -> bool:
    """Whether this node has something to do with what it is given."""
    what = message[1]
    if message[0] == messages.STAGE or what == messages.ROOTED_SITE:
        return trust.holdings is not None
    return what == messages.ROOTED_EPOCH or trust.keyset is not None


async def _check(trust, message: list, forget) -> tuple:
    """(version, epoch or edition now held, refusal) as of `Rooted.take`, `holdings.stage`; BUSY for want of heap."""
    try:
        if message[0] == messages.STAGE:
            return await trust.holdings.stage(message[1], message[2])
        from .verifier import Verifier, has_room, sliced

        verifier = trust.verifier
        if has_room(trust.gc, _NEEDED):
            from .rooted import Rooted

            verifier = verifier or Verifier(trust.clock.now_ms, sliced(trust.clock.sleep_ms))
            rooted = Rooted(trust.name, trust.nvs, trust.keyset, verifier, trust.holdings, forget)
            return await rooted.take(message)
    except MemoryError:
        pass
    print("no heap to check a record")
    return trust.version, messages.BUSY
