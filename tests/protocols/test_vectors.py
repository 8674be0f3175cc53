"""The standards' own vectors, and ours, on both interpreters."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import cbor2
import pytest
from portable import run_vectors
from portable.plain import fingerprint, restore

from .conftest import SMALL_HEAP, VECTOR_KINDS, load_cases

if TYPE_CHECKING:
    from .conftest import MicroPython

PUBLISHED_COUNTS = {
    "rfc8949_appendix_a": 82,
    "rfc8949_not_well_formed": 94,
    "rfc4231_hmac_sha256": 7,
    "rfc5869_hkdf_sha256": 3,
    "cose_wg_mac0": 13,
    "rfc6979_p256_sha256": 2,
    "wycheproof_p256_sha256": 52,
    "p256_edges": 108,
    "cose_wg_sign1": 12,
}
"""How many cases the source has: a vector file that lost some must not pass."""
ALL = [(name, case) for name in VECTOR_KINDS for case in load_cases(name)]


@pytest.mark.parametrize(("name", "case"), ALL, ids=lambda part: part if isinstance(part, str) else part["id"])
def test_vector_on_cpython(name: str, case: dict[str, Any]) -> None:
    assert run_vectors.outcome(VECTOR_KINDS[name], case) == "ok"


def test_vectors_on_micropython(micropython: MicroPython) -> None:
    lines = [json.dumps([VECTOR_KINDS[name], case], ensure_ascii=False) for name, case in ALL]
    answers = micropython.run("run_vectors", "\n".join(lines).encode(), SMALL_HEAP)
    assert len(answers) == len(ALL)
    assert [(case["id"], answer) for (_, case), answer in zip(ALL, answers, strict=True) if answer != "ok"] == []


def test_a_wrong_vector_fails_on_both(micropython: MicroPython) -> None:
    """The runner can fail: a turned digit in each kind of vector is noticed by either interpreter."""
    broken = [
        ("cbor", {"hex": "1818", "value": 25}),
        ("cbor", {"hex": "1818", "refuse": "nothing"}),
        ("cbor", {"hex": "1817", "value": 23}),
        ("hmac", {**load_cases("rfc4231_hmac_sha256")[0], "tag": "00" * 32}),
        ("hkdf", {**load_cases("rfc5869_hkdf_sha256")[0], "length": 41}),
        ("cose", {**load_cases("cose_wg_mac0")[0], "primitive": "wrong tag"}),
        ("cose", {**load_cases("cose_wg_mac0")[0], "mac_structure": "80"}),
        ("frame", {**load_cases("frames")[0], "counter": 9}),
        ("signature", {**load_cases("rfc6979_p256_sha256")[1], "message": "00"}),
        ("signature", {**load_cases("p256_edges")[0], "ours": False}),
        ("sign1", {**load_cases("cose_wg_sign1")[0], "primitive": "wrong signature"}),
        ("sign1", {**load_cases("cose_wg_sign1")[0], "sig_structure": "80"}),
    ]
    lines = "\n".join(json.dumps(one) for one in broken).encode()
    assert "ok" not in [run_vectors.outcome(kind, case) for kind, case in broken]
    answers = micropython.run("run_vectors", lines)
    assert len(answers) == len(broken)
    assert "ok" not in answers


@pytest.mark.parametrize("name", PUBLISHED_COUNTS)
def test_no_published_case_is_missing(name: str) -> None:
    cases = load_cases(name)
    assert len(cases) == PUBLISHED_COUNTS[name]
    assert len({case["id"] for case in cases}) == len(cases)


@pytest.mark.parametrize("name", ["rfc8949_appendix_a", "cbor_strict"])
def test_cbor2_reads_accepted_vectors_alike(name: str) -> None:
    for case in load_cases(name):
        if "value" in case:
            assert fingerprint(cbor2.loads(bytes.fromhex(case["hex"]))) == fingerprint(restore(case["value"])), case


def test_standard_library_agrees_on_hmac() -> None:
    for case in load_cases("rfc4231_hmac_sha256"):
        digest = hmac.digest(bytes.fromhex(case["key"]), bytes.fromhex(case["data"]), hashlib.sha256)
        assert digest.hex().startswith(case["tag"])


def test_frames_were_sealed_by_another_implementation() -> None:
    for case in load_cases("frames"):
        if "refuse" in case:
            continue
        protected, unprotected, payload, tag = cbor2.loads(bytes.fromhex(case["frame"]))
        assert unprotected == {}
        structure = cbor2.dumps(["MAC0", protected, bytes.fromhex(case["external_aad"]), payload])
        assert hmac.digest(bytes.fromhex(case["key"]), structure, "sha256")[: len(tag)] == tag
