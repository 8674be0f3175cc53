"""Nodes, readings, events and commands, through the real gateway and a node on a real socket."""

import asyncio
import hashlib
import io
import json

import pytest
from far_side import CURRENT, LIMIT, RELAY, VOLTAGE, FarNode, key_of

from paifang.errors import EXIT_NO_ANSWER, EXIT_REFUSED, EXIT_USAGE
from paifang_wire import messages

KEY = key_of("aq-1").hex()


async def acknowledge(node, verdict=0, reason=0, before=0):
    """Answer the next command as a node does; the value read back is the one that was asked for."""
    command = await node.hear(messages.COMMAND)
    digest = hashlib.sha256(messages.encode(command)).digest()
    after = command[4] if verdict == messages.EXECUTED else before
    receipt = [messages.RECEIPT, command[1], digest, verdict, reason, before, after, None]
    receipt += [1, 5_000, bytes(32), bytes(32)]
    node.say(receipt)
    return command


async def test_nodes_are_listed_with_and_without_the_word(daemon, paifang):
    await daemon.start()
    node = await daemon.node()
    node.report(1)
    await node.acked_up_to(1)
    short, long = await paifang("nodes", "--json"), await paifang("nodes", "list", "--json")
    [row] = short.json
    assert (row["node"], row["connected"], row["boot"], row["stored"]) == ("meter-1", True, 1, 1)
    assert long.json[0]["node"] == "meter-1"
    header, shown = (await paifang("nodes")).out.splitlines()
    assert header.split()[:2] == ["NODE", "LINK"]
    assert shown.split()[0] == "meter-1"


async def test_unknown_nodes_are_listed_with_and_without_the_word(daemon, paifang):
    await daemon.start()
    stranger = FarNode(daemon.address, "stranger")
    await stranger.open()
    stranger.send_raw(stranger.hello())
    async with asyncio.timeout(30):
        while not (rows := (await paifang("nodes", "--unknown", "--json")).json):
            pass
    await stranger.hang_up()
    assert (rows[0]["node"], rows[0]["count"]) == ("stranger", 1)
    assert (await paifang("nodes", "list", "--unknown", "--json")).json[0]["node"] == "stranger"
    assert "stranger" in (await paifang("nodes", "--unknown")).out
    assert (await paifang("nodes", "--json")).json == []


async def test_a_node_is_shown_with_its_points_and_boots(daemon, ask):
    await daemon.start()
    node = await daemon.node()
    node.report(1, {VOLTAGE: 2301, RELAY: 1})
    await node.acked_up_to(1)
    found = (await ask("nodes", "show", "meter-1", "--json")).json
    assert {point["name"]: point["value"] for point in found["points"]} == {
        "voltage": 230.1,
        "current": None,
        "power_limit": None,
        "relay": True,
        "signal": None,
    }
    shown = (await ask("nodes", "show", "meter-1")).out
    assert "230.1  V" in shown
    done = await ask("nodes", "show", "meter-9")
    assert (done.code, done.err.startswith("paifang: node meter-9 is not enrolled; ")) == (EXIT_REFUSED, True)


