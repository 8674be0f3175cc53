"""What the demo counts and shows."""

from __future__ import annotations

from rich.console import Console

from paifang_rig.demo.screen import Screen


def reading(point: str, value: float | None = 1) -> dict[str, object]:
    return {"kind": "reading", "node": "aq-1", "point": point, "value": value, "unit": ""}


def test_stored_counts_the_readings_of_sensors_as_emitted_does(capsys):
    screen = Screen(live=True)
    for point in ("pm25", "pm10", "temperature", "fan", "free_heap", "power_limit"):
        screen.take(reading(point))
    screen.take(reading("pm25", None))
    screen.show([{"node": "aq-1", "connected": True, "link": "10.0.0.1:1", "boot": 1, "stored": 5}], {"aq-1": 2})
    Console(width=100).print(screen._picture())
    shown = capsys.readouterr().out
    row = next(line for line in shown.splitlines() if line.startswith("aq-1"))
    assert row.split()[:6] == ["aq-1", "online", "tcp", "1", "2", "2"]
    assert shown.splitlines()[-1].startswith("Ctrl-C")
