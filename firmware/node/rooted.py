"""What only root keys can change: key set, epoch, site record. Two of the node's three must have signed it.

What reads records and signatures is loaded for that only: the arithmetic that follows needs the room.
"""

from micropython import const

from paifang_wire import cbor, messages
from paifang_wire.errors import WireError
from paifang_wire.sign1 import EPOCH, KEYSET, SITE_RECORD

_EPOCH_LIMIT = const(1 << 31)  # what an i32 of the NVS holds


class Rooted:
    """`name`: (site, node). `nvs`: an `esp32.NVS`. `keyset`: a `keyset.KeySet`, None where no point is of class 3.

    `verifier`: a `verifier.Verifier`. `holdings`: a role's, None where none has a site record. `forget()`: what was
    loaded since has had its time.
    """

    def __init__(self, name: tuple, nvs, keyset, verifier, holdings=None, forget=lambda: None) -> None:
        self._site, self._node = name
        self._nvs = nvs
        self._keyset = keyset
        self._verifier = verifier
        self._holdings = holdings
        self._forget = forget

    async def take(self, message: list) -> tuple:
        """(version or epoch now held, refusal) of a ROOTED message."""
        _, what, payload, signature, other = message
        if what == messages.ROOTED_EPOCH:
            refusal = await self._take_epoch(payload, signature, other)
            return self._nvs.get_i32("epoch"), refusal
        if what == messages.ROOTED_SITE and self._holdings is not None:
            refusal = await self._take_site(payload, signature, other)
            return self._holdings.records.version, refusal
        if what != messages.ROOTED_KEYSET:
            return 0, messages.NO_SUCH_OP
        refusal = await self._take_keyset(payload, signature, other)
        return self._keyset.version, refusal

    async def _take_keyset(self, payload: bytes, signature: bytes, other: bytes) -> int:
        keyset = self._keyset
        try:
            version = _keyset_version(payload)
        except WireError:
            return messages.WRONG_TYPE
        if keyset.version and keyset.is_same(payload):
            return 0
        # The one that the flash has lost may come again; the same number with other keys may not.
        if version < keyset.floor or (version == keyset.floor and not keyset.is_same(payload)):
            return messages.OLD_KEYSET
        refusal = await self._prove(KEYSET, payload, signature, other)
        if not refusal:
            try:
                keyset.store(version, payload)
            except OSError as error:
                print("keyset: not stored:", repr(error))
                return messages.BUSY
        return refusal

    async def _take_epoch(self, payload: bytes, signature: bytes, other: bytes) -> int:
        try:
            node, epoch = _epoch(payload)
        except WireError:
            return messages.WRONG_TYPE
        if epoch >= _EPOCH_LIMIT:
            return messages.LIMIT
        if node != self._node:
            return messages.INCONSISTENT
        if epoch <= self._nvs.get_i32("epoch"):
            return messages.EXPIRED
        refusal = await self._prove(EPOCH, payload, signature, other)
        if not refusal:
            try:
                self._nvs.set_i32("epoch", epoch)
                self._nvs.commit()
            except OSError as error:
                print("epoch: not stored:", repr(error))
                return messages.BUSY
        return refusal

    async def _take_site(self, payload: bytes, signature: bytes, other: bytes) -> int:
        """Its content is checked by the start that goes by it: there is room for that then."""
        records = self._holdings.records
        try:
            node, edition = _site(payload)
        except WireError:
            return messages.WRONG_TYPE
        if node != self._node:
            return messages.INCONSISTENT
        if records.version and records.is_same(cbor.encode((payload, signature, other))):
            return 0
        if edition <= records.floor:
            return messages.EXPIRED
        refusal = await self._prove(SITE_RECORD, payload, signature, other)
        if not refusal:
            try:
                records.store(edition, cbor.encode((payload, signature, other)))
            except OSError as error:
                print("site record: not stored:", repr(error))
                return messages.BUSY
        return refusal

    async def _prove(self, purpose: str, payload: bytes, *signatures: bytes) -> int:
        """Why two root keys have not signed `payload`, or 0."""
        kids, claims = [], []
        refusal = self._claims(purpose, payload, signatures, kids, claims)
        self._forget()
        refusal = refusal or self._verifier.refusal(kids) or await self._verifier.prove(kids, claims)
        if not refusal:
            self._verifier.forget(kids)  # what is taken once is refused for its age: nobody can go on with it
        return refusal

    def _claims(self, purpose: str, payload: bytes, signatures, kids: list, claims: list) -> int:
        """Add whose signatures they are and what is to be proved; or why not."""
        from paifang_wire import sign1

        from .roots import trusted_roots

        roots = trusted_roots(self._nvs)
        for signed in signatures:
            try:
                kid, inside, signature = sign1.split(signed)
            except WireError:
                return messages.BAD_SIGNATURE
            if inside is not None or kid not in roots or kid in kids:
                return messages.NO_AUTHORITY
            kids.append(kid)
            claims.append((roots[kid], sign1.digest(kid, self._site, purpose, payload), signature))
        return 0


def _keyset_version(payload: bytes) -> int:
    """The version of a key set whose keys are all of their shape. Raises WireError."""
    from paifang_wire import orders

    for _ in orders.each_key(payload):
        pass
    return orders.keyset_version(payload)


def _epoch(payload: bytes) -> tuple:
    """(node, epoch). Raises WireError."""
    from paifang_wire.orders import decode_epoch

    return tuple(decode_epoch(payload))


def _site(payload: bytes) -> tuple:
    """(node, edition). Raises WireError."""
    from paifang_wire.orders import decode_site

    return tuple(decode_site(payload)[:2])
