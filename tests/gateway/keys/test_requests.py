"""What a person is shown comes from the node's own table, and what is signed is what was shown."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from small_site import POINTS, SITE, TABLE

from paifang.errors import PaifangError
from paifang.keys import host, requests
from paifang.keys.request_file import Request
from paifang.keys.requests import Order, Target
from paifang.store.points import decode_table
from paifang_wire import cbor, messages, orders, sign1

RELAY, DOOR = 16, 17
TOKEN = bytes(range(16))
ANSWER = {
    "two_persons": False,
    "node": "meter-1",
    "point": RELAY,
    "table": TABLE.hex(),
    "description": hashlib.sha256(TABLE).hexdigest()[:16],
    "keyset": 3,
}


def order_for(target, op=messages.OP_OPERATE, value=0, **fields):
    given = {"identifier": b"\x07" * 8, "expires_ms": 2_000_000_000_000, "token": TOKEN, "reason": "flood"} | fields
    return requests.make_order(target, op, value, **given)


@pytest.fixture
def target():
    return Target.of_answer(SITE, ANSWER)


def test_an_order_says_all_that_was_shown(target, persons):
    signed = requests.sign_order(persons.wang, SITE, order_for(target, expect=1))
    kid, order = requests.open_order(signed)
    assert kid == persons.wang.kid
    point = requests.pinned(order, TABLE, decode_table)[1]
    assert requests.words(order, point) == "meter-1: set relay to off (class 3), if it is on now"
    assert (order.description, order.token, order.keyset, order.reason) == (target.description, TOKEN, 3, "flood")
    assert orders.decode_order(sign1.split(signed)[1])[:4] == [b"\x07" * 8, "meter-1", RELAY, target.description]


@pytest.mark.parametrize(
    ("point", "op", "value", "said"),
    [
        (8, messages.OP_DIRECT, 2200, "meter-1: set power_limit to 2200 W (class 1)"),
        (RELAY, messages.OP_SELECT, 1, "meter-1: select relay for on (class 3)"),
        (RELAY, messages.OP_CANCEL, None, "meter-1: cancel the selection of relay (class 3)"),
        (RELAY, messages.OP_SAFE, None, "meter-1: bring to its safe state relay (class 3)"),
    ],
)
def test_words(target, point, op, value, said):
    order = order_for(replace(target, point=point), op, value, token=None)
    assert requests.words(order, requests.pinned(order, TABLE, decode_table)[1]) == said


def test_a_relabelled_point_is_found_before_it_is_signed(target):
    """The door is called relay by somebody in between: the table then has another hash than the node's."""
    rows = [list(row) for row in POINTS]
    rows[2][1], rows[3][1] = rows[3][1], rows[2][1]
    relabelled = cbor.encode(rows)
    with pytest.raises(PaifangError, match="not the one that meter-1 describes") as error:
        Target.of_answer(SITE, ANSWER | {"table": relabelled.hex()})
    assert error.value.code == "inconsistent"
    with pytest.raises(PaifangError, match="not the one that meter-1 describes"):
        requests.pinned(order_for(target), relabelled, decode_table)


def test_a_consistent_lie_is_signed_for_another_table_than_the_nodes(target):
    """Who changes table and hash together gets an order that names their hash, which the node refuses."""
    rows = [list(row) for row in POINTS]
    rows[2][1], rows[3][1] = rows[3][1], rows[2][1]
    lie = cbor.encode(rows)
    lying = Target.of_answer(SITE, ANSWER | {"table": lie.hex(), "description": hashlib.sha256(lie).hexdigest()[:16]})
    order = order_for(lying)
    command = [messages.COMMAND, order.identifier, RELAY, messages.OP_OPERATE, 0, None]
    fields = orders.decode_order(order.payload)
    assert orders.order_refusal(fields, command, "meter-1", target.description, TOKEN, 3, None) == messages.INCONSISTENT


