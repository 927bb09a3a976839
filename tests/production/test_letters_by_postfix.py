"""Letters go from the installed courier through Debian's own postfix, under TLS and with a login.

Each arrives once, signed, and names no pupil and no file; a relay that is stopped for a while, and a courier
that is killed meanwhile, lose none and double none. So do the letters of a term for 300 schools while the
courier is killed amid them: of what a kill has doubled, both have one Message-ID.
"""

from __future__ import annotations

import json
import mailbox
import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path

import pytest

from gateway.home import Home
from gateway.samples import MARKER
from tests.courier.mime import opened
from tests.courier.term import NAME, Term
from tests.production.clean_root import Root
from tests.production.follow import HOME, Newcomer, under
from tests.waiting import until

pytestmark = [
    pytest.mark.install,
    pytest.mark.root,
    pytest.mark.timeout(1200),
    pytest.mark.needs("mmdebstrap", "nsenter", "unshare", "ip", "pgrep", "setpriv"),
]
SCHOOLS, HELD = 6, 3
KILLS_A_DAY, MOST_BETWEEN = 8, 40
FOLDER = "var/mail/letters/all"
PASSWORD = "the password of a relay"  # pragma: allowlist secret
CERTIFICATE = "/etc/postfix/relay.pem"
LETTERS = f"""\
[letters]
relay = "localhost"
ca_file = "{CERTIFICATE}"
user = "gateway"
"""
# Takes letters of whoever has logged in under TLS, and keeps all of them in one folder. It reaches nobody.
POSTFIX = f"""\
apt-get install --yes --no-install-recommends postfix libsasl2-modules sasl2-bin openssl
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -addext keyUsage=critical,digitalSignature,keyCertSign \
    -keyout /etc/postfix/relay.key -out {CERTIFICATE}
install -d -o 5000 -g 5000 /var/mail/letters
printf '%s\\n' 'pwcheck_method: auxprop' 'auxprop_plugin: sasldb' 'mech_list: PLAIN' \
    > /etc/postfix/sasl/smtpd.conf
printf '%s' '{PASSWORD}' | saslpasswd2 -p -c -u localhost gateway
adduser --quiet postfix sasl
postconf -e inet_interfaces=loopback-only inet_protocols=ipv4 myhostname=localhost mydestination= \
    smtp_dns_support_level=disabled default_transport=error:nowhere relay_transport=error:nowhere \
    virtual_mailbox_domains=schools.invalid virtual_mailbox_base=/var/mail/letters \
    virtual_mailbox_maps=static:all/ virtual_uid_maps=static:5000 virtual_gid_maps=static:5000 \
    smtpd_tls_cert_file={CERTIFICATE} smtpd_tls_key_file=/etc/postfix/relay.key \
    smtpd_tls_security_level=encrypt smtpd_tls_auth_only=yes smtpd_sasl_auth_enable=yes \
    smtpd_sasl_local_domain=localhost smtpd_sasl_authenticated_header=yes \
    'smtpd_relay_restrictions=permit_sasl_authenticated, reject' \
    'smtpd_recipient_restrictions=permit_sasl_authenticated, reject'
postconf -M submission/inet='submission inet n - n - - smtpd'
systemctl restart postfix
"""


@pytest.fixture(scope="module")
def office(newcomer: Newcomer) -> Iterator[Newcomer]:
    """The gateway as it is installed, with postfix beside it as the relay that it names."""
    root = newcomer.root
    if not newcomer.typed:
        for command in under("Installing"):
            newcomer.follow(command)
        newcomer.enrol()
    root.type(POSTFIX, network=True, seconds=600)
    lines = [f"s{n},School {n},school,{9991000 + n},office,s{n}@schools.invalid" for n in range(SCHOOLS)]
    (root.folder / "srv/schools.csv").write_text(
        "\n".join(["id,name,kind,dfe_number,contact_role,contact_email", *lines, ""])
    )
    newcomer.admin("providers", "import", "/srv/schools.csv")
    oak = ("--contact", "office", "--email", "oak@schools.invalid", "--why", "as it told")
    newcomer.admin("providers", "set", "oak", *oak)
    settings = root.folder / HOME.lstrip("/") / "gateway.toml"
    before = settings.read_text()
    settings.write_text(f"{before}\n{LETTERS}")
    root.type(
        f"printf '%s' '{PASSWORD}' | systemd-creds encrypt --name=relay-password - "
        "/etc/credstore.encrypted/relay-password && systemctl restart gateway-processor "
        "&& systemctl enable --now gateway-courier"
    )
    try:
        yield newcomer
    finally:
        settings.write_text(before)
        root.type("systemctl disable --now gateway-courier postfix && systemctl restart gateway-processor")


