"""Checks taken out of the shipped code, one at a time: each must make some game fail, and on the promise it stood for.

An edit is a piece of text that stands in its file exactly once. Where two checks guard one promise (a node looks before
and after the arithmetic), a mutant takes out both: one alone would not be missed, which is what the other is for.
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
LEDGER = "firmware/node/ledger.py"
AUDITOR = "gateway/paifang/audit/receipts.py"
VERIFIER = "firmware/node/verifier.py"


@dataclass(frozen=True)
class Mutant:
    """`edits`: (file, text, what stands there instead). `breaks`: the promise that the oracle finds broken."""

    breaks: str
    edits: tuple[tuple[str, str, str], ...]
    verify: str = "quick"
    scene: str = ""
    """Where to look first; everywhere when it is empty."""


def _one(breaks: str, file: str, old: str, new: str, verify: str = "quick") -> Mutant:
    return Mutant(breaks, ((file, old, new),), verify)


_LATE = (SELECTING, "        return commands.refusal(command)\n", "        return 0\n")
_LAPSED = (SELECTING, "now_ms > held[_UNTIL_MS] or", "False or")
_LAPSED_LATE = (SELECTING, "        if commands.now_ms() > held[_UNTIL_MS]:\n", "        if False:\n")
_DROPPED = (SELECTING, "        self.drop(point)\n        return refused(refusal)", "        return refused(refusal)")
_USED_UP = (SELECTING, "            held[_TOKEN] = None  #", "            pass  #")
_TOLD_APART = (SELECTING, "if self._selected.get(point) is not held:", "if False:")
_KEYS_PROVED = "refusal = await self._prove(KEYSET, payload, signature, other)"

MUTANTS = {
    # What the table says
    "deadline": _one("nothing is executed after its deadline", COMMANDS, "if left_ms < 0:", "if False:"),
    "deadline-after-verifying": Mutant("nothing is executed after its deadline", (_LATE,)),
    "safe-deadline": _one(
        "the safe state is never asked for in advance", COMMANDS, "and left_ms > rules.SAFE_WITHIN_MS", "and False"
    ),
    "safe-state-open": _one(
        "the way to the safe state is always open",
        COMMANDS,
        "            self._acting[point] = True\n",
        "            return refused(messages.BUSY)\n",
    ),
    "read-only": _one("a class is operated in its own way only", RULES, "if row[CLASS] == 0:", "if False:"),
    "class-rule": _one(
        "a class is operated in its own way only", RULES, "if op not in _OPS[row[CLASS]]:", "if op > messages.OP_SAFE:"
    ),
    "signed-class": Mutant(
        "class 3 takes two signatures",
        (
            (
                SELECTING,
                "is_signed = row[rules.CLASS] == _SIGNED_CLASS\n        held",
                "is_signed = False\n        held",
            ),
        ),
        scene="class-downgraded",
    ),
    "least": _one("values stay within the limits", RULES, "row[MINIMUM] is not None and value < row[MINIMUM]", "False"),
    "greatest": _one(
        "values stay within the limits", RULES, "row[MAXIMUM] is not None and value > row[MAXIMUM]", "False"
    ),
    "interlock": _one("interlocks hold", RULES, "        if locked != value:\n", "        if True:\n"),
    "interlock-unknown": _one(
        "interlocks hold",
        RULES,
        "if is_node if present is None else not holds",
        "if present is not None and not holds",
    ),
    "expected-value": _one(
        "the point is where the operator saw it",
        RULES,
        "        or _expect_refusal(number, expect, read, is_node)\n",
        "",
    ),
    # Select before operate
    "select-match": _one(
        "what is operated is what was selected",
        SELECTING,
        "return 0 if held[_VALUE] == value else messages.NOT_SELECTED",
        "return 0",
    ),
    "select-time": Mutant("a selection lapses", (_LAPSED,)),
    "select-once": Mutant("what is operated was selected, and once", (_DROPPED,)),
    "cancel": _one(
        "what is operated was selected, and once",
        SELECTING,
        "        self.drop(point)\n        if op ==",
        "        if op ==",
    ),
    # At most once
    "id-repeat": _one(
        "a command is executed once", COMMANDS, "        kept = self._find(identifier)\n", "        kept = None\n"
    ),
    "id-under-way": _one(
        "a command has one verdict",
        COMMANDS,
        "        if identifier in self._running:\n            return None\n        digest",
        "        digest",
    ),
    "id-after-a-reset": _one(
        "a command is executed once",
        COMMANDS,
        "        payload = self._ledger.find(identifier)\n",
        "        payload = None\n",
    ),
    "persist-before-act": _one(
        "what could be done twice is persisted before it is done",
        COMMANDS,
        "or (digest is not None and not self._ledger.open(identifier, digest))",
        "",
    ),
    "commit": _one(
        "what could be done twice is persisted before it is done",
        LEDGER,
        "set_blob(_key(slot), data)\n            self._nvs.commit()\n",
        "set_blob(_key(slot), data)\n",
    ),
    "interrupted": Mutant(
        "nothing that was done is silently lost",
        ((COMMANDS, 'if payload == b"":', "if False:"),),
    ),
    "replay-window": _one("a command is executed once", SESSION, "        self._window.check(counter)\n", ""),
    "session-mac": _one("no stranger is heard", SESSION, "        self._in.verify(frame)\n", ""),
    # The token
    "token-age": Mutant("a selection lapses", (_LAPSED, _LAPSED_LATE)),
    "token-age-after-verifying": Mutant("a selection lapses", (_LAPSED_LATE,)),
    "token-single-use": Mutant("what is operated was selected, and once", (_USED_UP, _DROPPED)),
    "token-of-another-boot": _one(
        "an order is for one select",
        SELECTING,
        'digest(b"token", boot, commands.previous_hash, noise)',
        "digest(noise)",
    ),
    "token-of-the-order": _one(
        "both have signed the token that the node gave out",
        ORDERS,
        "expect != carried_expect:\n        return messages.INCONSISTENT\n    return _freshness_refusal(signed_token,",
        "expect != carried_expect:\n        return messages.INCONSISTENT\n    return _freshness_refusal(token,",
    ),
    "token-equality": _one(
        "both have signed the token that the node gave out",
        ORDERS,
        "if signed_token is None or not equal(signed_token, token):",
        "if False:",
    ),
    "replaced-while-verifying": Mutant("what is operated was selected, and once", (_TOLD_APART,)),
    # Order and approval
    "order-hash-in-approval": _one(
        "an approval is of one order",
        ORDERS,
        "if not equal(order_hash, hashlib.sha256(order_payload).digest()):",
        "if False:",
    ),
    "order-id": _one("what is done is what was signed", ORDERS, "or identifier != carried or", "or"),
    "order-point": _one("what is done is what was signed", ORDERS, " or point != carried_point:", ":"),
    "order-value": _one("what is done is what was signed", ORDERS, "or value != carried_value or", "or"),
    "order-op": _one("what is done is what was signed", ORDERS, "if op != carried_op or", "if"),
    "order-expect": _one("what is done is what was signed", ORDERS, " or expect != carried_expect:", ":"),
    "order-node": _one("it is done where it was signed for", ORDERS, "if named != node or", "if"),
    "description-hash": _one(
        "the point is the one that its signer was shown", ORDERS, " or described != description or", " or"
    ),
    "expiry": Mutant(
        "no order is executed after it has expired",
        (
            (ORDERS, "return messages.EXPIRED if utc_ms is not None and utc_ms > expires_ms else 0", "return 0"),
            (AUTHORITY, "messages.EXPIRED if utc_ms is not None and utc_ms > expires_ms else 0", "0"),
        ),
    ),
    "least-key-set": _one(
        "a signer's key set is not newer than the node's",
        ORDERS,
        "return messages.OLD_KEYSET if least > keyset else 0",
        "return 0",
    ),
    # Keys and signatures
    "distinct-persons": _one(
        "class 3 takes two persons",
        ORDERS,
        "return messages.SAME_PERSON if key[PERSON] == approver[PERSON] else 0",
        "return 0",
    ),
    "key-state": _one("a revoked key commands nothing", ORDERS, "key[STATE] > RETIRING or ", ""),
    "key-class": _one(
        "a key commands what its class and operations say", ORDERS, "key[KEY_CLASS] < point_class or ", ""
    ),
    "key-ops": _one("a key commands what its class and operations say", ORDERS, " or not key[OPS] >> op & 1:", ":"),
    "scope": _one(
        "a key commands within its scope",
        ORDERS,
        "return 0 if in_scope(key[SCOPE], node, point) else messages.NO_AUTHORITY",
        "return 0",
    ),
    "scope-is-no-prefix": _one(
        "a key commands within its scope",
        ORDERS,
        "    return name == pattern\n",
        "    return name.startswith(pattern)\n",
    ),
    "approvers-right": _one(
        "a revoked key commands nothing", AUTHORITY, "            or self._key_refusal(approver, row)\n", ""
    ),
    "signature": _one(
        "a key set is held only under the signatures of two different roots",
        VERIFIER,
        "if not await self._verify(public, digest, signature):",
        "if False:",
    ),
    "second-signature": _one(
        "signatures are genuine",
        VERIFIER,
        "for public, digest, signature in signatures:",
        "for public, digest, signature in signatures[:1]:",
    ),
    "low-s": _one("signatures are genuine", P256, "0 < s <= N >> 1", "0 < s < N", "p256"),
    "on-curve": _one("signatures are genuine", P256, " and _on_curve(x, y)", "", "p256"),
    "algorithm": _one(
        "the signer is in the key set", SIGN1, "if protected[:start] != _PROTECTED_START or len(", "if len("
    ),
    "one-at-a-time": _one(
        "one verification is under way at a time", VERIFIER, "        if self._is_busy:\n", "        if False:\n"
    ),
    "now-and-then": _one(
        "a key's signatures are looked at now and then",
        VERIFIER,
        "            if kid in kids:\n",
        "            if False:\n",
    ),
    # What roots sign
    "roots-proved": _one(
        "a key set is held only under the signatures of two different roots", ROOTED, _KEYS_PROVED, "refusal = 0"
    ),
    "root-count": _one(
        "a key set is held only under the signatures of two different roots",
        ROOTED,
        _KEYS_PROVED,
        "refusal = await self._prove(KEYSET, payload, signature)",
    ),
    "root-distinctness": _one(
        "a key set is held only under the signatures of two different roots", ROOTED, " or kid in kids:", ":"
    ),
    "key-set-version": _one(
        "a key set is replaced by a newer one only", ROOTED, "if version < keyset.floor or (", "if ("
    ),
    "key-set-of-the-same-version": _one(
        "a key set is replaced by a newer one only",
        ROOTED,
        "(version == keyset.floor and not keyset.is_same(payload))",
        "False",
    ),
    "epoch-proved": _one(
        "an epoch changes under the signatures of two roots only",
        ROOTED,
        "refusal = await self._prove(EPOCH, payload, signature, other)",
        "refusal = 0",
    ),
    # Receipts
    "receipt-tag": _one(
        "receipts are vouched for under the receipt key",
        COMMANDS,
        "self.seal.digest(cbor.encode(receipt))",
        "bytes(32)",
    ),
    "receipt-chain": _one(
        "receipts of a boot are a chain",
        COMMANDS,
        "        self.previous_hash = hashlib.sha256(payload).digest()\n",
        "",
    ),
    "auditors-check": _one(
        "what the auditor believes was said by the node",
        AUDITOR,
        "if not equal(receipt[_TAG], seal.digest(cbor.encode(receipt[:_TAG]))):",
        "if False:",
    ),
    "receipt-key": _one(
        "what the auditor believes was said by the node",
        WIRE_KEYS,
        'hkdf(master, b"", cbor.encode([VERSION, "receipt"]))',
        'hkdf(b"", b"", cbor.encode([VERSION, "receipt"]))',
    ),
}

STOLEN_GATEWAY = {
    "late-release": "token-age",
    "reuse-in-another-boot": "token-of-another-boot",
    "overflow-of-the-id-memory": "token-single-use",
    "approval-transplanted": "order-hash-in-approval",
    "one-person-with-two-keys": "distinct-persons",
    "key-set-swapped": "roots-proved",
    "key-set-by-one-root": "root-distinctness",
    "key-set-rolled-back": "key-set-version",
    "key-set-withheld": "least-key-set",
    "class-downgraded": "signed-class",
    "point-relabelled": "description-hash",
    "twin-signature": "low-s",
    "repl-bytes-on-the-link": "session-mac",
    "forged-receipt": "receipt-key",
}
"""Attack of `hostile` -> the mutant that lets it through."""
