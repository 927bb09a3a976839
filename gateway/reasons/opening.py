"""Reasons for not opening a file: the stage `open`."""

from __future__ import annotations

from gateway.reasons.template import ASK, Template

REASONS: dict[str, Template] = {
    "open:empty": Template(
        "The file was empty: nothing arrived.",
        "Check the file on your computer, then send it again.",
    ),
    "open:not-encrypted": Template(
        "The file was not encrypted, so it was not protected on its way. Nothing of it was kept here.",
        "Encrypt it to the key in /keys/gateway.asc, sign it with your own key, and send it again. "
        "Tell your data protection lead: the file may have held pupil data in the clear.",
    ),
    "open:other-encryption": Template(
        "The file was protected in another way than with OpenPGP (with a password, or with S/MIME), which "
        "this gateway does not open. Nothing of it was kept here.",
        "Encrypt the file itself, without the other protection, to the key in /keys/gateway.asc, sign it "
        "with your own key, and send it again.",
    ),
    "open:unreadable": Template(
        "What arrived is no OpenPGP message and of no kind that this gateway knows, so it cannot be told "
        "whether it was encrypted. Nothing of it was kept here.",
        "Look at the file that you sent: it may be damaged. Encrypt the data to the key in "
        "/keys/gateway.asc, sign it with your own key, and send it again.",
    ),
    "open:old-cipher": Template(
        "The file was encrypted with {cipher}, which is too weak by today's rules.",
        "Set your program to AES-256 (GnuPG 2.2 and later use it by themselves) and send the file again. "
        "Where your program cannot, ask the local authority to admit {cipher} for the time being.",
    ),
    "open:in-parts": Template(
        "The message was divided into several parts, and only one of them is in this file.",
        "Have your program write the message in one part, and send it again.",
    ),
    "open:not-for-us": Template(
        "The file was encrypted, but not to the key of this gateway, so it cannot be opened here.",
        "Fetch the current key from /keys/gateway.asc, encrypt the file to it, and send it again.",
    ),
    "open:password-only": Template(
        "The file was encrypted with a password instead of the key of this gateway.",
        "Encrypt it to the key in /keys/gateway.asc instead of a password, and send it again.",
    ),
    "open:not-signed": Template(
        "The file was encrypted but not signed, so nobody can tell who made it.",
        "Sign the file with your own key when you encrypt it (gpg --sign --encrypt), and send it again.",
    ),
    "open:wrong-signer": Template(
        "The signature on the file was not made by a key that is enrolled for your organisation.",
        "Sign with the key you enrolled. If you have a new key, put it into /keys, signed with the old one, "
        "and send the file again once it is in force.",
    ),
    "open:unknown-login": Template(
        "The file came in by a login with a key that was not one of your organisation's at that time.",
        "Nothing needs doing now: somebody at the local authority looks into it. If you have changed your "
        "SSH key lately, tell them when.",
    ),
    "open:bad-signature": Template(
        "The signature on the file does not fit its content.",
        "Make the file again on a computer you trust and send it again.",
    ),
    "open:key-expired": Template(
        "The key that signed the file has expired.",
        "Extend your key (gpg --quick-set-expire FINGERPRINT 2y, and the same again with the fingerprint of "
        "each subkey at the end), export it, and put the file into /keys. What waits is then released by "
        "itself; what was refused, send again.",
    ),
    "open:malware": Template(
        "A malware scanner found something in the file that may do harm. Nobody gets the file before a "
        "person has looked into it.",
        "Have the computer that the file was made on looked at, make the file again, and send it. " + ASK,
    ),
    "open:renewed-since": Template(
        "When the file was signed, the certificate of its key was out of date. It has been renewed since, so "
        "the signature counts.",
        "Nothing needs doing.",
    ),
    "open:vouched-since": Template(
        "What we have of the certificate of its key is newer than the signature on the file. Its owner has "
        "vouched for the key since, so the signature counts.",
        "Nothing needs doing.",
    ),
    "open:key-revoked": Template(
        "The key that signed the file has been revoked.",
        "Sign with a key that is in force, and send the file again.",
    ),
    "open:key-superseded": Template(
        "The key that signed the file has been given up for a newer one since.",
        "A person at the local authority will look at it. Sign your next file with your newer key.",
    ),
    "open:signature-date": Template(
        "The date of the signature is in the future or too long ago.",
        "Set the clock of your computer, sign the file afresh, and send it again.",
    ),
    "open:signature-expired": Template(
        "The signature on the file was made to count for a limited time, and that is over.",
        "Sign the file afresh, without a date of expiry for the signature, and send it again.",
    ),
    "open:meant-for-others": Template(
        "The file was signed for somebody else, and sealed to this gateway afterwards.",
        "Sign and encrypt the file for the key in /keys/gateway.asc in one step, and send it again.",
    ),
    "open:damaged": Template(
        "The file arrived damaged or incomplete, so it could not be opened.",
        "Send the file again. If it fails again, encrypt it afresh first.",
    ),
    "open:too-large": Template(
        "The file, or what it unpacks to, is larger than this gateway takes.",
        "Split the file into smaller ones, or ask the local authority's {desk} how to send it.",
    ),
    "open:replayed": Template(
        "This very file has already been received, as {earlier}; it was not taken a second time.",
        "Nothing needs doing: the receipt for {earlier} stands. If the data has changed, make a new file.",
    ),
    "open:no-integrity": Template(
        "The file was encrypted in an old way that does not protect it from being changed on the road.",
        "Encrypt it again with current software (GnuPG 2.2 or later), and send it again.",
    ),
    "open:unsupported": Template(
        "The file uses an OpenPGP feature that this gateway does not read ({feature}).",
        "Encrypt it again with the ordinary settings of your software, and send it again.",
    ),
    "open:not-one-file": Template(
        "The encrypted file does not hold exactly one signed file.",
        "Sign and encrypt one file in one step, and send it again.",
    ),
}
