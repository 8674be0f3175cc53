"""Devices of a profile: their answers as readings, their orders as requests, models in a chain, swapped words."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paifang.bridges.modbus import frames, sunspec
from paifang.bridges.modbus.member import ModbusMember
from paifang.bridges.modbus.orders import better_order
from paifang.bridges.modbus.planner import FEWEST, plan
from paifang.bridges.modbus.points import Device
from paifang.bridges.modbus.sunspec_member import AGAIN_US, Chain
from paifang.profiles.catalogue import Catalogue, built_in
from paifang.profiles.registers import reorder
from paifang_wire import messages

CATALOGUE = Catalogue((built_in(),))
GOOD = messages.GOOD


@pytest.fixture
def sdm630():
    return CATALOGUE.load("eastron-sdm630")


def blocks_of(device):
    return plan([span for group in device.spans().values() for span in group], device.limits(), FEWEST)


def test_the_answer_to_a_block_gives_all_of_its_points(sdm630):
    device = Device(sdm630)
    blocks = blocks_of(device)
    seen = {}
    for block in blocks:
        data = b"".join(struct.pack(">f", block.first + place) for place in range(0, block.count, 2))
        seen |= device.readings(block, data)
    assert seen.keys() == sdm630.points.keys()
    assert seen["voltage_l2"] == (20, GOOD)  # register 2, in tenths
    assert seen["energy_import"] == (7200, GOOD)  # 72 kWh, in tens of Wh
    assert device.readings(blocks[0], data) == device.readings(blocks[0], data)


def test_relays_are_read_as_bits_and_set_one_by_one():
    device = Device(CATALOGUE.load("modbus-relay-8"))
    [block] = blocks_of(device)
    assert (block.table, block.first, block.count) == ("coil", 0, 8)
    found = device.readings(block, b"\x81")
    assert [found[f"relay_{n}"] for n in (1, 2, 8)] == [(1, GOOD), (0, GOOD), (1, GOOD)]
    assert frames.rtu(device.write(1, "relay_1", 1)).hex(" ") == "01 05 00 00 ff 00 8c 3a"
    request, one = device.read_back(1, "relay_8")
    assert (request.pdu.hex(" "), device.readings(one, b"\x01")) == ("01 00 07 00 01", {"relay_8": (1, GOOD)})


def test_a_setting_is_written_where_it_is_read():
    device = Device(CATALOGUE.load("pzem-004t-v3"))
    assert device.write(1, "alarm_power", 2300).pdu.hex(" ") == "06 00 01 08 fc"
    request, block = device.read_back(1, "alarm_power")
    assert (request.pdu.hex(" "), device.readings(block, bytes.fromhex("08fc"))) == (
        "03 00 01 00 01",
        {"alarm_power": (2300, GOOD)},
    )


def test_what_the_profile_forbids_is_not_read_along(sdm630):
    barred = sdm630.model_copy(
        update={
            "modbus": sdm630.modbus.model_validate(
                {"max_registers": 80, "forbidden": [{"table": "input", "first": 0x60, "last": 0x6F}]}
            )
        }
    )
    blocks = blocks_of(Device(barred))
    assert not any(block.first <= 0x6F and block.end > 0x60 for block in blocks)


# The chain of models of a SunSpec device


class Registers:
    """A device that has these holding registers and no others."""

    def __init__(self, base, models, ends=True):
        data = sunspec.MARKER
        for number, length in models:
            data += struct.pack(">HH", number, length) + bytes(2 * length)
        self.base, self.data = base, data + (struct.pack(">HH", 0xFFFF, 0) if ends else b"")

    def read(self, asked):
        start = 2 * (asked.address - self.base)
        found = self.data[start : start + 2 * asked.count] if start >= 0 else b""
        return found if len(found) == 2 * asked.count else None


def walked(registers):
    walk, asked = sunspec.walk(), []
    try:
        ask = next(walk)
        while True:
            asked.append(ask)
            ask = walk.send(registers.read(ask))
    except StopIteration as done:
        return done.value, asked


@pytest.mark.parametrize("base", sunspec.BASES)
def test_a_chain_is_walked_from_its_marker(base):
    models, asked = walked(Registers(base, [(1, 66), (203, 105), (160, 48)]))
    assert models == [
        sunspec.Model(1, base + 2, 66),
        sunspec.Model(203, base + 70, 105),
        sunspec.Model(160, base + 177, 48),
    ]
    assert len(asked) == sunspec.BASES.index(base) + 1 + 4


def test_where_there_is_no_marker_there_are_no_models():
    assert walked(Registers(12_345, [(1, 66)])) == ([], [sunspec.Ask(base, 2) for base in sunspec.BASES])


def test_a_chain_that_breaks_off_gives_what_there_was():
    assert len(walked(Registers(0, [(1, 66), (203, 105)], ends=False))[0]) == 2


def test_a_chain_without_an_end_ends():
    class Endless:
        def read(self, asked):
            return sunspec.MARKER if asked.address == 40_000 else b"\x00\x01\x00\x00"

    assert len(walked(Endless())[0]) == sunspec.MODELS_MOST


@given(st.lists(st.tuples(st.integers(1, 0xFFFE), st.integers(0, 200)), max_size=20), st.sampled_from(sunspec.BASES))
def test_any_chain(models, base):
    found, _ = walked(Registers(base, models))
    assert [(model.id, model.length) for model in found] == models


def test_a_model_of_a_chain_is_read_where_it_lies():
    profile = CATALOGUE.load("sunspec-203")
    [_, model] = walked(Registers(40_000, [(1, 66), (203, 105)]))[0]
    device = Device(profile, model.address)
    blocks = blocks_of(device)
    assert [(block.first - model.address, block.end - model.address) for block in blocks] == [(2, 107)]
    example = profile.examples[0]
    found = device.readings(blocks[0], frames.rtu_answer(frames.read(1, "holding", 40069, 107), example.frame).data[4:])
    assert (found["voltage_l1"], found["apparent_power"]) == ((2302, GOOD), (None, messages.ABSENT))


def test_who_a_device_is():
    common = bytearray(2 * (2 + sunspec.COMMON_LENGTH))
    for text, register in ((b"Paifang", 2), (b"M 1", 18), (b"1.0", 42), (b"0042", 50)):
        common[2 * register : 2 * register + len(text)] = text
    assert sunspec.identity(bytes(common)) == {"maker": "Paifang", "model": "M 1", "version": "1.0", "serial": "0042"}


# Swapped words


def answers(profile, order):
    """What a meter with 230 V says, its words in another order than the profile's."""
    values = {
        "voltage": 230.2,
        "current": 1.5,
        "power": 345.0,
        "frequency": 50.0,
        "energy": 1234.5,
        "power_factor": 0.98,
    }
    device = Device(profile)
    for block in blocks_of(device):
        data = bytearray(2 * block.count)
        for span in block.spans:
            number = next((value for name, value in values.items() if span.key.startswith(name)), 0.0)
            at = 2 * (span.first - block.first)
            data[at : at + 4] = reorder(struct.pack(">f", number), order)
        yield block, bytes(data)


