"""A junction to begin with, in each country: site.toml, plan.toml, days.toml.

A main street from west to east, a street from north to south, a left turn and a crossing on each approach; EB drives
east, NBL is the left turn of those who drive north, "walk S" crosses the southern leg. Phases are those of a dual
ring: 2 EB, 6 WB, 4 SB, 8 NB, the left turns 5, 1, 7 and 3.
"""

from __future__ import annotations

from string import Template

_SITE = Template("""\
node = "$node"
edition = 1                       # one more with each change
country = "$country"

# Groups that may move together, all of a line; whatever stands in no line together conflicts.
together = [
    ["EB", "WB", "walk S", "walk N"],
    ["EB", "EBL", "walk S"],
    ["WB", "WBL", "walk N"],
    ["EBL", "WBL"],
    ["SB", "NB", "walk W", "walk E"],
    ["SB", "SBL", "walk W"],
    ["NB", "NBL", "walk E"],
    ["SBL", "NBL"],
]

[start]
flash = "5s"
all_red = "$all_red"

[defaults.vehicle]                # of each vehicle group that does not say otherwise
minimum = "$green"                    # least green
${steps}amber = "3s"
red_revert = "2s"                 # least red
longest_red = "240s"              # nobody who calls waits longer, whatever the plan is

[defaults.pedestrian]
minimum = "7s"                    # least walk; the clearance follows from the crossing unless it is given
red_revert = "2s"
longest_red = "240s"

[groups]                          # in this order they are the node's groups 1, 2, 3, ...
WBL = { kind = "vehicle" }
EB = { kind = "vehicle" }
NBL = { kind = "vehicle" }
SB = { kind = "vehicle" }
EBL = { kind = "vehicle" }
WB = { kind = "vehicle" }
SBL = { kind = "vehicle" }
NB = { kind = "vehicle" }
"walk S" = { kind = "pedestrian", crossing = "14m" }
"walk W" = { kind = "pedestrian", crossing = "11.5m" }
"walk N" = { kind = "pedestrian", crossing = "14m" }
"walk E" = { kind = "pedestrian", crossing = "11.5m" }

[intergreen]
vehicle = "5s"                    # from the end of green of a vehicle group to the first aspect of the other
pedestrian = "$buffer"           # from the end of the pedestrian clearance
exceptions = [
    ["NB", "walk N", "6s"],       # a long way from the stop line to this crossing
    ["SB", "walk S", "6s"],
]
""")

_PLAN = Template("""\
name = "$name"
rings = [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]     # of each ring the sides between the barriers, of each side its phases

[defaults]                        # of each phase that does not say otherwise
minimum = "$green"
passage = "2s"
maximum = "20s"
amber = "3s"                      # what this plan was made for: a site with another one refuses it
red = "$red"

[phases.1]
groups = ["WBL"]
split = "20s"

[phases.2]
groups = ["EB", "walk S"]
walk = "7s"
maximum = "40s"
options = ["dual-entry", "min-recall"]
split = "40s"

[phases.3]
groups = ["NBL"]
split = "20s"

[phases.4]
groups = ["SB", "walk W"]
walk = "7s"
maximum = "30s"
options = ["dual-entry"]
split = "40s"

[phases.5]
groups = ["EBL"]
split = "20s"

[phases.6]
groups = ["WB", "walk N"]
walk = "7s"
maximum = "40s"
options = ["dual-entry", "min-recall"]
split = "40s"

[phases.7]
groups = ["SBL"]
split = "20s"

[phases.8]
groups = ["NB", "walk E"]
walk = "7s"
maximum = "30s"
options = ["dual-entry"]
split = "40s"

[coordination]
cycle = "120s"
offset = "0s"
phases = [2, 6]
transition = "shortway"

[[preemptions]]                   # an ambulance from the west
kind = "emergency"
dwell = [2, 5]
least_dwell = "10s"
exit = [4, 8]
bound = "50s"

[[priorities]]                    # buses of the main street
phase = 2
extension = "10s"
early_green = "10s"
lockout = "120s"

[[detectors]]                     # in the order of the node's inputs
phase = 1
extension = "0.5s"
options = ["lock"]

[[detectors]]
phase = 2
extension = "1s"

[[detectors]]
phase = 4
extension = "1s"
longest_presence = "3m"           # covered for longer: it has failed, and calls all the time

[[detectors]]
phase = 6
extension = "1s"

[[detectors]]
phase = 8
extension = "1s"
""")

_DAYS = """\
utc_offset = "+08:00"

[[rows]]                          # each holds until the next one that applies, over midnight too
weekdays = ["mon", "tue", "wed", "thu", "fri"]
from = "06:30"
plan = "day"

[[rows]]
weekdays = ["sat", "sun"]
from = "08:00"
plan = "day"

[[rows]]
weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
from = "22:00"
plan = "night"
"""

_OF = {
    "CN": {"green": "5s", "steps": 'flashing_green = "3s"\n', "red": "6s", "buffer": "2s", "all_red": "8s"},
    "US": {"green": "5s", "steps": "", "red": "3s", "buffer": "3s", "all_red": "8s"},
    "UK": {"green": "7s", "steps": 'red_amber = "2s"\n', "red": "5s", "buffer": "3s", "all_red": "8s"},
    "DE": {"green": "5s", "steps": 'red_amber = "1s"\n', "red": "11.1s", "buffer": "13.1s", "all_red": "14s"},
}
COUNTRIES = tuple(_OF)


def site_text(country: str, node: str = "signal-1") -> str:
    """A site.toml that a node takes. In DE a pedestrian's clearance lies in the intergreen."""
    return _SITE.substitute(_OF[country], country=country, node=node)


def plan_text(country: str, name: str = "day") -> str:
    """A plan.toml for that site."""
    return _PLAN.substitute(_OF[country], name=name)


def days_text() -> str:
    """A days.toml for plans called day and night."""
    return _DAYS
