"""Every reason code: its clause, its sentence for a school secretary, and the next step.

A code is `stage:problem` and never changes its meaning. Sentences carry no personal data: what
may be filled in is named in the sentence itself and is always a reference, a date, a number or a
word of ours, never text from a file. `docs/reasons.md` is generated from this module.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model import Reason


@dataclass(frozen=True, slots=True)
class Template:
    """A reason before its blanks are filled."""

    clause: str
    sentence: str
    next_step: str


_ASK = "Ask the local authority's central data team; quote the reference on this receipt."

REASONS: dict[str, Template] = {
    "open:empty": Template(
        "5.1",
        "The file was empty: nothing arrived.",
        "Check the file on your computer, then send it again.",
    ),
    "open:not-encrypted": Template(
        "5.1",
        "The file was not encrypted, so it was not protected on its way. Nothing of it was kept here.",
        "Encrypt it to the key in /keys/gateway.asc, sign it with your own key, and send it again. "
        "Tell your data protection lead: the file may have held pupil data in the clear.",
    ),
    "open:other-encryption": Template(
        "5.1",
        "The file was protected in another way than with OpenPGP (with a password, or with S/MIME), which "
        "this gateway does not open. Nothing of it was kept here.",
        "Encrypt the file itself, without the other protection, to the key in /keys/gateway.asc, sign it "
        "with your own key, and send it again.",
    ),
    "open:unreadable": Template(
        "5.1",
        "What arrived is no OpenPGP message and of no kind that this gateway knows, so it cannot be told "
        "whether it was encrypted. Nothing of it was kept here.",
        "Look at the file that you sent: it may be damaged. Encrypt the data to the key in "
        "/keys/gateway.asc, sign it with your own key, and send it again.",
    ),
    "open:old-cipher": Template(
        "5.1",
        "The file was encrypted with {cipher}, which is too weak by today's rules.",
        "Set your program to AES-256 (GnuPG 2.2 and later use it by themselves) and send the file again. "
        "Where your program cannot, ask the local authority to admit {cipher} for the time being.",
    ),
    "open:in-parts": Template(
        "5.1",
        "The message was divided into several parts, and only one of them is in this file.",
        "Have your program write the message in one part, and send it again.",
    ),
    "open:not-for-us": Template(
        "5.1",
        "The file was encrypted, but not to the key of this gateway, so it cannot be opened here.",
        "Fetch the current key from /keys/gateway.asc, encrypt the file to it, and send it again.",
    ),
    "open:password-only": Template(
        "5.1",
        "The file was encrypted with a password instead of the key of this gateway.",
        "Encrypt it to the key in /keys/gateway.asc instead of a password, and send it again.",
    ),
    "open:not-signed": Template(
        "5.1",
        "The file was encrypted but not signed, so nobody can tell who made it.",
        "Sign the file with your own key when you encrypt it (gpg --sign --encrypt), and send it again.",
    ),
    "open:wrong-signer": Template(
        "5.1",
        "The signature on the file was not made by a key that is enrolled for your organisation.",
        "Sign with the key you enrolled. If you have a new key, put it into /keys, signed with the old one, "
        "and send the file again once it is in force.",
    ),
    "open:unknown-login": Template(
        "5.1",
        "The file came in by a login with a key that was not one of your organisation's at that time.",
        "Nothing needs doing now: somebody at the local authority looks into it. If you have changed your "
        "SSH key lately, tell them when.",
    ),
    "open:bad-signature": Template(
        "5.1",
        "The signature on the file does not fit its content.",
        "Make the file again on a computer you trust and send it again.",
    ),
    "open:key-expired": Template(
        "5.1",
        "The key that signed the file has expired.",
        "Extend your key (gpg --quick-set-expire FINGERPRINT 2y, and the same again with the fingerprint of "
        "each subkey at the end), export it, and put the file into /keys. What waits is then released by "
        "itself; what was refused, send again.",
    ),
    "open:malware": Template(
        "10.4",
        "A malware scanner found something in the file that may do harm. Nobody gets the file before a "
        "person has looked into it.",
        "Have the computer that the file was made on looked at, make the file again, and send it. " + _ASK,
    ),
    "open:renewed-since": Template(
        "5.1",
        "When the file was signed, the certificate of its key was out of date. It has been renewed since, so "
        "the signature counts.",
        "Nothing needs doing.",
    ),
    "open:vouched-since": Template(
        "5.1",
        "What we have of the certificate of its key is newer than the signature on the file. Its owner has "
        "vouched for the key since, so the signature counts.",
        "Nothing needs doing.",
    ),
    "open:key-revoked": Template(
        "5.1",
        "The key that signed the file has been revoked.",
        "Sign with a key that is in force, and send the file again.",
    ),
    "open:key-superseded": Template(
        "5.1",
        "The key that signed the file has been given up for a newer one since.",
        "A person at the local authority will look at it. Sign your next file with your newer key.",
    ),
    "open:signature-date": Template(
        "5.1",
        "The date of the signature is in the future or too long ago.",
        "Set the clock of your computer, sign the file afresh, and send it again.",
    ),
    "open:signature-expired": Template(
        "5.1",
        "The signature on the file was made to count for a limited time, and that is over.",
        "Sign the file afresh, without a date of expiry for the signature, and send it again.",
    ),
    "open:meant-for-others": Template(
        "5.1",
        "The file was signed for somebody else, and sealed to this gateway afterwards.",
        "Sign and encrypt the file for the key in /keys/gateway.asc in one step, and send it again.",
    ),
    "open:damaged": Template(
        "5.1",
        "The file arrived damaged or incomplete, so it could not be opened.",
        "Send the file again. If it fails again, encrypt it afresh first.",
    ),
    "open:too-large": Template(
        "5.1",
        "The file, or what it unpacks to, is larger than this gateway takes.",
        "Split the file into smaller ones, or ask the central data team how to send it.",
    ),
    "open:replayed": Template(
        "5.1",
        "This very file has already been received, as {earlier}; it was not taken a second time.",
        "Nothing needs doing: the receipt for {earlier} stands. If the data has changed, make a new file.",
    ),
    "open:no-integrity": Template(
        "5.1",
        "The file was encrypted in an old way that does not protect it from being changed on the road.",
        "Encrypt it again with current software (GnuPG 2.2 or later), and send it again.",
    ),
    "open:unsupported": Template(
        "5.1",
        "The file uses an OpenPGP feature that this gateway does not read ({feature}).",
        "Encrypt it again with the ordinary settings of your software, and send it again.",
    ),
    "open:not-one-file": Template(
        "5.1",
        "The encrypted file does not hold exactly one signed file.",
        "Sign and encrypt one file in one step, and send it again.",
    ),
    "key:secret": Template(
        "5.1",
        "STOP: this file holds a SECRET key. It was not stored. Whoever has seen it can sign as its owner.",
        "Treat the key as lost: make a new one, and revoke this one (an SSH key: ring, so that it is taken "
        "out). Hand over public keys only: what gpg --export gives, or the SSH file whose name ends in .pub.",
    ),
    "key:not-data": Template(
        "5.1",
        "What you put in is a public key or a signature by itself, not data. Nothing of it was kept here.",
        "Put keys into /keys. Data must be signed and encrypted in one file (gpg --sign --encrypt); a "
        "signature in a file of its own is not enough.",
    ),
    "key:not-a-certificate": Template(
        "5.1",
        "The file holds no OpenPGP certificate (public key).",
        "Export it with gpg --armor --export and your own address, and hand over that file.",
    ),
    "key:not-an-ssh-key": Template(
        "5.1",
        "The file holds no SSH public key.",
        "Hand over the file whose name ends in .pub, or PuTTYgen's 'public key for pasting'.",
    ),
    "key:several": Template(
        "5.1",
        "The file holds more than one certificate.",
        "Export each one to a file of its own.",
    ),
    "key:weak": Template(
        "5.1",
        "The certificate has a key that is too weak ({algorithm}).",
        "Make a new key with current software; its default kind is strong enough.",
    ),
    "key:old-hash": Template(
        "5.1",
        "The certificate binds its own parts with SHA-1 or MD5, which can be forged.",
        "Renew it with current software (GnuPG: set a new expiry date), or make a new key.",
    ),
    "key:expired": Template(
        "5.1",
        "The certificate has expired.",
        "Extend it (gpg --quick-set-expire) and export it again, or make a new key.",
    ),
    "key:from-the-future": Template(
        "5.1",
        "The certificate says that it was made in the future.",
        "Set the clock of the computer that made it, and make a new key.",
    ),
    "key:revoked": Template(
        "5.1",
        "The certificate has been revoked by its owner.",
        "Hand over the certificate that is in force.",
    ),
    "key:cannot-sign": Template(
        "5.1",
        "The certificate has no key in force that may sign.",
        "Make a key that can sign; the default of current software can.",
    ),
    "key:unreadable-kind": Template(
        "5.1",
        "The certificate signs with a key of a kind that this gateway cannot check ({algorithm}).",
        "Make a new key of the ordinary kind, which is Ed25519, or RSA with 3072 bits (in Kleopatra: New key "
        "pair, Advanced Settings), and hand over its certificate.",
    ),
    "key:too-large": Template(
        "5.1",
        "The certificate is larger than any that its owner needs.",
        "Export it with gpg --export-options export-minimal --armor --export and your own address, and hand "
        "over that file.",
    ),
    "key:no-uses": Template(
        "5.1",
        "The certificate does not say what its keys may be used for, so nothing signed with it would count.",
        "Have its owner state the uses with current software (gpg --edit-key FINGERPRINT, then change-usage "
        "and save), export it and hand it over again; or make a new key.",
    ),
    "key:unbound-subkey": Template(
        "5.1",
        "The certificate holds a subkey that its own main key never confirmed: somebody may have added it.",
        "Export it afresh from the computer of its owner, and compare the fingerprint by telephone.",
    ),
    "key:not-acceptable": Template(
        "5.1",
        "The certificate does not hold together by current rules.",
        "Make a new key with current software, and hand over its certificate.",
    ),
    "key:not-a-revocation": Template(
        "5.1",
        "The file does not revoke this certificate.",
        "Make the revocation with gpg --gen-revoke for the key in question, and hand it over again.",
    ),
    "key:not-approved": Template(
        "5.1",
        "The key that signed the file is not in force yet: the local authority has still to approve it.",
        "Nothing needs doing: the file is released by itself once the key is approved.",
    ),
    "key:retired": Template(
        "5.1",
        "The key that signed the file is no longer in use for your organisation.",
        "Sign with a key that is in force, and send the file again.",
    ),
    "key:pending": Template(
        "5.1",
        "Your new key has arrived, signed with a key of yours that is in force. It counts once the local "
        "authority has approved it.",
        "Go on with your present key until a notice in /receipts says that the new one is in force.",
    ),
    "key:in-force": Template(
        "5.1",
        "Your new key has arrived, signed with a key of yours that is in force. It is in force from now on.",
        "Use it. The old one stays in force until you revoke it or the local authority retires it.",
    ),
    "key:renewed": Template(
        "5.1",
        "What has changed in your certificate (dates, subkeys) is taken over.",
        "Nothing needs doing. Files that waited for it are released by themselves.",
    ),
    "key:revocation-taken": Template(
        "5.1",
        "You revoked the key; it no longer counts from now on.",
        "Sign with a key that is in force. If you have none, ring the central data team.",
    ),
    "key:not-signed": Template(
        "5.1",
        "The key came without a signature by a key of yours that is in force, so nobody can tell whose it"
        " is.",
        "Sign it with your present key (gpg --clearsign new.asc) and put new.asc.asc into /keys. If you "
        "no longer have your present key, ring the central data team.",
    ),
    "key:wrong-signer": Template(
        "5.1",
        "The signature on the key was not made by a key of yours that is in force, or does not fit.",
        "Sign it with your present key (gpg --local-user PRESENT-KEY --clearsign new.asc) and put "
        "new.asc.asc into /keys. If you no longer have your present key, ring the central data team.",
    ),
    "key:nothing-new": Template(
        "5.1",
        "The key is known here already, and nothing in it is new.",
        "Nothing needs doing. If you extended the key, export it again after that.",
    ),
    "key:known": Template(
        "5.1",
        "The key is known here already and cannot be enrolled again: it was taken out of use, or is not "
        "yours.",
        "Make a new key, or ring the central data team.",
    ),
    "key:not-a-key": Template(
        "5.1",
        "What you put into /keys holds neither a key nor a revocation of one.",
        "Put in one certificate (gpg --armor --export) or one SSH public key (.pub), signed with your "
        "present key, or a revocation certificate (gpg --gen-revoke). A signature alone, in a file of its"
        " own, is not enough. If it is data, put it into /in.",
    ),
    "key:in-the-clear": Template(
        "5.1",
        "What you put into /keys was neither a public key nor signed nor encrypted. Nothing of it was "
        "kept here.",
        "Put data into /in, signed and encrypted; if this was pupil data, tell your data protection lead. Put"
        " public keys only into /keys, signed with your present key. If this was a SECRET key, treat it as "
        "lost: revoke it and make a new one.",
    ),
    "key:other-certificate": Template(
        "5.1",
        "This is another certificate than the one that it should update.",
        "Enrol it as a new certificate, with its fingerprint compared by telephone.",
    ),
    "classify:unknown": Template(
        "3.1",
        "The file does not look like any kind of data that the agreement lists.",
        "A person at the local authority will look at it; you need do nothing unless they ask.",
    ),
    "classify:outside-agreement": Template(
        "3.1",
        "The file is of a known kind ({kind}) that is not part of this agreement.",
        "Send it through the service it belongs to. A person at the local authority will look at this copy.",
    ),
    "classify:ambiguous": Template(
        "3.1",
        "The file could be more than one kind of data, so it was not routed by itself.",
        "A person at the local authority will look at it; you need do nothing unless they ask.",
    ),
    "classify:other-assessments": Template(
        "7.5.3",
        "The file holds grades that are no results of examinations ({kinds}), so it waits for a person.",
        "Take these grades out and send the file again. If your organisation takes part in an analysis that "
        "needs them, nothing needs doing: a person at the local authority will look at it.",
    ),
    "classify:malformed": Template(
        "5.1",
        "The file is damaged inside: it begins like a known kind of file but cannot be read to its end.",
        "Export the file again from your system and send it again.",
    ),
    "classify:active-content": Template(
        "5.1",
        "The file holds something that acts, or that nobody sees, beside its data: {what}.",
        "Save the table alone as CSV, or as a new workbook without it, and send that file. A person at the "
        "local authority will look at this one.",
    ),
    "classify:beside-table": Template(
        "3.1",
        "The file holds more than its table, and nobody has read it: {what}.",
        "Take out what stands beside the table (other sheets, notes, lines under it) and send it again, or "
        "wait until a person has looked at it.",
    ),
    "classify:not-calculated": Template(
        "3.1",
        "The workbook holds formulas whose values were not saved with it, so they cannot be read.",
        "Open the workbook in your spreadsheet program, save it, and send it again; or save it as CSV.",
    ),
    "classify:no-upn": Template(
        "3.1",
        "The file lists pupils by name and date of birth, without their UPNs, so it waits for a person.",
        "Add the UPN to your export and send the file again, or wait until a person has matched it.",
    ),
    "classify:several-kinds": Template(
        "3.1",
        "The file holds several files or tables ({count}) that are not of one kind.",
        "Send each as a file of its own. A person at the local authority will look at this one.",
    ),
    "policy:assessment": Template(
        "7.5.1",
        "The agreement asks you for assessments of the key stages, but {title} comes from elsewhere, "
        "so a person decides what becomes of this file.",
        "You need do nothing: a person at the local authority will look at it.",
    ),
    "policy:allowed": Template(
        "12.{row}",
        "The agreement lists this: {title}, from {sender} to the local authority.",
        "Nothing needs doing.",
    ),
    "policy:no-flow": Template(
        "12",
        "The agreement has no line for this kind of data.",
        _ASK,
    ),
    "policy:sender-not-in-flow": Template(
        "12.{row}",
        "The agreement does not name your kind of organisation as the sender of {title}.",
        _ASK,
    ),
    "policy:other-school": Template(
        "7.3",
        "The file names another school ({found}) than yours ({expected}) in {count} of its records.",
        "Send one school's pupils at a time, each school its own. If that is what you did, tell the central "
        "data team: a person there will look at this file, and nobody is put on a roll by it.",
    ),
    "policy:school-not-named": Template(
        "7.3",
        "You send for several schools, and the file does not say whose pupils these are: {count} of its "
        "records name none of them by number.",
        "Send one school's pupils at a time in files that name the school, or add a column with each pupil's "
        "DfE number of the school (LA and establishment, 7 digits), and send the file again.",
    ),
    "policy:for-schools": Template(
        "7.3",
        "You send for several schools, and the file is taken for each that it names: {count}.",
        "Nothing needs doing.",
    ),
    "policy:agreement-not-ratified": Template(
        "1.4",
        "Your organisation has not ratified this year's data sharing agreement, so the file waits.",
        "Ratify the agreement: sign the text in /agreement and drop it there, or tell the central data team. "
        "The file is then released by itself.",
    ),
    "policy:taken-unratified": Template(
        "1.6",
        "Your organisation has not ratified this year's data sharing agreement. Files of this kind are taken "
        "all the same until the end of {until}.",
        "Ratify the agreement before then: sign the text in /agreement and drop it there, or tell the "
        "central data team. Later files wait until you have.",
    ),
    "policy:embargo": Template(
        "12.{row}",
        "Results may not be passed on before {until}; the file waits until then.",
        "Nothing needs doing: the file is released by itself at that moment.",
    ),
    "policy:on-behalf": Template(
        "12.{row}",
        "The local authority deposited {title} on behalf of {sender}.",
        "Nothing needs doing.",
    ),
    "policy:unlisted-items": Template(
        "3.1",
        "The file holds {count} that the agreement does not list for this kind of data ({where}), so it "
        "waits for a person.",
        "Take that out of the export and send the file again, or wait until a person has looked at it.",
    ),
    "policy:unlisted-accepted": Template(
        "3.1",
        "The file holds {count} that the agreement does not list for this kind of data ({where}); it was "
        "taken with that.",
        "Take that out of the next export.",
    ),
    "policy:sensitive": Template(
        "10.5",
        "The file seems to hold sensitive data that does not belong into this exchange ({topics}{where}). It "
        "waits, and only a few people may look at it.",
        "Take that out of the export and send the file again. If the local authority asked you for it, ring "
        "the information governance team before you send anything more.",
    ),
    "policy:items-outside": Template(
        "3.1",
        "The file holds personal data that Appendix A of the agreement does not list: {items}.",
        "Take that out of the next export.",
    ),
    "policy:items-outside-held": Template(
        "3.1",
        "The file holds personal data that Appendix A of the agreement does not list: {items}. It waits for "
        "a person.",
        "Take that out and send the file again, or wait until a person has looked at it.",
    ),
    "policy:items-proposed": Template(
        "{clause}",
        "The file holds data that the agreement only proposes and has not yet agreed: {items}.",
        "Leave it out of the next export until the local authority tells you that it is agreed.",
    ),
    "policy:items-proposed-held": Template(
        "{clause}",
        "The file holds data that the agreement only proposes and has not yet agreed: {items}. "
        "It waits for a person.",
        "Send the file again without it, or wait until a person has looked at it.",
    ),
    "policy:no-team": Template(
        "4.1",
        "No single team at the local authority may have all the data in the file, so it waits for a person.",
        _ASK,
    ),
    "policy:no-basis": Template(
        "4.1",
        "The agreement gives {count} of the teams that it was to go to no basis for everything in the file.",
        _ASK,
    ),
    "policy:suspended": Template(
        "5.1",
        "Your organisation's access is suspended, so the file waits for a person.",
        _ASK,
    ),
    "policy:method-not-allowed": Template(
        "{clause}",
        "The agreement does not allow this data to travel this way.",
        "Send it to this gateway, signed and encrypted.",
    ),
    "policy:method-allowed": Template(
        "{clause}",
        "The agreement allows this to travel by {method}: {title}.",
        "Nothing needs doing; the transfer is recorded.",
    ),
    "policy:method-not-declared": Template(
        "{clause}",
        "A transfer through this gateway is not declared: it is recorded when the file arrives.",
        "Send the file to this gateway, signed and encrypted.",
    ),
    "policy:safeguard-given": Template(
        "{clause}",
        "A safeguard was confirmed: {safeguard}.",
        "Nothing needs doing.",
    ),
    "policy:safeguard-missing": Template(
        "{clause}",
        "A safeguard that the agreement asks for was not confirmed: {safeguard}.",
        "Put the safeguard in place and declare the transfer again.",
    ),
    "agreement:ratified": Template(
        "1.4",
        "Your organisation has ratified the data sharing agreement for {year}; that counts until {lapses}.",
        "Nothing needs doing: files that waited for it are released by themselves.",
    ),
    "agreement:already-ratified": Template(
        "1.4",
        "Your organisation had ratified the data sharing agreement for {year} already.",
        "Nothing needs doing.",
    ),
    "agreement:not-signed": Template(
        "1.4",
        "The file is no signed copy of the agreement's text, so the agreement is not ratified by it.",
        "Fetch agreement.txt from /agreement, sign it with your own key (gpg --clearsign agreement.txt), "
        "and put agreement.txt.asc into /agreement.",
    ),
    "agreement:wrong-signer": Template(
        "1.4",
        "The signature on the agreement's text is not good, or not by a key of yours that is in force.",
        "Sign the text as it is, with the key you enrolled, and put it into /agreement again.",
    ),
    "agreement:other-text": Template(
        "1.4",
        "The signature is yours, but the signed text is not the agreement as it now stands.",
        "Fetch agreement.txt from /agreement afresh, sign it unchanged, and put it into /agreement.",
    ),
    "agreement:signature-date": Template(
        "1.4",
        "The signature's date is in the future, or too old to ratify the agreement for {year}.",
        "Sign agreement.txt afresh, and put it into /agreement.",
    ),
    "agreement:not-a-party": Template(
        "1.4",
        "Only schools, academies and other education providers ratify this agreement.",
        "Nothing needs doing: what you send does not wait for it.",
    ),
    "agreement:lapses-soon": Template(
        "1.4",
        "Your organisation's ratification of the data sharing agreement counts until {lapses}, "
        "for {days} more days.",
        "Ratify it for {next_year}: sign the text in /agreement and drop it there, or tell the central "
        "data team.",
    ),
    "person:released": Template(
        "8.3",
        "A named person at the local authority released the file.",
        "Nothing needs doing.",
    ),
    "person:released-against-policy": Template(
        "8.3",
        "Two named persons at the local authority released the file, though the agreement speaks against it: "
        "what it says stands beside this reason.",
        "Nothing needs doing. If you object, tell the central data team, and quote the reference.",
    ),
    "person:returned": Template(
        "8.3",
        "A named person at the local authority looked at the file and sends it back with advice.",
        "{advice}",
    ),
    "person:refused": Template(
        "8.3",
        "A named person at the local authority looked at the file and did not take it.",
        _ASK,
    ),
    "internal:held": Template(
        "8.3",
        "The gateway could not examine the file by itself; a person at the local authority will look at it.",
        "Nothing needs doing unless they ask.",
    ),
}


def reason(code: str, **detail: str | int) -> Reason:
    """The reason for `code` with its blanks filled; KeyError if the code or a blank is unknown."""
    template = REASONS[code]
    return Reason(
        code=code,
        clause=template.clause.format(**detail),
        sentence=template.sentence.format(**detail),
        next_step=template.next_step.format(**detail),
    )


def documented() -> str:
    """All reasons as the page docs/reasons.md."""
    lines = [
        "# Reason codes",
        "",
        "Every outcome names its reasons by these codes, which never change their meaning. Words in braces",
        "are filled in. This page is generated by `make docs`.",
    ]
    for code, template in REASONS.items():
        lines += [
            "",
            f"## {code}",
            "",
            f"Clause {template.clause}.",
            "",
            template.sentence,
            "",
            template.next_step,
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.write(documented())
