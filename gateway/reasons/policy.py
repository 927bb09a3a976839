"""Reasons from the agreement: the stage `policy`."""

from __future__ import annotations

from gateway.reasons.template import ASK, Template

REASONS: dict[str, Template] = {
    "policy:assessment": Template(
        "The agreement asks you for assessments of the key stages, but {title} comes from elsewhere, "
        "so a person decides what becomes of this file.",
        "You need do nothing: a person at the local authority will look at it.",
    ),
    "policy:allowed": Template(
        "The agreement lists this: {title}, from {sender} to the local authority.",
        "Nothing needs doing.",
        "the flow",
    ),
    "policy:no-flow": Template(
        "The agreement has no line for this kind of data.",
        "Do not send it again. If the local authority asked you for it, tell its {desk}, and quote the "
        "reference on this receipt.",
    ),
    "policy:sender-not-in-flow": Template(
        "The agreement does not name your kind of organisation as the sender of {title}.",
        "Do not send it again. If the local authority asked you for it, tell its {desk}, and quote the "
        "reference on this receipt.",
        "the flow",
    ),
    "policy:other-school": Template(
        "The file names another school ({found}) than yours ({expected}) in {count} of its records.",
        "Send one school's pupils at a time, each school its own. If that is what you did, tell the "
        "local authority's {desk}: a person there will look at this file, and nobody is put on a roll"
        " by it.",
    ),
    "policy:school-not-named": Template(
        "You send for several schools, and the file does not say whose pupils these are: {count} of its "
        "records name none of them by number.",
        "Send one school's pupils at a time in files that name the school, or add a column with each pupil's "
        "DfE number of the school (LA and establishment, 7 digits), and send the file again.",
    ),
    "policy:for-schools": Template(
        "You send for several schools, and the file is taken for each that it names: {count}.",
        "Nothing needs doing.",
    ),
    "policy:agreement-not-ratified": Template(
        "Your organisation has not ratified this year's data sharing agreement, so the file waits.",
        "Ratify the agreement: sign the text in /agreement and drop it there, or tell the local "
        "authority's {desk}. The file is then released by itself.",
    ),
    "policy:taken-unratified": Template(
        "Your organisation has not ratified this year's data sharing agreement. Files of this kind are taken "
        "all the same until the end of {until}.",
        "Ratify the agreement before then: sign the text in /agreement and drop it there, or tell the"
        " local authority's {desk}. Later files wait until you have.",
    ),
    "policy:embargo": Template(
        "Results may not be passed on before {until}; the file waits until then.",
        "Nothing needs doing: the file is released by itself at that moment.",
        "the flow",
    ),
    "policy:on-behalf": Template(
        "The local authority deposited {title} on behalf of {sender}.",
        "Nothing needs doing.",
        "the flow",
    ),
    "policy:unlisted-items": Template(
        "The file holds {count} that the agreement does not list for this kind of data ({where}), so it "
        "waits for a person.",
        "Take that out of the export and send the file again, or wait until a person has looked at it.",
    ),
    "policy:unlisted-left-out": Template(
        "The file holds {count} that the agreement does not list for this kind of data ({where}); it was "
        "taken, and no team is shown that.",
        "You need not take it out. If the local authority should have it, tell the local authority's {desk} "
        "what these columns hold, or give them the headings that the guide for schools lists.",
    ),
    "policy:unlisted-take-out": Template(
        "The file holds {count} that the agreement does not list in any kind of file from you ({where}); it "
        "was taken, and no team is shown that.",
        "Take that out of the next export.",
    ),
    "policy:return-incomplete": Template(
        "The return lacks {lacking} {what}, and it holds {count} that nobody understood ({where}), so it "
        "waits for a person.",
        "Take nothing out. If what is missing stands there, give it the heading that your system uses for "
        "this return, and send the file again. Or wait until a person has looked at it.",
    ),
    "policy:old-return": Template(
        "The return is about {day}, more than two years ago, so it waits for a person.",
        "Look at which return you exported, and send that of this year. If the old one was asked for, tell "
        "the local authority's {desk}.",
    ),
    "policy:other-phase": Template(
        "The file holds {count} records of pupils of year 9 and above, and yours is a primary school, so it "
        "waits for a person.",
        "Look at the year groups and dates of birth in your system. If the file is another school's, do not "
        "send it again, and tell the local authority's {governance}.",
    ),
    "policy:upn-two-names": Template(
        "The file holds {count} records of a pupil whose surname is another one elsewhere in the file.",
        "Look at the records that this receipt lists. Correct the UPN or the surname in your system, and "
        "send the file again.",
    ),
    "policy:upns-of-other-authority": Template(
        "All UPNs in the file were first given in other local authorities ({authorities}), and none in "
        "yours ({own}).",
        "Look whether this is the file that you meant to send. If these are your pupils, nothing is wrong. "
        "If not, tell the local authority's {governance}.",
    ),
    "policy:values-withheld": Template(
        "The file holds {count} that are not what their heading says ({where}). No team gets those.",
        "Correct them in your system: this receipt lists the records, and what to write. Then send the file "
        "again.",
    ),
    "policy:wrong-column": Template(
        "Too much of {where} is not what the heading says, so the file waits: the heading is wrong, or the "
        "file is.",
        "Look at {where} in your export. Put there what this receipt asks for, or give the column its right "
        "heading, and send the file again.",
    ),
    # Used by earlier versions, which gave such columns to teams; still present in logs and receipts.
    "policy:unlisted-accepted": Template(
        "The file holds {count} that the agreement does not list for this kind of data ({where}); it was "
        "taken with that.",
        "Take that out of the next export.",
    ),
    "policy:sensitive": Template(
        "The file seems to hold sensitive data that does not belong into this exchange ({topics}). It "
        "waits, and only a few people may look at it.",
        "Take that out of the export and send the file again. If the local authority asked you for "
        "it, ring the local authority's {governance} before you send anything more.",
    ),
    "policy:sensitive-heading": Template(
        "What the file holds here is sensitive, so no team is shown it: {where}.",
        "Leave that out of files of this kind. The local authority's {governance} is told that it came, but "
        "not what it says.",
    ),
    "policy:items-outside": Template(
        "The file holds personal data that Appendix A of the agreement does not list: {items}.",
        "Take that out of the next export.",
    ),
    "policy:items-elsewhere": Template(
        "The file holds personal data that the agreement lists for other kinds of file only: {items}. No "
        "team is shown that.",
        "Send it in those files alone. You may leave it out of files of this kind.",
    ),
    "policy:items-outside-held": Template(
        "The file holds personal data that Appendix A of the agreement does not list: {items}. It waits for "
        "a person.",
        "Take that out and send the file again, or wait until a person has looked at it.",
    ),
    "policy:items-proposed": Template(
        "The file holds data that the agreement only proposes and has not yet agreed: {items}.",
        "Leave it out of the next export until the local authority tells you that it is agreed.",
        "the group of items",
    ),
    "policy:items-proposed-held": Template(
        "The file holds data that the agreement only proposes and has not yet agreed: {items}. "
        "It waits for a person.",
        "Send the file again without it, or wait until a person has looked at it.",
        "the group of items",
    ),
    "policy:no-team": Template(
        "No single team at the local authority may have all the data in the file, so it waits for a person.",
        "Export what is of different kinds (core data, attendance, exclusions, results) into files of their "
        "own, and send each. Or wait until a person has looked at it.",
    ),
    "policy:persons-without-rule": Template(
        "The file holds data of people whom this kind of file is not about ({items}), and no rule says who "
        "may have it.",
        "Export it without these columns, or wait until a person at the local authority has looked at it.",
    ),
    "policy:no-basis": Template(
        "The agreement gives {count} of the teams that it was to go to no basis for everything in the file.",
        ASK,
    ),
    "policy:counts-only": Template(
        "A team that works with counts alone gets no records of single pupils, whoever allows it.",
        ASK,
    ),
    "policy:suspended": Template(
        "Your organisation's access is suspended, so the file waits for a person.",
        ASK,
    ),
    "policy:closed": Template(
        "Your school is on record as closed, so the file waits for a person.",
        "If your school is open, or goes on under another name, tell the local authority's {desk}, and quote "
        "the reference on this receipt.",
    ),
    "policy:method-not-allowed": Template(
        "The agreement does not allow this data to travel this way.",
        "Send it to this gateway, signed and encrypted.",
    ),
    "policy:method-allowed": Template(
        "The agreement allows this to travel by {method}: {title}.",
        "Nothing needs doing; the transfer is recorded.",
        "the method",
    ),
    "policy:method-not-declared": Template(
        "A transfer through this gateway is not declared: it is recorded when the file arrives.",
        "Send the file to this gateway, signed and encrypted.",
        "the method",
    ),
    "policy:safeguard-given": Template(
        "A safeguard was confirmed: {safeguard}.",
        "Nothing needs doing.",
        "the safeguard",
    ),
    "policy:safeguard-missing": Template(
        "A safeguard that the agreement asks for was not confirmed: {safeguard}.",
        "Put the safeguard in place and declare the transfer again.",
        "the safeguard",
    ),
}
