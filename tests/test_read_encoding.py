"""Bytes of any encoding become the right text, and what is no text is refused."""

from __future__ import annotations

import codecs
import random
import time
import unicodedata
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import RefusedFile
from rag.read import parse
from rag.read.encoding import clean, decode

RUSSIAN = "Жители посёлка у озера требуют закрыть завод, который берёт воду из озера, и вернуть им рыбу. " * 3
ENGLISH = (
    "The people of the village by the lake want the plant closed: it takes their water – and their fish, too. " * 3
)
SAMPLES = [
    (RUSSIAN, codec)
    for codec in ("windows-1251", "koi8-r", "ibm866", "iso8859-5", "mac-cyrillic", "utf-8", "utf-8-sig")
]
SAMPLES += [(RUSSIAN, codec) for codec in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")]
SAMPLES += [(ENGLISH, codec) for codec in ("ascii", "windows-1252", "utf-16-le", "utf-16-be", "utf-32-be")]
SAMPLES += [
    (
        "Жителі селища біля озера вимагають закрити завод, який бере їхню воду, і повернути їм рибу. " * 3,
        "windows-1251",
    ),
    (
        "Die Bewohner des Dorfes fordern, das Werk am See zu schließen, denn es schöpft ihr Wasser für die Kühlung. "
        * 3,
        "latin-1",
    ),
    (
        "Mieszkańcy wsi nad jeziorem żądają zamknięcia zakładu, który pobiera ich wodę, i zwrotu łowisk. " * 3,
        "windows-1250",
    ),
    ("湖のほとりの村の住民は、水を取っている工場を閉鎖し、漁場を返すよう求めている。" * 4, "shift_jis"),
    ("湖のほとりの村の住民は、水を取っている工場を閉鎖し、漁場を返すよう求めている。" * 4, "euc_jp"),
    ("湖のほとりの村の住民は、水を取っている工場を閉鎖し、漁場を返すよう求めている。" * 4, "iso2022_jp"),
    ("湖边村庄的居民要求关闭取水的工厂，并归还他们的渔场。他们说从来没有人问过他们。" * 4, "gb2312"),
    ("湖邊村莊的居民要求關閉取水的工廠，並歸還他們的漁場。他們說從來沒有人問過他們。" * 4, "big5"),
    ("호숫가 마을 주민들은 물을 가져가는 공장을 닫고 어장을 돌려 달라고 요구하고 있다." * 4, "euc_kr"),
    (
        "Οι κάτοικοι του χωριού δίπλα στη λίμνη ζητούν να κλείσει το εργοστάσιο που παίρνει το νερό τους. " * 3,
        "iso8859-7",
    ),
]


@pytest.mark.parametrize(("text", "codec"), SAMPLES)
def test_the_text_comes_back_letter_for_letter(text: str, codec: str) -> None:
    text = text.replace("–", "-") if codec == "ascii" else text
    assert decode(text.encode(codec)) == text


def test_a_page_in_the_codec_it_declares() -> None:
    page = '<html><head><meta charset="windows-1251"></head><body><p>Завод</p></body></html>'
    assert "Завод" in decode(page.encode("windows-1251"))


def test_windows_quotes_under_a_latin_name() -> None:
    page = '<meta charset="iso-8859-1"><p>The mayor’s word was “no” – and it stayed so until the end of the week.</p>'
    assert decode(page.encode("windows-1252")) == page


def test_a_few_faults_do_not_turn_utf8_into_something_else() -> None:
    text = decode((RUSSIAN * 2).encode() + b"\xff\xfe plain")
    assert text.startswith(RUSSIAN.strip())
    assert text.count("\ufffd") == 2


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"%PDF-1.7\n1 0 obj", "a PDF file"),
        (b"PK\x03\x04" + b"words " * 50, "an Office file"),
        (b"\x7fELF\x02\x01\x01" + bytes(200), "a program"),
        (b"{\\rtf1\\ansi words}", "an RTF file"),
        (b"\x1f\x8b\x08" + bytes(50), "a gzip archive"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
    ],
)
def test_other_formats_are_refused_by_their_first_bytes(data: bytes, kind: str) -> None:
    with pytest.raises(RefusedFile, match=kind):
        decode(data)