@pytest.mark.parametrize(
    ("point", "op", "value", "code"),
    [
        (1, messages.OP_DIRECT, 1, "read-only"),
        (8, messages.OP_DIRECT, 23001, "limit"),
        (8, messages.OP_DIRECT, None, "bad-type"),
        (8, messages.OP_OPERATE, 1, "unknown-op"),
        (RELAY, messages.OP_DIRECT, 1, "not-selected"),
        (RELAY, messages.OP_OPERATE, 2, "bad-type"),
        (99, messages.OP_OPERATE, 1, "unknown-point"),
    ],
)
def test_what_the_node_would_refuse_is_not_signed(target, point, op, value, code):
    with pytest.raises(PaifangError, match="meter-1 would refuse this") as error:
        order_for(replace(target, point=point), op, value)
    assert error.value.code == code


@pytest.mark.parametrize(
    "answer",
    [
        {},
        ANSWER | {"table": "zz"},
        ANSWER | {"table": None},
        {key: value for key, value in ANSWER.items() if key != "keyset"},
    ],
)
def test_an_answer_that_describes_nothing(answer):
    with pytest.raises(PaifangError, match="describes no point"):
        Target.of_answer(SITE, answer)


def test_a_table_that_cannot_be_read(target):
    for table in (b"\x00", cbor.encode([[1, "relay"]]), cbor.encode([list(POINTS[0])] * 2)):
        order = replace(order_for(target), description=hashlib.sha256(table).digest()[:8])
        with pytest.raises(PaifangError, match=r"cannot be read|no point"):
            requests.pinned(order, table, decode_table)


def test_an_approval_is_of_one_order_and_its_token(target, persons):
    signed = requests.sign_order(persons.wang, SITE, order_for(target))
    _, payload, _ = sign1.split(requests.make_approval(persons.li, SITE, signed, keyset=5))
    order_hash, token, expires, keyset = orders.decode_approval(payload)
    assert order_hash == hashlib.sha256(sign1.split(signed)[1]).digest()
    assert (token, expires, keyset) == (TOKEN, 2_000_000_000_000, 5)
    sooner = sign1.split(requests.make_approval(persons.li, SITE, signed, expires_ms=7))[1]
    assert orders.decode_approval(sooner)[2] == 7
    later = sign1.split(requests.make_approval(persons.li, SITE, signed, expires_ms=1 << 50))[1]
    assert orders.decode_approval(later)[2] == 2_000_000_000_000


def test_what_is_not_approved(target, persons):
    signed = requests.sign_order(persons.wang, SITE, order_for(target))
    with pytest.raises(PaifangError, match="this is your own order"):
        requests.make_approval(persons.wang, SITE, signed)
    untokened = requests.sign_order(persons.wang, SITE, order_for(target, token=None))
    with pytest.raises(PaifangError, match="it carries no token"):
        requests.make_approval(persons.li, SITE, untokened)
    for rubbish in (b"", b"\x00", TABLE, persons.wang.sign1(SITE, "command", b"\x01", detached=True)):
        with pytest.raises(PaifangError, match="this is not a signed order"):
            requests.make_approval(persons.li, SITE, rubbish)
    with pytest.raises(PaifangError, match="this is not an order"):
        requests.make_approval(persons.li, SITE, persons.wang.sign1(SITE, "command", TABLE))


def test_who_gave_an_order(target, persons, keyset):
    signed = requests.sign_order(persons.wang, SITE, order_for(target))
    assert requests.person_of(signed, SITE, keyset) == "wang"
    with pytest.raises(PaifangError, match="the signature of wang is not of this order"):
        requests.person_of(signed, "ward-2", keyset)
    with pytest.raises(PaifangError, match="which is revoked"):
        requests.person_of(requests.sign_order(persons.zhao, SITE, order_for(target)), SITE, keyset)
    with pytest.raises(PaifangError, match="which is not in key set 3"):
        requests.person_of(requests.sign_order(persons.scada, SITE, order_for(target)), SITE, keyset)
    forged = sign1.pack(persons.wang.kid, sign1.split(signed)[1], persons.li.sign(b"x"))
    with pytest.raises(PaifangError, match="the signature of wang is not of this order"):
        requests.person_of(forged, SITE, keyset)


