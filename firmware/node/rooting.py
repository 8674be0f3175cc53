"""One message that root keys have signed, from the room that its check takes to the answer.

`trust` loads it for the message. When that is done, this module and what it has loaded itself is forgotten.
"""

import sys

from micropython import const

from paifang_wire import messages

_RESTART_MS = const(3_000)  # for what is still to be said
# Free heap that the check takes where pointers have 8 bytes, half of it where they have 4: with the parts that only a
# node of class 3 has loaded already, and without.
_NEEDED_LOADED, _NEEDED = const(14_000), const(26_000)
_FORGOTTEN = ("node.", "paifang_wire.")


async def take(trust, message: list, answer) -> None:
    """As `Trust.take`."""
    what = message[1]
    held, refusal = trust.version, messages.BUSY
    if what != messages.ROOTED_EPOCH and trust.keyset is None:
        refusal = messages.NO_SUCH_OP
    elif not trust.is_taking:
        trust.is_taking = True
        before = [name for name in sys.modules if name != __name__]
        try:
            held, refusal = await _check(trust, message)
        finally:
            trust.is_taking = False
            _forget(before)
    answer(messages.encode((messages.HELD, what, held, refusal)))
    if what == messages.ROOTED_EPOCH and not refusal:
        await trust.clock.sleep_ms(_RESTART_MS)
        trust.restart()


async def _check(trust, message: list) -> tuple:
    """(version or epoch now held, refusal) as of `Rooted.take`; BUSY for want of heap."""
    try:
        from .verifier import Verifier, has_room, sliced

        verifier = trust.verifier
        if has_room(trust.gc, _NEEDED if verifier is None else _NEEDED_LOADED):
            from .rooted import Rooted

            verifier = verifier or Verifier(trust.clock.now_ms, sliced(trust.clock.sleep_ms))
            return await Rooted(trust.name, trust.nvs, trust.keyset, verifier).take(message)
    except MemoryError:
        pass
    print("no heap to check what root keys have signed")
    return trust.version, messages.BUSY


def _forget(before: list) -> None:
    """Give back the heap of the modules that have been loaded since."""
    for name in list(sys.modules):
        if name not in before and name.startswith(_FORGOTTEN):
            module = sys.modules.pop(name)
            package, _, part = name.rpartition(".")
            if getattr(sys.modules[package], part, None) is module:
                delattr(sys.modules[package], part)
