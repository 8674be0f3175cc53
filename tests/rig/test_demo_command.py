"""How the demo's command refuses what it cannot do, before it starts anything."""

from __future__ import annotations

import subprocess
import sys

import pytest


def demo(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "paifang", "demo", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("time", ["19s", "30", "-30s", "100y", "1e3s", ""])
def test_a_time_that_is_none_or_too_short(time):
    done = demo("--for", time)
    assert (done.returncode, done.stdout) == (2, "")
    assert 'expected a time of at least 20s with its unit, such as "30s"' in done.stderr


def test_a_folder_that_is_in_use_or_cannot_be_made(tmp_path):
    file = tmp_path / "file"
    file.touch()
    for folder, code, said in (
        (tmp_path, 2, "is not empty: name a new folder"),
        (file, 4, f"cannot make the folder {file}: File exists"),
        (file / "below", 4, "Not a directory; name another with --data"),
    ):
        done = demo("--data", folder)
        assert (done.returncode, done.stdout) == (code, "")
        assert said in done.stderr
        assert "Traceback" not in done.stderr
