"""Skips the tests of whoever imports this where SUMO cannot be loaded: its wheels need libraries of the system."""

import pytest

PACKAGES = "libx11-6 libxext6 libxrender1 libgl1 libatomic1"
"""By Debian's names."""

pytest.importorskip("libsumo", reason=f"SUMO cannot be loaded: apt-get install {PACKAGES}", exc_type=ImportError)
