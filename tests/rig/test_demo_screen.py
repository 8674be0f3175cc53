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
    screen.show(
        [{"node": "aq-1", "connected": True, "link": "10.0.0.1:1", "boot": 1, "stored": 5, "firmware": "0.1.0"}],
        {"aq-1": 2},
    )
    Console(width=100).print(screen._picture())
    shown = capsys.readouterr().out
    row = next(line for line in shown.splitlines() if line.startswith("aq-1"))
    assert row.split()[:6] == ["aq-1", "online", "tcp", "1", "2", "2"]
    assert shown.splitlines()[-1].startswith("Ctrl-C")


def test_a_small_terminal_shows_the_latest_words(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    screen = Screen(live=True)
    screen.show([{"node": f"n-{n}", "connected": False, "link": "", "boot": 1, "firmware": ""} for n in range(6)], {})
    for number in range(18):
        screen.say(f"step {number}: " + "a long word " * 7)
    Console(width=80).print(screen._picture())
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) < 24
    assert "step 17" in shown
    assert "step 0:" not in shown
    screen.last("the end")
    Console(width=80).print(screen._picture())
    assert "step 0:" in capsys.readouterr().out
