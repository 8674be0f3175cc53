"""The simulated board itself: what it must have in common with silicon before anything is tried on it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
import serial

from paifang_rig.errors import RigError
from paifang_rig.simulated.models.bme280 import Bme280
from paifang_rig.simulated.models.pms5003 import CAPTURED as PMS_CAPTURED
from paifang_rig.simulated.models.pms5003 import Pms5003
from paifang_rig.simulated.models.pzem004t import CAPTURED as PZEM_CAPTURED
from paifang_rig.simulated.models.pzem004t import Pzem004t
from paifang_rig.simulated.models.relay import Relay
from paifang_rig.wifi import Wifi
from paifang_tools import build

BLOCKS = 32


def image(main: str, **files: str) -> bytes:
    return build.lay_out({"main.py": main.encode()} | {k: v.encode() for k, v in files.items()}, BLOCKS)


@pytest.fixture
def run(bench):
    """`run(script, ...)`: a board that runs it, with power on."""

    def make(main: str, **options):
        board = bench.board(f"board-{len(bench.boards)}", image(main), **options)
        board.power_on()
        return board

    return make


async def test_boots_from_real_littlefs_into_an_esp32s_surroundings(run):
    board = run(
        "import os, sys, machine\n"
        "print('root', sorted(os.listdir('/')), sys.path, __name__)\n"
        "print('cause', machine.reset_cause(), machine.unique_id().hex())\n"
        "print('blocks', os.statvfs('/')[2], os.statvfs('/')[0])\n"
        "raise SystemExit(3)\n"
    )
    assert await board.wait_exit() == "exit"
    assert board.exit_code == 3
    assert board.console[0] == "root ['main.py'] ['', '.frozen', '/lib'] __main__"
    assert board.console[1] == f"cause 1 {board.unique_id.hex()}"
    assert board.console[2] == f"blocks {BLOCKS} 4096"


async def test_boot_runs_before_main_and_modules_come_from_the_flash(bench):
    files = {"main.py": b"import lib1\nprint('main', lib1.X)", "boot.py": b"print('boot')", "lib/lib1.py": b"X = 5"}
    board = bench.board("b", build.lay_out(files, BLOCKS))
    board.power_on()
    await board.wait_exit()
    assert list(board.console) == ["boot", "main 5"]


async def test_the_heap_is_capped(run):
    board = run("x = []\nwhile True:\n    x.append(bytes(1024))\n")
    assert await board.wait_exit() == "exit"
    assert any("MemoryError" in line for line in board.console)


async def test_config_is_laid_over_the_image(run):
    board = run("print(open('/config.json').read())", config={"node": "aq-1"})
    await board.wait_exit()
    assert list(board.console) == ['{"node": "aq-1"}']


WRITER = """
import os
try:
    old = open('/count').read()
except OSError:
    old = '0'
print('found', old)
n = int(old)
while True:
    n += 1
    with open('/count.new', 'w') as f:
        f.write('%d' % n)
    os.rename('/count.new', '/count')
    print('wrote', n)
