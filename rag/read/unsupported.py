"""Say what to do with a file in a format that is not read."""

from __future__ import annotations

from rag.errors import Translatable

_ADVICE = {
    "save it as .docx with LibreOffice or Word": ".doc .docm .dot .dotx .wpd .wps .sxw .fodt .ott",
    "export it as .docx or .pdf": ".pages .indd .pub .tex .gdoc",
    "save it as .xlsx or .csv": ".xls .xlsm .xlsb .ods .numbers .gsheet",
    "save it as .pptx or .pdf": ".ppt .pptm .odp .key .gslides",
    "convert it to .epub with Calibre": ".mobi .azw .azw3 .kfx .fb2 .lit",
    "convert it to .pdf": ".djvu .ps .xps .oxps .chm",
    "save it as .eml": ".msg .pst .ost .emlx",
    "unpack it and put its files here": ".zip .7z .rar .tar .gz .tgz .bz2 .xz .zst",
    "save the page as .html": ".mht .mhtml .webarchive .url .webloc",
    "put it into a .pdf, whose pages tesseract can read": ".png .jpg .jpeg .gif .tif .tiff .bmp .webp .heic .avif .svg",
    "put a transcript here as .txt": ".mp3 .wav .m4a .ogg .flac .aac .opus .mp4 .mov .avi .mkv .webm .srt .vtt",
}
_BY_SUFFIX = {suffix: advice for advice, suffixes in _ADVICE.items() for suffix in suffixes.split()}


def unsupported(suffix: str) -> Translatable:
    """Write that a format is not read, and which program or format helps.

    >>> unsupported(".doc"), unsupported("")
    ('unsupported format .doc; save it as .docx with LibreOffice or Word', 'unsupported format; save it as .txt or .pdf')
    """
    advice = _BY_SUFFIX.get(suffix.lower(), "save it as .txt or .pdf")
    if not suffix:
        return Translatable("unsupported format; {message}", message=advice)
    return Translatable("unsupported format {suffix}; {message}", suffix=suffix, message=advice)
