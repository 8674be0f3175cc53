"""Signed notes, checkpoints and cosignatures against vectors of others, and what must be refused."""

import base64
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import audit_vectors as vectors

from paifang.audit import checkpoints, notes
from paifang.audit.checkpoints import Checkpoint
from paifang.audit.notes import NoteError

ROOT = vectors.ROOTS[8]
LOG = notes.new_signer("paifang/ward-1/audit", notes.ED25519, bytes(range(32)))
WITNESS = notes.new_signer("witness.example/w1", notes.COSIGNATURE, bytes(range(1, 33)))


def test_keys_and_notes_are_those_of_the_reference():
    signer = notes.signer_of(vectors.SKEY)
    assert signer.skey == vectors.SKEY
    assert signer.verifier.vkey == vectors.VKEY
    assert notes.sign(vectors.TEXT, signer) == vectors.NOTE
    assert notes.parse(vectors.NOTE.encode()).is_signed_by(notes.verifier_of(vectors.VKEY))
    assert notes.parse(vectors.OTHER_NOTE.encode()).is_signed_by(notes.verifier_of(vectors.OTHER_VKEY))
    assert not notes.parse(vectors.OTHER_NOTE.encode()).is_signed_by(notes.verifier_of(vectors.VKEY))


@pytest.mark.parametrize(("key", "read"), [(vectors.VKEY, notes.verifier_of), (vectors.SKEY, notes.signer_of)])
def test_a_mangled_key_is_no_key(key, read):
    for place in range(len(key)):
        for other in "+aZ9= ":
            mangled = key[:place] + other + key[place + 1 :]
            if mangled.strip() != key:
                with pytest.raises(NoteError):
                    read(mangled)
        with pytest.raises(NoteError):
            read(key[:place])


def test_every_turned_bit_of_a_note_is_seen():
    verifier, data = notes.verifier_of(vectors.VKEY), vectors.NOTE.encode()
    for place in range(len(data)):
        for bit in range(8):
            turned = bytearray(data)
            turned[place] ^= 1 << bit
            try:
                assert not notes.parse(bytes(turned)).is_signed_by(verifier)
            except NoteError:
                continue


@pytest.mark.parametrize(
    "note",
    [
        b"",
        vectors.TEXT.encode(),
        vectors.NOTE.encode().rstrip(),
        vectors.NOTE.replace("\n\n", "\n").encode(),
        vectors.NOTE.replace("\u2014", "-").encode(),
        vectors.NOTE.replace("\u2014 ", "\u2014  ").encode(),
        vectors.NOTE.replace("x08go", "x08g").encode(),
        vectors.NOTE.replace("AM=\n", "AN=\n").encode(),
        vectors.NOTE.replace("your", "your\t").encode(),
        vectors.NOTE.encode().replace(b"your", b"\xff"),
        vectors.NOTE.encode() + b"\n",
        vectors.NOTE.encode() + b"more\n",
        b"a" * notes.NOTE_LIMIT + vectors.NOTE.encode(),
    ],
)
def test_what_is_no_note_is_refused(note):
    with pytest.raises(NoteError):
        notes.parse(note)


def test_a_signature_of_a_stranger_is_passed_over_and_a_bad_one_of_the_key_is_not():
    stranger = notes.new_signer("other", notes.ED25519, bytes(32))
    text = Checkpoint(LOG.name, 8, ROOT).text
    both = notes.sign(text, stranger, LOG).encode()
    assert checkpoints.verify(both, LOG.verifier).size == 8
    twice = notes.sign(text, LOG) + LOG.line("another text\n")
    with pytest.raises(NoteError, match="not signed"):
        checkpoints.verify(twice.encode(), LOG.verifier)


@pytest.mark.parametrize("name", ["", "two words", "plus+plus", "line\n", "\u2003"])
def test_such_a_name_cannot_sign(name):
    with pytest.raises(NoteError):
        notes.new_signer(name, notes.ED25519, bytes(32))


def test_a_checkpoint_is_three_lines():
    found = Checkpoint(LOG.name, 8, ROOT)
    assert found.text == f"paifang/ward-1/audit\n8\n{base64.b64encode(ROOT).decode()}\n"
    assert checkpoints.verify(notes.sign(found.text, LOG).encode(), LOG.verifier) == found
    assert checkpoints.origin_of("ward-1") == LOG.name


@pytest.mark.parametrize(
    "text",
    [
        "paifang/ward-1/audit\n8\n",
        f"paifang/ward-1/audit\n08\n{base64.b64encode(ROOT).decode()}\n",
        f"paifang/ward-1/audit\n-8\n{base64.b64encode(ROOT).decode()}\n",
        f"paifang/ward-1/audit\n8\n{base64.b64encode(ROOT[:-1]).decode()}\n",
        f"paifang/ward-1/audit\n8\n{base64.b64encode(ROOT).decode()}\nmore\n",
        "paifang/ward-1/audit\n8\n!\n",
        f"paifang/ward-2/audit\n8\n{base64.b64encode(ROOT).decode()}\n",
    ],
)
def test_what_the_key_signed_but_is_no_checkpoint_of_this_log_is_refused(text):
    with pytest.raises(NoteError):
        checkpoints.verify(notes.sign(text, LOG).encode(), LOG.verifier)


def test_a_cosignature_signs_the_time_too():
    text = Checkpoint(LOG.name, 8, ROOT).text
    note = notes.parse((notes.sign(text, LOG) + WITNESS.line(text, 1_795_000_000)).encode())
    assert note.is_signed_by(LOG.verifier)
    assert note.is_signed_by(notes.verifier_of(WITNESS.verifier.vkey))
    name, key_id, signature = note.signatures[1]
    assert (name, key_id) == (WITNESS.name, WITNESS.verifier.key_id)
    assert int.from_bytes(signature[:8], "big") == 1_795_000_000
    later = (1_795_000_001).to_bytes(8, "big") + signature[8:]
    assert WITNESS.verifier.is_good(text, signature)
    assert not WITNESS.verifier.is_good(text, later)
    assert not WITNESS.verifier.is_good(text, b"short")
    assert WITNESS.verifier.key_id != notes.new_signer(WITNESS.name, notes.ED25519, WITNESS.seed).verifier.key_id
