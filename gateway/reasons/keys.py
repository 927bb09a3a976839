"""Reasons for the outcome of a key dropped or used: the stage `key`."""

from __future__ import annotations

from gateway.reasons.template import Template

REASONS: dict[str, Template] = {
    "key:secret": Template(
        "STOP: this file holds a SECRET key. It was not stored. Whoever has seen it can sign as its owner.",
        "Treat the key as lost: make a new one, and revoke this one (an SSH key: ring, so that it is taken "
        "out). Hand over public keys only: what gpg --export gives, or the SSH file whose name ends in .pub.",
    ),
    "key:not-data": Template(
        "What you put in is a public key or a signature by itself, not data. Nothing of it was kept here.",
        "Put keys into /keys. Data must be signed and encrypted in one file (gpg --sign --encrypt); a "
        "signature in a file of its own is not enough.",
    ),
    "key:not-a-certificate": Template(
        "The file holds no OpenPGP certificate (public key).",
        "Export it with gpg --armor --export and your own address, and hand over that file.",
    ),
    "key:not-an-ssh-key": Template(
        "The file holds no SSH public key.",
        "Hand over the file whose name ends in .pub, or PuTTYgen's 'public key for pasting'.",
    ),
    "key:several": Template(
        "The file holds more than one certificate.",
        "Export each one to a file of its own.",
    ),
    "key:weak": Template(
        "The certificate has a key that is too weak ({algorithm}).",
        "Make a new key with current software; its default kind is strong enough.",
    ),
    "key:old-hash": Template(
        "The certificate binds its own parts with SHA-1 or MD5, which can be forged.",
        "Renew it with current software (GnuPG: set a new expiry date), or make a new key.",
    ),
    "key:expired": Template(
        "The certificate has expired.",
        "Extend it (gpg --quick-set-expire) and export it again, or make a new key.",
    ),
    "key:from-the-future": Template(
        "The certificate says that it was made in the future.",
        "Set the clock of the computer that made it, and make a new key.",
    ),
    "key:revoked": Template(
        "The certificate has been revoked by its owner.",
        "Hand over the certificate that is in force.",
    ),
    "key:cannot-sign": Template(
        "The certificate has no key in force that may sign.",
        "Make a key that can sign; the default of current software can.",
    ),
    "key:unreadable-kind": Template(
        "The certificate signs with a key of a kind that this gateway cannot check ({algorithm}).",
        "Make a new key of the ordinary kind, which is Ed25519, or RSA with 3072 bits (in Kleopatra: New key "
        "pair, Advanced Settings), and hand over its certificate.",
    ),
    "key:not-verified-here": Template(
        "The certificate signs with a post-quantum key ({algorithm}). A program that checks signatures here "
        "cannot read that kind yet, and would refuse each of your files.",
        "Make a new key of the ordinary kind, which is Ed25519, or RSA with 3072 bits (in Kleopatra: New key "
        "pair, Advanced Settings), and hand over its certificate.",
    ),
    "key:too-large": Template(
        "The certificate is larger than any that its owner needs.",
        "Export it with gpg --export-options export-minimal --armor --export and your own address, and hand "
        "over that file.",
    ),
    "key:no-uses": Template(
        "The certificate does not say what its keys may be used for, so nothing signed with it would count.",
        "Have its owner state the uses with current software (gpg --edit-key FINGERPRINT, then change-usage "
        "and save), export it and hand it over again; or make a new key.",
    ),
    "key:unbound-subkey": Template(
        "The certificate holds a subkey that its own main key never confirmed: somebody may have added it.",
        "Export it afresh from the computer of its owner, and compare the fingerprint by telephone.",
    ),
    "key:not-acceptable": Template(
        "The certificate does not hold together by current rules.",
        "Make a new key with current software, and hand over its certificate.",
    ),
    "key:not-a-revocation": Template(
        "The file does not revoke this certificate.",
        "Make the revocation with gpg --gen-revoke for the key in question, and hand it over again.",
    ),
    "key:not-approved": Template(
        "The key that signed the file is not in force yet: the local authority has still to approve it.",
        "Nothing needs doing: the file is released by itself once the key is approved.",
    ),
    "key:retired": Template(
        "The key that signed the file is no longer in use for your organisation.",
        "Sign with a key that is in force, and send the file again.",
    ),
    "key:pending": Template(
        "Your new key has arrived, signed with a key of yours that is in force. It counts once the local "
        "authority has approved it.",
        "Go on with your present key until a notice in /receipts says that the new one is in force.",
    ),
    "key:in-force": Template(
        "Your new key has arrived, signed with a key of yours that is in force. It is in force from now on.",
        "Use it. The old one stays in force until you revoke it or the local authority retires it.",
    ),
    "key:renewed": Template(
        "What has changed in your certificate (dates, subkeys) is taken over.",
        "Nothing needs doing. Files that waited for it are released by themselves.",
    ),
    "key:revocation-taken": Template(
        "You revoked the key; it no longer counts from now on.",
        "Sign with a key that is in force. If you have none, ring the local authority's {desk}.",
    ),
    "key:not-signed": Template(
        "The key came without a signature by a key of yours that is in force, so nobody can tell whose it"
        " is.",
        "Sign it with your present key (gpg --clearsign new.asc) and put new.asc.asc into /keys. If "
        "you no longer have your present key, ring the local authority's {desk}.",
    ),
    "key:wrong-signer": Template(
        "The signature on the key was not made by a key of yours that is in force, or does not fit.",
        "Sign it with your present key (gpg --local-user PRESENT-KEY --clearsign new.asc) and put "
        "new.asc.asc into /keys. If you no longer have your present key, ring the local authority's "
        "{desk}.",
    ),
    "key:nothing-new": Template(
        "The key is known here already, and nothing in it is new.",
        "Nothing needs doing. If you extended the key, export it again after that.",
    ),
    "key:known": Template(
        "The key is known here already and cannot be enrolled again: it was taken out of use, or is not "
        "yours.",
        "Make a new key, or ring the local authority's {desk}.",
    ),
    "key:not-a-key": Template(
        "What you put into /keys holds neither a key nor a revocation of one.",
        "Put in one certificate (gpg --armor --export) or one SSH public key (.pub), signed with your "
        "present key, or a revocation certificate (gpg --gen-revoke). A signature alone, in a file of its"
        " own, is not enough. If it is data, put it into /in.",
    ),
    "key:in-the-clear": Template(
        "What you put into /keys was neither a public key nor signed nor encrypted. Nothing of it was "
        "kept here.",
        "Put data into /in, signed and encrypted; if this was pupil data, tell your data protection lead. Put"
        " public keys only into /keys, signed with your present key. If this was a SECRET key, treat it as "
        "lost: revoke it and make a new one.",
    ),
    "key:other-certificate": Template(
        "This is another certificate than the one that it should update.",
        "Enrol it as a new certificate, with its fingerprint compared by telephone.",
    ),
    "key:headings-taken": Template(
        "What you say of your headings is on record ({count}), and counts for the files that you send from "
        "now on.",
        "Nothing needs doing. What stands under a heading is looked at as before.",
    ),
    "key:headings-refused": Template(
        "What you say of your headings is not taken, because of these lines: {lines}. No heading may stand "
        "for who a pupil is, and none that is sensitive for anything.",
        "Take these lines out, sign the rest again and put it into /keys. If the heading in your system is "
        "wrong, put it right there.",
    ),
    "key:headings-malformed": Template(
        "What you say of your headings is not written as it should be.",
        "Let gateway send headings write it.",
    ),
}
