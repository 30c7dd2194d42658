"""Outlets and authors that a question names, in the spellings that questions use and where the form shows a name."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from rag.lexical import stem
from rag.mentions import forms
from rag.mentions.mention import Mention
from rag.mentions.points import MONTH
from rag.names import plain, skeleton
from rag.types import Header
from rag.words import FUNCTION_WORDS, words

_WORD = re.compile(r"[^\W_]+")
_DOMAIN = re.compile(r"(?:https?://)?(?:www\.)?((?:[\w-]+\.)+[a-z]{2,12})(?:[/?#].*)?", re.I)
_DOMAIN_END = re.compile(r"(?:\.[a-z]{2,7})+(?=[.?!,;:]?(?:\s|$|['’]))")
_PARTS = re.compile(r"\s+[–—·•/-]\s+|\s*\|\s*|:\s+|\s*[()]\s*")
_ENDS_SENTENCE = re.compile(r"[.?!…][\"'”’»)]*\s")
_OF_NAME = re.compile(rf"\s+of\s+(?:the\s+)?(?!{MONTH})(?-i:[A-ZА-ЯЁ])", re.I)
_NAME_OF = re.compile(r"(?<!^)(?<![.?!]\s)\b[A-ZА-ЯЁ]\w+ (?:of|in|on|and|&) (?:the )?$")
_LONGEST = 12
_BEGINNING = 3


class Alias(NamedTuple):
    """One way to write a name.

    ``shape`` is ``"coined"`` (no everyday word: TechTimes, dawn.com), ``"long"`` (several words), ``"short"`` (one, which
    may be an everyday word), ``"initials"``, ``"last"`` (the last word of a longer outlet's name) or ``"family"``.
    """

    kind: str
    values: tuple[str, ...]
    shape: str
    words: tuple[str, ...]
    article: bool = False


class _Token(NamedTuple):
    """A word of a question; ``first`` in its sentence, ``small_word`` one of those that names write small."""

    start: int
    end: int
    text: str
    first: bool
    capital: bool
    small_word: bool


@dataclass(frozen=True, slots=True)
class _Candidate:
    start: int
    end: int
    tokens: tuple[_Token, ...]
    alias: Alias
    capital: bool = False
    told: bool = False


class Names:
    """The outlets and authors of an index under every spelling; ``known`` says whether a word stands in its titles."""

    def __init__(self, headers: Sequence[Header], known: Callable[[str], bool]) -> None:
        self._known = known
        aliases = [*_outlets(headers), *_authors(headers)]
        self._by_key = _joined(aliases, spelling)
        self._beginnings = {key[:_BEGINNING] for key in self._by_key}
        # Names in Cyrillic are sought by their sound in Latin words, and the other way round.
        self._by_sound = {
            cyrillic: _joined(
                (alias for alias in aliases if alias.shape != "initials" and _is_cyrillic(alias.words[0]) == cyrillic),
                sound,
            )
            for cyrillic in (True, False)
        }
        self._near: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
        for key, alias in self._by_key.items():
            if _may_be_misspelt(alias, key):
                self._near[key[0], len(key)].append(key)
        self._acronyms = {key: alias for key, alias in self._by_key.items() if _is_acronym(alias)}
        self._longest = min(_LONGEST, max((len(alias.words) for alias in aliases), default=0) + 2)

    def mentions(self, text: str) -> Iterator[Mention]:
        """The outlets and authors that a question names, in its order; none overlap."""
        tokens = _tokens(text)
        shouted = _all_capitals(tokens)
        found = sorted(self._candidates(tokens, text), key=lambda each: each.start)
        read = [_read(each, text, shouted) for each in found]
        for each in _listed(read, text):
            if (mention := _accepted(each, text, tokens)) is not None:
                yield mention

    def _candidates(self, tokens: list[_Token], text: str) -> Iterator[_Candidate]:
        place = 0
        keys = [spelling(token.text) for token in tokens]
        while place < len(tokens):
            most = self._longest_span(tokens, place)
            found = self._written(tokens, keys, place, most) or self._transliterated(tokens, place, most)
            found = found or self._spelt_out(tokens, place, text) or self._misspelt(tokens, keys, place, most, text)
            if found:
                yield found
            place += len(found.tokens) if found else 1

    def _longest_span(self, tokens: list[_Token], place: int) -> int:
        """How many tokens a name that begins at a place may have; none reaches into the next sentence."""
        last = min(place + self._longest, len(tokens))
        return next((each for each in range(place + 1, last) if tokens[each].first), last) - place

    def _written(self, tokens: list[_Token], keys: list[str], place: int, most: int) -> _Candidate | None:
        """The longest name written at a place as the articles write it, with or without spaces."""
        if "".join(keys[place : place + _BEGINNING])[:_BEGINNING] not in self._beginnings:
            return None
        for length in range(most, 0, -1):
            alias = self._by_key.get("".join(keys[place : place + length]))
            if alias is not None:
                return _candidate(tokens[place : place + length], alias)
        return None

    def _transliterated(self, tokens: list[_Token], place: int, most: int) -> _Candidate | None:
        """The longest name that the index writes in the other alphabet."""
        cyrillic = _is_cyrillic(tokens[place].text)
        known = self._by_sound[not cyrillic]
        for length in range(most if known else 0, 0, -1):
            span = tokens[place : place + length]
            heard = "".join(sound(token.text) for token in span)
            alias = known.get(heard)
            if alias is not None and len(alias.words) == length and len(heard) > 2:
                return _candidate(span, alias)
        return None

    def _spelt_out(self, tokens: list[_Token], place: int, text: str) -> _Candidate | None:
        """A run of capitalised words whose initials are an outlet that the articles write by its initials."""
        if not self._acronyms or not tokens[place].capital or tokens[place].small_word:
            return None
        initials, best = "", None
        for last in range(place, min(place + 9, len(tokens))):
            token = tokens[last]
            apart = last > place and text[tokens[last - 1].end : token.start].strip(" -")
            if apart or not (token.capital or token.small_word):
                break
            initials += "" if token.small_word else plain(token.text[0])
            if len(initials) > 3 and not token.small_word and (alias := self._acronyms.get(initials)):
                best = _candidate(tokens[place : last + 1], alias._replace(shape="long"))
        return best

    def _misspelt(self, tokens: list[_Token], keys: list[str], place: int, most: int, text: str) -> _Candidate | None:
        for length in range(min(most, 4), 0, -1):
            span = tokens[place : place + length]
            key = "".join(keys[place : place + length])
            if len(key) < 5 or span[-1].small_word or self._is_ordinary(span):
                continue
            start, end = span[0].start, span[-1].end
            capital = all(token.capital for token in span if not token.small_word)
            # Small letters hide everyday words: only long ones, or those that report, can be names.
            if not capital and (length > 1 or len(key) < 8) and not forms.told_by(text, start, end, False):
                continue
            near, distance = self._nearest(key)
            alias = self._by_key.get(near)
            if alias is not None and _plausible(alias, span, distance, text, capital):
                return _candidate(span, alias)
        return None

    def _nearest(self, key: str) -> tuple[str, int]:
        """The name that differs least from a misspelt one, and by how many letters; names that begin alike only."""
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        errors = _errors(key)
        known = [
            each
            for size in range(len(key) - errors, len(key) + errors + 1)
            for each in self._near.get((key[0], size), ())
        ]
        found = process.extractOne(key, known, scorer=OSA.distance, score_cutoff=errors)
        return (found[0], int(found[1])) if found else ("", 0)

    def _is_ordinary(self, span: Sequence[_Token]) -> bool:
        """Whether each word of a span stands in the index's titles, so that none is a typing error."""
        return all(self._known(token.text) for token in span if not token.small_word)


def spelling(word: str) -> str:
    """A word as names are compared: small, without accents, a Cyrillic one without its ending.

    >>> spelling("Café"), spelling("Газеты") == spelling("газета")
    ('cafe', True)
    """
    return stem(word) if _is_cyrillic(word) else plain(word)


def sound(word: str) -> str:
    """A word as names of two alphabets are compared: in Latin letters, without the vowels it ends in.

    >>> sound("Novaya") == sound("Новой"), sound("Zvezda") == sound("Звезды")
    (True, True)
    """
    return skeleton(plain(word)).rstrip("aeiou'") or skeleton(plain(word))


def _is_cyrillic(word: str) -> bool:
    return "Ѐ" <= word[:1] <= "ӿ"


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    for match in _WORD.finditer(text):
        first = not found or bool(_ENDS_SENTENCE.search(text[found[-1].end : match.start()]))
        # The point after an initial ends no sentence.
        first = first and not (found and found[-1].capital and len(found[-1].text) == 1)
        word = match.group()
        capital = word[0].isupper() or word[0].isdigit()
        found.append(_Token(match.start(), match.end(), word, first, capital, word.lower() in FUNCTION_WORDS))
    return found


def _candidate(span: Sequence[_Token], alias: Alias) -> _Candidate:
    return _Candidate(span[0].start, span[-1].end, tuple(span), alias)


def _all_capitals(tokens: Sequence[_Token]) -> bool:
    """Whether capitals tell nothing, because nearly every word has one."""
    lettered = [token for token in tokens if not token.text[0].isdigit()]
    small = sum(1 for token in lettered if not token.capital)
    return len(lettered) > 3 and small * 6 <= len(lettered)


# What names look like in an index


def _outlets(headers: Sequence[Header]) -> Iterator[Alias]:
    forms_of: defaultdict[tuple[tuple[str, ...], str, bool], dict[str, None]] = defaultdict(dict)
    lasts: defaultdict[str, set[str]] = defaultdict(set)
    hosts: defaultdict[str, set[str]] = defaultdict(set)
    outlets = {header.outlet: None for header in headers if header.outlet.strip()}
    for header in headers:
        if header.outlet in outlets and (match := _DOMAIN.fullmatch(header.source.strip())):
            hosts[_host_name(match.group(1))].add(header.outlet)
    for outlet in outlets:
        for form in _ways(outlet):
            forms_of[form][outlet] = None
            if form[1] == "long" and not form[2]:
                lasts[form[0][-1]].add(outlet)
    taken = {key for key, _, _ in forms_of}
    for (key, shape, article), values in forms_of.items():
        # Initials and last words that several outlets share mean none of them.
        if shape != "initials" or len(values) == 1:
            yield Alias("outlet", tuple(values), shape, key, article)
    for host, named in hosts.items():
        if len(named) == 1 and (host,) not in taken:
            yield Alias("outlet", tuple(named), "coined" if len(host) > 7 else "short", (host,))
    for last, named in lasts.items():
        if len(named) == 1 and (last,) not in taken and len(last) > 2:
            yield Alias("outlet", tuple(named), "last", (last,))


def _ways(outlet: str) -> Iterator[tuple[tuple[str, ...], str, bool]]:
    parts = [part for part in _PARTS.split(outlet) if part.strip()]
    written = [outlet, *parts[:1]]
    # "The City - Travel" is the City's; of what stands behind the mark only a name in full or its initials is a name.
    written += [
        part
        for part in parts[1:]
        if _initials(part) & _initials(parts[0], joined=True) or _initials(parts[0]) & _initials(part, joined=True)
    ]
    for name in dict.fromkeys(written):
        if match := _DOMAIN.fullmatch(name.strip()):
            yield (_host_name(match.group(1)),), "coined" if len(_host_name(match.group(1))) > 5 else "short", False
        known = tuple(words(name))
        if not known:
            continue
        yield known, _shape(name, known), False
        if known[0].lower() == "the" and len(known) > 1:
            yield known[1:], _shape(name, known[1:]), True
        content = [word for word in known if word.lower() not in FUNCTION_WORDS]
        if len(content) > 2:
            yield from (((initials,), "initials", False) for initials in _initials(name) if len(initials) > 2)


def _shape(name: str, known: Sequence[str]) -> str:
    content = [word for word in known if word.lower() not in FUNCTION_WORDS]
    if len(content) > 1 and "." not in name:
        return "long"
    coined = any(re.search(r"[a-zа-я][A-ZА-Я]|\d[^\W\d]|[^\W\d]\d", word) for word in known) or bool(
        _DOMAIN.fullmatch(name.strip())
    )
    return "coined" if coined and sum(map(len, known)) > 4 else "short"


def _initials(name: str, joined: bool = False) -> set[str]:
    """The initials of a name, with and without its small words; with ``joined`` a name of one word is its own."""
    known = words(name)
    if joined and len(known) == 1:
        return {plain(known[0])}
    if len(known) < 3:
        return set()
    content = [word for word in known if word.lower() not in FUNCTION_WORDS]
    return {
        "".join(plain(word)[:1] for word in some)
        for some in (known, known[1:] if known[0].lower() == "the" else known, content)
    }


def _host_name(host: str) -> str:
    """What is between "www" and the top-level domain: the longest label but the last.

    >>> _host_name("news.harbourcourier.co.uk")
    'harbourcourier'
    """
    labels = host.lower().split(".")
    return max(labels[:-1], key=len)


def _authors(headers: Sequence[Header]) -> Iterator[Alias]:
    full: defaultdict[tuple[str, ...], dict[str, None]] = defaultdict(dict)
    families: defaultdict[str, set[str]] = defaultdict(set)
    writes: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for author in dict.fromkeys(author for header in headers for author in header.authors):
        for person in _persons(author):
            full[tuple(person)][author] = None
            if person[0].lower() not in FUNCTION_WORDS:
                families[spelling(person[-1])].add(spelling(person[0])[:1])
                writes[person[-1]][author] = None
    for name, authors in full.items():
        yield Alias("author", tuple(authors), "long" if len(name) > 1 else "family", name)
        if name[0].lower() in FUNCTION_WORDS:
            continue
        if len(name) > 2:
            yield Alias("author", tuple(authors), "long", (name[0], name[-1]))
        if len(name) > 1:
            yield Alias("author", tuple(authors), "long", (name[0][0], name[-1]))
    for family, authors in writes.items():
        if len(families[spelling(family)]) == 1 and len(family) > 2:
            yield Alias("author", tuple(authors), "family", (family,))


def _persons(author: str) -> Iterator[list[str]]:
    """The names in an author's line; "Family, Given" is one person, "One Name, Other Name" are two."""
    pieces = [
        words(re.sub(r"\s+(?:at|in|for|of)\s.*", "", piece))
        for piece in re.split(r"\s*[,;]\s*|\s+(?:and|&|и)\s+", author)
    ]
    pieces = [piece for piece in pieces if piece]
    if len(pieces) == 2 and all(len(piece) == 1 for piece in pieces) and "," in author:
        pieces = [[*pieces[1], *pieces[0]]]
    yield from (piece for piece in pieces if len(piece) < 6)


def _joined(aliases: Iterable[Alias], key: Callable[[str], str]) -> dict[str, Alias]:
    """The aliases by their words' keys without spaces; outlets before authors, whole names before parts of one."""
    found: dict[str, Alias] = {}
    for alias in sorted(
        aliases, key=lambda each: (each.kind != "outlet", each.shape in ("initials", "last", "family"))
    ):
        joined = "".join(map(key, alias.words))
        other = found.get(joined)
        if joined and other is None:
            found[joined] = alias
        elif (
            other is not None
            and other.kind == alias.kind
            and (other.shape in ("initials", "last", "family")) == (alias.shape in ("initials", "last", "family"))
        ):
            found[joined] = other._replace(values=tuple(dict.fromkeys(other.values + alias.values)))
    return found


def _may_be_misspelt(alias: Alias, key: str) -> bool:
    return (
        alias.shape in ("coined", "long", "short")
        and len(key) > 5
        and not any(character.isdigit() for character in key)
    )


def _is_acronym(alias: Alias) -> bool:
    return alias.kind == "outlet" and len(alias.words) == 1 and alias.words[0].isupper() and len(alias.words[0]) > 3


def _errors(key: str) -> int:
    return 1 if len(key) < 9 else 2


def _plausible(alias: Alias, span: Sequence[_Token], distance: int, text: str, capital: bool) -> bool:
    """Whether a near spelling is an error rather than another name."""
    own = [spelling(token.text) for token in span]
    meant = [spelling(word) for word in alias.words]
    if len(own) == len(meant) and len(own) > 1:
        from rapidfuzz.distance import OSA

        # A short word that differs is another word: a Line is no Live.
        if any(
            OSA.distance(one, other) > (0 if min(len(one), len(other)) < 5 else _errors(other))
            for one, other in zip(own, meant, strict=True)
        ):
            return False
    if alias.kind == "author":
        return capital and len(span) > 1
    told = forms.told_by(text, span[0].start, span[-1].end, capital)
    return told or (capital and forms.stands_in(text, span[0].start)) or (alias.shape == "coined" and distance == 1)


# Which candidates are names


def _read(candidate: _Candidate, text: str, shouted: bool) -> _Candidate:
    """The candidate with what its letters and the words around it tell."""
    content = [token for token in candidate.tokens if not token.small_word] or list(candidate.tokens)
    capital = not shouted and all(token.capital for token in content) and not content[0].first
    end = candidate.end
    domain = _DOMAIN_END.match(text, end)
    if domain and candidate.alias.kind == "outlet" and candidate.alias.shape != "initials":
        end = domain.end()
    # Where a name of several words or a coined one stands is clear from itself; of an everyday word only capitals tell.
    lettered = capital or (candidate.alias.shape in ("coined", "long") and not shouted)
    told = end > candidate.end or forms.told_by(text, candidate.start, end, lettered)
    return replace(candidate, end=end, capital=capital, told=told)


def _listed(candidates: list[_Candidate], text: str) -> list[_Candidate]:
    """What is said of one name of a list is said of all: "reported by the Courier and Dawn"."""
    found = list(candidates)
    for places in (range(1, len(found)), range(len(found) - 1, 0, -1)):
        for place in places:
            one, other = found[place - 1], found[place]
            if (
                one.told != other.told
                and one.alias.kind == other.alias.kind
                and forms.is_list(text[one.end : other.start])
            ):
                found[place - 1 : place + 1] = [
                    replace(each, told=each.told or _has_capitals(each) or each.alias.shape in ("coined", "long"))
                    for each in (one, other)
                ]
    return found


def _accepted(candidate: _Candidate, text: str, tokens: list[_Token]) -> Mention | None:
    if candidate.alias.kind == "author":
        return _author(candidate, text, tokens)
    sure = _is_outlet(candidate, text, tokens)
    if sure is None:
        return None
    sure = sure and not forms.is_excluded(text, candidate.start)
    return _mention(candidate, sure)


def _is_outlet(candidate: _Candidate, text: str, tokens: list[_Token]) -> bool | None:
    """Whether an outlet is meant as a source (True), may be (False), or no outlet is meant (None)."""
    shape, told, capital = candidate.alias.shape, candidate.told, candidate.capital
    longer = _is_part_of_longer(candidate, text, tokens)
    if shape == "initials":
        shown = candidate.tokens[0].text.isupper() and (told or forms.stands_in(text, candidate.start))
        return told if shown and not longer else None
    if shape == "last":
        return False if told and capital and not longer and _has_article(candidate, text) else None
    if shape == "coined" and len(candidate.tokens) == 1:
        return told
    if shape in ("long", "coined"):
        lettered = _has_capitals(candidate)
        return told if (lettered or told) and (told or not longer) else None
    if longer:
        return None
    article = _has_article(candidate, text)
    own_article = candidate.alias.article or candidate.tokens[0].small_word
    if told and not _has_capitals(candidate) and article:
        # "According to the ambassador" may speak of one, "according to the time table" does not speak of Time.
        return False if own_article and not _is_adjective(candidate, text) else None
    if told:
        return True
    if not capital or article != own_article:
        return None
    return None if article and _is_adjective(candidate, text) else False


def _has_capitals(candidate: _Candidate) -> bool:
    """Whether it has the capitals that the name has in the index."""
    tokens, written = candidate.tokens, candidate.alias.words
    if len(tokens) != len(written):
        return all(token.capital for token in tokens if not token.small_word)
    pairs = zip(tokens, written, strict=True)
    return all(token.capital or token.small_word or word[0].islower() for token, word in pairs) and any(
        token.capital for token in tokens
    )


def _has_article(candidate: _Candidate, text: str) -> bool:
    return candidate.tokens[0].text.lower() == "the" or bool(
        re.search(r"\bthe\s+[\"'“‘«]*$", text[: candidate.start], re.I)
    )


def _is_adjective(candidate: _Candidate, text: str) -> bool:
    """Whether a noun in small letters follows: "the Independent candidate"."""
    after = re.match(r"\s+([a-zа-я]{3,})", text[candidate.end :])
    return after is not None and after.group(1) not in FUNCTION_WORDS


def _is_part_of_longer(candidate: _Candidate, text: str, tokens: list[_Token]) -> bool:
    """Whether a capitalised neighbour makes it a part of another name: "Time Warner", "Radio Courier", "The Times of Osk"."""
    first, last = candidate.tokens[0], candidate.tokens[-1]
    before = next((token for token in reversed(tokens) if token.end <= first.start), None)
    after = next((token for token in tokens if token.start >= candidate.end), None)
    if before and text[before.end : first.start] in (" ", "-", "’", "'") and _is_name(before):
        return True
    if candidate.alias.shape in ("short", "last") and not candidate.told and _NAME_OF.search(text[: first.start]):
        return True
    if after and text[last.end : after.start] in (" ", "-") and after.capital and not after.small_word:
        return True
    return candidate.alias.shape in ("short", "last") and bool(_OF_NAME.match(text, last.end))


def _is_name(token: _Token) -> bool:
    """Whether a word has a capital that its place does not give it."""
    return token.capital and not token.first and token.text.lower() != "the"


def _author(candidate: _Candidate, text: str, tokens: list[_Token]) -> Mention | None:
    start, end = candidate.start, candidate.end
    wrote = forms.written_by(text, start, end)
    if candidate.alias.shape == "family":
        shown = candidate.tokens[0].capital and (wrote or forms.speaks(text, start, end))
    else:
        shown = _has_capitals(candidate) or (text.islower() and len(candidate.tokens[0].text) > 1)
    if not shown or (_is_part_of_longer(candidate, text, tokens) and (not wrote or candidate.alias.shape == "family")):
        return None
    return _mention(candidate, wrote)


def _mention(candidate: _Candidate, sure: bool) -> Mention:
    values = candidate.alias.values
    return Mention(candidate.alias.kind, candidate.start, candidate.end, _common_name(values), values, sure=sure)  # type: ignore[arg-type]


def _common_name(values: Sequence[str]) -> str:
    """What several names have in common at their beginning: "City" of "City - Travel" and "City - Health"."""
    heads = {_PARTS.split(value)[0].strip() for value in values}
    return heads.pop() if len(values) > 1 and len(heads) == 1 else values[0]
