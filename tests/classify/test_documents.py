"""A file that is no data is told by what it is: a document, a message, or something locked."""

import codecs
import io
import json
import tarfile
from base64 import b64encode, encodebytes
from collections.abc import Callable
from email.message import EmailMessage
from random import Random

import openpyxl
import pytest

from gateway.model import Classified, ContentRefused, Held
from gateway.policy.catalogue import load_catalogue
from gateway.policy.decide import decide
from gateway.words import plain
from tests.classify import made
from tests.classify.conftest import POLICIES, Classify
from tests.classify.test_archive import archive
from tests.corpus import books
from tests.corpus.books import compound
from tests.policy.tables import london, provider
from tests.receipts.translated import has_translation

CATALOGUE = load_catalogue(POLICIES)
CORE = made.as_csv(made.core_rows()).encode()
_TYPES = ("[Content_Types].xml", b"<Types/>")
_SETTINGS = b"""<?xml version="1.0"?><w:settings xmlns:w="urn:w"><w:savePreviewPicture/></w:settings>"""
_SPREADSHEET = b"application/vnd.oasis.opendocument.spreadsheet"
_CIPHER = b'<keyData saltSize="16" blockSize="16" keyBits="256" saltValue="x"/>'
_ENCRYPTED = b'<m:manifest xmlns:m="urn:m"><m:file-entry><m:encryption-data/></m:file-entry></m:manifest>'


def word(text: str = "Hello") -> bytes:
    body = f'<w:document xmlns:w="urn:w"><w:body><w:p><w:t>{text}</w:t></w:p></w:body></w:document>'
    return archive(_TYPES, ("word/document.xml", body.encode()), ("word/settings.xml", _SETTINGS))


def mail() -> bytes:
    message = EmailMessage()
    message["Subject"] = "Our pupils"
    message["From"] = "Office <office@school.example>"
    message["To"] = "la@authority.example"
    message.set_content("The file is attached.")
    message.add_attachment(CORE.decode(), subtype="csv", filename="core.csv", cte="8bit")
    return message.as_bytes()


def locked_archive() -> bytes:
    content = bytearray(archive(("a.csv", CORE)))
    content[6] |= 1
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def tarred(mode: str, form: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=form) as packed:
        member = tarfile.TarInfo("folder/core.csv")
        member.size = len(CORE)
        packed.addfile(member, io.BytesIO(CORE))
    return out.getvalue()


