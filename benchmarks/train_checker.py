"""Train the bundled support check: adapters and a head that tells supported, contradicted and not stated apart.

    python benchmarks/train_checker.py DATA OUT --minutes 90 --start embeddings/reader.safetensors

DATA holds ``squad`` (1.1 train) and ``train`` (nli_pool, squad2_unanswerable, tydiqa_goldp, qamr), each in the format that
its own README describes; nothing of it is kept here. Beside claims that people judged there are claims that are made here:
sentences of those texts with another number, name, role, denial, opposite or modal word, and questions with their answers
turned into statements. The recipe is that of ``train_reader.py``; the first token tells (https://arxiv.org/abs/1810.04805).
"""

from __future__ import annotations

import argparse
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file
from sklearn.metrics import balanced_accuracy_score
from torch import Tensor
from torch.nn.functional import linear
from train_reader import RATES, Reader, Step, _rows, fit, sentences

from embeddings.runtime import bundled
from embeddings.support_check import CONTRADICTED, NOT_STATED, SUPPORTED, encoded
from embeddings.unigram import UnigramTokenizer

EITHER = 3  # contradicted or not stated
LABELS = {"entailment": SUPPORTED, "contradiction": CONTRADICTED, "neutral": NOT_STATED, "not_entailment": EITHER}
BATCH_TOKENS = 3072
POOL = 1536
SHARES = {  # of the pairs
    "fever": 0.18,
    "mnli": 0.14,
    "cad_nli": 0.08,
    "scone": 0.03,
    "conjnli_auto": 0.02,
    "terra_ru": 0.05,
    "fm2": 0.04,
    "wice": 0.08,
    "edited": 0.14,
    "edited_ru": 0.04,
    "answers": 0.20,
}
INTRODUCED = 0.1  # share of claims that say where they are from
INTRODUCTIONS = (
    "The article says that {}",
    "According to the article, {}",
    "The report states that {}",
    'It says that "{}"',
)


class Pair(NamedTuple):
    """A claim, the text it is compared with, and what that text says of it."""

    claim: str
    evidence: str
    label: int


