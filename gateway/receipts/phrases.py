"""The fixed phrases of receipts, by language."""

from dataclasses import dataclass

from gateway.reasons.languages import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
    """The phrases of a receipt in one language; words in braces are filled in."""

    heading: str
    to: str
    landed: str
    accepted: str
    held: str
    refused: str
    withdrawn_held: str
    withdrawn_refused: str
    file: str
    reference: str
    received: str
    decided: str
    happened: str
    why: str
    next: str
    note: str
    clause: str
    has_landed: str
    drop_done: str
    was_accepted: str
    was_held: str
    was_refused: str
    was_withdrawn: str
    recognised: str
    placed: str
    passed: str
    nothing: str
    keep: str


PHRASES: dict[Language, Phrases] = {
    "en": Phrases(
        heading="Receipt from {organisation}",
        to="to {provider}",
        landed="Your file has ARRIVED.",
        accepted="Your file was ACCEPTED.",
        held="Your file is HELD: it waits.",
        refused="Your file was REFUSED.",
        withdrawn_held="Your file is HELD: it was taken out of every mailbox.",
        withdrawn_refused="Your file was REFUSED after all: it is withdrawn for good.",
        file="File",
        reference="Reference",
        received="Received",
        decided="Decided",
        happened="What happened",
        why="Why",
        next="What to do next",
        note="Please note",
        clause="agreement clause",
        has_landed="Your file reached the gateway and is safely stored, byte for byte as you sent it. It has "
        "not been opened yet. A second receipt will say what was decided.",
        drop_done="What you sent was looked at, and what follows from it is done. It was passed to nobody.",
        was_accepted="Your file was opened and its signature is yours.{known}{passed}",
        was_held="Your file has arrived and is safely stored.{known} It has not been passed on yet, for the "
        "reason below. Do not send it again unless you are asked to.",
        was_refused="Your file arrived, but it was not taken, for the reason below. Nobody has been given "
        "it.",
        was_withdrawn="Your file had been accepted and passed on.{known} It has been taken back, for this "
        "reason.",
        recognised=" It was recognised, by its content, as {kind}.",
        placed=" A person at the local authority has said what it is: {kind}.",
        passed=" It was passed to: {teams}.",
        nothing="Nothing needs doing.",
        keep="Nothing needs doing. Keep this receipt.",
    ),
    "cy": Phrases(
        heading="Derbynneb gan {organisation}",
        to="i {provider}",
        landed="Mae eich ffeil wedi CYRRAEDD.",
        accepted="Cafodd eich ffeil ei DERBYN.",
        held="Mae eich ffeil yn cael ei DAL: mae'n aros.",
        refused="Cafodd eich ffeil ei GWRTHOD.",
        withdrawn_held="Mae eich ffeil yn cael ei DAL: tynnwyd hi o bob blwch post.",
        withdrawn_refused="Cafodd eich ffeil ei GWRTHOD wedi'r cyfan: tynnwyd hi'n ôl am byth.",
        file="Ffeil",
        reference="Cyfeirnod",
        received="Derbyniwyd",
        decided="Penderfynwyd",
        happened="Beth ddigwyddodd",
        why="Pam",
        next="Beth i'w wneud nesaf",
        note="Sylwer",
        clause="cymal y cytundeb",
        has_landed="Cyrhaeddodd eich ffeil y porth ac mae wedi'i storio'n ddiogel, beit am feit fel yr "
        "anfonwyd hi. Nid yw wedi'i hagor eto. Bydd ail dderbynneb yn dweud beth a benderfynwyd.",
        drop_done="Edrychwyd ar yr hyn a anfonwyd gennych, a gwnaed yr hyn sy'n dilyn ohono. Ni "
        "throsglwyddwyd ef i neb.",
        was_accepted="Agorwyd eich ffeil ac eich llofnod chi sydd arni.{known}{passed}",
        was_held="Mae eich ffeil wedi cyrraedd ac wedi'i storio'n ddiogel.{known} Nid yw wedi'i throsglwyddo "
        "eto, am y rheswm isod. Peidiwch â'i hanfon eto oni bai y gofynnir i chi.",
        was_refused="Cyrhaeddodd eich ffeil, ond ni chymerwyd hi, am y rheswm isod. Ni roddwyd hi i neb.",
        was_withdrawn="Roedd eich ffeil wedi'i derbyn a'i throsglwyddo.{known} Cymerwyd hi'n ôl, am y rheswm "
        "hwn.",
        recognised=" Adnabuwyd hi, yn ôl ei chynnwys, fel {kind}.",
        placed=" Mae person yn yr awdurdod lleol wedi dweud beth yw hi: {kind}.",
        passed=" Trosglwyddwyd hi i: {teams}.",
        nothing="Nid oes angen gwneud dim.",
        keep="Nid oes angen gwneud dim. Cadwch y dderbynneb hon.",
    ),
}