@pytest.mark.parametrize(
    "wrong", [{"reason": "x" * 65}, {"identifier": b"short"}, {"token": b"short"}, {"expires_ms": -1}, {"expect": "on"}]
)
def test_what_cannot_stand_in_an_order(target, wrong):
    with pytest.raises(PaifangError, match="the order for meter-1 cannot be written"):
        _ = order_for(target, **wrong).payload


@pytest.fixture
def request_file(tmp_path, target):
    order = order_for(target)
    file = tmp_path / "relay.json"
    file.write_text(Request.of_target(target, order).text(requests.pinned(order, TABLE, decode_table)[1]))
    return file


def test_a_request_file_is_read_back(request_file, target):
    request = Request.read(request_file)
    assert (request.site, request.order, request.table) == (SITE, order_for(target), TABLE)
    assert json.loads(request_file.read_text())["words"] == "meter-1: set relay to off (class 3)"


def test_a_request_for_an_approval_holds_the_signed_order(tmp_path, target, persons):
    signed = requests.sign_order(persons.wang, SITE, order_for(target))
    pending = Request.of_pending(SITE, {"order": signed.hex(), "table": TABLE.hex()})
    file = tmp_path / "pending.json"
    file.write_text(pending.text(requests.pinned(pending.order, TABLE, decode_table)[1]))
    assert Request.read(file) == pending
    whole = json.loads(file.read_text())
    file.write_text(json.dumps(whole | {"order": whole["order"] | {"value": 1}}))
    with pytest.raises(PaifangError, match="the order shown is not the order signed"):
        Request.read(file)
    with pytest.raises(PaifangError, match="holds no pending order"):
        Request.of_pending(SITE, {})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("node", 7),
        ("node", ""),
        ("point", "relay"),
        ("point", 256),
        ("op", "fly"),
        ("op", 2),
        ("value", "off"),
        ("value", 0.5),
        ("expires_utc_ms", None),
        ("keyset", -1),
        ("reason", None),
        ("token", "00"),
        ("token", 7),
        ("id", "0"),
        ("description", "00" * 8),
        ("description", None),
    ],
)
def test_a_request_with_a_wrong_field_is_refused(request_file, field, value):
    whole = json.loads(request_file.read_text())
    request_file.write_text(json.dumps(whole | {"order": whole["order"] | {field: value}}))
    with pytest.raises(PaifangError):
        Request.read(request_file)


@pytest.mark.parametrize("missing", ["format", "site", "order", "table"])
def test_a_request_without_a_field_is_refused(request_file, missing):
    whole = json.loads(request_file.read_text())
    request_file.write_text(json.dumps({key: value for key, value in whole.items() if key != missing}))
    with pytest.raises(PaifangError, match=r"relay\.json"):
        Request.read(request_file)


def test_the_gravest_are_not_signed_on_the_gateways_machine(monkeypatch, tmp_path):
    here = host.host_mark()
    assert len(here) == 16
    with pytest.raises(PaifangError, match="the gateway's own machine") as error:
        host.check_place(3, here, on_gateway=False)
    assert error.value.code == "on-gateway"
    host.check_place(3, here, on_gateway=True)
    host.check_place(2, here, on_gateway=False)
    host.check_place(3, "00" * 8, on_gateway=False)
    monkeypatch.setattr(host, "_BOOT_ID", tmp_path / "none")
    assert host.host_mark() == ""
    host.check_place(3, "", on_gateway=False)


def test_an_order_reads_itself_back(target):
    order = order_for(target)
    assert Order.decode(order.payload) == order