class SupportCheck(Reader):
    """The embedder's body with adapters in its upper layers and three scores on the first token."""

    def __init__(self, weights: Any, seed: int = 0) -> None:
        super().__init__(weights, seed)
        width = self.head["span.weight"].shape[1]
        self.head = {
            "label.weight": (torch.randn(3, width) * 0.02).requires_grad_(),
            "label.bias": torch.zeros(3).requires_grad_(),
        }

    def logits(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Score supported, contradicted, not stated: (texts, 3), float32."""
        return linear(self.hidden(ids, mask)[:, 0].float(), self.head["label.weight"], self.head["label.bias"])


# What is done to a sentence.

OPPOSITES = """
rose/fell rise/fall risen/fallen won/lost win/lose wins/loses accepted/rejected accept/reject approved/rejected
supported/opposed supports/opposes support/oppose agreed/refused agrees/refuses confirmed/denied confirm/deny
opened/closed opens/closes began/ended begin/end started/stopped arrived/left entered/left bought/sold buy/sell
buying/selling lent/borrowed gained/lost increased/decreased increase/decrease increasing/decreasing growing/shrinking
grew/shrank expanded/contracted strengthened/weakened improved/worsened raised/lowered raise/lower higher/lower
more/less more/fewer larger/smaller largest/smallest bigger/smaller biggest/smallest highest/lowest longest/shortest
older/younger oldest/youngest earlier/later earliest/latest first/last before/after inside/outside above/below
north/south east/west northern/southern eastern/western left/right majority/minority always/never often/rarely
frequently/seldom everyone/nobody all/none many/few most/few public/private legal/illegal lawful/unlawful
possible/impossible likely/unlikely able/unable known/unknown popular/unpopular successful/unsuccessful
succeeded/failed success/failure allowed/forbidden permitted/banned included/excluded includes/excludes guilty/innocent
convicted/acquitted alive/dead born/died peace/war friend/enemy allies/enemies victory/defeat profit/loss
attacked/defended attack/defence male/female men/women father/mother son/daughter brother/sister husband/wife
king/queen strong/weak stronger/weaker rich/poor wealthy/poor hot/cold warm/cold wet/dry dry/humid hard/soft
easy/difficult fast/slow faster/slower quickly/slowly deep/shallow wide/narrow thick/thin heavy/light bright/dark
modern/ancient new/old temporary/permanent voluntary/compulsory optional/mandatory domestic/foreign urban/rural
liberal/conservative import/export imports/exports upper/lower maximum/minimum positive/negative praised/criticised
praised/criticized welcomed/condemned remembered/forgot found/lost remained/left united/divided kept/abandoned
present/absent similar/different same/different with/without
"""
OPPOSITE: dict[str, list[str]] = defaultdict(list)
for _each in OPPOSITES.split():
    _one, _other = _each.split("/")
    OPPOSITE[_one].append(_other)
    OPPOSITE[_other].append(_one)

_AUXILIARY = r"(is|are|was|were|has|have|had|will|would|can|could|must|should|may|might|do|does|did)"
_SAYS = re.compile(r"\b(said|says|told|according to|claims?|claimed|argued|argues|believes?|believed|thinks?)\b")
_NAME = re.compile(r"(?<![.!?“\"] )(?<!^)\b[A-Z][\w’'-]+(?: (?:of |de |von |al-)?[A-Z][\w’'-]+)*")
_RU_NAME = re.compile(r"(?<![.!?«\"] )(?<!^)\b[А-ЯЁ][а-яё]{2,}(?: [А-ЯЁ][а-яё]{2,})*")
_NUMBER = re.compile(r"(?<![\w.,])\d[\d,.]*\d|(?<![\w.,])\d")
_NUMBER_WORDS = """
two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty dozens hundreds thousands
millions billions
"""
_WORDS_FOR_NUMBERS = _NUMBER_WORDS.split()


def other_number(rng: random.Random, sentence: str, around: str) -> str | None:
    """Put another number in a number's place: one of the text's own, or the same with another digit."""
    if not (found := list(_NUMBER.finditer(sentence))):
        spelt = [word for word in _WORDS_FOR_NUMBERS if re.search(rf"\b{word}\b", sentence)]
        if not spelt:
            return None
        old = rng.choice(spelt)
        return re.sub(
            rf"\b{old}\b", rng.choice([word for word in _WORDS_FOR_NUMBERS if word != old]), sentence, count=1
        )
    match = rng.choice(found)
    others = [each for each in _NUMBER.findall(around) if each not in sentence]
    if others and rng.random() < 0.4:
        new = rng.choice(others)
    else:
        digits = [i for i, character in enumerate(match.group()) if character.isdigit()]
        at = rng.choice(digits[-2:])
        new = (
            match.group()[:at]
            + rng.choice([d for d in "123456789" if d != match.group()[at]])
            + match.group()[at + 1 :]
        )
    return f"{sentence[: match.start()]}{new}{sentence[match.end() :]}"


def other_name(rng: random.Random, sentence: str, around: str, names: re.Pattern[str] = _NAME) -> str | None:
    """Put another name of the text in a name's place."""
    found = list(names.finditer(sentence))
    others = sorted({each for each in names.findall(around) if each not in sentence})
    if not found or not others:
        return None
    match = rng.choice(found)
    return f"{sentence[: match.start()]}{rng.choice(others)}{sentence[match.end() :]}"


def roles(rng: random.Random, sentence: str, _around: str) -> str | None:
    """Exchange two names with a verb between them."""
    found = [match for match in re.finditer(r"\b[A-Z][\w’'-]+(?: [A-Z][\w’'-]+)*", sentence) if len(match.group()) > 3]
    pairs = []
    for one, other in zip(found, found[1:], strict=False):
        between = sentence[one.end() : other.start()]
        verb = re.search(
            r"\b\w+(ed|es)\b|\b(by|over|against|from|beat|won|took|gave|led|met|sent|saw|made|told)\b", between
        )
        if verb and len(between) < 60 and not re.search(r"\b(and|or|met|with|between)\b|[.;]", between):
            pairs.append((one, other))
    if not pairs:
        return None
    one, other = rng.choice(pairs)
    middle = sentence[one.end() : other.start()]
    return sentence[: one.start()] + other.group() + middle + one.group() + sentence[other.end() :]


def denied(rng: random.Random, sentence: str, _around: str) -> str | None:
    """Put a denial into a sentence, or take one out."""
    if match := re.search(r"\b(not|never|no longer) ", sentence):
        return sentence[: match.start()] + sentence[match.end() :]
    if match := re.search(rf"\b{_AUXILIARY}n['’]t\b", sentence):
        return f"{sentence[: match.start()]}{match[1]}{sentence[match.end() :]}"
    choices: list[str] = []
    if match := re.search(rf"\b{_AUXILIARY}\b", sentence):
        choices += [f"{sentence[: match.end()]} {rng.choice(['not', 'not', 'never'])}{sentence[match.end() :]}"]
    if match := re.search(r"(?<=[a-z] )(\w{3,})ed\b(?= (the|a|an|in|to|on|that|his|her|their|it)\b)", sentence):
        stem = match[1] + ("e" if re.search(r"[^aeiou][aeiou][^aeiouwxy]$|[cgsvz]$", match[1]) else "")
        choices += [f"{sentence[: match.start()]}did not {stem}{sentence[match.end() :]}"]
        choices += [f"{sentence[: match.start()]}{rng.choice(['never ', 'refused to '])}"]
        choices[-1] += f"{stem if 'refused' in choices[-1] else match.group()}{sentence[match.end() :]}"
    if match := re.search(r"\b(some|many|several|most|two|three|four|all|\d+) (?=[a-z]+s\b)", sentence, re.IGNORECASE):
        choices += [f"{sentence[: match.start()]}{'No' if match.start() == 0 else 'no'} {sentence[match.end() :]}"]
    if match := re.search(r"\bwith (?=an? |the |his |her |their )", sentence):
        choices += [f"{sentence[: match.start()]}without {sentence[match.end() :]}"]
    return rng.choice(choices) if choices else None


def opposite(rng: random.Random, sentence: str, _around: str) -> str | None:
    """Put a word's opposite in its place."""
    found = [each for each in re.finditer(r"\b[a-z]+\b", sentence) if each.group() in OPPOSITE]
    if not found:
        return None
    match = rng.choice(found)
    return sentence[: match.start()] + rng.choice(OPPOSITE[match.group()]) + sentence[match.end() :]


def surer(_rng: random.Random, sentence: str, _around: str) -> str | None:
    """Turn what may be into what is."""
    for old, new in (
        (r"\b(may|might|could) have\b", "had"),
        (r"\b(may|might|could) be\b", "is"),
        (r"\b(may|might|could|would)\b(?! (have|be|not)\b)", "will"),
        (r"\b(allegedly|reportedly|probably|possibly|perhaps|apparently|likely|partly|nearly|almost) ", ""),
        (r"\b(plans?|hopes?|wants?|intends?|aims?|expects?) to\b", "will"),
        (r"\b(planned|hoped|wanted|intended|tried|attempted) to\b", "managed to"),
        (r"\b(some|many|most) (?=[a-z]+s\b)", "all "),
        (r"\b(suggests?|suggested) that\b", "proved that"),
    ):
        if match := re.search(old, sentence):
            return sentence[: match.start()] + new + sentence[match.end() :]
    return None


def shortened(rng: random.Random, sentence: str) -> str:
    """Leave out a part of a sentence that the rest does not need."""
    cuts = (
        r"\s*\([^()]*\)",
        r", (?:which|who|where)\b[^,]*,",
        r", (?:which|who|where|although|while|but|and)\b[^,]*(?=[.]$)",
        r"^(?:In|On|At|After|Before|During|However|Although|While|Since|As|By|Moreover|Furthermore|Also|Then)\b[^,]{0,60}, ",
    )
    for cut in rng.sample(cuts, len(cuts)):
        made = re.sub(cut, "", sentence, count=1)
        if made != sentence and len(made) > 25:
            return made[0].upper() + made[1:]
    return sentence


def _other_name_ru(rng: random.Random, sentence: str, around: str) -> str | None:
    return other_name(rng, sentence, around, _RU_NAME)


_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
REWORDED = (
    (r"\b(\d+) ?%", r"\1 percent"),
    (r"\b(\d+) per ?cent\b", r"\1%"),
    (
        r"\b(\d{1,2}) (January|February|March|April|May|June|July|August|September|October|November|December)\b",
        r"\2 \1",
    ),
    (
        r"\b(January|February|March|April|May|June|July|August|September|October|November|December) (\d{1,2})\b",
        r"\2 \1",
    ),
    (r"\bUnited States\b", "US"),
    (r"\bapproximately\b", "about"),
    (r"\bhowever, ", ""),
    (r"\bbegan\b", "started"),
    (r"\bpurchased\b", "bought"),
    (r"\bmore than\b", "over"),
    (r"\bin order to\b", "to"),
    (r"\bapproximately |\babout ", "around "),
    (r"\balso ", ""),
    (r"\bsuch as\b", "like"),
    (r"\blarge\b", "big"),
    (r"\bobtain(ed)?\b", r"gain\1"),
    (r"\bchildren\b", "kids"),
    (r"\bin addition, |\bfurthermore, |\bmoreover, ", ""),
    (r"\btwo\b", "2"),
    (r"\bthree\b", "3"),
    (r"\bfour\b", "4"),
    (r"\bfive\b", "5"),
)


def reworded(rng: random.Random, sentence: str) -> str:
    """Say the same a little differently: the opening phrase last, other words for some."""
    opening = re.match(r"((?:In|On|At|After|Before|During|By|From|Since) [^,]{3,50}), (\S.*[^.])\.?$", sentence)
    if opening and rng.random() < 0.6:
        rest = opening[2]
        sentence = f"{rest[0].upper()}{rest[1:]} {opening[1][0].lower()}{opening[1][1:]}."
    for old, new in REWORDED:
        if rng.random() < 0.6:
            sentence = re.sub(old, new, sentence, flags=re.IGNORECASE)
    return sentence[0].upper() + sentence[1:]


def denied_ru(rng: random.Random, sentence: str, _around: str) -> str | None:
    """Put a "не" into a Russian sentence, or take one out."""
    if match := re.search(r"\bне (?=[а-я])", sentence):
        return sentence[: match.start()] + sentence[match.end() :]
    found = list(
        re.finditer(
            r"(?<=[а-я»,] )\b[а-я]{3,}(?:лся|лась|лись|ает|яет|уют|ются|ится|ила|или|ала|али|ел|ил|ал)\b", sentence
        )
    )
    if not found:
        return None
    match = rng.choice(found)
    return f"{sentence[: match.start()]}не {sentence[match.start() :]}"


class Data:
    """Training pairs by source; each source is an endless, shuffled stream."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.rng = random.Random(seed)
        train = folder / "train"
        self.pool: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in _rows(train / "nli_pool" / "train.jsonl.gz"):
            self.pool[row["src"]].append(row)
        paragraphs = {row["pid"]: row["context"] for row in _rows(folder / "squad" / "train_v1.1_paragraphs.jsonl.gz")}
        more = {row["pid"]: row["context"] for row in _rows(train / "squad2_unanswerable" / "paragraphs.jsonl.gz")}
        self.contexts = paragraphs | more
        qamr: dict[str, list[str]] = defaultdict(list)
        for row in _rows(train / "qamr" / "sentences.jsonl.gz"):
            qamr[row["sid"].rsplit(":", 2)[0]].append(row["sentence"])
        news = [" ".join(each) for each in qamr.values() if len(each) > 1]
        self.texts = [*self.contexts.values(), *news, *news, *news]
        tydi = _rows(train / "tydiqa_goldp" / "ru_dev.jsonl.gz")
        self.russian = [row["context"] for row in tydi]
        questions = _rows(folder / "squad" / "train_v1.1_questions.jsonl.gz")
        self.questions = [r for r in questions if r.get("n_occurrences", 1) == 1]
        self.answers: dict[str, list[str]] = defaultdict(list)
        for row in self.questions:
            self.answers[row["pid"]].append(row["answers"][0])
        self.human = _rows(train / "squad2_unanswerable" / "train_unanswerable.jsonl.gz")
        self.tydi = [row for row in _rows(train / "tydiqa_goldp" / "en_train.jsonl.gz") + 3 * tydi if row["answers"][0]]
        self.streams = {name: self._endless(name) for name in SHARES}

    def pairs(self) -> Iterator[Pair]:
        """Draw pairs from all sources by their shares, for ever."""
        names, weights = list(SHARES), list(SHARES.values())
        while True:
            pair = next(self.streams[self.rng.choices(names, weights)[0]])
            yield self._introduced(pair) if self.rng.random() < INTRODUCED else pair

    def _introduced(self, pair: Pair) -> Pair:
        claim = pair.claim.rstrip(".")
        if re.search("[а-я]", claim):
            return pair
        small = claim if re.match(r"[A-Z]\w+ [A-Z]|[A-Z]{2}", claim) else claim[0].lower() + claim[1:]
        return pair._replace(claim=self.rng.choice(INTRODUCTIONS).format(small) + ".")

    def _endless(self, name: str) -> Iterator[Pair]:
        makers: dict[str, tuple[Sequence[Any], Callable[[Any], Pair | None]]] = {
            "edited": (self.texts, self._edited),
            "edited_ru": (self.russian, self._edited_ru),
            "answers": ([*self.questions[::3], *self.human, *self.tydi], self._answered),
        }
        rows, make = makers.get(name, (self.pool.get(name, ()), self._judged))
        while True:
            for row in self.rng.sample(rows, len(rows)):
                if made := make(row):
                    yield made

    def _judged(self, row: dict[str, Any]) -> Pair:
        claim = row["hypothesis"]
        return Pair(claim, row["premise"], LABELS[row["label"]])

    def _window(self, text: str) -> tuple[str, str] | None:
        """Draw a sentence and one to five sentences of its text with it among them."""
        cut = [text[a:b].strip() for a, b in sentences(text)]
        usable = [i for i, each in enumerate(cut) if 30 < len(each) < 320]
        if not usable:
            return None
        at = self.rng.choice(usable)
        low, high = at - self.rng.choice([0, 0, 1, 2]), at + 1 + self.rng.choice([0, 0, 1, 2])
        return cut[at], " ".join(cut[max(0, low) : high])

    def _edited(self, text: str) -> Pair | None:
        if (drawn := self._window(text)) is None:
            return None
        sentence, evidence = drawn
        kind = self.rng.random()
        if kind < 0.30:
            return Pair(reworded(self.rng, shortened(self.rng, sentence)), evidence, SUPPORTED)
        if kind < 0.42:  # another sentence of the text
            others = [text[a:b].strip() for a, b in sentences(text)]
            others = [each for each in others if each not in evidence and len(each) > 30]
            return Pair(self.rng.choice(others), evidence, NOT_STATED) if others else None
        edits = (other_number, other_name, other_name, roles, roles, denied, denied, opposite, opposite, surer)
        edit = self.rng.choice(edits)
        changed = edit(self.rng, reworded(self.rng, shortened(self.rng, sentence)), text)
        if changed is None or changed in evidence:
            return None
        # A sentence with a denial reads like any other where it is the article's own.
        if edit in (denied, opposite) and self.rng.random() < 0.3:
            return Pair(changed, evidence.replace(sentence, changed), SUPPORTED)
        return Pair(changed, evidence, {surer: NOT_STATED, other_name: EITHER}.get(edit, CONTRADICTED))

    def _edited_ru(self, text: str) -> Pair | None:
        if (drawn := self._window(text)) is None:
            return None
        sentence, evidence = drawn
        if self.rng.random() < 0.4:
            return Pair(re.sub(r"\s*\([^()]*\)", "", sentence), evidence, SUPPORTED)
        edit = self.rng.choice([other_number, denied_ru, _other_name_ru])
        changed = edit(self.rng, sentence, text)
        if changed is None or changed in evidence:
            return None
        if edit is denied_ru and self.rng.random() < 0.3:
            return Pair(changed, evidence.replace(sentence, changed), SUPPORTED)
        return Pair(changed, evidence, EITHER)

    def _answered(self, row: dict[str, Any]) -> Pair | None:
        """State a question with its answer, or with a wrong one."""
        if "plausible_answer" in row:
            text, start, answer = self.contexts[row["pid"]], row["plausible_start"], row["plausible_answer"]
            right = self.rng.random() < 0.45
            question, label = (row["answerable_question"], SUPPORTED) if right else (row["question"], EITHER)
        else:
            text = row["context"] if "context" in row else self.contexts[row["pid"]]
            start = row["starts" if "starts" in row else "answer_starts"][0]
            question, answer, label = row["question"], row["answers"][0], SUPPORTED
            others = [
                each for each in self.answers.get(row.get("pid", ""), []) if each not in answer and answer not in each
            ]
            if others and self.rng.random() < 0.5:
                answer, label = self.rng.choice(others), EITHER
        claim = stated(question, answer)
        if claim is None:
            if self.rng.random() < 0.7:  # few of this form: people write statements
                return None
            claim = f"{question} {answer}"
        cut = sentences(text)
        at = max((i for i, (a, _) in enumerate(cut) if a <= start), default=0)
        low, high = max(0, at - self.rng.choice([0, 1, 1, 2])), at + 1 + self.rng.choice([0, 0, 1, 2])
        return Pair(claim, text[cut[low][0] : cut[min(high, len(cut)) - 1][1]].strip(), label)


def stated(question: str, answer: str) -> str | None:
    """Turn a question that asks for its subject into a statement.

    >>> stated("Who founded the town?", "Ana Reed")
    'Ana Reed founded the town.'
    >>> stated("What is the name of the river?", "Elm")
    'Elm is the name of the river.'
    >>> stated("When did it rain?", "in May")
    """
    match = re.match(
        r"(?:Who|What|Which(?: [a-z]+){1,3}|What (?:[a-z]+ ){0,2}[a-z]+|How many [a-z]+(?: [a-z]+)?) "
        r"((?:(?:is|was|are|were|has|had|can|will|would|have) |\w+(?:ed|s) |led |won |wrote |made |became |gave |began |took )"
        r".+?)\s*[?]*$",
        question.strip(),
    )
    if match is None or re.match(
        r"(does|is|was|are|were|has|had|can|will|would|have) (\w+ ){1,4}?\w+(ed|ing)$", match[1]
    ):
        return None
    kept = re.match(r"How many ([a-z]+(?: [a-z]+)?) (?=is|was|are|were|has|had|can|will|would|have)", question.strip())
    return f"{answer[0].upper()}{answer[1:]}{' ' + kept[1] if kept and answer[-1].isdigit() else ''} {match[1]}."


# Training.


class Encoded(NamedTuple):
    """A pair as token ids, and its label."""

    ids: list[int]
    label: int


def encode(tokenizer: UnigramTokenizer, pairs: Sequence[Pair]) -> list[Encoded]:
    """Tokenize pairs as the check reads them; evidence that is too long loses its end."""
    return [Encoded(encoded(tokenizer, pair.claim, pair.evidence), pair.label) for pair in pairs]


def batches(rows: Sequence[Encoded], rng: random.Random) -> list[list[Encoded]]:
    """Put pairs of similar length, shuffled, into batches."""
    made: list[list[Encoded]] = [[]]
    for row in sorted(rows, key=lambda each: len(each.ids)):
        if (len(made[-1]) + 1) * len(row.ids) > BATCH_TOKENS:
            made.append([])
        made[-1].append(row)
    rng.shuffle(made)
    return made


def tensors(batch: Sequence[Encoded]) -> tuple[Tensor, Tensor, Tensor]:
    """Pad a batch: ids, mask, labels."""
    length = max(len(each.ids) for each in batch)
    ids = torch.ones(len(batch), length, dtype=torch.long)
    for row, each in enumerate(batch):
        ids[row, : len(each.ids)] = torch.tensor(each.ids)
    mask = torch.arange(length)[None] < torch.tensor([len(each.ids) for each in batch])[:, None]
    return ids, mask, torch.tensor([each.label for each in batch])


def loss_of(logits: Tensor, labels: Tensor) -> Tensor:
    """Compute the mean loss; EITHER wants what is not support."""
    scores = logits.log_softmax(1)
    scores = torch.cat([scores, scores[:, 1:].logsumexp(1, keepdim=True)], 1)
    return -scores.gather(1, labels[:, None]).mean()


def _pools(data: Data, model: SupportCheck, tokenizer: UnigramTokenizer) -> Iterator[Iterable[Step]]:
    stream = data.pairs()
    while True:
        made = batches(encode(tokenizer, [next(stream) for _ in range(POOL)]), data.rng)
        yield (Step(partial(_loss, model, batch), len(batch)) for batch in made)


def _loss(model: SupportCheck, batch: Sequence[Encoded]) -> Tensor:
    ids, mask, labels = tensors(batch)
    return loss_of(model.logits(ids, mask), labels)


def pool_figures(model: SupportCheck, tokenizer: UnigramTokenizer, folder: Path, count: int) -> str:
    """Report balanced accuracy of supported or not on each source of nli_pool's dev part."""
    sources: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in _rows(folder / "train" / "nli_pool" / "dev.jsonl.gz"):
        sources[row["src"]].append(row)
    figures = []
    for source, rows in sorted(sources.items()):
        rows = random.Random(1).sample(rows, min(count, len(rows)))
        coded = encode(tokenizer, [Pair(r["hypothesis"], r["premise"], LABELS[r["label"]]) for r in rows])
        order = sorted(range(len(rows)), key=lambda i: len(coded[i].ids))
        right, found = [], []
        with torch.no_grad():
            for start in range(0, len(order), 16):
                ids, mask, labels = tensors([coded[i] for i in order[start : start + 16]])
                found += (model.logits(ids, mask).argmax(1) == SUPPORTED).tolist()
                right += (labels == SUPPORTED).tolist()
        figures.append(f"{source} {balanced_accuracy_score(right, found):.3f}")
    return "balanced accuracy: " + ", ".join(figures)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--test", type=int, default=200, help="pairs of each source")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=Path, help="adapters to begin with, the reader's for instance")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    weights, tokenizer = bundled()
    model = SupportCheck(weights, given.seed)
    if given.start is not None:
        started = load_file(given.start)
        model.load({**model.state(), **{name: tensor for name, tensor in started.items() if "lora" in name}})
        RATES["adapters"] *= 0.75
    test = lambda: pool_figures(model, tokenizer, given.data, given.test)  # noqa: E731
    data = Data(given.data, given.seed)
    pools = _pools(data, model, tokenizer)
    fit(model, pools, given.out / "support_check.safetensors", given.minutes, test, data.rng.seed)


if __name__ == "__main__":
    main()
