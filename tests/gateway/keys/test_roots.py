"""Two of the three roots, each once, for this site and this purpose: nothing else makes a key set or an epoch good."""

from __future__ import annotations

import json

import pytest
from small_site import SITE, rooted_by

from paifang.errors import PaifangError
from paifang.keys import epochs
from paifang.keys.keyset import KeySet
from paifang.keys.roots import Rooted, Roots
from paifang.keys.signing import SigningKey
from paifang_wire import cbor, orders, sign1


@pytest.mark.parametrize("pair", [(0, 1), (0, 2), (1, 2), (2, 0)])
def test_any_two_roots_make_it_good(keyset, roots, root_keys, pair):
    signed = rooted_by(keyset.rooted, [root_keys[number] for number in pair], sign1.KEYSET)
    assert KeySet.decode(signed.encode()).verify(roots) == [f"root-{number + 1}" for number in pair]
    assert len(signed.detached) == 2


def test_three_signatures_are_good_and_two_go_out(keyset, roots, root_keys):
    signed = rooted_by(keyset.rooted, root_keys, sign1.KEYSET)
    assert len(roots.check(sign1.KEYSET, signed)) == 3
    assert len(signed.detached) == 2


def refused(roots, rooted, purpose=sign1.KEYSET):
    with pytest.raises(PaifangError) as error:
        roots.check(purpose, rooted)
    assert error.value.code == "bad-signature"
    return str(error.value)


def test_what_is_not_signed_by_two_is_refused(keyset, roots, root_keys):
    assert "signed by nobody" in refused(roots, keyset.rooted)
    one = rooted_by(keyset.rooted, root_keys[:1], sign1.KEYSET)
    assert "signed by root-1, and it takes two" in refused(roots, one)
    twice = Rooted(one.payload, one.signatures * 2)
    assert "signed by root-1, and it takes two" in refused(roots, twice)
    again = rooted_by(one, root_keys[:1], sign1.KEYSET)
    assert len(again.signatures) == 1
    stranger = rooted_by(one, [SigningKey.new()], sign1.KEYSET)
    assert "which is no root of ward-1" in refused(roots, stranger)


def test_a_signature_counts_for_its_site_purpose_and_payload(keyset, roots, root_keys):
    for site, purpose in (("ward-2", sign1.KEYSET), (SITE, sign1.EPOCH), (SITE, sign1.COMMAND)):
        wrong = rooted_by(keyset.rooted, root_keys[:2], purpose, site)
        assert "is not of this key set for ward-1" in refused(roots, wrong)
    signed = rooted_by(keyset.rooted, root_keys[:2], sign1.KEYSET)
    later = KeySet.build(keyset.version + 1, keyset.entries)
    assert "is not of this key set" in refused(roots, Rooted(later.rooted.payload, signed.signatures))
    mixed = Rooted(signed.payload, (signed.signatures[0], (signed.signatures[1][0], signed.signatures[0][1])))
    assert "root-2 is not of this" in refused(roots, mixed)


def test_every_turned_bit_of_a_signed_file_is_found(keyset, roots, root_keys, tier_size):
    data = rooted_by(keyset.rooted, root_keys[:2], sign1.KEYSET).encode()
    for bit in range(0, 8 * len(data), tier_size(5, 1)):
        turned = bytearray(data)
        turned[bit // 8] ^= 1 << bit % 8
        with pytest.raises(PaifangError):
            KeySet.decode(bytes(turned)).verify(roots)


def test_an_epoch_record_is_no_key_set(roots, root_keys):
    record = rooted_by(epochs.build("aq-1", 2), root_keys[:2], sign1.EPOCH)
    assert epochs.read(record) == ("aq-1", 2)
    assert len(roots.check(sign1.EPOCH, record)) == 2
    with pytest.raises(PaifangError, match="is not a key set"):
        KeySet.decode(record.encode())
    with pytest.raises(PaifangError, match="from 1 on, not 0"):
        epochs.build("aq-1", 0)
    with pytest.raises(PaifangError, match="no node is called"):
        epochs.build("", 2)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        cbor.encode([]),
        cbor.encode([b"payload"]),
        cbor.encode([b"payload", [b"no sign1"]]),
        cbor.encode([b"payload", 7]),
        cbor.encode([None, []]),
        cbor.encode(["text", []]),
        cbor.encode([b"payload", [], 1]),
        cbor.encode([b"payload", [sign1.pack(bytes(8), b"attached", bytes(64))]]),
        cbor.encode([b"payload", [sign1.pack(bytes(8), None, bytes(64))] * 4]),
        bytes(9_000),
    ],
)
def test_another_form_is_refused(data):
    with pytest.raises(PaifangError, match="is not a payload with its signatures"):
        Rooted.decode(data)


def test_a_key_set_holds_points_of_the_curve(keyset):
    version, rows = orders.decode_keyset(keyset.rooted.payload)
    rows[1][0] = bytes(64)
    with pytest.raises(PaifangError, match="a key of li is no public key"):
        KeySet.of(Rooted(orders.encode_keyset(version, rows)))


def test_the_list_of_roots_is_looked_over(tmp_path, roots):
    file = tmp_path / "roots.json"
    file.write_text(roots.text())
    assert Roots.read(file) == roots
    assert roots.blob == b"".join(root.public for root in roots.roots)
    whole = json.loads(roots.text())
    two, first = whole["roots"][:2], whole["roots"][0]
    bad = [
        ("it has 2 root keys", {"roots": two}),
        ("it has 3 root keys", {"roots": [*two, first]}),
        ("it names no site", {"site": ""}),
        ("the public key of root-1 is no key", {"roots": [first | {"public": "00" * 64}, *whole["roots"][1:]]}),
        ("it is not a list of root keys", {"roots": 7}),
        ("it is not a list of root keys", {"roots": [{}]}),
    ]
    for said, fields in bad:
        file.write_text(json.dumps(whole | fields))
        with pytest.raises(PaifangError, match=said) as error:
            Roots.read(file)
        assert "roots.json" in error.value.message


def test_who_may_command_what(keyset, persons):
    wang, li, zhao = (keyset.find(getattr(persons, name).kid) for name in ("wang", "li", "zhao"))
    assert keyset.find(persons.scada.kid) is None
    assert wang.permits(2, "meter-1", "relay", 3)
    assert li.permits(2, "meter-1", "relay", 3)
    assert li.permits(2, "aq-1", "fan", 3)
    assert not li.permits(2, "meter-1", "power_limit", 1)
    assert not li.permits(2, "aq-10", "fan", 1)
    assert not zhao.permits(0, "meter-1", "relay", 0)
    assert keyset.warnings() == []