"""


async def test_files_survive_power_cuts_at_any_moment(run, tier_size):
    board = run(WRITER)
    for _ in range(tier_size(10, 200)):
        await board.wait_line(f"wrote {1 + int(last(board.console, 'found'))}")
        board.power_cut()
        # The cut may have ended the last line before its number.
        wrote = [line.removeprefix("wrote ") for line in board.console if line.startswith("wrote ")]
        done = max((int(number) for number in wrote if number), default=0)
        boots = board.boot
        board.power_on()
        await board.bench.until(lambda b=boots: sum(line.startswith("found") for line in board.console) > b)
        assert int(last(board.console, "found")) in (done, done + 1)


def last(lines, word: str) -> str:
    return next((line.split()[1] for line in reversed(lines) if line.startswith(word)), "0")


@pytest.mark.parametrize("torn", [False, True])
async def test_a_file_is_old_or_new_after_a_cut_at_every_flash_operation(run, torn: bool):
    script = (
        "import os\n"
        "try:\n    print('found', open('/f').read()[:3], len(open('/f').read()))\n"
        "except OSError:\n    print('found none 0')\n"
        "with open('/g', 'w') as f:\n    f.write('new' * 400)\n"
        "os.rename('/g', '/f')\n"
        "print('done')\n"
    )
    board = run(script)
    await board.wait_exit()
    steps = sum(count for kind, count in board.storage.counts.items() if kind.startswith("flash"))
    assert steps > 3
    for cut in range(1, steps + 1):
        board.flash_path.write_bytes(build.add_files(image(script), {"f": b"old" * 400}))
        board.power_on()
        fault = board.cut_after(cut, torn=torn)
        how = await board.wait_exit()
        if not fault.fired:
            assert how == "exit"
            continue
        assert how == "cut"
        assert fault.where.startswith("flash-")
        board.power_on()
        await board.wait_exit()
        assert board.console[-2] in ("found old 1200", "found new 1200")


NVS = """
import esp32
n = esp32.NVS('paifang')
def blob():
    b = bytearray(16)
    return bytes(b[:n.get_blob('key', b)])
try:
    print('found', n.get_i32('boot'), blob())
except OSError as e:
    print('found', e)