async def test_a_key_comes_from_an_option_a_file_or_what_provisioning_prints(daemon, paifang, tmp_path):
    await daemon.start()
    (tmp_path / "hex").write_text(KEY.upper() + "\n")
    (tmp_path / "bytes").write_bytes(bytes.fromhex(KEY))
    printed = json.dumps({"node": "aq-4", "site": "ward-1", "epoch": 2, "key": KEY})
    for arguments, stdin in [
        (["aq-1", "--key", KEY], None),
        (["aq-2", "--key-file", tmp_path / "hex"], None),
        (["aq-3", "--key-file", tmp_path / "bytes", "--epoch", "3"], None),
        ([], printed + "\n\n" + printed.replace("aq-4", "aq-5")),
        (["aq-4"], printed),
    ]:
        done = await paifang("nodes", "add", *arguments, stdin=stdin)
        assert done.code == 0, done.err
    assert [row["node"] for row in (await paifang("nodes", "--json")).json] == ["aq-1", "aq-2", "aq-3", "aq-4", "aq-5"]
    assert (await paifang("nodes", "show", "aq-3", "--json")).json["epoch"] == 3


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (["aq-1", "--key", "abc"], None, "the key of aq-1 is not 32 bytes in hex"),
        (["aq-1", "--key", KEY + "00"], None, "the key of aq-1 is not 32 bytes in hex"),
        (["--key", KEY], None, "a key needs the node's id"),
        (["aq-1", "--key", KEY, "--key-file", "x"], None, "--key and --key-file say the same thing"),
        (["aq-1", "--key-file", "/nowhere"], None, "cannot read /nowhere: No such file or directory"),
        (["aq-1"], "", "no key was given, and the input is empty"),
        ([], "nonsense", "line 1 of the input is not what provisioning prints"),
        ([], '{"node": "aq-1"}', "line 1 of the input is not what provisioning prints"),
        (["aq-1"], json.dumps({"node": "aq-2", "key": KEY}), "line 1 of the input is for aq-2, not for aq-1"),
    ],
)
def test_a_key_that_is_none_is_refused_before_anything_is_asked(inside, monkeypatch, arguments, stdin, message):
    monkeypatch.setattr("sys.stdin", io.StringIO(stdin or ""))
    done = inside("nodes", "add", *arguments)
    assert (done.code, done.out) == (EXIT_USAGE, "")
    assert done.err.startswith(f"paifang: {message}")
    assert len(done.err.splitlines()) == 1


async def test_a_key_made_for_another_site_is_refused(daemon, paifang):
    await daemon.start()
    printed = json.dumps({"node": "aq-1", "site": "ward-2", "epoch": 1, "key": KEY})
    done = await paifang("nodes", "add", stdin=printed)
    assert (done.code, "was made for site ward-2, this gateway is ward-1" in done.err) == (EXIT_USAGE, True)
    assert (await paifang("nodes", "--json")).json == []


async def test_a_removed_node_is_unknown_and_its_readings_stay(daemon, ask):
    await daemon.start()
    node = await daemon.node()
    node.report(1)
    await node.acked_up_to(1)
    assert (await ask("nodes", "remove", "meter-1")).code == 0
    await node.closed.wait()
    assert (await ask("nodes", "--json")).json == []
    assert len((await ask("read", "--json")).json) == 1
    assert (await ask("nodes", "remove", "meter-1")).code == EXIT_REFUSED


async def test_a_boot_count_that_went_back_is_believed_after_a_reset(daemon, ask):
    await daemon.start()
    await (await daemon.node(boot=7)).hang_up()
    again = FarNode(daemon.address, "meter-1", boot=1)
    await again.open()
    again.send_raw(again.hello())
    async with asyncio.timeout(30):
        while (await ask("status", "--json")).json["refused"] == 0:
            pass
    await again.hang_up()
    assert "refused: boot-went-back" in (await ask("nodes")).out
    assert "boot-went-back, 1 hello, the last " in (await ask("nodes", "show", "meter-1")).out
    assert "paifang nodes reset-boot meter-1" in (await ask("check")).out
    assert (await ask("nodes", "reset-boot", "meter-1")).code == 0
    await again.connect()
    assert (await ask("nodes", "--json")).json[0]["connected"]
    await again.hang_up()


async def test_readings_and_events_are_read_by_node_point_and_number(daemon, ask):
    await daemon.start()
    node = await daemon.node()
    for number in (1, 2, 3):
        node.report(number, {VOLTAGE: 2300 + number, CURRENT: 1500}, {CURRENT: messages.STALE})
    node.say([messages.EVENT, 1, 4, node.uptime_ms, None, messages.EV_SENSOR_MUTE, VOLTAGE, "no answer"])
    await node.acked_up_to(4)
    rows = (await ask("read", "meter-1", "voltage", "-n", "2", "--json")).json
    assert [(row["value"], row["unit"], row["quality"]) for row in rows] == [(230.2, "V", "good"), (230.3, "V", "good")]
    assert "stale" in (await ask("read")).out
    [event] = (await ask("events", "--json")).json
    assert (event["event"], event["point"], event["detail"]) == ("sensor-mute", "voltage", "no answer")
    assert "no answer" in (await ask("events", "meter-1")).out
    empty = await ask("read", "meter-1", "no_such")
    assert (empty.code, empty.out) == (0, "")
    assert "nothing has been read of meter-1 no_such; `paifang nodes show meter-1` lists its points" in empty.err


