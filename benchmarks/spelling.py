"""Names and words spelt another way: how many the keyword half still finds, and how often a word is taken for another.

    python benchmarks/spelling.py TEXTS [--questions QUESTIONS] [--wrong]
    python benchmarks/spelling.py --time 100000

TEXTS is a folder of articles (.txt, .md) or a file of JSON lines with a "text" or "context". The names in it (words written
with a capital everywhere) are respelt by public transliteration tables and by random typing errors and asked for one by one:
each must be found with a weight above 0. QUESTIONS (JSON lines with a "question") about other things than the texts show how
often an ordinary word is taken for another. ``--time`` asks an index of so many invented words.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rag.index.keywords import KeywordIndex, create_keyword_index
from rag.text.stems import stem
from rag.text.words import content_words, words

Rule = Callable[[str, random.Random], str]

_CYRILLIC = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"


def _table(line: str) -> dict[str, str]:
    return dict(zip(_CYRILLIC, (each.replace("_", "") for each in line.split()), strict=True))


# Letter by letter as the standards print them; what depends on a letter's neighbours is in _romanised.
_TABLES = {
    "BGN/PCGN": _table("a b v g d e ë zh z i y k l m n o p r s t u f kh ts ch sh shch ” y ’ e yu ya"),
    "ISO 9": _table("a b v g d e ë ž z i j k l m n o p r s t u f h c č š ŝ ʺ y ʹ è û â"),
    "scientific": _table("a b v g d e ë ž z i j k l m n o p r s t u f x c č š šč ʺ y ʹ è ju ja"),
    "passport": _table("a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch ie y _ e iu ia"),
    "German": _table("a b w g d e jo sch s i i k l m n o p r s t u f ch z tsch sch schtsch _ y _ e ju ja"),
    "French": _table("a b v g d e io j z i ï k l m n o p r s t ou f kh ts tch ch chtch _ y _ e iou ia"),
    "Kazakh Latin": _table("a b v g d e io j z i i q l m n o p r s t u f h ts ch ş ş _ y _ e iu ia"),
}
_PAIRS = "shch щ kh х zh ж sh ш ch ч ts ц ya я yu ю yev ев x кс ph ф ck к th т dzh дж j дж ii ий ou у ee и oo у"
_SINGLE = dict(zip("abcdefghiklmnopqrstuvwyz", "абкдефгхиклмнопкрстуввыз", strict=True))
_NAME = re.compile("[A-Za-z\u00c0-\u024f\u0400-\u052f]+")
_KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def cyrillic(word: str) -> str:
    """A Latin name as a Russian newspaper might write it, roughly."""
    word = word.lower()
    for latin, letter in zip(*[iter(_PAIRS.split())] * 2, strict=True):
        word = word.replace(latin, letter)
    word = re.sub(r"y$", "и", re.sub(r"(?<=[aeiou])y", "й", word))
    return "".join(_SINGLE.get(letter, letter) for letter in word).capitalize()


def romanised(word: str, table: str) -> str:
    """A Cyrillic name in Latin letters by one of the tables."""
    word = word.lower()
    if table == "BGN/PCGN":
        word = re.sub(r"(^|(?<=[аеёиоуыэюяйъь]))е", "ye", word)
    return "".join(_TABLES[table].get(letter, letter) for letter in word).capitalize()


def _place(word: str, chance: random.Random) -> int:
    return chance.randrange(1, len(word) - 1)


def _doubled(word: str, chance: random.Random) -> str:
    place = _place(word, chance)
    return word[:place] + word[place] + word[place:]


def _dropped(word: str, chance: random.Random) -> str:
    place = _place(word, chance)
    return word[:place] + word[place + 1 :]


def _transposed(word: str, chance: random.Random) -> str:
    places = [each for each in range(1, len(word) - 1) if word[each] != word[each + 1]]
    place = chance.choice(places or [1])
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def _neighbour(letter: str, chance: random.Random) -> str:
    for row in _KEYBOARD:
        if letter.lower() in row:
            place = row.index(letter.lower())
            found = chance.choice(row[max(0, place - 1) : place] + row[place + 1 : place + 2])
            return found.upper() if letter.isupper() else found
    return letter


def _mistyped(word: str, chance: random.Random) -> str:
    place = _place(word, chance)
    return word[:place] + _neighbour(word[place], chance) + word[place + 1 :]


def _first_mistyped(word: str, chance: random.Random) -> str:
    return _neighbour(word[0], chance) + word[1:]


def _inflected(word: str, chance: random.Random) -> str:
    if word[-1] in "аяыиоуе":
        return word[:-1] + chance.choice("уе")
    return word.removesuffix("й").removesuffix("ь") + chance.choice(("а", "у", "ом"))


ERRORS: dict[str, Rule] = {
    "doubled letter": _doubled,
    "dropped letter": _dropped,
    "transposed": _transposed,
    "keyboard neighbour": _mistyped,
    "first letter": _first_mistyped,
}


def rules(is_cyrillic: bool) -> dict[str, Rule]:
    """The ways in which names of one alphabet are respelt."""

    def by_table(table: str) -> Rule:
        return lambda word, _: romanised(word if is_cyrillic else cyrillic(word), table)

    tables = {table: by_table(table) for table in _TABLES}
    if is_cyrillic:  # the keyboard above is a Latin one
        return {name: ERRORS[name] for name in ("doubled letter", "dropped letter", "transposed")} | tables
    written: dict[str, Rule] = {
        "Cyrillic": lambda word, _: cyrillic(word),
        "Cyrillic, inflected": lambda word, chance: _inflected(cyrillic(word), chance),
    }
    return ERRORS | written | tables


def main() -> None:
    """Reads what it is given and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", type=Path, nargs="?")
    parser.add_argument("--questions", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--time", type=int, default=0)
    parser.add_argument("--wrong", action="store_true")
    chosen = parser.parse_args()
    if chosen.texts:
        texts = list(_texts(chosen.texts))
        names = _names(texts)
        print(f"{len(texts)} texts, {len(names)} names of five letters or more")
        with _indexed(texts) as index:
            _print_found(index, names, chosen.seed, chosen.wrong)
            _print_both(texts, names, chosen.seed)
            if chosen.questions:
                asked = [json.loads(line)["question"] for line in chosen.questions.read_text("utf-8").splitlines()]
                _print_taken(index, asked, chosen.wrong)
    if chosen.time:
        _print_times(chosen.time, chosen.seed)


@contextmanager
def _indexed(texts: Sequence[str]) -> Iterator[KeywordIndex]:
    with tempfile.TemporaryDirectory() as folder:
        create_keyword_index(Path(folder), [("", text) for text in texts])
        yield KeywordIndex(Path(folder))


def _texts(path: Path) -> Iterator[str]:
    if path.is_dir():
        for each in sorted(path.rglob("*")):
            if each.suffix in (".txt", ".md"):
                yield from each.read_text("utf-8", "replace").split("\n\n")
    else:
        for line in path.read_text("utf-8").splitlines():
            known = json.loads(line)
            yield known.get("text") or known["context"]


def _names(texts: Sequence[str]) -> list[str]:
    forms = {word for text in texts for word in words(text)}
    named = (form for form in forms if len(form) > 4 and form.istitle() and form.lower() not in forms)
    return sorted(form for form in named if not form.endswith("s") and _NAME.fullmatch(form))


def _print_found(index: KeywordIndex, names: Sequence[str], seed: int, wrong: bool) -> None:
    print(f"\n{'respelt by':22}{'n':>6}{'found':>8}{'weight':>8}{'others':>8}{'lower case':>12}")
    for is_cyrillic in (False, True):
        group = [name for name in names if (name[0] > "Ѐ") == is_cyrillic]
        for title, rule in rules(is_cyrillic).items() if group else ():
            chance = random.Random(seed)
            variants = [(name, rule(name, chance)) for name in group]
            # What the stemmer or the tokenizer makes one or two words of needs no spelling, or another test.
            pairs = [(name, *words(variant)) for name, variant in variants if stem(variant) != stem(name)]
            _print_share(index, title, [(each[0], each[1]) for each in pairs if len(each) == 2], wrong)


def _print_share(index: KeywordIndex, title: str, pairs: Sequence[tuple[str, str]], wrong: bool) -> None:
    found, lower, others, missed = [], 0, 0, []
    for name, variant in pairs:
        weights = index.terms(f"What did {variant} say about it?").get(variant, {})
        small = index.terms(f"what did {variant.lower()} say").get(variant.lower(), {})
        lower += stem(name) in small
        others += len(weights.keys() - {stem(name), stem(variant)})
        if stem(name) in weights:
            found.append(weights[stem(name)])
        else:
            missed.append(f"{name}/{variant}")
    count = max(1, len(pairs))
    weight = statistics.mean(found) if found else 0.0
    print(f"{title:22}{len(pairs):6}{len(found) / count:8.3f}{weight:8.2f}{others / count:8.2f}{lower / count:12.3f}")
    if wrong and missed:
        print("   ", *random.Random(0).sample(missed, min(14, len(missed))))


def _print_both(texts: Sequence[str], names: Sequence[str], seed: int) -> None:
    """A name that the articles themselves spell two ways: asked for in one, are both found?"""
    chance = random.Random(seed)
    tables = ("BGN/PCGN", "scientific", "German", "Kazakh Latin")
    sample = [name for name in names if name[0] < "Ѐ"]
    pairs = [(name, romanised(cyrillic(name), chance.choice(tables))) for name in sample]
    pairs = [(one, other) for one, other in pairs if stem(one) != stem(other) and words(other) == [other]]
    both = first = 0
    with _indexed([*texts, *(f"It was {other} who said so." for _, other in pairs)]) as index:
        for one, other in pairs:
            weights = index.terms(f"Did {one} say so?").get(one, {})
            both += {stem(one), stem(other)} <= weights.keys()
            first += max(weights, key=lambda term: weights[term], default="") == stem(one)
    shares = f"both found {both / max(1, len(pairs)):.3f}, the exact one first {first / max(1, len(pairs)):.3f}"
    print(f"\nspelt two ways in the texts: {len(pairs)}, {shares}")


def _print_taken(index: KeywordIndex, questions: Sequence[str], wrong: bool) -> None:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    taken: dict[str, set[str]] = defaultdict(set)
    for question in questions:
        found = index.terms(question)
        for place, word in enumerate(content_words(question)):
            if word.isalpha():
                kind = "capitals" if word[0].isupper() and place else "small letters"
                known = "known" if index.frequency(stem(word)) else "unknown"
                others = found.get(word, {"its parts": 1.0}).keys() - {stem(word)}
                counts[kind].update([known, "all"] + [f"{known}, taken"] * bool(others))
                taken[f"{known}, {kind}"] |= {f"{word}={'/'.join(sorted(others))}"} if others else set()
    print(f"\n{'words in questions':20}{'n':>8}{'unknown':>9}   taken for others, per 1,000: known  unknown")
    for kind, count in counts.items():
        known_share, unknown_share = (1000 * count[f"{each}, taken"] / count["all"] for each in ("known", "unknown"))
        print(f"{kind:20}{count['all']:8}{count['unknown']:9}{known_share:37.1f}{unknown_share:9.1f}")
    for kind, pairs in taken.items() if wrong else ():
        print(f"  {kind}:", *random.Random(0).sample(sorted(pairs), min(60, len(pairs))))


def _print_times(size: int, seed: int) -> None:
    chance = random.Random(seed)
    parts = [a + b for a in "bcdfghklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "ov", "in")]
    known: set[str] = set()
    while len(known) < size:
        word = "".join(chance.choices(parts, k=chance.randint(2, 5)))
        known.add(word.capitalize() if chance.random() < 0.5 else word)
    forms = sorted(known)
    chance.shuffle(forms)
    texts = [" ".join(forms[first : first + 50]) for first in range(0, size, 50)]
    import numpy  # noqa: F401 (the vectors of an index load it before any question)

    with _indexed(texts) as index:
        started = time.process_time()
        index.terms("Zzyzx")
        print(f"\n{size} words; the first question that needs them: {1000 * (time.process_time() - started):.1f} ms")
        for title, rule in {"known": lambda word, _: word, "one word mistyped": _mistyped}.items():
            took = []
            for _ in range(500):
                asked = chance.choices(forms, k=6)
                asked[0] = rule(asked[0], chance)
                started = time.process_time()
                index.terms(" ".join(asked))
                took.append(1000 * (time.process_time() - started))
            cuts = statistics.quantiles(took, n=20)
            print(f"{title:20} p50 {statistics.median(took):6.2f} ms  p95 {cuts[-1]:6.2f} ms")


if __name__ == "__main__":
    main()