def test_each_letter_arrives_once_and_none_is_lost_while_the_relay_is_down(office: Newcomer) -> None:
    root = office.root
    foreseen = listed(office, "preview")
    assert {f"s{n}@schools.invalid" for n in range(SCHOOLS)} <= {one["to"] for one in foreseen}
    until(lambda: len(arrived(root)) >= len(foreseen), "the letters of the day", seconds=120)
    root.type("systemctl stop postfix")
    for number in range(HELD):
        office.ask(f"scribble {NAME}-{number}.txt.gpg {number}")
    until(lambda: len(unsent(office)) == HELD, "letters about files that wait", seconds=60)
    until(
        lambda: "the relay does not take letters now" in root.journal("--unit=gateway-courier"), "a vain try"
    )
    root.type("systemctl kill --signal=KILL gateway-courier && systemctl start postfix")
    until(lambda: not unsent(office), "the letters that waited", seconds=120)
    until(lambda: root.type("postqueue -j").strip() == "", "the last letter is delivered", seconds=60)
    letters = arrived(root)
    owed = listed(office, "list")
    assert Counter((one["To"], one["Subject"]) for one in letters) == Counter(
        (one["recipient"], one["subject"]) for one in owed
    )
    assert Counter(one["Message-ID"] for one in letters) == Counter(one["message_id"] for one in owed)
    assert len(owed) == len(foreseen) + HELD
    certificate = (root.folder / HOME.lstrip("/") / "published/common/keys/gateway.asc").read_bytes()
    for one in letters:
        whole = "\n".join([one.as_string(), *opened(one, certificate)])
        assert "Authenticated sender: gateway@localhost" in str(one["Received"])
        assert "with ESMTPSA" in str(one["Received"])  # Under TLS, and with a login.
        for marker in (MARKER, NAME, *(f"School {n}" for n in range(SCHOOLS) if f"s{n}@" not in one["To"])):
            assert marker not in whole, marker


def test_a_term_brings_the_letters_that_were_foreseen_while_the_courier_is_killed(
    office: Newcomer, tmp_path: Path
) -> None:
    """They are owed at a desk of the test, whose clock goes on day by day, in place of the processor."""
    root, rng, kills = office.root, random.Random(1), 0
    root.type("systemctl stop gateway-processor")
    shutil.rmtree(root.folder / FOLDER, ignore_errors=True)
    before = os.umask(0o027)  # As the units have it: the courier reads by its group.
    term = Term(tmp_path, LETTERS, Home(root.folder / HOME.lstrip("/")).letters)
    try:
        for day in term.days():
            # The first one comes upon it between two looks, the others amid the letters.
            for given in (0, *(rng.randrange(1, MOST_BETWEEN) for _ in range(KILLS_A_DAY - 1))):
                left = max(0, len(term.waiting()) - given)  # On some days few are owed.
                until(lambda left=left: len(term.waiting()) <= left, f"letters of {day}", seconds=120)
                root.type("systemctl kill --signal=KILL gateway-courier && systemctl restart gateway-courier")
                kills += 1
            until(lambda: not term.left(), f"the last letter of {day}", seconds=120)
        assert kills >= 50
        until(lambda: root.type("postqueue -j").strip() == "", "the last letter is delivered", seconds=60)
        term.check(arrived(root), kills)
    finally:
        os.umask(before)
        term.desk.close()
        root.type("systemctl start gateway-processor")


def arrived(root: Root) -> list[EmailMessage]:
    """What lies in the folder of the relay."""
    folder = root.folder / FOLDER
    if not folder.is_dir():
        return []
    parser = BytesParser(policy=default)
    found = mailbox.Maildir(folder, factory=parser.parse, create=False)  # type: ignore[arg-type]
    return [one for one in found if isinstance(one, EmailMessage)]


def listed(office: Newcomer, what: str) -> list[dict[str, str]]:
    """What `gateway letters` lists; it asks for nothing."""
    found: list[dict[str, str]] = json.loads(office.admin("letters", what, "--json"))
    return found


def unsent(office: Newcomer) -> list[str]:
    """The subjects of letters that the relay does not have yet."""
    return [one["subject"] for one in listed(office, "list") if one["sent_at"] is None]
