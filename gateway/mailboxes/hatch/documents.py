"""Documents for people, as shown and printed by the console."""

from __future__ import annotations

from gateway.reports.document import (
    Block,
    Chart,
    Details,
    Document,
    Matrix,
    Paragraph,
    Points,
    ReportTable,
    Section,
)
from gateway.zones.hatch.evidence_answers import BlockSeen, DocumentSeen, SectionSeen


def seen(document: Document) -> DocumentSeen:
    """Return a document as an answer. Charts and matrices appear as tables."""
    return DocumentSeen(
        title=document.title,
        subtitle=document.subtitle,
        sections=tuple(map(_section, document.sections)),
        annex=tuple(map(_section, document.annex)),
    )


def _section(section: Section) -> SectionSeen:
    return SectionSeen(title=section.title, blocks=tuple(map(_block, section.blocks)))


def _block(block: Block) -> BlockSeen:
    match block:
        case Paragraph(text, important):
            return BlockSeen(text=text, important=important)
        case Points(texts):
            return BlockSeen(points=texts)
        case Details(pairs):
            rows = tuple((label, value) for label, value in pairs if value is not None)
            return BlockSeen(rows=rows)
        case ReportTable(headings, rows):
            return BlockSeen(headings=headings, rows=rows)
        case Chart():
            return BlockSeen(text=block.caption, headings=block.table.headings, rows=block.table.rows)
        case Matrix():
            return BlockSeen(headings=block.table.headings, rows=block.table.rows)
