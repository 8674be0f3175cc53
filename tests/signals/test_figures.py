"""Figures of a run, and the plans of a wave."""

from __future__ import annotations

import pytest
import with_sumo  # noqa: F401 - skips this module where there is no SUMO

from paifang_rig.signals import bench, contest, demand, drive, junction, loop, metrics, nets, records, waits, waves
from paifang_rig.signals.shipped import plans, site
from paifang_wire import cbor

TRIPS = """<tripinfos>
<tripinfo id="a" depart="1" arrival="60" timeLoss="10" departDelay="0" waitingCount="1"/>
<tripinfo id="b" depart="2" arrival="-1" timeLoss="30" departDelay="4" waitingCount="2"/>
<tripinfo id="c" depart="-1" arrival="-1" timeLoss="0" departDelay="100" waitingCount="0"/>
<personinfo id="p"><walk timeLoss="20"/></personinfo>
</tripinfos>"""


def test_who_never_departed_is_in_the_figures(tmp_path):
    (tmp_path / "trips.xml").write_text(TRIPS)
    found = metrics.figures(loop.Result(tmp_path / "trips.xml", longest_queue=3))
    assert (found.mean_s, found.p95_s, found.most_s, found.stops) == (48.0, 100.0, 100.0, 1.0)
    assert (found.vehicles, found.undeparted, found.unfinished) == (3, 1, 1)
    assert (found.queue, found.pedestrian_s) == (3, 20.0)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 10), (0.95, 19), (1.0, 20), (0.01, 1)])
def test_a_percentile_is_the_nearest_rank(share, expected):
    assert metrics.percentile(range(1, 21), share) == expected


def test_the_interval_of_a_ratio_holds_the_pairs_together():
    theirs = [20.0, 40.0, 80.0, 30.0]
    ratio, low, high = metrics.ratio_interval([0.8 * one for one in theirs], theirs)
    assert (ratio, low, high) == pytest.approx((0.8, 0.8, 0.8))
    ratio, low, high = metrics.ratio_interval([10.0, 50.0, 60.0, 40.0], theirs)
    assert low < ratio < high


def test_a_contest_that_is_lost_is_reported_as_missed(tmp_path):
    (tmp_path / "trips.xml").write_text(TRIPS)
    figures = metrics.figures(loop.Result(tmp_path / "trips.xml"))
    slow = metrics.Figures(**{**vars(figures), "mean_s": figures.mean_s * 1.2, "undeparted": 5})
    outcomes = [
        contest.Outcome(entry, slow if entry.controller in {contest.FIRMWARE, contest.ADVISED} else figures, 200_000)
        for entry in contest.entries((1, 2))
    ]
    missed = {row.name for row in bench.contest_rows(outcomes, 2) if row.ok is False}
    lost = (" : NEMA, mean delay", ": longest red of somebody who waits", ": more never departed than with NEMA")
    ours = {
        f"{share} {name}{what}"
        for share in contest.DEMANDS
        for name in (contest.FIRMWARE, contest.ADVISED)
        for what in lost
    }
    upper = {f"{share} {contest.ADVISED} : NEMA, mean delay, upper end of the interval" for share in contest.DEMANDS}
    assert missed == ours | upper


@pytest.fixture(scope="module")
def arterial(tmp_path_factory):
    net = nets.arterial(tmp_path_factory.mktemp("arterial"))
    return [junction.read(net.path, name) for name in net.signals]


def test_the_plans_of_a_wave_pass_the_firmware_s_checks(arterial):
    wave = waves.wave()
    for offset_ms, at in zip(wave.offsets_ms, arterial, strict=True):
        cycle = waves.coordination(at.phases, offset_ms)
        tables = site.decode(cbor.encode(records.site_record(at)))
        assert plans.check(records.plan_record(at, coordination=cycle), tables) == []
    assert len(set(wave.offsets_ms)) == waves.COUNT
    assert wave.out_ms > 0


def test_a_wait_ends_with_green_or_when_nobody_is_there_any_more(arterial):
    at = arterial[0]
    watch = waits.Waits(at)
    red, green = bytes(12), bytes([2] + [0] * 11)
    for t_ms, detectors, buttons, shown in (
        (1_000, 1, 0b10, red),
        (9_000, 1, 0, red),
        (10_000, 0, 0, red),
        (20_000, 1, 0, red),
        (25_000, 1, 0, green),
        (90_000, 0, 0, red),
    ):
        watch.note(t_ms, detectors, buttons, shown)
    assert watch.longest_ms["phase 1"] == 8_000
    assert watch.longest_ms["walk 2"] == 89_000
    assert watch.longest_ms["phase 2"] == 0


@pytest.mark.tier("soak")
def test_a_wave_saves_a_fifth_of_the_stops():
    entries = [waves.Entry(is_coordinated, seed) for seed in (1, 2, 3) for is_coordinated in (True, False)]
    found = [figures.stops for figures in waves.play(entries)]
    assert sum(found[::2]) <= 0.8 * sum(found[1::2])


def test_a_net_from_a_folder_is_driven_and_judged(tmp_path, monkeypatch, capsys):
    nets.cross(tmp_path)
    monkeypatch.setattr("sys.argv", ["drive", str(tmp_path), "--seconds", "60", "--logs", str(tmp_path / "logs")])
    assert drive.main() == 2
    assert "expected one .rou.xml" in capsys.readouterr().err
    demand.cross(tmp_path / "some.rou.xml", 1.0, 1, 60)
    assert drive.main() == 0
    said = capsys.readouterr().out
    assert "c: " in said
    assert "0 rules broken" in said
    assert "mean_s" in said
    assert "c_walk: not driven" in said
    assert (tmp_path / "logs" / "c.log").read_text().startswith("100 ffffffff---- 0\n")