async def test_watching_shows_lines_in_a_pipe_and_ends_with_the_gateway(daemon, paifang):
    await daemon.start()
    node = await daemon.node()
    plain, objects = await paifang.start("watch"), await paifang.start("watch", "--json")
    number = 0
    async with asyncio.timeout(30):
        lines = [asyncio.create_task(process.stdout.readline()) for process in (plain, objects)]
        while not all(task.done() for task in lines):
            number += 1
            node.report(number, {VOLTAGE: 2301})
            await node.acked_up_to(number)
    assert lines[0].result().decode().endswith("meter-1  voltage 230.1 V\n")
    item = json.loads(lines[1].result())
    assert (item["kind"], item["node"], item["value"]) == ("reading", "meter-1", 230.1)
    await paifang("stop")
    _, err = await plain.communicate()
    assert (plain.returncode, err) == (3, b"paifang: the gateway is stopping\n")
    await objects.communicate()


async def test_a_command_is_executed_and_read_back(daemon, paifang):
    await daemon.start()
    node = await daemon.node()
    sent, command = await asyncio.gather(paifang("send", "meter-1", "relay", "on"), acknowledge(node))
    assert (sent.code, sent.out) == (0, "executed: meter-1 relay was off, reads back on\n")
    assert (command[2], command[4]) == (RELAY, 1)
    sent, command = await asyncio.gather(
        paifang("send", "meter-1", "power_limit", "2200", "--json"), acknowledge(node, before=100)
    )
    assert (sent.json["verdict"], sent.json["before"], sent.json["after"], command[2]) == ("executed", 100, 2200, LIMIT)


async def test_a_command_that_the_node_refuses_is_refused_with_its_reason(daemon, ask):
    await daemon.start()
    node = await daemon.node()
    refusal = acknowledge(node, messages.REFUSED, messages.TOO_SOON)
    sent, _ = await asyncio.gather(ask("send", "meter-1", "relay", "on"), refusal)
    assert sent.code == EXIT_REFUSED
    assert sent.out.startswith("refused: meter-1 relay: too-soon (the output must rest first")


async def test_a_command_without_an_answer_is_unknown(daemon, ask):
    await daemon.start()
    await daemon.node()
    done = await ask("send", "meter-1", "relay", "on", "--within", "200ms")
    assert (done.code, done.out.startswith("unknown: meter-1 did not answer in time")) == (EXIT_NO_ANSWER, True)


REFUSED = [
    (["meter-9", "relay", "on"], EXIT_REFUSED, "node meter-9 is not enrolled"),
    (["meter-1", "rely", "on"], EXIT_REFUSED, "no point 'rely'"),
    (["meter-1", "voltage", "5"], EXIT_REFUSED, "meter-1 voltage can only be read"),
    (["meter-1", "power_limit", "-5"], EXIT_REFUSED, "meter-1 power_limit cannot be -5 W; the node allows 0 W to"),
    (["meter-1", "power_limit", "0.5"], EXIT_USAGE, "power_limit goes in steps of 1 W"),
    (["meter-1", "relay", "perhaps"], EXIT_USAGE, "relay is switched on or off"),
    (["meter-1", "relay", "on", "--within", "5"], EXIT_USAGE, "--within 5: expected a time with its unit"),
]


async def test_a_command_that_the_gateway_refuses_is_not_sent(daemon, ask):
    await daemon.start()
    node = await daemon.node()
    for arguments, code, message in REFUSED:
        done = await ask("send", *arguments)
        assert (done.code, done.out) == (code, "")
        assert done.err.startswith(f"paifang: {message}")
        assert len(done.err.splitlines()) == 1
    node.report(1)
    await node.acked_up_to(1)
    assert messages.COMMAND not in {message[0] for message in node.heard._queue}
