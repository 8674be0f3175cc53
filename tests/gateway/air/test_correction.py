"""The EPA's correction of low-cost sensors: its published values, without a step between its pieces."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paifang.air.correction import corrected


# Values of the formula as it is published, worked apart from this code.
@pytest.mark.parametrize(
    ("cf1", "expected"),
    [(10, "6.68"), (40, "27.64"), (50, "40.74"), (100, "80.04"), (210, "166.50"), (235, "200.04"), (260, "242.12")],
)
def test_published_values_at_half_humidity(cf1, expected):
    assert abs(corrected(Fraction(cf1), Fraction(50)) - Fraction(expected)) <= Fraction(1, 200)


def test_moist_clean_air_is_never_below_zero():
    assert corrected(Fraction(0), Fraction(100)) == 0


@given(st.integers(0, 100_000), st.integers(0, 100))
def test_more_particles_are_never_corrected_to_fewer(hundredths, humidity):
    low, high = (corrected(Fraction(each, 100), Fraction(humidity)) for each in (hundredths, hundredths + 1))
    assert 0 <= low <= high < low + Fraction(1, 10)