DOCUMENT, PACKED, LOCKED = "classify:document", "classify:packed", "classify:locked"
FILES = {
    "pdf": (b"%PDF-1.7\n1 0 obj\n<<>>\n", DOCUMENT, "a PDF document"),
    "pdf behind": (b"\n\n%PDF-1.4\n", DOCUMENT, "a PDF document"),
    "docx": (word(), DOCUMENT, "a Word document"),
    "doc": (compound({"WordDocument": b"Hello"}), DOCUMENT, "a Word document"),
    "rtf": (b"{\\rtf1 Hello}", DOCUMENT, "a Word document"),
    "pptx": (archive(_TYPES, ("ppt/presentation.xml", b"<p/>")), DOCUMENT, "a PowerPoint presentation"),
    "ppt": (compound({"PowerPoint Document": b"x"}), DOCUMENT, "a PowerPoint presentation"),
    "odt": (
        archive(("mimetype", b"application/vnd.oasis.opendocument.text"), ("content.xml", b"<c/>")),
        DOCUMENT,
        "an Office document",
    ),
    "numbers": (
        archive(("Index/Document.iwa", b"\0\1"), ("Index/Tables/DataList.iwa", b"\0"), ("preview.jpg", b"x")),
        DOCUMENT,
        "a Pages, Numbers or Keynote document",
    ),
    "pages of 2013": (archive(("Index.zip", b"PK")), DOCUMENT, "a Pages, Numbers or Keynote document"),
    "jpeg": (b"\xff\xd8\xff\xe0\0\x10JFIF\0", DOCUMENT, "an image"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0", DOCUMENT, "an image"),
    "tiff": (b"II*\0\x08\0\0\0", DOCUMENT, "an image"),
    "access": (b"\0\1\0\0Standard ACE DB\0", DOCUMENT, "a database"),
    "login page": (b"<!DOCTYPE html><html><body>Log in</body></html>", DOCUMENT, "an HTML page"),
    "report of old": (
        b'<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.0//EN"><HTML></HTML>',
        DOCUMENT,
        "an HTML page",
    ),
    "page after an empty line": (b"\r\n<!DOCTYPE html><html></html>", DOCUMENT, "an HTML page"),
    "xls that is html": (b"<html><table><tr><td>UPN</td></tr></table></html>", DOCUMENT, "an HTML page"),
    "eml": (mail(), PACKED, "an e-mail"),
    "eml as received": (
        b"Received: from a by b\r\nSubject: x\r\nFrom: a@b.example\r\n\r\nHello",
        PACKED,
        "an e-mail",
    ),
    "msg": (compound({"__properties_version1.0": b"\0" * 32}), PACKED, "an Outlook message"),
    "winmail.dat": (b"\x78\x9f\x3e\x22\0\0", PACKED, "an Outlook message"),
    "gpg": (b"\x84\x5e\x03" + b"\x8a" * 94, PACKED, "a file that was encrypted before"),
    "gpg of version 6": (b"\xc1\x60\x06" + b"\x8a" * 94, PACKED, "a file that was encrypted before"),
    "asc": (b"-----BEGIN PGP MESSAGE-----\n\nhF4D\n", PACKED, "a file that was encrypted before"),
    "gpg in zip": (
        archive(("a.csv.gpg", b"\x84\x5e\x03" + b"\x8a" * 94)),
        PACKED,
        "a file that was encrypted before",
    ),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\4", PACKED, "a 7-Zip archive"),
    "rar": (b"Rar!\x1a\7\1\0", PACKED, "a RAR archive"),
    "tgz": (tarred("w:gz", tarfile.GNU_FORMAT), PACKED, "a gzip archive"),
    "tar of Kleopatra": (tarred("w:", tarfile.PAX_FORMAT), PACKED, "a tar archive"),
    "tar of Unix": (tarred("w:", tarfile.GNU_FORMAT), PACKED, "a tar archive"),
    "zip in zip": (archive(("a.zip", archive(("a.csv", CORE)))), PACKED, "an archive inside an archive"),
    "locked xlsx": (
        compound(
            {
                "\x06DataSpaces": b"x",
                "EncryptionInfo": _CIPHER,
                "EncryptedPackage": b"x",
            }
        ),
        LOCKED,
        "a workbook or document",
    ),
    "locked ods": (
        archive(
            ("mimetype", _SPREADSHEET), ("content.xml", b"\x99\x13"), ("META-INF/manifest.xml", _ENCRYPTED)
        ),
        LOCKED,
        "a workbook",
    ),
    "locked zip": (locked_archive(), LOCKED, "an archive"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_data_is_called_what_it_is(classify: Classify, name: str) -> None:
    content, code, kind = FILES[name]
    found = classify(content)
    assert isinstance(found, ContentRefused), found
    assert (found.code, found.about, found.sensitive) == (code, kind, ())
    decision = decide(found, CATALOGUE, provider(), london("2026-11-24T12:00"))
    assert isinstance(decision, Held)
    (reason,) = decision.reasons
    assert reason.code == code
    assert kind in reason.sentence
    assert "CSV, .xlsx or XML" in reason.next_step
    assert has_translation(kind, "cy")
    assert [plain(said) for said in found.evidence] == list(found.evidence)


@pytest.mark.parametrize("kind", ["locked xlsx", "locked ods", "locked zip", "jpeg"])
def test_the_name_of_what_cannot_be_read_may_be_sensitive(classify: Classify, kind: str) -> None:
    found = classify(FILES[kind][0], "Child protection plan")
    assert isinstance(found, ContentRefused)
    assert found.sensitive == ("safeguarding",)


def test_a_document_in_an_archive_is_called_what_it_is(classify: Classify) -> None:
    found = classify(archive(("minutes.docx", word()), ("core.csv", CORE)))
    assert isinstance(found, ContentRefused)
    assert found.code == "classify:several-kinds"
    decision = decide(found, CATALOGUE, provider(), london("2026-11-24T12:00"))
    assert [r.sentence for r in decision.reasons if r.code == DOCUMENT]


def test_two_kinds_of_document_are_each_called_what_they_are(classify: Classify) -> None:
    found = classify(archive(("a.pdf", b"%PDF-1.7"), ("b.docx", word())))
    assert isinstance(found, ContentRefused)
    assert [part.about for part in found.parts if isinstance(part, ContentRefused)] == [
        "a PDF document",
        "a Word document",
    ]


def test_what_a_word_document_says_is_still_looked_at(classify: Classify) -> None:
    found = classify(word("The pupil has been referred to CAMHS."))
    assert isinstance(found, ContentRefused)
    assert found.code == DOCUMENT
    assert found.sensitive


def test_elements_of_a_school_in_an_archive_are_still_looked_at(classify: Classify) -> None:
    own = b"<notes><Fingerprint>7</Fingerprint></notes>"
    for content in (archive(("a.xml", own)), archive(_TYPES, ("customXml/item1.xml", own))):
        found = classify(content)
        assert isinstance(found, ContentRefused)
        assert found.sensitive == ("biometric data",)


def a_ctf(flag: str, count: int = 3) -> bytes:
    """Return a Common Transfer File; the last of its pupils has `flag` as what MedicalFlag holds."""
    flags = [*["true", "false", " 0 "] * (count // 3), flag]
    inside = [made.CORE_INSIDE.replace("false</MedicalFlag>", f"{one}</MedicalFlag>") for one in flags]
    return made.ctf(map(made.pupil, made.children(len(flags)), inside)).encode()


@pytest.mark.parametrize("count", [3, 3_000])
def test_flags_of_core_data_make_nothing_sensitive_that_waits_for_another_reason(
    classify: Classify, count: int
) -> None:
    core = a_ctf("true", count)
    assert isinstance(classify(core), Classified)
    for content, code in (
        (archive(("a.zip", archive(("core.xml", core)))), PACKED),
        (archive(("core.xml", core), ("scan.jpg", FILES["jpeg"][0])), "classify:several-kinds"),
    ):
        found = classify(content)
        assert isinstance(found, ContentRefused)
        assert (found.code, found.sensitive) == (code, ())
        decision = decide(found, CATALOGUE, provider(), london("2026-11-24T12:00"))
        assert isinstance(decision, Held)
        assert "policy:sensitive" not in {reason.code for reason in decision.reasons}


@pytest.mark.parametrize(
    "flag",
    ["weak bladder", "<![CDATA[true]]>", "<Note>true</Note>", "sees the child protection nurse"],
)
@pytest.mark.parametrize("count", [3, 3_000])
def test_a_remark_in_an_archive_inside_an_archive_is_sensitive(
    classify: Classify, flag: str, count: int
) -> None:
    found = classify(archive(("a.zip", archive(("core.xml", a_ctf(flag, count))))))
    assert isinstance(found, ContentRefused)
    assert found.code == PACKED
    assert "health" in found.sensitive
    decision = decide(found, CATALOGUE, provider(), london("2026-11-24T12:00"))
    assert isinstance(decision, Held)
    assert [reason.code for reason in decision.reasons] == ["policy:sensitive", PACKED]


def a_list(flags: list[str], end: str = "\r\n") -> bytes:
    """Return a list of pupils in which each has one of the flags, ended by `end`."""
    rows = (f'"Brown, Ann";{flag};4B' for flag in flags)
    return ("\r\n".join(["Name;Medical Flag;Class", *rows]) + end).encode()


@pytest.mark.parametrize("last", ["", "Y", "weak bladder", "true; sees the nurse"])
def test_a_column_of_flags_in_an_archive_inside_an_archive_is_sensitive_if_it_says_more(
    classify: Classify, last: str
) -> None:
    flags = [*["Y", "n", " true ", "0", ""] * 3, last]
    for content in (a_list(flags), archive(("a.zip", archive(("a.csv", a_list(flags)))))):
        assert ("health" in classify(content).sensitive) == (len(last) > 1)
    assert classify(a_list(flags, end="")).sensitive != ()  # Its end may be missing.


@pytest.mark.parametrize("name", ["CINPlan", "medicalNotes", "x1", "n"])
def test_names_and_values_of_attributes_are_looked_at_as_headings(classify: Classify, name: str) -> None:
    for value in ("7", "CIN"):
        found = classify(f'<notes><pupil id="1" {name}="{value}"/></notes>'.encode())
        assert (found.sensitive != ()) == (value == "CIN" or len(name) > 2), value


def test_attributes_of_a_page_say_nothing_of_a_child(classify: Classify) -> None:
    assert classify(b'<html><td height="20" class="risk">Hello</td></html>').sensitive == ()
    assert classify(b'<a xmlns:s="urn:s"><b s:height="20">Hello</b></a>').sensitive == ()


CALLED = [["Surname", "Forename", "Locker"], ["Foster", "Anne", "Chess"], ["Court", "Iris", "Band"]]


@pytest.mark.parametrize(
    ("heading", "cell", "topics"),
    [
        ("Locker", "Chess", ()),
        ("Locker", "Ann Foster", ()),
        ("Foster", "Y", ("looked-after children",)),
        ("Locker", "Foster carer", ("looked-after children",)),
        ("Locker", "MASH", ("safeguarding",)),
    ],
)
def test_people_called_as_a_topic_is_make_no_unknown_file_sensitive(
    classify: Classify, heading: str, cell: str, topics: tuple[str, ...]
) -> None:
    rows = [[*CALLED[0][:2], heading], [*CALLED[1][:2], cell], CALLED[2]]
    as_json = json.dumps([dict(zip(rows[0], row, strict=True)) for row in rows[1:]]).encode()
    workbooks = [make(books.Page(rows)) for make in (books.xlsx, books.xls, books.xlsb, books.ods)]
    two = books.xlsx(books.Page(CALLED), books.Page(rows))
    for content in (made.as_csv(rows).encode(), as_json, *workbooks, two):
        found = classify(content)
        assert isinstance(found, ContentRefused)
        assert (found.code, found.sensitive) == ("classify:unknown", topics)


@pytest.mark.parametrize("encoding", ["utf-32", "utf-32-le", "utf-32-be"])
def test_a_text_in_utf_32_is_looked_at(classify: Classify, encoding: str) -> None:
    told = "Zo\xeb is on a child protection plan\r\n".encode(encoding)
    for content in (told, archive(("notes.txt", told)), archive(("a.zip", archive(("n.csv", told))))):
        assert classify(content).sensitive == ("safeguarding",)
    assert classify("Zo\xeb is well\r\n".encode(encoding)).sensitive == ()


@pytest.mark.parametrize(
    "content",
    [
        CORE.split(b"\r\n")[0] + b"\r\n",
        CORE.split(b"\r\n")[0] + b"\r\n,,,\r\n",
        books.xlsx(books.Page(made.core_rows()[:1])),
        archive(("a.csv", CORE.split(b"\r\n")[0])),
    ],
)
def test_a_table_without_rows_is_told_so_and_of_nil_returns(classify: Classify, content: bytes) -> None:
    found = classify(content)
    assert isinstance(found, ContentRefused)
    decision = decide(found, CATALOGUE, provider(), london("2026-11-24T12:00"))
    assert isinstance(decision, Held)
    (reason,) = decision.reasons
    assert reason.code == "classify:no-rows"
    assert "headings and no rows" in reason.sentence
    assert "nil return" in reason.next_step
    assert "heading over each column" not in reason.next_step


@pytest.mark.parametrize("start", [b"Report: pupils\nFrom: Brue School\n", b"Date: 10 Nov 2026\n\n"])
def test_lines_above_a_table_make_it_no_message(classify: Classify, start: bytes) -> None:
    assert isinstance(classify(start + CORE), Classified)


def test_a_workbook_without_a_password_is_read(classify: Classify) -> None:
    book, out = openpyxl.Workbook(), io.BytesIO()
    assert book.active is not None
    for row in made.core_rows():
        book.active.append(list(row))
    book.save(out)
    assert isinstance(classify(out.getvalue()), Classified)


def test_bytes_that_are_no_text_tell_of_nothing_but_in_their_longer_texts(classify: Classify) -> None:
    noise = Random(1).randbytes(300_000)
    assert classify(noise).sensitive == ()
    assert classify(noise + b"CREATE TABLE safeguarding, child protection plan\n" + noise).sensitive != ()


def test_a_document_whose_name_is_sensitive_is_for_few_people(classify: Classify) -> None:
    for name, topics in (
        ("Child_protection-plan Ann.pdf.gpg", ("safeguarding",)),
        ("Letter home.pdf.gpg", ()),
    ):
        found = classify(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", name)
        assert isinstance(found, ContentRefused)
        assert found.sensitive == topics


TOLD = "Ann is on a child protection plan, as the social worker says. " * 3


@pytest.mark.parametrize(
    "written",
    [
        lambda message: message.set_content(TOLD, cte="base64"),
        lambda message: message.set_content(TOLD.replace("social", "so\u00adcial"), cte="quoted-printable"),
        lambda message: message.add_header("Subject", "\u00c5nn: child protection"),
        lambda message: message.add_attachment(
            books.xlsx(books.Page([["Name", "Status", "Since"], ["Ann", "Child protection plan", "May"]])),
            maintype="application",
            subtype="octet-stream",
        ),
    ],
    ids=["in Base64", "in printable signs", "in a subject", "in an attached workbook"],
)
def test_what_an_e_mail_says_is_seen_however_it_is_encoded(
    classify: Classify, written: Callable[[EmailMessage], None]
) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "office@oak.example", "data@authority.example"
    message["Date"], message["Message-ID"] = "Tue, 24 Nov 2026 09:00:00 +0000", "<1@oak.example>"
    assert classify(message.as_bytes() + b"Hello\n").sensitive == ()
    written(message)
    assert classify(message.as_bytes()).sensitive != ()


def encoded_mail(*headers: str, content: bytes = b"") -> bytes:
    """Return a mail with these headers and a content in Base64."""
    return "\n".join([*headers, "Content-Transfer-Encoding: base64", "", ""]).encode() + content


def test_recipients_whose_names_are_encoded_hide_no_attachment(classify: Classify) -> None:
    told = encodebytes(TOLD.encode())
    for recipients in (1, 45, 500):
        names = [f" =?utf-8?B?QW5u?= <a{number}@oak.example>," for number in range(recipients)]
        assert classify(encoded_mail("To:", *names, content=told)).sensitive != ()
    subject = b64encode(b"child protection").decode().rstrip("=")
    assert classify(encoded_mail(f"Subject: =?utf-8?B?{subject}?=")).sensitive == ("safeguarding",)


@pytest.mark.parametrize(
    "recipient", ["Ann".encode("utf-16"), b"\1" * 20, b"PK\3\4", b"<?xml version='1.0' encoding='utf-16'?>"]
)
def test_no_recipient_hides_what_a_subject_says(classify: Classify, recipient: bytes) -> None:
    subject = b64encode(b"child protection").decode()
    to = f"To: =?utf-16?B?{b64encode(recipient).decode()}?= <ann@oak.example>"
    assert classify(encoded_mail(to, f"Subject: =?utf-8?B?{subject}?=")).sensitive == ("safeguarding",)


def test_a_subject_in_utf_16_is_read(classify: Classify) -> None:
    subject = b64encode("child protection".encode("utf-16")).decode()
    assert classify(encoded_mail(f"Subject: =?utf-16?B?{subject}?=")).sensitive == ("safeguarding",)


@pytest.mark.parametrize(
    "charset", ["utf-8", "windows-1252", "iso-8859-15", "utf-16", "utf-16-le", "utf-16-be"]
)
@pytest.mark.parametrize(
    ("subject", "topic"),
    [
        ("dépression", "mental health"),
        ("safe\xadguarding", "safeguarding"),
        ("ŵ child protection", "safeguarding"),
    ],
)
def test_a_subject_is_read_in_each_charset_that_e_mail_programs_use(
    classify: Classify, charset: str, subject: str, topic: str
) -> None:
    encoded = b64encode(subject.encode(charset, "replace")).decode()
    others = [
        f"To: =?utf-8?B?{b64encode(name.encode()).decode()}?= <a@oak.example>" for name in ("Zoë", "Łu")
    ]
    mail = encoded_mail(*others, f"Subject: =?{charset}?B?{encoded}?=", "From: =?utf-16?B?//5B?=")
    assert classify(mail).sensitive == (topic,)


def test_a_subject_in_several_encoded_words_is_read_as_one(classify: Classify) -> None:
    words = (
        ("utf-8", b"safeg"),
        ("windows-1252", b"uard"),
        ("utf-16", "ing".encode("utf-16")),
    )
    written = "\r\n ".join(f"=?{charset}?B?{b64encode(word).decode()}?=" for charset, word in words)
    assert classify(encoded_mail(f"Subject: {written}")).sensitive == ("safeguarding",)
    apart = written.replace("\r\n ", " <a@oak.example>,\r\n ")
    assert classify(encoded_mail(f"To: {apart} <a@oak.example>")).sensitive == ()


@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_a_character_split_between_two_encoded_words_hides_no_subject(
    classify: Classify, charset: str
) -> None:
    octets = "dépression, élève".encode(charset)
    for at in range(1, len(octets)):
        words = [b64encode(part).decode() for part in (octets[:at], octets[at:])]
        subject = f"Subject: =?{charset.upper()}?B?{words[0]}?=\r\n =?{charset}*fr?B?{words[1]}?="
        assert classify(encoded_mail(subject)).sensitive == ("mental health",)


def test_a_damaged_character_hides_no_subject(classify: Classify) -> None:
    subject = b64encode("dépression, é".encode()[:-1]).decode()
    assert classify(encoded_mail(f"Subject: =?utf-8?B?{subject}?=")).sensitive == ("mental health",)
    bom = b64encode(codecs.BOM_UTF32_BE + "dépression".encode("utf-32-be")).decode()
    assert classify(encoded_mail(f"Subject: =?utf-32?B?{bom}?=")).sensitive == ("mental health",)


def test_an_attachment_whose_end_is_missing_is_read_as_far_as_it_goes(classify: Classify) -> None:
    told = encodebytes(TOLD.encode()).rstrip(b"=\n")
    for missing in range(4):
        assert classify(encoded_mail("A: 1", content=told[: len(told) - missing])).sensitive != ()


def test_what_a_mail_encodes_takes_no_room_from_its_own_text(classify: Classify) -> None:
    filler = b"Nothing of note here.\n" * (20 * 1024**2 // 22)
    assert classify(b"Subject: =?utf-8?q?a?=\n\n" + filler + TOLD.encode()).sensitive != ()
