"""What the agreement says of a file: the stage `policy`."""

from __future__ import annotations

from gateway.reasons.template import ASK, Template

REASONS: dict[str, Template] = {
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
        ASK,
    ),
    "policy:sender-not-in-flow": Template(
        "12.{row}",
        "The agreement does not name your kind of organisation as the sender of {title}.",
        ASK,
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
    "policy:unlisted-left-out": Template(
        "3.1",
        "The file holds {count} that the agreement does not list for this kind of data ({where}); it was "
        "taken, and no team is shown that.",
        "Take that out of the next export.",
    ),
    # Of earlier versions, which gave such columns to the teams: it stands in logs and receipts.
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
        ASK,
    ),
    "policy:no-basis": Template(
        "4.1",
        "The agreement gives {count} of the teams that it was to go to no basis for everything in the file.",
        ASK,
    ),
    "policy:suspended": Template(
        "5.1",
        "Your organisation's access is suspended, so the file waits for a person.",
        ASK,
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
}
