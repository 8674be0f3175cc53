"""The MQTT client without a socket, held against Paho's encoding and the clauses of the standard."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from paifang.north.mqtt import codes, packets
from paifang.north.mqtt.codes import Fate
from paifang.north.mqtt.packets import MqttError, Will
from paifang.north.mqtt.session import IN_FLIGHT_MOST, Login, Message, Session

LOGIN = Login("paifang", Will("paifang/ward-1/status", b"offline"), 30_000, 20_000, "ward-1", "secret")
PUBLISH_QOS_1 = 0x32


def connack(code=0, **properties):
    told = Properties(PacketTypes.CONNACK)
    for name, value in properties.items():
        setattr(told, name, value)
    body = bytes((0, code)) + told.pack()
    return bytes((0x20, len(body))) + body


def puback(packet_id, code=None):
    body = packet_id.to_bytes(2, "big") + (b"" if code is None else bytes((code,)))
    return bytes((0x40, len(body))) + body


def up(now_ms=0, **properties):
    session = Session(LOGIN, now_ms)
    session.to_send(now_ms)
    session.take(connack(**properties), now_ms)
    return session


def sent(data):
    """(packet id, topic) of each message with QoS 1 in `data`."""
    found = []
    while data:
        length, at, shift = 0, 1, 0
        while True:
            length |= (data[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if data[at - 1] < 0x80:
                break
        if data[0] & 0xF6 == PUBLISH_QOS_1:
            size = int.from_bytes(data[at : at + 2], "big")
            topic = data[at + 2 : at + 2 + size].decode()
            found.append((int.from_bytes(data[at + 2 + size : at + 4 + size], "big"), topic))
        data = data[at + length :]
    return found


def messages(count):
    return [Message(f"t/{number}", b"payload") for number in range(count)]


def test_it_introduces_itself_with_its_will():
    assert Session(LOGIN, 0).to_send(0) == bytes.fromhex(
        "10 4a 00 04 4d515454 05 ee 001e 05 27 00010000"  # MQTT 5; all flags; 30 s; packets of 65536 bytes
    ) + b"".join(
        (
            b"\x00\x07paifang",
            b"\x00\x00\x15paifang/ward-1/status\x00\x07offline",
            b"\x00\x06ward-1\x00\x06secret",
        )
    )


@given(
    st.integers(0, 0xFFFFFFFF),
    st.text(max_size=50),
    st.lists(st.tuples(st.text(max_size=10), st.text(max_size=10)), max_size=3),
)
def test_properties_are_written_as_paho_writes_them(expiry_s, content_type, pairs):
    told = Properties(PacketTypes.PUBLISH)
    told.PayloadFormatIndicator = 1
    told.MessageExpiryInterval = expiry_s
    told.ContentType = content_type
    for pair in pairs:
        told.UserProperty = pair
    own = packets.properties(
        [
            (packets.PAYLOAD_FORMAT, 1),
            (packets.MESSAGE_EXPIRY_S, expiry_s),
            (packets.CONTENT_TYPE, content_type),
            *((packets.USER_PROPERTY, pair) for pair in pairs),
        ]
    )
    assert own == told.pack()


def stream():
    """What a broker may send, and what it is."""
    told = Properties(PacketTypes.PUBLISH)
    told.UserProperty = ("a", "b")
    told.CorrelationData = b"\x01"
    told.SubscriptionIdentifier = 300
    body = b"\x00\x01t" + told.pack() + b"online"
    granted = b"\x00\x07\x00\x00"
    return (
        connack(ReceiveMaximum=20, ReasonString="welcome", MaximumPacketSize=1_000)
        + puback(258)
        + puback(1, 0x97)
        + bytes((0x30, len(body)))
        + body
        + bytes((0x90, len(granted)))
        + granted
        + b"\xd0\x00\xe0\x01\x8b"
    )


EXPECTED = [
    packets.Connack(0, {packets.RECEIVE_MAXIMUM: 20, packets.REASON_STRING: "welcome", 0x27: 1_000}),
    packets.Puback(258, 0),
    packets.Puback(1, 0x97),
    packets.Publish("t", b"online"),
    packets.Suback(7, b"\x00"),
    packets.Pingresp(),
    packets.Disconnect(0x8B, {}),
]


@given(st.lists(st.integers(0, len(stream())), max_size=20))
def test_bytes_are_read_alike_however_they_are_cut(cuts):
    reader = packets.Reader(65_536)
    edges = [0, *sorted(cuts), len(stream())]
    found = [packet for low, high in itertools.pairwise(edges) for packet in reader.take(stream()[low:high])]
    assert found == EXPECTED


@given(st.binary(max_size=60), st.integers(0, len(stream()) - 1))
def test_whatever_comes_is_a_packet_or_an_error(noise, place):
    damaged = stream()[:place] + noise
    with contextlib.suppress(MqttError):
        assert all(isinstance(packet, packets.Packet) for packet in packets.Reader(65_536).take(damaged))


def test_a_packet_larger_than_was_agreed_is_not_gathered():
    with pytest.raises(MqttError, match="a packet of 65537 bytes"):
        list(packets.Reader(65_536).take(b"\x30\x81\x80\x04"))


@given(st.integers(1, 40), st.lists(st.integers(1, 60), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_never_more_under_way_than_the_broker_takes_and_all_in_order(window, sizes, random):
    session = up(ReceiveMaximum=window)
    batches = [session.publish(messages(size), 0) for size in sizes]
    under_way, order, settled = {}, [], []
    while True:
        for packet_id, topic in sent(session.to_send(0)):
            assert packet_id not in under_way
            under_way[packet_id] = topic
            order.append(topic)
        assert len(under_way) <= window
        if not under_way:
            break
        packet_id = random.choice(sorted(under_way))
        del under_way[packet_id]
        settled += session.take(puback(packet_id), 0)[0]
    assert order == [f"t/{number}" for size in sizes for number in range(size)]
    assert sorted(map(id, settled)) == sorted(map(id, batches))
    assert not any(batch.left or batch.codes for batch in batches)


def test_a_broker_without_a_limit_is_given_one():
    session = up()
    session.publish(messages(IN_FLIGHT_MOST + 5), 0)
    assert len(sent(session.to_send(0))) == IN_FLIGHT_MOST


def test_packet_ids_go_round_and_leave_out_what_is_under_way():
    session = up()
    stuck = session.publish(messages(1), 0)
    seen = {1}
    session.to_send(0)
    for _ in range(66_000):
        session.publish(messages(1), 0)
        ((packet_id, _),) = sent(session.to_send(0))
        assert packet_id != 1
        seen.add(packet_id)
        session.take(puback(packet_id), 0)
    assert seen == set(range(1, 65_536))
    assert stuck.left == 1


def test_what_is_too_large_is_settled_and_the_rest_goes():
    session = up(MaximumPacketSize=40)
    batch = session.publish([Message("t", b"x" * size) for size in (10, 200, 32, 33)], 0)
    # 1 type, 1 length, 2+1 topic, 2 id, 1 properties: 8 bytes beside the payload.
    assert batch.codes == {1: codes.PACKET_TOO_LARGE, 3: codes.PACKET_TOO_LARGE}
    assert [packet_id for packet_id, _ in sent(session.to_send(0))] == [1, 2]
    session.show(Message("t", b"x" * 200))
    assert session.to_send(0) == b""


def test_the_reason_of_each_refusal_is_kept():
    session = up()
    batch = session.publish(messages(4), 0)
    session.to_send(0)
    for packet_id, code in ((1, None), (2, 0x10), (3, 0x87)):
        assert session.take(puback(packet_id, code), 0)[0] == []
    assert session.take(puback(4, 0x99), 0)[0] == [batch]
    assert batch.codes == {2: 0x87, 3: 0x99}


@pytest.mark.parametrize("code", [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x95, 0x97, 0x99, 0xEE])
def test_only_what_can_never_go_is_dropped(code):
    expected = {0x00: Fate.CONFIRMED, 0x10: Fate.CONFIRMED, 0x90: Fate.NEVER, 0x95: Fate.NEVER, 0x99: Fate.NEVER}
    assert codes.fate(code) is expected.get(code, Fate.LATER)


def test_nothing_goes_before_the_broker_has_taken_the_connection():
    session = Session(LOGIN, 0)
    session.to_send(0)
    with pytest.raises(MqttError, match="does not answer"):
        session.tick(20_000)
    session.take(connack(), 5)
    assert session.is_up


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (connack(0x86), "bad user name or password"),
        (connack(0x87, ReasonString="not today"), "not authorised .0x87.: not today"),
        (b"\x20\x02\x00\x01", "no MQTT 5 spoken here"),
        (connack(MaximumQoS=0), "maximum QoS is 0"),
        (connack() + b"\xe0\x01\x8e", "another client took this id"),
        (connack() + b"\xe0\x00", "ended the connection"),
        (connack() + puback(9), "confirmed what was not sent"),
        (connack() + b"\x90\x04\x00\x01\x00\x87", "refused a subscription: not authorised"),
        (b"\x00\x00", "begins with 0x00"),
        (connack() + b"\x32\x06\x00\x01t\x00\x01\x00", "QoS that nobody asked for"),
    ],
)
def test_why_a_broker_is_left_is_said(answer, words):
    session = Session(LOGIN, 0)
    session.to_send(0)
    with pytest.raises(MqttError, match=words) as raised:
        session.take(answer, 0)
    assert raised.value.hint


def test_a_broker_that_keeps_nothing_is_not_asked_to():
    session = up(RetainAvailable=0)
    session.publish([Message("t", b"", is_retained=True)], 0)
    session.show(Message("t", b"", is_retained=True))
    assert session.to_send(0)[0] & 1 == 0


def test_a_quiet_connection_is_kept_alive_and_a_dead_one_is_found():
    session = up()
    said = []
    for second in range(1, 31):
        session.tick(1_000 * second)
        if session.to_send(1_000 * second) == packets.PINGREQ:
            said.append(second)
            session.take(b"\xd0\x00", 1_000 * second)
    assert said == [15, 30]
    session.tick(45_000)
    assert session.to_send(45_000) == packets.PINGREQ
    session.tick(64_000)
    with pytest.raises(MqttError, match="does not answer"):
        session.tick(65_000)


def test_the_brokers_own_keep_alive_counts():
    session = up(ServerKeepAlive=4)
    session.tick(1_999)
    assert session.to_send(1_999) == b""
    session.tick(2_000)
    assert session.to_send(2_000) == packets.PINGREQ


def test_a_slow_broker_is_waited_for_as_long_as_it_goes_on():
    session = up(ReceiveMaximum=1)
    session.publish(messages(3), 0)
    session.to_send(0)
    for packet_id, now_ms in ((1, 19_000), (2, 38_000)):
        session.tick(now_ms)
        session.take(puback(packet_id), now_ms)
    session.tick(57_999)
    with pytest.raises(MqttError, match="does not answer"):
        session.tick(58_000)


def test_a_batch_may_come_in_parts_some_of_which_are_settled_before_the_last():
    session = up(MaximumPacketSize=40)
    batch = session.publish([Message("t", b""), Message("t", b"x" * 200)], 0)
    session.to_send(0)
    session.take(puback(1), 0)
    assert (batch.size, batch.left) == (2, 0)
    assert session.publish([Message("t", b""), Message("t", b"x" * 200), Message("t", b"")], 0, batch) is batch
    session.to_send(0)
    assert session.take(puback(2), 0)[0] == []
    assert session.take(puback(3, 0x97), 0)[0] == [batch]
    assert batch.codes == {1: codes.PACKET_TOO_LARGE, 3: codes.PACKET_TOO_LARGE, 4: 0x97}