n.set_i32('boot', 7)
n.set_blob('key', b'seven')
print('set', n.get_i32('boot'), blob())
n.commit()
print('committed')
"""


async def test_nvs_has_the_names_and_errors_of_the_esp32_port(run):
    board = run(
        NVS + "n.erase_key('boot')\nn.commit()\n"
        "for what in (lambda: n.get_i32('boot'), lambda: n.get_blob('key', bytearray(2)),"
        " lambda: n.set_i32('x' * 16, 1), lambda: n.erase_key('none'), lambda: n.get_blob('boot', bytearray(4))):\n"
        "    try:\n        what()\n    except OSError as e:\n        print(e.errno, e.args[1])\n"
    )
    await board.wait_exit()
    assert list(board.console) == [
        "found (-4354, 'ESP_ERR_NVS_NOT_FOUND')",
        "set 7 b'seven'",
        "committed",
        "-4354 ESP_ERR_NVS_NOT_FOUND",
        "-4364 ESP_ERR_NVS_INVALID_LENGTH",
        "-4358 ESP_ERR_NVS_INVALID_NAME",
        "-4354 ESP_ERR_NVS_NOT_FOUND",
        "-4354 ESP_ERR_NVS_NOT_FOUND",
    ]


@pytest.mark.parametrize("eager", [False, True])
async def test_nvs_after_a_cut_at_every_step(run, eager: bool):
    board = run(NVS, nvs_eager=eager)
    await board.wait_exit()
    assert board.storage.counts["nvs-set"] == 2
    assert board.storage.counts["nvs-commit"] == 1
    steps = sum(board.storage.counts.values())
    blank = b"\xff" * len(board.nvs_path.read_bytes())
    found = set()
    for cut in range(1, steps + 1):
        for torn in (False, True):
            board.nvs_path.write_bytes(blank)
            board.power_on()
            fault = board.cut_after(cut, torn=torn)
            assert await board.wait_exit() == "cut"
            assert fault.fired
            assert board.console[-1] != "committed"
            board.power_on()
            await board.wait_exit()
            found.add(next(line for line in reversed(board.console) if line.startswith("found")))
    assert found <= {"found (-4354, 'ESP_ERR_NVS_NOT_FOUND')", "found 7 b'seven'"}
    assert "found (-4354, 'ESP_ERR_NVS_NOT_FOUND')" in found


async def test_what_was_not_committed_is_gone(run):
    board = run(NVS.replace("n.commit()", ""))
    await board.wait_exit()
    board.power_on()
    await board.wait_exit()
    assert board.console[3] == board.console[0]


async def test_ticks_wrap_at_two_to_the_thirty_and_timers_do_not_care(run):
    board = run(
        "import time, asyncio\n"
        "async def main():\n"
        "    before = time.ticks_ms()\n"
        "    for _ in range(8):\n"
        "        start = time.ticks_ms()\n"
        "        await asyncio.sleep_ms(50)\n"
        "        waited = time.ticks_diff(time.ticks_ms(), start)\n"
        "        assert 45 <= waited < 2000, waited\n"
        "        time.sleep_ms(10)\n"
        "    after = time.ticks_ms()\n"
        "    print('wrapped', before > after, before < 1 << 30, time.ticks_diff(after, before) >= 400)\n"
        "    print(time.ticks_add(before, 1 << 20) == (before + (1 << 20)) & ((1 << 30) - 1), time.localtime()[0])\n"
        "asyncio.run(main())\n",
        wrap_in_ms=200,
    )
    await board.wait_exit()
    assert list(board.console) == ["wrapped True True True", "True 2000"]


async def test_node_time_runs_faster_on_demand(run):
    script = (
        "import time, asyncio, utime\n"
        "async def long():\n    await asyncio.sleep(60)\n"
        "async def main():\n"
        "    start, real = time.ticks_ms(), utime.ticks_ms()\n"
        "    await asyncio.sleep(2)\n"
        "    time.sleep_ms(1000)\n"
        "    try:\n        await asyncio.wait_for(long(), 1)\n    except asyncio.TimeoutError:\n        pass\n"
        "    node, real = time.ticks_diff(time.ticks_ms(), start), utime.ticks_ms() - real\n"
        "    print(node >= 4000 - 4 * 20, real < node // 2)\n"  # each sleep may end a tick, here 20 ms, early
        "asyncio.run(main())\n"
    )
    board = run(script, speed=20)
    await board.wait_exit()
    assert list(board.console) == ["True True"]


async def test_the_watchdog_resets_a_board_that_hangs_and_no_other(run):
    script = (
        "import machine, time\n"
        "print('cause', machine.reset_cause())\n"
        "wdt = machine.WDT(timeout=400)\n"
        "if machine.reset_cause() == machine.WDT_RESET:\n    print('again')\n"
        "for _ in range(8):\n    time.sleep_ms(100)\n    wdt.feed()\n"
        "print('fed')\n"
        "while True:\n    pass\n"
    )
    board = run(script)
    await board.wait_line("again")
    board.power_cut()
    assert list(board.console)[:4] == ["cause 1", "fed", "cause 3", "again"]
    assert board.ended[1] == "watchdog"


@pytest.mark.parametrize(
    ("call", "cause"), [("machine.reset()", 2), ("machine.soft_reset()", 5), ("machine.deepsleep(100)", 4)]
)
async def test_a_reset_never_returns_and_the_board_boots_again(run, call: str, cause: int):
    board = run(
        "import machine\nprint('cause', machine.reset_cause())\n"
        f"if machine.reset_cause() == 1:\n    {call}\n    print('no')\n"
    )
    await board.wait_line(f"cause {cause}")
    assert "no" not in board.console
    assert board.ended[1] == "reset"


async def test_a_uart_answers_byte_for_byte_with_and_without_streams(run, bench):
    board = run(
        "import machine, asyncio\n"
        "u = machine.UART(2, 9600, tx=17, rx=16, timeout=0)\n"
        "async def main():\n"
        "    r = asyncio.StreamReader(u)\n"
        "    u.write(b'\\x42\\x4d\\xe1\\x00\\x00\\x01\\x70')\n"
        "    print((await r.readexactly(8)).hex())\n"
        "    u.write(b'\\x42\\x4d\\xe2\\x00\\x00\\x01\\x71')\n"
        "    while u.any() < 32:\n        await asyncio.sleep_ms(5)\n"
        "    print((await r.readexactly(32)).hex())\n"
        "    print(u.any(), u.read(), u.read(5))\n"
        "asyncio.run(main())\n"
        "u = machine.UART(2, 9600, timeout=2000)\n"
        "u.write(b'\\x42\\x4d\\xe2\\x00\\x00\\x01\\x71')\n"
        "print(u.read(32).hex())\n",
        sensors=[Pms5003()],
    )
    await board.wait_exit()
    assert list(board.console) == ["424d0004e1000174", PMS_CAPTURED[0].hex(), "0 None None", PMS_CAPTURED[1].hex()]
    assert [(e.sensor, e.identity, e.valid, e.power_cycle) for e in bench.emitted] == [
        ("pms5003", 0, True, 1),
        ("pms5003", 1, True, 1),
    ]


async def test_a_uart_at_another_rate_hears_noise(run):
    board = run(
        "import machine, time\n"
        "u = machine.UART(2, 4800, timeout=300)\n"
        "u.write(bytes.fromhex('01040000000A700D'))\n"
        "print(u.read(25))\n",
        sensors=[Pzem004t()],
    )
    await board.wait_exit()
    assert list(board.console) == ["None"]


async def test_a_uart_without_a_wire_is_silent(run):
    board = run("import machine\nu = machine.UART(1, 9600, timeout=50)\nprint(u.write(b'abc'), u.read(3), u.any())\n")
    await board.wait_exit()
    assert list(board.console) == ["3 None 0"]


async def test_a_meter_on_the_uart(run):
    board = run(
        "import machine\n"
        "u = machine.UART(2, 9600, timeout=2000)\n"
        "u.write(bytes.fromhex('01040000000A700D'))\n"
        "print(u.read(25).hex())\n",
        sensors=[Pzem004t()],
    )
    await board.wait_exit()
    assert list(board.console) == [PZEM_CAPTURED.hex()]


async def test_i2c_registers_and_absence(run):
    board = run(
        "import machine\n"
        "i = machine.I2C(0, scl=machine.Pin(22), sda=machine.Pin(21))\n"
        "print([hex(a) for a in i.scan()], i.readfrom_mem(0x76, 0xd0, 1))\n"
        "b = bytearray(6)\n"
        "i.readfrom_mem_into(0x76, 0x88, b)\n"
        "i.writeto(0x76, b'\\xf2')\n"
        "i.writeto_mem(0x76, 0xf2, b'\\x01')\n"
        "print(b.hex(), i.readfrom_mem(0x76, 0xf2, 1))\n"
        "try:\n    i.readfrom(0x40, 1)\nexcept OSError as e:\n    print(e.errno)\n",
        sensors=[Bme280()],
    )
    await board.wait_exit()
    assert list(board.console) == ["['0x76'] b'`'", "706b436718fc b'\\x01'", "19"]


async def test_pins_drive_a_relay_that_lets_go_without_a_processor(run):
    relay = Relay()
    board = run(
        "import machine, time\n"
        "out = machine.Pin(25, machine.Pin.OUT, value=0)\n"
        "back = machine.Pin(26, machine.Pin.IN, machine.Pin.PULL_DOWN)\n"
        "print(back.value())\n"
        "out.value(1)\n"
        "print(back(), out.value())\n"
        "out.off()\nprint(back())\nout.on()\nprint(back(), 'held')\n"
        "while True:\n    time.sleep_ms(100)\n",
        sensors=[relay],
    )
    await board.wait_line("held")
    assert list(board.console) == ["0", "1 1", "0", "1 held"]
    assert relay.closed
    board.power_cut()
    assert not relay.closed
    assert relay.moves == [True, False, True, False]


async def test_adc_reads_what_the_bench_applies(run):
    board = run(
        "import machine, time\nwhile machine.ADC(machine.Pin(34)).read_uv() == 0:\n    time.sleep_ms(5)\n"
        "a = machine.ADC(34, atten=machine.ADC.ATTN_11DB)\nprint(a.read_uv(), a.read_u16())\n"
    )
    board.adc[34] = 1_650_000
    await board.wait_exit()
    assert list(board.console) == ["1650000 32767"]


WLAN = """
import network, time, socket
w = network.WLAN(network.STA_IF)
def connects():
    try:
        socket.socket().close()
        return True
    except OSError as e:
        return e.errno
