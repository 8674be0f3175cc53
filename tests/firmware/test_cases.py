"""Drivers and the logic of a node, on both interpreters."""

from __future__ import annotations

import importlib


def test_on_cpython(case: tuple[str, str]) -> None:
    module, function = case
    getattr(importlib.import_module(f"firmware_cases.{module}"), function)()


def test_on_micropython(case: tuple[str, str], on_micropython: dict[tuple[str, str], str]) -> None:
    module, _ = case
    result = on_micropython.get(case, "did not run: " + on_micropython[module, ""])
    assert result.splitlines()[0] == "ok", result
