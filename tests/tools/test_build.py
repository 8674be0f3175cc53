"""From sources to an image that the interpreter mounts, and the limits of that."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys

import pytest
from littlefs import LittleFS
from littlefs.context import UserContext

from paifang_tools import build
from paifang_tools.errors import ToolError


def files_of(image: bytes) -> dict[str, bytes]:
    """Read back with MicroPython's block count rule: exactly the image's own."""
    filesystem = LittleFS(
        context=UserContext(buffer=bytearray(image)), mount=True, block_size=4096, block_count=len(image) // 4096
    )
    names = [f"{folder.rstrip('/')}/{name}" for folder, _, found in filesystem.walk("/") for name in found]
    return {name: filesystem.open(name, "rb").read() for name in names}


def test_a_node_image_has_what_a_node_needs_and_no_source_but_two_files():
    files = files_of(build.build_image({"node": "aq-1"}, 128))
    assert json.loads(files["/config.json"]) == {"node": "aq-1"}
    assert {"/boot.py", "/main.py", "/lib/paifang_wire/session.mpy", "/roles/air_quality.mpy"} <= set(files)
    assert [name for name in files if name.endswith(".py")] == ["/boot.py", "/main.py"]
    assert all(data.startswith(b"M\x06") for name, data in files.items() if name.endswith(".mpy"))


def test_an_image_has_exactly_the_blocks_asked_for():
    assert len(build.build_image({}, 128)) == 128 * 4096
    assert len(build.build_image({})) == build.BLOCK_COUNT * 4096


def test_files_are_added_and_replaced():
    image = build.lay_out({"a.txt": b"one", "deep/er/b.txt": b"two"}, 16)
    image = build.add_files(image, {"a.txt": b"three"})
    assert files_of(image) == {"/a.txt": b"three", "/deep/er/b.txt": b"two"}
    size = build.image_size(image)
    assert (size.content, size.total) == (8, 16 * 4096)
    assert 0 < size.used < size.total


def test_what_does_not_fit_is_said_in_numbers():
    with pytest.raises(ToolError, match="do not fit in 8 blocks"):
        build.lay_out({"big": bytes(40_000)}, 8)


def test_a_compiled_file_is_kept_by_its_content(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "cache_folder", lambda: tmp_path / "cache")
    source = tmp_path / "x.py"
    source.write_text("X = 1\n")
    first = build.compile_file(source, "x.py")
    assert build.compile_file(source, "x.py") == first
    assert len(list((tmp_path / "cache").iterdir())) == 1
    source.write_text("X = 2\n")
    assert build.compile_file(source, "x.py") != first
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_a_source_that_does_not_compile_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "cache_folder", lambda: tmp_path / "cache")
    source = tmp_path / "broken.py"
    source.write_text("def f(:\n")
    with pytest.raises(ToolError, match=r"broken\.py: MicroPython cannot compile it"):
        build.compile_file(source, "broken.py")
    assert list((tmp_path / "cache").iterdir()) == []


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )


def test_on_the_command_line(tmp_path):
    config, image = tmp_path / "config.json", tmp_path / "node.img"
    config.write_text('{"node": "aq-1", "role": "air_quality"}')
    done = command("paifang_tools.build", "--config", config, "--out", image, "--blocks", "128")
    assert done.returncode == 0, done.stderr
    assert image.stat().st_size == 128 * 4096
    assert "bytes of files" in done.stdout
    assert json.loads(build.read_file(image.read_bytes(), "config.json"))["node"] == "aq-1"


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("{", (), "config.json: not JSON"),
        (
            "[1]",
            (),
            "config.json: role: None; expected one of: air_quality, signal_monitor, smart_meter, traffic_signal",
        ),
        ('{"role": "air_qualty"}', (), "role: 'air_qualty'; expected one of: air_quality"),
        (None, (), "No such file or directory"),
        ('{"role": "air_quality"}', ("--blocks", "-5"), "-5: expected a number from 2 to"),
        ('{"role": "air_quality"}', ("--blocks", "5"), "do not fit in 5 blocks"),
    ],
)
def test_what_is_wrong_is_said_and_no_image_is_written(tmp_path, capsys, text, options, said):
    config, image = tmp_path / "config.json", tmp_path / "node.img"
    if text is not None:
        config.write_text(text)
    with contextlib.suppress(SystemExit):  # how argparse ends
        assert build.main(["--config", str(config), "--out", str(image), *options]) == 2
    assert said in capsys.readouterr().err
    assert not image.exists()


@pytest.mark.parametrize("image", [b"", b"no image", bytes(8 * 4096), build.lay_out({"other.txt": b"x"}, 8)])
def test_what_is_no_node_is_not_read(image):
    with pytest.raises(ToolError, match=r"no config\.json in it"):
        build.read_file(image, "config.json")
