"""A PDF is read with PDFium, page by page; what it prints becomes prose in ``rag.read.layout``."""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from rag.errors import RefusedFile, Translatable
from rag.read.assemble import COMMENTS, FORM_VALUES, RUNNING_HEADS, Paragraph, assemble, one_line, stands_in
from rag.read.layout import Glyph, Page, title_of, to_paragraphs
from rag.read.ocr import is_installed, recognized
from rag.read.worker import made_progress
from rag.types import Document, Header

MOST_PAGES = 5000
PAGES_AT_ONCE = 100
"""How many pages may take as long as another file."""
MOST_NOTES = 1000
"""Comments and fields of a page that are looked at."""
MOST_SCANS = 500
"""How many pages are read by OCR; one takes some seconds."""

_REFUSALS = {
    3: "it is damaged or no PDF; open it in another program and save it again",
    4: "it asks for a password; save it without one",
    5: "its kind of encryption is not read; save it without",
}


def read_pdf(id: str, data: bytes) -> Document:
    """Text, pages and title of a PDF. Raises RefusedFile where it cannot be opened or no page has text."""
    import pypdfium2

    try:
        opened = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise RefusedFile(_REFUSALS.get(getattr(error, "err_code", None) or 3, _REFUSALS[3])) from None
    with closing(opened) as document:
        if len(document) > MOST_PAGES:
            raise RefusedFile("more than {limit:,} pages; split it", limit=MOST_PAGES)
        pages: list[Page] = []
        scans = damaged = 0
        left_out: Counter[str] = Counter()
        if document.get_formtype():
            document.init_forms()
        for number in range(len(document)):
            if number % PAGES_AT_ONCE == PAGES_AT_ONCE - 1:
                made_progress()
            try:
                page = document[number]
            except pypdfium2.PdfiumError:
                pages.append(Page(number + 1))
                damaged += 1
                continue
            with closing(page):
                glyphs = list(_glyphs(page))
                lines: list[str] | None = None
                if not any(glyph.text.isalnum() for glyph in glyphs) and _has_picture(page):
                    scans += 1
                    lines = recognized(page) if is_installed() and scans <= MOST_SCANS else None
                pages.append(Page(number + 1, glyphs, lines))
                left_out.update(_noted(page))
        metadata = document.get_metadata_dict(skip_empty=True)
    paragraphs, heads = to_paragraphs(pages)
    if not any(each.text.strip() for each in paragraphs):
        raise RefusedFile(_without_text(len(pages), scans, damaged))
    left_out[RUNNING_HEADS] += heads
    known = _known(id, metadata, pages, paragraphs)
    return assemble(paragraphs, known, _notices(pages, scans, damaged), left_out=left_out)


def _without_text(pages: int, scans: int, damaged: int) -> str:
    if scans and not is_installed():
        return Translatable(
            "{scans} of {pages} pages are images and the others have no text; install tesseract to read them",
            scans=scans,
            pages=pages,
        )
    if damaged:
        return Translatable(
            "{damaged} of {pages} pages are damaged and the others have no text; save it again from another program",
            damaged=damaged,
            pages=pages,
        )
    return "no page has text; remove the file or save its text as .txt"


def _notices(pages: list[Page], scans: int, damaged: int) -> list[str]:
    read, all_ = sum(page.recognized is not None for page in pages), len(pages)
    notices: list[str] = []
    if read:
        notices.append(
            Translatable(
                "{read} of {pages} pages are images and were read by OCR; compare what is quoted from them",
                read=read,
                pages=all_,
            )
        )
    if scans > read:
        notices.append(
            Translatable(
                "{scans} of {pages} pages are images; install tesseract to read them", scans=scans - read, pages=all_
            )
        )
    if damaged:
        notices.append(
            Translatable(
                "{damaged} of {pages} pages are damaged; save it again from another program",
                damaged=damaged,
                pages=all_,
            )
        )
    return notices


def _known(id: str, metadata: dict[str, str], pages: list[Page], paragraphs: list[Paragraph]) -> Header:
    """Title and author as far as the first pages say the same: metadata are often those of another document."""
    beginning = "\n".join(each.text for each in paragraphs[:40])
    title, author = (one_line(metadata.get(name)) for name in ("Title", "Author"))
    return Header(
        id,
        # One word is often the file's name.
        title=title if " " in title and stands_in(title, beginning) else title_of(pages),
        authors=(author,) if " " in author and len(author) < 60 and stands_in(author, beginning) else (),
    )


def _noted(page: Any) -> Counter[str]:
    """Count the words of a page's comments and of what is written into its forms: both lie over the page."""
    import pypdfium2.raw as raw

    found: Counter[str] = Counter()
    fields = (raw.FPDF_FORMFIELD_TEXTFIELD, raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX)
    for index in range(min(MOST_NOTES, raw.FPDFPage_GetAnnotCount(page))):
        if note := raw.FPDFPage_GetAnnot(page, index):
            kind = raw.FPDFAnnot_GetSubtype(note)
            if kind == raw.FPDF_ANNOT_WIDGET:
                if page.formenv and raw.FPDFAnnot_GetFormFieldType(page.formenv, note) in fields:
                    found[FORM_VALUES] += _words(raw.FPDFAnnot_GetFormFieldValue, page.formenv, note)
            elif kind not in (raw.FPDF_ANNOT_LINK, raw.FPDF_ANNOT_POPUP):
                found[COMMENTS] += _words(raw.FPDFAnnot_GetStringValue, note, b"Contents")
            raw.FPDFPage_CloseAnnot(note)
    return found


def _words(read: Callable[..., int], *of: Any) -> int:
    import pypdfium2.raw as raw

    buffer = ctypes.create_string_buffer(read(*of, None, 0))
    read(*of, ctypes.cast(buffer, ctypes.POINTER(raw.FPDF_WCHAR)), len(buffer))
    return len(buffer.raw.decode("utf-16-le", "replace").rstrip("\0").split())


def _has_picture(page: Any) -> bool:
    import pypdfium2.raw as raw

    return any(page.get_objects(filter=(raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_SHADING, raw.FPDF_PAGEOBJ_PATH)))


def _glyphs(page: Any) -> Iterator[Glyph]:
    """Return the page's characters in the order that it draws them, as one sees the page: x from the left, y from below."""
    import pypdfium2.raw as raw

    turned = page.get_rotation()
    box = raw.FS_RECTF()
    place, get_code, get_box = ctypes.byref(box), raw.FPDFText_GetUnicode, raw.FPDFText_GetLooseCharBox
    with closing(page.get_textpage()) as opened:
        text, high = opened.raw, ""
        for index in range(opened.count_chars()):
            code = get_code(text, index)
            letter = high + chr(code) if code <= 0x10FFFF else "\ufffd"
            high = letter if 0xD800 <= code < 0xDC00 else ""
            if high:
                continue
            if len(letter) > 1:
                letter = letter.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            if not get_box(text, index, place):
                box.left = box.right = box.top = box.bottom = 0.0
            x0, y0, x1, y1 = box.left, box.bottom, box.right, box.top
            if turned == 90:
                x0, y0, x1, y1 = y0, -x1, y1, -x0
            elif turned == 180:
                x0, y0, x1, y1 = -x1, -y1, -x0, -y0
            elif turned == 270:
                x0, y0, x1, y1 = -y1, x0, -y0, x1
            yield Glyph(letter, x0, y0, x1, y1)
