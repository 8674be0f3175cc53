"""A delegation gives a service no more than class 1, and lasts no longer than the key that signed it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_site import SITE

from paifang.errors import PaifangError
from paifang.keys.delegations import Delegation, open_delegation
from paifang.keys.keyset import KeySet
from paifang_wire import messages, orders, sign1


@pytest.fixture
def delegation(persons):
    return Delegation(persons.scada.public, "scada", 1, (("meter-*", "relay"),), 1, 60, 2_000_000_000_000, 3)


def test_it_allows_what_it_says(delegation, persons, keyset):
    entry, found = open_delegation(delegation.sign(persons.wang, SITE), SITE, keyset)
    assert (entry.person, found) == ("wang", delegation)
    assert found.kid == persons.scada.kid
    assert found.permits(messages.OP_DIRECT, "meter-1", "relay", 1)
    assert not found.permits(messages.OP_DIRECT, "meter-1", "relay", 2)
    assert not found.permits(messages.OP_DIRECT, "meter-1", "power_limit", 1)
    assert not found.permits(messages.OP_DIRECT, "aq-1", "relay", 1)
    assert not found.permits(messages.OP_SAFE, "meter-1", "relay", 1)
    assert "direct on meter-*/relay, class 1, 60/min" in found.words()


def test_graver_classes_are_not_delegated(delegation, persons, keyset):
    graver = replace(delegation, greatest_class=2)
    with pytest.raises(PaifangError, match="class 2 cannot be delegated"):
        graver.sign(persons.wang, SITE)
    row = [graver.service_key, "scada", 1, [["*", "*"]], 2, 60, 2_000_000_000_000, 3]
    smuggled = persons.wang.sign1(SITE, sign1.DELEGATION, orders.encode_delegation(row))
    with pytest.raises(PaifangError, match="of class 2") as error:
        open_delegation(smuggled, SITE, keyset)
    assert error.value.hint == "a service commands points of class 1 at most"


def test_only_a_key_in_force_delegates(delegation, persons, keyset):
    with pytest.raises(PaifangError, match="which is revoked"):
        open_delegation(delegation.sign(persons.zhao, SITE), SITE, keyset)
    with pytest.raises(PaifangError, match="which is not in key set 3"):
        open_delegation(delegation.sign(persons.scada, SITE), SITE, keyset)
    with pytest.raises(PaifangError, match="the signature of wang is not of this delegation"):
        open_delegation(delegation.sign(persons.wang, "ward-2"), SITE, keyset)
    as_order = persons.wang.sign1(SITE, sign1.COMMAND, delegation.payload)
    with pytest.raises(PaifangError, match="the signature of wang is not of this delegation"):
        open_delegation(as_order, SITE, keyset)
    older = KeySet.build(2, keyset.entries)
    with pytest.raises(PaifangError, match="asks for key set 3 or newer") as error:
        open_delegation(delegation.sign(persons.wang, SITE), SITE, older)
    assert error.value.code == "old-keyset"


@pytest.mark.parametrize("wrong", [{"service": ""}, {"rate": -1}, {"service_key": b""}, {"expires_ms": -1}])
def test_what_cannot_be_delegated(delegation, persons, wrong):
    with pytest.raises(PaifangError, match="cannot be written"):
        replace(delegation, **wrong).sign(persons.wang, SITE)


def test_rubbish_is_no_delegation(persons, keyset):
    for data in (b"", b"\x80", persons.wang.sign1(SITE, sign1.DELEGATION, b"\x80")):
        with pytest.raises(PaifangError, match=r"this is not a (signed )?delegation"):
            open_delegation(data, SITE, keyset)
