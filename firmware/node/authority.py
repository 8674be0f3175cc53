"""Class 3: an order and its approval, signed by two persons of the key set over the token that the node gave out."""

from paifang_wire import messages, rules
from paifang_wire.errors import WireError


class Authority:
    """`name`: (site, node). `description`: 8 bytes, of the node's table. `keyset`: a `keyset.KeySet`.

    `verifier`: a `verifier.Verifier`. `utc_ms(uptime_ms)`: the time at `now_ms()`, None while it is not known.
    """

    def __init__(self, name: tuple, description: bytes, keyset, verifier, now_ms, utc_ms) -> None:
        self._site, self._node = name
        self._description = description
        self._keyset = keyset
        self._verifier = verifier
        self._now_ms = now_ms
        self._utc_ms = utc_ms

    def examine(self, command: list, row: tuple, token: bytes) -> tuple:
        """(refusal, None), or (0, what is left to `prove`): everything that can be told without arithmetic."""
        from paifang_wire import orders, sign1  # what is left to prove has no use for them

        if command[7] is None or command[8] is None:
            return messages.NO_AUTHORITY, None
        try:
            kid, order_payload, signature = sign1.split(command[7])
            approver_kid, approval_payload, approver_signature = sign1.split(command[8])
            if order_payload is None or approval_payload is None:
                return messages.BAD_SIGNATURE, None
            order = orders.decode_order(order_payload)
            approval = orders.decode_approval(approval_payload)
        except WireError:
            return messages.BAD_SIGNATURE, None
        version, utc_ms = self._keyset.version, self._utc_ms(self._now_ms())
        key, approver = self._keyset.find(kid, approver_kid)
        refusal = (
            orders.order_refusal(order, command, self._node, self._description, token, version, utc_ms)
            or orders.approval_refusal(approval, order_payload, token, version, utc_ms)
            or self._key_refusal(key, row)
            or self._key_refusal(approver, row)
            or orders.persons_refusal(key, approver)
            or self._verifier.refusal((kid, approver_kid))
        )
        if refusal:
            return refusal, None
        signatures = (
            (key[orders.PUBLIC], sign1.digest(kid, self._site, sign1.COMMAND, order_payload), signature),
            (
                approver[orders.PUBLIC],
                sign1.digest(approver_kid, self._site, sign1.APPROVAL, approval_payload),
                approver_signature,
            ),
        )
        return 0, ((kid, approver_kid), signatures, min(order[7], approval[2]))

    async def prove(self, proof: tuple) -> int:
        """BAD_SIGNATURE, EXPIRED when that took too long, or 0."""
        kids, signatures, expires_ms = proof
        refusal = await self._verifier.prove(kids, signatures)
        utc_ms = self._utc_ms(self._now_ms())
        return refusal or (messages.EXPIRED if utc_ms is not None and utc_ms > expires_ms else 0)

    def _key_refusal(self, key, row: tuple) -> int:
        from paifang_wire import orders

        return orders.key_refusal(key, row[rules.CLASS], messages.OP_OPERATE, self._node, row[rules.NAME])
