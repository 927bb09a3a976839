"""An invitation is opened, six words are compared each way; only keys that could be enrolled are taken."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pysequoia import Tsk

from gateway.errors import GatewayError
from gateway.model.invitation import ProviderInvitation, are_words, compare, known_words, place_of, six_words
from gateway.openpgp.sealer import certificate_of, clearsign, generate_gateway_key
from gateway.send.ceremonies import judge_passphrase, read_invitation
from gateway.send.kit import Kit
from tests.content import core_data
from tests.send.office import PASSPHRASE, Office
from tests.site import Running, Site

KEYS = Path(__file__).parents[1] / "vectors" / "keys"
VECTOR_KEYS = KEYS.parent / "openpgp" / "keys"
GIVEN = ("--owner", "Ash School <office@ash.invalid>")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def services(site: Site) -> Iterator[Running]:
    with site.running() as running:
        yield running


@pytest.fixture
def ash(site: Site, tmp_path: Path, request: pytest.FixtureRequest) -> Office:
    """An office that has done nothing yet, of a school that is enrolled without keys."""
    made = Office.__new__(Office)
    made.site, made.name, made.root = site, f"ash-{len(site.json('providers', 'list'))}", tmp_path
    made.kit, made.passphrase = tmp_path / "kit", tmp_path / "passphrase"
    made.passphrase.write_text(f"{PASSPHRASE}\n")
    site.gateway("providers", "add", made.name, "--name", "Ash School", "--kind", "school")
    return made


SAME = ("help", "blur", "dish", "reform", "embody", "average")


def test_six_words_are_of_the_list_of_bip_39_and_the_same_on_every_computer() -> None:
    listed = files("gateway.model").joinpath("read_aloud.txt").read_bytes()
    expected = "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda"
    assert hashlib.sha256(listed).hexdigest() == expected
    assert len({word[:4] for word in known_words()}) == 2048
    assert six_words("keys", "oak", ("one", "two")) == SAME
    others = [six_words("keys", "oak", ("onet", "wo")), six_words("keys", "elm", ("one", "two")),
              six_words("invitation", "oak", ("one", "two"))]  # fmt: skip
    assert len({SAME, *others}) == 4


@pytest.mark.parametrize(
    ("heard", "told"),
    [
        ("abandon ability able about above", "six words are read out, and these are 5"),
        ("abandon ability able abuot above absent", "word 4, abuot, is not one of the list: is it about?"),
        ("abandon ability able about above zoo", "word 6, zoo, is another here"),
    ],
)
def test_a_slip_says_which_word(heard: str, told: str) -> None:
    right = ("abandon", "ability", "able", "about", "above", "absent")
    compare(" 1. Abandon, ability able about above ABSENT ", right)
    with pytest.raises(GatewayError, match=told.replace("?", r"\?")):
        compare(heard, right)


def test_words_are_no_fingerprints() -> None:
    assert are_words(["abandon", "ability", "able", "about", "above", "absent"])
    assert are_words(["abandon ability able"])
    assert not are_words(["SHA256:" + "a" * 43])
    assert not are_words(["ABCD EFAB CDEF ABCD EFAB CDEF ABCD EFAB CDEF 1234"])
    assert place_of("[::1]:2022", 22) == ("::1", 2022)
    assert place_of("2001:db8::1", 22) == ("2001:db8::1", 22)


@pytest.mark.long
def test_from_the_invitation_to_a_receipt(ash: Office, services: Running) -> None:
    opened = ash.invited(services.intake)
    shown = ash.done(*opened, *GIVEN)
    assert "Somerset County Council invites Ash School" in shown
    assert b"OPENSSH PRIVATE" in (ash.kit / "ssh").read_bytes().splitlines()[0]
    heard = shown.splitlines()[-2].split()
    ash.site.gateway("keys", "add", ash.name, str(ash.root / f"{ash.name}.keys"))
    slip = ash.site.refused("keys", "confirm", ash.name, *heard[:4], "zoo", "zoo")
    assert "word 5, zoo, is another here" in slip
    assert {key["state"] for key in ash.site.json("keys", "list", ash.name)} == {"pending"}
    said = ash.site.gateway("keys", "confirm", ash.name, *heard)
    assert said.count("is in force") == 2
    ash.site.gateway("agreement", "ratify", ash.name, "--signatory", "The Head")
    (sent,) = ash.json(str(ash.file("core.xml", core_data(seed=6))))
    assert sent["state"] == "accepted"
    ash.kit = ash.kit.rename(ash.root / "moved")
    (sent,) = ash.json(str(ash.file("more.xml", core_data(seed=7))))
    assert sent["state"] == "accepted"
    before = (ash.kit / "openpgp.asc").read_bytes()
    assert ash.done("setup").splitlines()[-2].split() == heard
    ash.done(*ash.invited((services.intake[0], 2022)))
    assert (Kit(ash.kit).settings().port, (ash.kit / "openpgp.asc").read_bytes()) == (2022, before)
    kinds = [event["kind"] for event in ash.site.json("providers", "show", ash.name)["history"]]
    assert kinds.count("provider-invited") == 2


@pytest.mark.needs("faketime")
def test_keys_made_by_a_clock_ahead_are_enrolled_and_a_slow_clock_is_told(
    ash: Office, services: Running
) -> None:
    opened = ash.invited(services.intake)
    code, said = ash.by_a_clock("-1d", *opened, *GIVEN)
    assert (code, "clock is slow: set the clock" in said, ash.kit.exists()) == (1, True, False)
    assert ash.by_a_clock("+400d", *opened, *GIVEN)[0] == 0
    ash.site.gateway("keys", "add", ash.name, str(ash.root / f"{ash.name}.keys"))
    ash.site.gateway("keys", "confirm", ash.name, *ash.done("setup").splitlines()[-2].split())
    assert {key["state"] for key in ash.site.json("keys", "list", ash.name)} == {"active"}


def test_where_nobody_can_type_the_option_is_named_once(ash: Office, services: Running) -> None:
    verb, file, *_ = ash.invited(services.intake)
    result = ash.send(verb, file)
    assert (result.exit_code, result.stderr) == (1, "gateway: say it with --words\n")


def test_wrong_words_make_no_keys(ash: Office, services: Running) -> None:
    *opened, words = ash.invited(services.intake)
    result = ash.send(*opened, " ".join([*words.split()[:2], "zoo", *words.split()[3:]]), *GIVEN)
    assert result.exit_code == 1
    assert "word 3, zoo, is another here: do not go on" in result.stderr
    assert not ash.kit.exists()


def test_the_words_are_of_all_that_the_invitation_says(ash: Office, services: Running) -> None:
    """Whoever makes an invitation of their own signs it with a key of their own: the words tell it."""
    _, path, _, words = ash.invited(services.intake)
    genuine, _ = read_invitation(Path(path))
    assert " ".join(genuine.words()) == words
    secret = generate_gateway_key("Somerset County Council", datetime.now(UTC))
    own = {"certificate": certificate_of(secret).decode(),
           "gateway_key": Tsk.from_bytes(secret).extract_certificate().fingerprint}  # fmt: skip
    for change in (own, {"host": "elsewhere.invalid"}, {"port": 22}, {"host_keys": ("SHA256:" + "A" * 43,)},
                   {"name": "Ash"}):  # fmt: skip
        forged = ProviderInvitation(**{**genuine.model_dump(), **change})
        assert forged.words() != genuine.words()
        Path(path).write_text(clearsign(secret, forged.text()))
        if change is own:
            assert read_invitation(Path(path))[0] == forged
        else:
            with pytest.raises(GatewayError, match="is no invitation, or was changed"):
                read_invitation(Path(path))


def test_the_invitation_of_another_authority_is_for_a_kit_of_its_own(ash: Office, services: Running) -> None:
    """A school that two authorities call by one name would send the pupils of one to the other."""
    opened = ash.invited(services.intake)
    ash.done(*opened, *GIVEN)
    before = Kit(ash.kit).settings()
    secret = generate_gateway_key("Elsewhere Council", datetime.now(UTC))
    key = Tsk.from_bytes(secret).extract_certificate().fingerprint
    genuine, path = read_invitation(Path(opened[1]))[0], ash.root / "theirs.invitation"
    of_theirs = {"organisation": "Elsewhere Council", "host": "elsewhere.invalid", "gateway_key": key}
    theirs = ProviderInvitation(
        **{**genuine.model_dump(), **of_theirs, "certificate": certificate_of(secret).decode()}
    )
    path.write_text(clearsign(secret, theirs.text()))
    result = ash.send("setup", str(path), "--words", " ".join(theirs.words()))
    assert (result.exit_code, "sends to Somerset County Council" in result.stderr) == (1, True)
    assert Kit(ash.kit).settings() == before


@pytest.mark.parametrize("change", ["cut", "altered", "more", "other text"])
def test_what_is_no_whole_invitation_is_not_opened(ash: Office, services: Running, change: str) -> None:
    path = Path(ash.invited(services.intake)[1])
    text = path.read_text()
    path.write_text({
        "cut": text[: len(text) // 2],
        "altered": text.replace(chr(34) + "port", chr(34) + "sport"),
        "more": f"Ring 01234 567890.\n{text}", "other text": ash.site.gateway("agreement", "text"),
    }[change])  # fmt: skip
    result = ash.send("setup", str(path), "--words", "a b c d e f", *GIVEN)
    assert (result.exit_code, "is no invitation" in result.stderr) == (1, True), result.stderr


@pytest.mark.parametrize(
    "passphrase",
    ["oak", "Password1234!", "OakPrimary2026!", "Oak School office oak example", "x" * 80],
)
def test_a_passphrase_that_is_easily_guessed_is_not_taken(passphrase: str) -> None:
    with pytest.raises(GatewayError, match="easily guessed"):
        judge_passphrase(passphrase, "oak", "Oak Primary School", "Oak Primary School <office@oak.example>")


def test_a_passphrase_of_four_words_is_taken() -> None:
    judge_passphrase("wide river seven lamp", "oak", "Oak Primary School")
    judge_passphrase(PASSPHRASE, "oak", "Oak Primary School")


def test_a_weak_passphrase_in_a_file_is_refused_before_a_key_is_made(ash: Office, services: Running) -> None:
    ash.passphrase.write_text(f"{ash.name}\n")
    result = ash.send(*ash.invited(services.intake), *GIVEN)
    assert (result.exit_code, "easily guessed" in result.stderr) == (1, True)
    assert not (ash.kit / "openpgp.asc").exists()


@pytest.mark.long
@pytest.mark.needs("gpg")
@pytest.mark.parametrize(
    ("kind", "until", "told"),
    [("dsa2048", "2y", "too weak"), ("ed25519", "seconds=1", "expired"), ("ed25519", "2y", None),
     ("rsa3072", "2y", None)],
)  # fmt: skip
def test_a_key_of_gnupg_is_taken_if_it_could_be_enrolled(
    ash: Office, services: Running, kind: str, until: str, told: str | None
) -> None:
    given = ash.root / "given.asc"
    given.write_bytes(_gnupg_key(ash.root / "gnupg", kind, until))
    ash.passphrase.write_text("passphrase of before\n")
    ssh = ("--ssh-key", str(_ssh_key(ash.root, 3072)))
    result = ash.send(*ash.invited(services.intake), "--openpgp-key", str(given), *ssh)
    assert result.exit_code == (0 if told is None else 1), result.stderr
    assert told is None or told in result.stderr
    assert (ash.kit / "kit.toml").exists() == (told is None)


def _gnupg_key(home: Path, kind: str, until: str) -> bytes:
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--pinentry-mode", "loopback", "--passphrase",
           "passphrase of before"]  # fmt: skip
    past = ["--faked-system-time", "20250101T000000"] if until.startswith("seconds") else []
    making = [*past, "--quick-generate-key", "Ash <office@ash.invalid>", kind, "sign", until]
    found = b""
    for rest in (making, ["--armor", "--export-secret-keys"]):
        found = subprocess.run([*gpg, *rest], check=True, capture_output=True, timeout=100).stdout
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)
    shutil.rmtree(home, ignore_errors=True)  # Its agent is still going.
    return found


def _ssh_key(root: Path, bits: int) -> Path:
    made = generate_private_key(65537, bits)
    path = root / "given"
    path.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    return path


def test_a_weak_ssh_key_is_refused_as_enrolment_would(ash: Office, services: Running) -> None:
    result = ash.send(*ash.invited(services.intake), "--ssh-key", str(_ssh_key(ash.root, 1024)), *GIVEN)
    assert (result.exit_code, "too weak" in result.stderr) == (1, True), result.stderr
    assert not (ash.kit / "kit.toml").exists()


@pytest.mark.long
def test_a_key_of_openpgp_js_is_taken_and_signs(ash: Office, services: Running) -> None:
    """Made by OpenPGP.js 6.3.2 as it comes, under a passphrase; PGPy does not know hashes that it prefers."""
    ash.passphrase.write_text("wide river seven lamp\n")
    given = ash.file("of-openpgpjs.asc", (KEYS / "openpgpjs-6-version-4.asc").read_bytes())
    ash.done(*ash.invited(services.intake), "--openpgp-key", str(given))
    ash.enrol()
    (sent,) = ash.json(str(ash.file("core.xml", core_data(seed=7))))
    assert sent["state"] == "accepted"
    assert "ACCEPTED" in ash.done("renew")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (KEYS / "openpgpjs-6-version-6.asc", "is of a newer kind than the kit can sign with"),
        (Path(__file__), "is no OpenPGP secret key"),
        (VECTOR_KEYS / "alice.asc", "is a certificate, the public half"),
    ],
)
def test_a_file_with_no_key_that_signs_is_named(
    ash: Office, services: Running, given: Path, words: str
) -> None:
    ash.passphrase.write_text("wide river seven lamp\n")
    result = ash.send(*ash.invited(services.intake), "--openpgp-key", str(given))
    assert (result.exit_code, f"{given} {words}" in " ".join(result.stderr.split())) == (1, True)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("abandon ability able about above absent", True),
        ("Abandon, ability, able, about, above, absent.", True),
        ("ABANDON ABILITY ABLE ABOUT ABOVE ABSENT", True),
        ("aBcd efGh ijKl mnOp qrSt uvWx", False),  # A fingerprint whose first 24 characters are letters.
        ("056D 6DDF B7DA E74D", False),
    ],
)
def test_a_fingerprint_of_letters_alone_is_not_taken_for_words(said: str, words: bool) -> None:
    assert are_words([said]) is words