@pytest.mark.parametrize(
    "data",
    [
        random.Random(7).randbytes(4000),
        random.Random(8).randbytes(60),
        zlib.compress(random.Random(9).randbytes(3000)),
        bytes(range(256)) * 8,
        b"\x00" * 100,
        b"\x01\x02\x03word" * 30,
        b"ab \x1b[2J cd" * 20,
        RUSSIAN.encode() + RUSSIAN.encode("windows-1251"),  # two encodings in one file
        "Да, мост\n".encode() + "Мэр был против.".encode("windows-1251"),  # a short one
        "Совет\n".encode() + "Мэр был против.".encode("koi8-r"),
        b"",
        codecs.BOM_UTF16_LE,
        b"12 34 56",
    ],
)
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(RefusedFile):
        decode(data)


def test_a_stray_nul_is_no_reason_to_refuse() -> None:
    assert decode((RUSSIAN + "\x00" + ENGLISH * 3).encode()) == RUSSIAN + ENGLISH * 3


def test_more_than_any_article_has_is_refused_at_once() -> None:
    with pytest.raises(RefusedFile, match="split it"):
        decode(b"a" * 10_000_001)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\rc\u2028d\x85e", "a\nb\nc\nd\ne"),
        ("vo\u200bte vo\u00adte \ufeffvo\u2060te", "vote vote vote"),
        ("co\u202etxt.exe", "cotxt.exe"),
        ("order\U000e0041\U000e0042\U000e007f", "order"),
        ("vo\u200dte", "vote"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # a joiner that is spelling
        ("👩\u200d🌾", "👩\u200d🌾"),
        ("e\u0301lan", "élan"),
        ("e\u200b\u0301lan", "élan"),
        ("“vote” – it’s №1\u00a0%", "“vote” – it’s №1\u00a0%"),
        ("\ud800lone", "lone"),
        ("\x1b[2Jred\x07", "[2Jred"),
    ],
)
def test_cleaning(text: str, expected: str) -> None:
    assert clean(text) == expected


@given(st.text())
@settings(max_examples=100, deadline=None)
def test_cleaning_is_stable(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned == unicodedata.normalize("NFC", cleaned)
    assert not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in cleaned if letter not in "\n\t")


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs"))))
@settings(max_examples=100, deadline=None)
def test_what_is_seen_stays_letter_for_letter(text: str) -> None:
    assert clean(text) == unicodedata.normalize("NFC", text)


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_text_or_refused(data: bytes) -> None:
    try:
        text = decode(data)
    except RefusedFile:
        return
    assert text == unicodedata.normalize("NFC", text)
    assert "\x00" not in text
    assert "\r" not in text


@pytest.mark.parametrize("data", [b"\x00\x01" * 900, b"\x01\x02\x00\x00" * 400, b"ab" * 900])
def test_a_pattern_of_bytes_is_no_text(data: bytes) -> None:
    with pytest.raises(RefusedFile):
        decode(data)


@pytest.mark.parametrize("marks", ["\u0301\u0323", "&#x301;&#x323;"])
@pytest.mark.parametrize("suffix", [".txt", ".md", ".html"])
def test_stacked_marks_take_no_time(suffix: str, marks: str) -> None:
    started = time.process_time()
    found = parse("a" + suffix, ("The council voted.\n\na" + marks * 40_000).encode())
    assert "The council voted." in found.text
    assert time.process_time() - started < 5


@given(st.text(st.sampled_from("a\u0301\u0323\u0591 "), max_size=29))
def test_marks_that_a_letter_may_have_stay(text: str) -> None:
    assert clean(text) == unicodedata.normalize("NFC", text)
