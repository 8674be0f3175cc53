"""The balance says the truth: what is missing without a reason is unexplained."""

from __future__ import annotations

from paifang_rig.balance import UNACKNOWLEDGED, Balance, balance, key_of
from paifang_rig.simulated.models.pzem004t import Pzem004t
from paifang_rig.simulated.models.sensor import Emission


def meter(number: int) -> dict[int, int]:
    return {1: 2300, 2: 100, 3: 230, 4: 1000 + number, 5: 500, 6: 100, 7: 0}


def emitted(number: int, *, cycle: int = 1, valid: bool = True, asked: bool = True) -> Emission:
    values = meter(number)
    return Emission("m", cycle, "pzem004t", number, Pzem004t.key_of(values), values, number, valid, asked)


def stored(*numbers: int) -> list[dict]:
    return [{"node": "m", "values": meter(number)} for number in numbers]


def test_even():
    result = balance([emitted(n) for n in range(5)], stored(*range(5)))
    assert result == Balance(5, 5, 0, 0, 0, 0, 0, 0)
    assert str(result).startswith("emitted=5 stored=5")


def test_what_is_missing_without_a_reason_is_unexplained():
    assert balance([emitted(n) for n in range(5)], stored(0, 1, 3, 4)).unexplained == 1


def test_declared_losses_and_what_is_on_the_way_explain_only_as_much_as_they_say():
    result = balance([emitted(n) for n in range(9)], stored(0), dropped={"m": 3}, buffered=2)
    assert (result.dropped, result.buffered, result.unexplained) == (3, 2, 3)
    result = balance([emitted(0)], stored(0), dropped=7, buffered=7)
    assert (result.dropped, result.buffered, result.unexplained) == (0, 0, 0)


def test_twice_and_made_up_are_seen():
    result = balance([emitted(0)], stored(0, 0, 99))
    assert (result.stored, result.duplicated, result.foreign) == (1, 1, 1)


def test_the_end_of_a_boot_takes_what_was_in_ram_but_no_old_holes():
    ended = {"m": {1: "cut"}}
    many = 3 * UNACKNOWLEDGED
    everything = [emitted(n) for n in range(many)]
    assert balance(everything, stored(*range(many - 5)), ended=ended).lost_in_cut == 5
    assert balance(everything, stored(*range(1, many)), ended=ended).unexplained == 1
    assert balance(everything, stored(*range(many - 5))).unexplained == 5
    assert balance([emitted(n, cycle=2) for n in range(3)], stored(0), ended=ended).unexplained == 2


def test_faulty_and_unasked_answers_need_not_be_stored_and_must_not():
    result = balance([emitted(0, valid=False), emitted(1, asked=False)], stored(0))
    assert (result.emitted, result.foreign) == (0, 1)


def test_a_set_of_points_is_known_by_what_is_in_it():
    assert key_of(meter(1)) == Pzem004t.key_of(meter(1))
    assert key_of({1: 5, 2: 9, 3: 12, 7: 900}) == ("pms5003", 5, 9, 12, 900)
    assert key_of({4: 2508, 5: 5000, 6: 100653})[0] == "bme280"
    assert key_of({4: 2506, 5: 5000, 6: 100656}) == key_of({4: 2510, 5: 5001, 6: 100650})
    assert key_of({4: None, 5: 5000, 6: None}) is None
    assert key_of({16: 1}) is None
    assert key_of(None) is None
