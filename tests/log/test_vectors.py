"""Answers that others publish: for proofs in Merkle trees, for signed notes, for canonical JSON.

The proofs are the facts of transparency-dev/merkle, one a line; the note is Go's own example; the JSON is
the test data of RFC 8785, as far as it is made of what we write.
"""

import base64
import csv
import json
from pathlib import Path

import pytest

from gateway.log.checkpoint import CheckpointError, VerifierKey
from gateway.log.leaf import canonical
from tests.log.made import proves_consistency, proves_inclusion

_TABLE = (Path(__file__).parent / "merkle_vectors.tsv").read_text()
PROOFS = list(csv.DictReader(_TABLE.splitlines(), delimiter="\t"))
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SIGNED = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
JSON = {
    "arrays": ('[56,{"d":true,"10":null,"1":[]}]', '[56,{"1":[],"10":null,"d":true}]'),
    "french": (
        '{"peach":1,"p\u00e9ch\u00e9":2,"p\u00eache":3,"sin":4}',
        '{"peach":1,"p\u00e9ch\u00e9":2,"p\u00eache":3,"sin":4}',
    ),
    "structures": (
        '{"1":{"f":{"f":"hi","F":5},"\\n":56},"10":{},"":"empty","a":{},"111":[{"e":"yes","E":"no"}],"A":{}}',
        '{"":"empty","1":{"\\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"no","e":"yes"}],"A":{},"a":{}}',
    ),
    "unicode": ('{"Unnormalized Unicode":"A\u030a"}', '{"Unnormalized Unicode":"A\u030a"}'),
    "values": (
        '{"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
        '{"literals":[null,true,false],"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    ),
    "weird": (
        '{"\\u20ac":1,"\\r":2,"\\u000a":3,"1":4,"\\u0080":"Control\\u007f","\\u00f6":5,"\\ufb33":6,"</script>":7}',
        '{"\\n":3,"\\r":2,"1":4,"</script>":7,"\u0080":"Control\u007f","\u00f6":5,"\u20ac":1,"\ufb33":6}',
    ),
}


def octets(text: str) -> bytes:
    return b"" if text in {"-", "empty"} else bytes.fromhex(text)


@pytest.mark.parametrize("vector", PROOFS, ids=lambda vector: f"{vector['kind']}-{vector['name']}")
def test_a_proof_is_judged_as_others_judge_it(vector):
    first, second = int(vector["first"]), int(vector["second"])
    left, right = octets(vector["left"]), octets(vector["right"])
    proof = [octets(node) for node in vector["proof"].split(",") if node != "-"]
    if vector["kind"] == "consistency":
        # Where one tree is empty, or both are the same, nothing is to be proved: heads are compared instead.
        proved = proves_consistency(first, second, proof, left, right)
        assert proved == (vector["verdict"] == "good" and 0 < first < second)
    else:
        assert proves_inclusion(left, first, second, proof, right) == (vector["verdict"] == "good")


def test_there_are_98_proofs_of_each_kind():
    kinds = [vector["kind"] for vector in PROOFS]
    assert (kinds.count("consistency"), kinds.count("inclusion")) == (98, 98)


def test_a_verifier_key_of_another_program_is_read_and_no_mangling_of_it():
    key = VerifierKey.read(PETER)
    assert (key.name, key.key_id.hex(), str(key)) == ("PeterNeumann", "c74f20a3", PETER)
    mangled = {PETER[i:j] for i in range(len(PETER)) for j in range(i, len(PETER) + 1)} - {PETER}
    mangled |= {PETER[:i] + chr(ord(PETER[i]) + 1) + PETER[i + 1 :] for i in range(len(PETER))}
    mangled |= {
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    }
    for text in mangled:
        with pytest.raises(CheckpointError):
            VerifierKey.read(text)


def test_a_note_that_another_program_signed_is_good_and_no_other_text():
    blob = base64.b64decode(SIGNED)
    key = VerifierKey.read(PETER)
    assert blob[:4] == key.key_id
    assert key.verify(blob[4:], NOTE.encode())
    for at in range(len(NOTE)):
        assert not key.verify(blob[4:], NOTE[:at].encode() + b"~" + NOTE[at + 1 :].encode())


@pytest.mark.parametrize("name", JSON)
def test_json_is_written_as_the_standard_has_it(name):
    given, expected = JSON[name]
    assert canonical(json.loads(given)).decode() == expected


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        56.0,
        1e30,
        float("nan"),
        2**53,
        -(2**53),
        [2**60],
        {"a": {"b": 0.5}},
        {1: "x"},
        {None: "x"},
        {True: "x"},
        {"\U0001f602": 1},
        "\ud800",
        b"octets",
        {"a": {1, 2}},
        object(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(ValueError):  # noqa: PT011 - the words do not matter
        canonical(value)


def test_the_largest_number_that_every_reader_knows():
    assert canonical([2**53 - 1, -(2**53) + 1]) == b"[9007199254740991,-9007199254740991]"
