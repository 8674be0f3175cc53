"""Site records and plans on their way to a signal node: what is taken, what is refused, what is not known."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from far_side import until
from persons import Persons, restarted
from signal_side import DAYS, EXAMPLE, NODE, PLAN, SignalNode, signed_site

from paifang.commands.signals import FOLDER, KEPT, MESSAGE_LIMIT, staged_id
from paifang.errors import EXIT_NO_ANSWER, PaifangError
from paifang_wire import cbor, messages, names, orders

PLAN_PAYLOAD, DAYS_PAYLOAD = cbor.encode(PLAN), cbor.encode(DAYS)


@pytest.fixture
async def junction(make_ward):
    """A ward with a signal node beside its gate."""
    ward = await make_ward()
    far = ward.house.far(NODE)
    await ward.ask("nodes.add", node=NODE, key=far.key.hex(), epoch=1)
    ward.signal = SignalNode(far)
    await ward.signal.connect()
    yield ward
    await ward.signal.stop()


async def load(ward, data: bytes | None = None, **changes):
    record = (data or signed_site(ward.people)).hex()
    return await ward.ask("signals.site", **{"node": NODE, "record": record, "within_ms": 20_000, **changes})


async def stage(ward, what: str = "plan", payload: bytes = PLAN_PAYLOAD, **changes):
    return await ward.ask(
        "signals.stage", node=NODE, what=what, payload=payload.hex(), **{"within_ms": 20_000, **changes}
    )


async def refusal(asking) -> PaifangError:
    with pytest.raises(PaifangError) as raised:
        await asking
    return raised.value


async def test_a_site_record_reaches_the_node_with_two_signatures_and_is_logged(junction):
    assert await load(junction) == {"node": NODE, "edition": 1, "signers": ["root-1", "root-3"]}
    payload = orders.encode_site(EXAMPLE.fields)
    assert junction.signal.given == [(messages.ROOTED_SITE, payload)]
    (_, sent), (_, said) = await junction.log("site-record")
    assert sent == {"edition": 1, "payload": payload.hex(), "signers": ["root-1", "root-3"]}
    assert said == {"held": 1, "refusal": 0}


async def test_a_third_signature_is_checked_and_two_are_sent(junction):
    assert (await load(junction, signed_site(junction.people, by=(1, 2, 0))))["signers"] == [
        "root-2",
        "root-3",
        "root-1",
    ]


@pytest.mark.parametrize(("what", "payload"), [("plan", PLAN_PAYLOAD), ("day-plans", DAYS_PAYLOAD)])
async def test_a_plan_is_staged_under_the_id_that_a_command_will_name(junction, what, payload):
    assert await stage(junction, what, payload) == {"node": NODE, "what": what, "id": staged_id(payload)}
    assert junction.signal.given == [(names.HELD.index(what), payload)]
    (_, sent), (_, said) = await junction.log(what)
    assert sent == {"id": staged_id(payload), "payload": payload.hex()}
    assert said == {"held": staged_id(payload), "refusal": 0}
    assert 0 < staged_id(payload) < 1 << 48


REFUSALS = {
    messages.WRONG_TYPE: ("cannot read this site-record", "firmware of this release"),
    messages.LIMIT: ("checked this site-record and refused it", "paifang signal site check FILE"),
    messages.EXPIRED: ("holds edition 7", "count `edition` up"),
    messages.INCONSISTENT: ("is another one than this site-record is for", "`node` in site.toml"),
    messages.NO_SUCH_OP: ("is no signal node", "traffic_signal"),
    messages.BUSY: ("has no room", "try again in a minute"),
    messages.TOO_SOON: ("has no time", "try again in a minute"),
    messages.NO_AUTHORITY: ("knows no two of the roots", "other root keys"),
    messages.BAD_SIGNATURE: ("a signature on this site-record that is not good", "another site"),
    messages.NOT_KEPT: ("refused this site-record: not-kept", "paifang signal log signal-1"),
    99: ("refused this site-record: 99", "paifang signal log signal-1"),
}


@pytest.mark.parametrize("reason", REFUSALS)
async def test_a_refusal_says_what_the_node_found_and_what_to_do(junction, reason):
    junction.signal.answers[messages.ROOTED_SITE] = (7, reason)
    error = await refusal(load(junction))
    told, hint = REFUSALS[reason]
    assert error.message.startswith(NODE)
    assert told in error.message
    assert hint in error.hint
    assert error.code == (names.REFUSALS[reason] if reason < len(names.REFUSALS) else "99")
    assert (await junction.log("site-record"))[-1][1] == {"held": 7, "refusal": reason}


async def test_a_plan_that_the_node_refuses_points_to_its_log(junction):
    junction.signal.answers[messages.STAGED_PLAN] = (0, messages.LIMIT)
    error = await refusal(stage(junction))
    assert "paifang signal log signal-1" in error.hint
    assert "paifang signal plan check FILE" in error.hint


async def test_a_node_without_a_site_record_judges_no_plan(junction):
    junction.signal.answers[messages.STAGED_PLAN] = (0, messages.INCONSISTENT)
    error = await refusal(stage(junction))
    assert "goes by no site record, so it cannot judge this plan" in error.message
    assert "paifang signal site load FILE" in error.hint


async def test_a_node_that_holds_something_else_has_not_taken_it(junction):
    junction.signal.answers[messages.STAGED_PLAN] = (5, 0)
    error = await refusal(stage(junction))
    assert (error.code, "says that it holds 5" in error.message) == ("inconsistent", True)


async def test_a_node_that_says_nothing(junction):
    junction.signal.mute.add(messages.STAGE)
    error = await refusal(stage(junction, within_ms=30))
    assert (error.code, error.exit_code) == ("no-answer", EXIT_NO_ANSWER)
    assert "did not answer within 0.03 s" in error.message
    assert "not known" in error.hint
    junction.signal.mute.clear()
    assert (await stage(junction))["id"] == staged_id(PLAN_PAYLOAD)  # nothing is left of the first one


async def test_an_answer_that_comes_late_is_logged_and_answers_nothing_else(junction):
    junction.signal.mute.add(messages.STAGE)
    assert (await refusal(stage(junction, within_ms=30))).code == "no-answer"
    await until(lambda: junction.signal.unheard)
    junction.signal.far.say([messages.HELD, messages.STAGED_PLAN, staged_id(PLAN_PAYLOAD), 0])
    junction.signal.far.say([messages.HELD, 200, 1, 0])  # what nobody knows
    junction.signal.mute.clear()
    assert (await stage(junction, "day-plans", DAYS_PAYLOAD))["id"] == staged_id(DAYS_PAYLOAD)
    assert [detail for _, detail in await junction.log("plan") if "held" in detail] == [
        {"held": staged_id(PLAN_PAYLOAD), "refusal": 0}
    ]


@pytest.mark.parametrize("comes_back", [False, True])
async def test_a_node_that_goes_away_before_it_answers(junction, comes_back):
    junction.signal.mute.add(messages.ROOTED)
    asking = asyncio.create_task(load(junction))
    await until(lambda: junction.signal.unheard)
    if comes_back:
        await junction.house.far(NODE, boot=2).connect()  # a new session takes the place of the old one
    else:
        await junction.signal.far.hang_up()
    error = await refusal(asking)
    assert (error.code, "was gone before it answered" in error.message) == ("no-answer", True)


async def test_one_after_the_other(junction):
    junction.signal.mute.add(messages.STAGE)
    first = asyncio.create_task(stage(junction))
    await until(lambda: junction.signal.unheard)
    assert (await refusal(stage(junction))).code == "busy"
    junction.signal.far.say([messages.HELD, messages.STAGED_PLAN, staged_id(PLAN_PAYLOAD), 0])
    assert (await first)["id"] == staged_id(PLAN_PAYLOAD)


async def test_nothing_is_kept_for_a_node_that_is_away(junction):
    await junction.signal.stop()
    await junction.signal.far.hang_up()
    await until(lambda: NODE not in junction.house.gateway.nodes.desk.sessions)
    for asking in (load(junction), stage(junction)):
        error = await refusal(asking)
        assert (error.code, "nothing is kept for later" in error.hint) == ("offline", True)
    assert await junction.log("site-record", "plan") == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"node": "signal-9"}, "inconsistent"),
        ({"record": "00"}, "bad-argument"),
        ({"record": cbor.encode([b"payload", []]).hex()}, "bad-signature"),
        ({"within_ms": 0}, "bad-argument"),
    ],
)
async def test_what_is_no_site_record_of_the_node(junction, changes, code):
    assert (await refusal(load(junction, **changes))).code == code
    assert junction.signal.given == []


@pytest.mark.parametrize("by", [(), (0,), (0, 0)])
async def test_two_of_three_roots(junction, by):
    error = await refusal(load(junction, signed_site(junction.people, by=by)))
    assert "this site record is signed by" in error.message
    assert junction.signal.given == []


async def test_roots_of_somebody_else(junction):
    assert "no root of ward-1" in (await refusal(load(junction, signed_site(Persons())))).message


async def test_a_signature_of_something_else_does_not_pass(junction):
    other = dataclasses.replace(EXAMPLE, edition=2)
    mixed = cbor.decode(signed_site(junction.people, other), 8_192)
    payload = cbor.decode(signed_site(junction.people), 8_192)[0]
    error = await refusal(load(junction, cbor.encode([payload, mixed[1]])))
    assert "is not of this site record for ward-1" in error.message


async def test_a_keyset_in_place_of_a_site_record(junction):
    assert (await refusal(load(junction, junction.people.keyset(2)))).code == "bad-signature"


@pytest.mark.parametrize("changes", [{"what": "site-record"}, {"what": "plans"}, {"payload": b""}])
async def test_what_cannot_be_staged(junction, changes):
    assert (await refusal(stage(junction, **changes))).code == "bad-argument"


async def test_a_node_that_is_not_enrolled(junction):
    asking = junction.ask("signals.stage", node="signal-9", what="plan", payload=PLAN_PAYLOAD.hex())
    assert (await refusal(asking)).code == "not-found"


async def test_what_is_too_long_for_a_frame_is_not_sent(junction):
    error = await refusal(stage(junction, payload=bytes(cbor.LIMIT)))
    assert (error.code, "too long to be sent" in error.message) == ("too-long", True)
    longest = MESSAGE_LIMIT - 6  # of a message: array, kind, what, the head of the payload
    assert (await stage(junction, payload=bytes(longest)))["id"] == staged_id(bytes(longest))


async def test_nothing_is_sent_that_cannot_be_logged(junction, monkeypatch):
    async def broken(*_about, **_detail):
        raise PaifangError("the disk is full")

    monkeypatch.setattr(junction.house.gateway.journal, "record", broken)
    assert (await refusal(stage(junction))).code == "audit-broken"
    assert junction.signal.given == []


# What was given is kept for its names


async def test_what_a_node_took_is_found_by_the_numbers_that_it_reports(junction, start):
    data = signed_site(junction.people)
    await load(junction, data)
    await stage(junction)
    await stage(junction, "day-plans", DAYS_PAYLOAD)
    numbers = {"edition": 1, "plan": staged_id(PLAN_PAYLOAD), "days": staged_id(DAYS_PAYLOAD)}
    found = {"site": data.hex(), "plan": PLAN_PAYLOAD.hex(), "days": DAYS_PAYLOAD.hex()}
    assert await junction.ask("signals.show", node=NODE, **numbers) == found
    await junction.signal.stop()
    await restarted(junction, start)
    assert await junction.ask("signals.show", node=NODE, **numbers) == found
    nothing = {"site": None, "plan": None, "days": None}
    assert await junction.ask("signals.show", node="signal-2", **{**numbers, "plan": 1, "days": 1}) == nothing
    assert await junction.ask("signals.show", node=NODE) == nothing


async def test_what_was_refused_is_not_kept(junction, tmp_path):
    junction.signal.answers[messages.STAGED_PLAN] = (0, messages.LIMIT)
    await refusal(stage(junction))
    assert not (tmp_path / "data" / FOLDER).exists()


async def test_only_the_newest_are_kept(junction, tmp_path):
    folder = tmp_path / "data" / FOLDER
    folder.mkdir()
    for number in range(KEPT + 3):
        (folder / f"{number:012x}.plan").write_bytes(b"old")
    await stage(junction)
    assert len(list(folder.iterdir())) == KEPT
    assert (folder / f"{staged_id(PLAN_PAYLOAD):012x}.plan").read_bytes() == PLAN_PAYLOAD


async def test_a_folder_that_cannot_be_written_costs_names_only(junction, tmp_path):
    (tmp_path / "data" / FOLDER).write_text("in the way")
    assert (await stage(junction))["id"] == staged_id(PLAN_PAYLOAD)
    assert (await junction.ask("signals.show", node=NODE, plan=staged_id(PLAN_PAYLOAD)))["plan"] is None