@pytest.mark.parametrize("order", ["CDAB", "BADC", "DCBA"])
def test_swapped_words_are_seen(sdm630, order):
    assert better_order(sdm630, answers(sdm630, order)) == order


def test_words_as_the_profile_says_are_left_alone(sdm630):
    assert better_order(sdm630, answers(sdm630, "ABCD")) is None
    silent = [(block, bytes(len(data))) for block, data in answers(sdm630, "ABCD")]
    assert better_order(sdm630, silent) is None, "of nothing but zeros nothing can be said"


def test_a_meter_with_the_low_word_first_that_is_right():
    pzem = CATALOGUE.load("pzem-004t-v3")
    request, frame = pzem.examples[0].request, pzem.examples[0].frame
    data = frames.rtu_answer(frames.read(1, "input", 0, 10), frame).data
    block = next(block for block in blocks_of(Device(pzem)) if block.table == "input")
    assert (len(request), block.count) == (8, 10)
    assert better_order(pzem, [(block, data)]) is None


# A device whose model lies where its chain has it


def led_through(chain, registers, now_us=0):
    """Answers the questions of a chain from registers, until it has found its model or has nothing to ask."""
    asked = []
    while chain.member is None and (blocks := chain.blocks(["sunspec", "live"], now_us)):
        [block] = blocks
        asked.append((block.first, block.count))
        words = [registers.get(address) for address in range(block.first, block.end)]
        if None in words:
            assert list(chain.refused(block, frames.ILLEGAL_ADDRESS, now_us)) == []
        else:
            chain.heard(b"".join(word.to_bytes(2) for word in words))
    return asked


def chain_of(model):
    profile = CATALOGUE.load("sunspec-203")
    return Chain(model, lambda base: ModbusMember(profile, 1, None, 0, base))


def test_a_chain_leads_to_the_model_and_then_only_that_is_read():
    registers = dict(enumerate((0x5375, 0x6E53, 1, 66, *[0] * 66, 203, 105, *[0] * 105, 0xFFFF, 0), 50_000))
    chain = chain_of(203)
    assert led_through(chain, registers) == [(40_000, 2), (50_000, 2), (50_002, 2), (50_070, 2), (50_177, 2)]
    assert chain.member.base == 50_070
    live = chain.blocks(["sunspec", "live"], 0)
    assert min(block.first for block in live) >= 50_070
    assert chain.blocks(["sunspec"], 0) == []


def test_a_model_that_is_not_there_is_looked_for_again_after_a_while():
    registers = dict(enumerate((0x5375, 0x6E53, 1, 66, *[0] * 66, 0xFFFF, 0), 40_000))
    chain = chain_of(203)
    assert len(led_through(chain, registers)) == 3
    assert chain.member is None
    assert led_through(chain, registers, AGAIN_US - 1) == []
    assert len(led_through(chain, registers, AGAIN_US)) == 3
    assert chain.look(0)[0].first == 40_000
