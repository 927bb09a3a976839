"""Reasons for not taking content as one data type: the stage `classify`."""

from __future__ import annotations

from gateway.reasons.template import Template

REASONS: dict[str, Template] = {
    "classify:unknown": Template(
        "The file does not look like any kind of data that the agreement lists.",
        "Send it as your system exports it: as a Common Transfer File, or as .xlsx or CSV with a heading over"
        " each column (UPN, surname, forename, date of birth). Or wait until a person has looked at it.",
    ),
    "classify:document": Template(
        "The file is {kind}. The gateway does not take data from one.",
        "Export the data from your system as CSV, .xlsx or XML (such as a Common Transfer File), and send "
        "that file. A person at the local authority will look at this one.",
    ),
    "classify:packed": Template(
        "The file is {kind}. The gateway does not open one.",
        "Take the file with the data out of it and send that file by itself, as your system exports it: CSV, "
        ".xlsx or XML. A person at the local authority will look at this one.",
    ),
    "classify:locked": Template(
        "The file is {kind} that is locked with a password, so nobody can read it.",
        "Save it without the password, or export it again, and send that as CSV, .xlsx or XML. It needs no "
        "password: what you send to the gateway is encrypted on its way.",
    ),
    "classify:outside-agreement": Template(
        "The file is of a known kind ({kind}) that is not part of this agreement.",
        "Send it through the service it belongs to. A person at the local authority will look at this copy.",
    ),
    "classify:ambiguous": Template(
        "The file could be more than one kind of data, so it was not routed by itself.",
        "Export one kind of data a file, with all the columns that your system gives it, and send that. Or "
        "wait until a person has looked at it.",
    ),
    "classify:other-assessments": Template(
        "The file holds grades that are no results of examinations ({kinds}), so it waits for a person.",
        "Take these grades out and send the file again. If your organisation takes part in an analysis that "
        "needs them, nothing needs doing: a person at the local authority will look at it.",
    ),
    "classify:malformed": Template(
        "The file is damaged inside: it begins like a known kind of file but cannot be read to its end.",
        "Export the file again from your system and send it again.",
    ),
    "classify:active-content": Template(
        "The file holds something that acts, or that nobody sees, beside its data: {what}.",
        "Save the table alone as CSV, or as a new workbook without it, and send that file. A person at the "
        "local authority will look at this one.",
    ),
    "classify:beside-table": Template(
        "The file holds more than its table, and nobody has read it: {what}.",
        "Take out what stands beside the table (other sheets, notes, lines under it) and send it again, or "
        "wait until a person has looked at it.",
    ),
    "classify:not-calculated": Template(
        "The workbook holds formulas whose values were not saved with it, so they cannot be read.",
        "Open the workbook in your spreadsheet program, save it, and send it again; or save it as CSV.",
    ),
    "classify:no-upn": Template(
        "The file lists pupils by name and date of birth, without their UPNs, so it waits for a person.",
        "Add the UPN to your export and send the file again, or wait until a person has matched it.",
    ),
    "classify:law-return": Template(
        "The file is a return that the law asks for ({kind}), and the local authority does not take such "
        "returns by this gateway yet. It waits for a person.",
        "Wait until a person at the local authority has looked at it, and ask {desk} how to send such "
        "returns.",
    ),
    "classify:version-old": Template(
        "The Common Transfer File is of version {version}; {present} is the present one, and {previous} the "
        "one before it.",
        "Update your system, or ask its supplier for version {present}, before you write the next file.",
    ),
    "classify:version-unknown": Template(
        "The Common Transfer File is of a version that is not known; {present} is the present one.",
        "Check the version that your system writes. If it is right, wait until a person at the local "
        "authority has looked at the file; if not, write it in version {present} and send it again.",
    ),
    "classify:several-kinds": Template(
        "The file holds several files or tables ({count}) that are not of one kind.",
        "Send each as a file of its own. A person at the local authority will look at this one.",
    ),
}