print('off', w.status(), connects())
w.active(True)
w.connect('paifang', 'secret')
print('trying', w.status() == network.STAT_CONNECTING, w.isconnected())
for _ in range(400):
    if w.status() != network.STAT_CONNECTING:
        break
    time.sleep_ms(10)
print('now', w.status(), connects())
print(w.ifconfig()[0], w.status('rssi') < 0)
while w.isconnected():
    time.sleep_ms(10)
print('lost', w.status(), connects())
"""


async def test_wifi_takes_its_time_and_may_go_away(run):
    board = run(WLAN, wifi=Wifi(connect_ms=60))
    await board.wait_line("127.0.0.1 True")
    board.wifi.up = False
    await board.wait_line("lost")
    assert list(board.console) == [
        "off 1000 113",
        "trying True False",
        "now 1010 True",
        "127.0.0.1 True",
        "lost 200 113",
    ]


@pytest.mark.parametrize(
    ("wifi", "status"), [(Wifi(up=False), 201), (Wifi(ssid="other"), 201), (Wifi(password="another"), 202)]
)
async def test_wifi_says_why_not(run, wifi: Wifi, status: int):
    board = run(WLAN, wifi=wifi)
    await board.wait_line(f"now {status} 113")


async def test_uart_one_is_a_serial_device_of_the_host_over_power_cuts(run):
    board = run(
        "import machine, time\n"
        "u = machine.UART(1, 115200)\n"
        "u.write(b'hello\\n')\n"
        "while True:\n"
        "    d = u.read(64)\n"
        "    if d:\n        u.write(d.upper())\n"
        "    time.sleep_ms(5)\n",
        serial=True,
    )
    with serial.Serial(board.serial_path, 115200, timeout=0) as port:
        for _ in range(2):
            assert await said(board, port, 6) == b"hello\n"
            port.write(b"ping\x00\x03\x04")
            assert await said(board, port, 7) == b"PING\x00\x03\x04"
            board.power_cut()
            heard = board.serial.heard_bytes
            port.write(b"nobody hears this")
            await board.bench.until(lambda h=heard: board.serial.heard_bytes == h + 17)
            board.power_on()


async def said(board, port, count: int) -> bytes:
    data = b""

    def complete() -> bool:
        nonlocal data
        data += port.read(count - len(data))
        return len(data) == count

    await board.bench.until(complete, what="an answer on the serial line")
    return data


async def test_unmodified_mpremote_finds_a_prompt_and_the_files(bench, tmp_path):
    board = bench.board("b", build.lay_out({"boot.py": b"X = 1\n"}, BLOCKS), repl=True)
    board.power_on()
    (tmp_path / "note.txt").write_text("from the host")

    async def mpremote(*arguments: str) -> str:
        command = (sys.executable, "-m", "mpremote", "connect", board.repl_path, "resume", *arguments)
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        async with asyncio.timeout(30):
            said, _ = await process.communicate()
        assert process.returncode == 0, said
        return said.decode()

    await mpremote("fs", "cp", str(tmp_path / "note.txt"), ":note.txt")
    assert "note.txt" in await mpremote("fs", "ls")
    assert board.unique_id.hex() in await mpremote("exec", "import machine; print(machine.unique_id().hex())")
    board.power_cut()
    assert b"from the host" in board.flash_path.read_bytes()


async def test_a_cut_that_cannot_be_is_refused_by_name(run):
    board = run("while True:\n    pass\n")
    with pytest.raises(RigError, match="first operation"):
        board.cut_after(0)
    with pytest.raises(RigError, match="board-0: has power"):
        board.power_on()


async def test_nothing_is_left_of_a_closed_bench(bench):
    board = bench.board("b", image("while True:\n    pass\n"))
    board.power_on()
    await board.bench.until(lambda: board.pid)
    pid, descriptors = board.pid, open_descriptors()
    bench.board("c", image("")).power_on()
    board.close()
    assert not Path(f"/proc/{pid}").exists()
    bench.boards["c"].close()
    assert open_descriptors() < descriptors


def open_descriptors() -> int:
    return len([*Path("/proc/self/fd").iterdir()])
