"""Checks taken out of the shipped code, one at a time: each must make some game fail, and on the promise it stood for.

An edit is a piece of text that stands in its file exactly once. Where two checks guard the same promise (a node looks
before and after the arithmetic), a mutant takes out both: one alone would not be missed, which is what the other is for.
"""

from __future__ import annotations

from dataclasses import dataclass

ORDERS = "protocols/paifang_wire/orders.py"
RULES = "protocols/paifang_wire/rules.py"
SIGN1 = "protocols/paifang_wire/sign1.py"
P256 = "protocols/paifang_wire/p256.py"
SESSION = "protocols/paifang_wire/session.py"
WIRE_KEYS = "protocols/paifang_wire/keys.py"
COMMANDS = "firmware/node/commands.py"
SELECTING = "firmware/node/selecting.py"
AUTHORITY = "firmware/node/authority.py"
ROOTED = "firmware/node/rooted.py"
KEYSET = "firmware/node/keyset.py"
LEDGER = "firmware/node/ledger.py"
VERIFIER = "firmware/node/verifier.py"


@dataclass(frozen=True)
class Mutant:
    """`edits`: (file, text, what stands there instead). `breaks`: the promise that the oracle finds broken."""

    breaks: str
    edits: tuple[tuple[str, str, str], ...]
    verify: str = "quick"


def _one(breaks: str, file: str, old: str, new: str, verify: str = "quick") -> Mutant:
    return Mutant(breaks, ((file, old, new),), verify)


_LATE = ("            refusal = refusal or self._late_refusal(commands, command, held)  # that took time\n", "")
_FRESHNESS = "    if signed_token is None or not equal(signed_token, token):\n"

MUTANTS = {
    "deadline": _one("nothing is executed after its deadline", COMMANDS, "if left_ms < 0:", "if False:"),
    "deadline-after-verifying": _one("nothing is executed after its deadline", SELECTING, *_LATE),
    "safe-deadline": _one(
        "the safe state is never asked for in advance", COMMANDS, "and left_ms > rules.SAFE_WITHIN_MS", "and False"
    ),
    "read-only": _one("a class is operated in its own way only", RULES, "if row[CLASS] == 0:", "if False:"),
    "class-rule": _one(
        "a class is operated in its own way only", RULES, "if op not in _OPS[row[CLASS]]:", "if op > messages.OP_SAFE:"
    ),
    "class-downgraded": Mutant(
        "class 3 needs two signatures",
        (
            (SELECTING, "_SIGNED_CLASS = const(3)", "_SIGNED_CLASS = const(4)"),
        ),
    ),
    "limits": _one(
        "values stay within the limits", RULES, "row[MINIMUM] is not None and value < row[MINIMUM]", "False"
    ),
    "interlock": _one("interlocks hold", RULES, "        if locked != value:\n", "        if True:\n"),
    "expected-value": _one(
        "the point is where the operator saw it", RULES, "        or _expect_refusal(number, expect, read, is_node)\n", ""
    ),
}
