"""Every query of the dashboard runs on the real tables, with what Grafana puts in the place of its own words."""

from __future__ import annotations

import json
import re
from pathlib import Path

from records import event, report, value

from paifang_wire import messages

DASHBOARD = json.loads((Path(__file__).parents[3] / "docs" / "grafana" / "city.json").read_text("utf-8"))
FROM, TO = "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"
MACROS = [
    (re.compile(r"\$__timeFilter\((.+?)\)"), rf"\1 BETWEEN '{FROM}' AND '{TO}'"),
    (re.compile(r"\$__timeGroupAlias\((.+?), *\$__interval\)"), r"floor(extract(epoch from \1)/60)*60 AS time"),
]
CHOSEN = {"site": "ward-1", "node": "aq-'1", "point": "pm25"}


def expanded(query):
    """As Grafana's PostgreSQL source does it."""
    for macro, meant in MACROS:
        query = macro.sub(meant, query)
    for name, chosen in CHOSEN.items():
        query = query.replace(f"${{{name}:sqlstring}}", "'" + chosen.replace("'", "''") + "'")
    assert "$" not in query, query
    return query


async def test_every_panel_shows_what_is_there(city):
    node = CHOSEN["node"]
    await city.send(
        [report(1, node=node), report(2, (value(9, quality=messages.FAULT),), node=node), event(3, node=node)]
    )
    await city.publish(b"hello")
    await city.work_off(4)
    await city.rows("UPDATE paifang.refused SET refused = $1::text::timestamptz", "2026-11-20T09:00Z")
    panels = {panel["title"]: panel["targets"][0]["rawSql"] for panel in DASHBOARD["panels"]}
    found = {title: await city.rows(expanded(query)) for title, query in panels.items()}
    assert all(found.values()), [title for title, rows in found.items() if not rows]
    assert found["Messages by worker"] == [("w-1", 3, 0, 1, 2)]
    assert [row[:2] for row in found["The node's latest values"]] == [("pm25", value(9).exact)]
    assert sum(row[2] for row in found["Records stored, by site"]) == 3


async def test_the_choices_are_those_there_are(city):
    await city.send([report(1, node=CHOSEN["node"])])
    await city.work_off(1)
    choices = {each["name"]: each["query"] for each in DASHBOARD["templating"]["list"]}
    assert {name: await city.rows(expanded(query)) for name, query in choices.items()} == {
        name: [(chosen,)] for name, chosen in CHOSEN.items()
    }
