"""Files that somebody changed or made up: read as they are, or refused with an error that says so; never a crash."""

from __future__ import annotations

import contextlib
import json
import random
from typing import TYPE_CHECKING

import pytest
from small_site import PASSPHRASE, POINTS, SITE, rooted_by

from paifang.errors import PaifangError
from paifang.keys import delegations, keyfile, keyset_toml, requests
from paifang.keys.delegations import Delegation
from paifang.keys.keyfile import KeyFile, PublicKey
from paifang.keys.keyset import KeySet
from paifang.keys.request_file import Request
from paifang.keys.requests import Target
from paifang.keys.roots import Roots
from paifang.store.points import decode_table
from paifang_wire import cbor, messages, sign1

if TYPE_CHECKING:
    from pathlib import Path

VALUES = (None, True, 0, -1, 1 << 70, 0.5, "", "x" * 70_000, "\ud800", "\0", [], [[]], {}, {"a": {}})


@pytest.fixture
def good(tmp_path, persons, roots, root_keys, keyset, cheap):
    """Name → (a good file, what reads it)."""
    about = PublicKey("wang", "wang", persons.wang.public)
    table = cbor.encode([list(row) for row in POINTS])
    target = Target(SITE, "meter-1", 16, table, 3)
    given = {"identifier": bytes(8), "expires_ms": 1, "token": bytes(16)}
    order = requests.make_order(target, messages.OP_OPERATE, 1, **given)
    signed = requests.sign_order(persons.wang, SITE, order)
    pending = Request.of_pending(SITE, {"order": signed.hex(), "table": table.hex()})
    delegation = Delegation(persons.scada.public, "scada", 1, (("*", "*"),), 1, 60, 1, 3)
    point = requests.pinned(order, table, decode_table)[1]
    contents = {
        "roots.json": (roots.text(), Roots.read),
        "wang.pub": (about.text(), PublicKey.read),
        "wang.key": (
            keyfile.seal(tmp_path / "sealed.key", about, persons.wang, PASSPHRASE).file.read_bytes(),
            KeyFile.read,
        ),
        "request.json": (pending.text(point), read_request),
        "set.keyset": (rooted_by(keyset.rooted, root_keys, sign1.KEYSET).encode(), KeySet.read),
        "keyset.toml": (keyset_toml.write(keyset), read_toml),
        "relay.order": (signed, lambda file: requests.open_order(file.read_bytes())),
        "li.approval": (signed, lambda file: requests.make_approval(persons.li, SITE, file.read_bytes())),
        "scada.delegation": (
            delegation.sign(persons.wang, SITE),
            lambda file: delegations.open_delegation(file.read_bytes(), SITE, keyset),
        ),
    }
    for name, (content, _) in contents.items():
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        file.chmod(0o600)
    return {tmp_path / name: read for name, (_, read) in contents.items()}


def read_request(file: Path) -> object:
    found = Request.read(file)
    return requests.words(found.order, requests.pinned(found.order, found.table, decode_table)[1])


def read_toml(file: Path) -> object:
    return keyset_toml.parse(file.read_text("utf-8", "replace"), file)


def test_turned_cut_and_lengthened_files(good, tier_size):
    chance = random.Random(7)
    taken = 0
    for file, read in good.items():
        whole = file.read_bytes()
        read(file)
        for _ in range(tier_size(300, 20_000)):
            changed = bytearray(whole)
            for _ in range(chance.randrange(1, 4)):
                place = chance.randrange(len(changed))
                kind = chance.randrange(4)
                if kind == 0:
                    changed[place] ^= 1 << chance.randrange(8)
                elif kind == 1:
                    del changed[place : place + chance.randrange(1, 40)]
                elif kind == 2:
                    changed[place:place] = chance.randbytes(chance.randrange(1, 9))
                else:
                    changed[place:place] = bytes(changed[: chance.randrange(60)])
                changed = changed or bytearray(b"\0")
            file.write_bytes(changed)
            with contextlib.suppress(PaifangError):
                read(file)
                taken += 1
        file.write_bytes(whole)
    assert taken  # a turned letter of a name is still a name


def test_every_field_of_every_kind(good):
    for file, read in good.items():
        if file.suffix not in {".json", ".pub", ".key"}:
            continue
        whole = json.loads(file.read_text())
        for path in paths(whole):
            for value in VALUES:
                file.write_text(json.dumps(with_value(whole, path, value)))
                with contextlib.suppress(PaifangError):
                    read(file)
        file.write_text(json.dumps(whole))
        read(file)


def paths(value: object, above: tuple = ()) -> list[tuple]:
    found = [above] if above else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        found += paths(each, (*above, key))
    return found


def with_value(whole: object, path: tuple, value: object) -> object:
    changed = json.loads(json.dumps(whole))
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed
