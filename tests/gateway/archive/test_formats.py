"""CSV and SenML, held against other readers and the RFC's own examples."""

from __future__ import annotations

import csv
import io
import sys
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from senml_reader import NAME, of_cbor, of_json, resolved

from paifang.archive import formats, parquet
from paifang.archive.source import Reading
from paifang.errors import PaifangError
from paifang.notation import senml

# RFC 8428, 5.1.2 and 5.1.4
MULTIPLE = b"""[{"bn":"urn:dev:ow:10e2073a0108006:","bt":1.276020076001e+09,"bu":"A","bver":5,"n":"voltage","u":"V",
"v":120.1},{"n":"current","t":-5,"v":1.2},{"n":"current","t":-4,"v":1.3},{"n":"current","t":-3,"v":1.4},
{"n":"current","t":-2,"v":1.5},{"n":"current","t":-1,"v":1.6},{"n":"current","v":1.7}]"""
# RFC 8428, 6
MULTIPLE_CBOR = bytes.fromhex("""
87 a7 21 78 1b 75 72 6e 3a 64 65 76 3a 6f 77 3a 31 30 65 32 30 37 33 61 30 31 30 38 30 30 36 3a 22 fb 41 d3 03 a1 5b
00 10 62 23 61 41 20 05 00 67 76 6f 6c 74 61 67 65 01 61 56 02 fb 40 5e 06 66 66 66 66 66 a3 00 67 63 75 72 72 65 6e
74 06 24 02 fb 3f f3 33 33 33 33 33 33 a3 00 67 63 75 72 72 65 6e 74 06 23 02 fb 3f f4 cc cc cc cc cc cd a3 00 67 63
75 72 72 65 6e 74 06 22 02 fb 3f f6 66 66 66 66 66 66 a3 00 67 63 75 72 72 65 6e 74 06 21 02 f9 3e 00 a3 00 67 63 75
72 72 65 6e 74 06 20 02 fb 3f f9 99 99 99 99 99 9a a3 00 67 63 75 72 72 65 6e 74 06 00 02 fb 3f fb 33 33 33 33 33 33
""")
UTC_MS = 1_763_634_907_123


def reading(point="temperature", value: object = Decimal("21.50"), **changes):
    told = {"node": "aq-1", "record": "1.7", "utc_ms": UTC_MS, "uptime_ms": 7_000, "received_ms": UTC_MS + 250}
    told |= {"point": point, "unit": "°C", "value": value, "quality": "good"} | changes
    return Reading(**told)


READINGS = (
    reading(),
    reading("pm25", Decimal(12), unit="µg/m3"),
    reading("humidity", None, unit="%", quality="mute"),
    reading("relay", True, unit=""),
    reading("temperature", Decimal("-0.01"), record="1.8", utc_ms=UTC_MS + 1_000, quality="implausible"),
)


def written(name, readings):
    return b"".join(formats.make(name, "ward-1").written(iter(readings)))


def as_rows(data):
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def test_the_reader_of_these_tests_reads_the_examples_of_the_rfc():
    found = resolved(of_json(MULTIPLE))
    assert found[0] == {
        "n": "urn:dev:ow:10e2073a0108006:voltage",
        "u": "V",
        "t": Decimal("1276020076.001"),
        "v": Decimal("120.1"),
    }
    assert found[1] == {
        "n": "urn:dev:ow:10e2073a0108006:current",
        "u": "A",
        "t": Decimal("1276020071.001"),
        "v": Decimal("1.2"),
    }
    in_cbor = resolved(of_cbor(MULTIPLE_CBOR))
    assert [float(each["v"]) for each in in_cbor] == [float(each["v"]) for each in found]
    assert [each["n"] for each in in_cbor] == [each["n"] for each in found]
    assert [each["u"] for each in in_cbor] == [each["u"] for each in found]


def test_csv():
    rows = as_rows(written("csv", READINGS))
    assert tuple(rows[0]) == formats.COLUMNS
    assert rows[0] == {
        "time": "2025-11-20T10:35:07.123Z",
        "node": "aq-1",
        "point": "temperature",
        "value": "21.50",
        "unit": "°C",
        "quality": "good",
        "record": "1.7",
        "uptime_ms": "7000",
        "received": "2025-11-20T10:35:07.373Z",
    }
    assert [(row["value"], row["quality"]) for row in rows[1:]] == [
        ("12", "good"), ("", "mute"), ("true", "good"), ("-0.01", "implausible"),
    ]  # fmt: skip


def test_csv_keeps_what_others_take_for_its_own_signs():
    names = ['a,b"c', "line\r\nend", " room ", "温度"]
    rows = as_rows(written("csv", [reading(name, node=name) for name in names]))
    assert [row["point"] for row in rows] == names
    assert [row["node"] for row in rows] == names


def test_csv_keeps_a_reading_whose_time_nobody_knows():
    (row,) = as_rows(written("csv", [reading(utc_ms=None)]))
    assert (row["time"], row["uptime_ms"], row["value"]) == ("", "7000", "21.50")


@pytest.mark.parametrize("name", ["senml-json", "senml-cbor"])
def test_senml(name):
    data = written(name, READINGS)
    pack = of_json(data) if name == "senml-json" else of_cbor(data)
    first, second = Decimal("1763634907.123"), Decimal("1763634908.123")
    assert resolved(pack) == [
        {"n": "ward-1/aq-1/temperature", "u": "Cel", "t": first, "v": Decimal("21.50")},
        {"n": "ward-1/aq-1/pm25", "u": "ug/m3", "t": first, "v": 12},
        {"n": "ward-1/aq-1/humidity/quality", "t": first, "vs": "mute"},
        {"n": "ward-1/aq-1/relay", "t": first, "vb": True},
        {"n": "ward-1/aq-1/temperature/quality", "t": second, "vs": "implausible"},
        {"n": "ward-1/aq-1/temperature", "u": "Cel", "t": second, "v": Decimal("-0.01")},
    ]
    assert ["bn" in record for record in pack] == [True, False, False, False, True, False]


@pytest.mark.parametrize("name", ["senml-json", "senml-cbor"])
def test_a_time_nobody_knows_would_mean_now_in_senml(name):
    made = formats.make(name, "ward-1")
    data = b"".join(made.written(iter([reading(utc_ms=None)])))
    assert (of_json(data) if name == "senml-json" else of_cbor(data)) == []
    assert made.undated == 1


@given(st.lists(st.tuples(st.integers(-(1 << 64) + 1, (1 << 64) - 1), st.integers(-30, 30)), max_size=20))
def test_values_are_exact_in_every_format(numbers):
    values = [Decimal(number).scaleb(scale) for number, scale in numbers]
    readings = [reading(value=value) for value in values]
    assert [Decimal(row["value"]) for row in as_rows(written("csv", readings))] == values
    assert [each["v"] for each in of_json(written("senml-json", readings))] == values
    assert [each["v"] for each in of_cbor(written("senml-cbor", readings))] == values


@given(st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=2, unique=True))
def test_no_two_names_are_one_in_senml(names):
    first, second = (senml.name(name) for name in names)
    assert first != second
    assert NAME.fullmatch(f"ward-1/{first}/{second}")


@pytest.mark.parametrize(
    ("utc_ms", "text"), [(0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"), (1 << 63, str(1 << 63))]
)
def test_times(utc_ms, text):
    assert formats.utc(utc_ms) == text


@pytest.mark.parametrize("group", [2, 1_000])
def test_parquet_is_read_back_by_its_own_library(monkeypatch, group):
    monkeypatch.setattr(parquet, "GROUP_READINGS", group)
    undated = reading(utc_ms=None)
    table = pq.read_table(io.BytesIO(written("parquet", (*READINGS, undated))))
    rows = table.to_pylist()
    assert [row["value"] for row in rows] == [21.5, 12.0, None, 1.0, -0.01, 21.5]
    assert rows[0]["time"].isoformat(timespec="milliseconds") == "2025-11-20T10:35:07.123+00:00"
    assert rows[-1]["time"] is None
    assert [row["unit"] for row in rows[:4]] == ["°C", "µg/m3", "%", ""]
    assert {(row["node"], row["received"].microsecond) for row in rows} == {("aq-1", 373_000)}


def test_parquet_of_nothing_is_a_file_without_rows():
    assert pq.read_table(io.BytesIO(written("parquet", ()))).num_rows == 0


def test_parquet_without_its_library_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(PaifangError, match="needs pyarrow") as caught:
        written("parquet", READINGS)
    assert "paifang[parquet]" in caught.value.hint
