"""Train the bundled reader: adapters and a span head on the default embedder's own body.

    python benchmarks/train_reader.py DATA OUT --minutes 90          (goes on where OUT stopped)
    python benchmarks/train_reader.py DATA OUT --minutes 90 --test 400

DATA holds ``squad`` (1.1 train, 2.0 dev) and ``train`` (squad2_unanswerable, tydiqa_goldp, qamr, condaqa, nli_pool), each
in the format that its own README describes; nothing of it is kept here. Pairs that we wrote come from
``reader_texts.py`` and ``reader_news.py``.

The recipe: rank-64 adapters on every linear layer of the upper eight layers (LoRA, https://arxiv.org/abs/2106.09685), a linear
span head whose first token means "no answer" (https://arxiv.org/abs/1806.03822), windows of a few sentences, bf16, AdamW with
a learning rate that falls to zero at the end of the time given. Windows that compete for one answer (a question's own and the
paragraphs most like it; a question and its unanswerable twin) are also scored against each other, since scores are compared
over many windows later (https://arxiv.org/abs/1710.10723).
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import torch
from read_sets import f1, figures
from reader_news import clusters, groups
from reader_texts import Pair, written_pairs
from safetensors.torch import load_file, save_file
from sklearn.feature_extraction.text import TfidfVectorizer
from torch import Tensor
from torch.nn.functional import cross_entropy, gelu, layer_norm, linear, scaled_dot_product_attention

from embeddings.runtime import END, EPSILON, MODULES, START, bundled
from embeddings.span_reader import asked, best_spans, header
from embeddings.unigram import Tokens, UnigramTokenizer
from embeddings.weights import WORDS, Weights

LAYERS, HEADS, VOCABULARY = 12, 12, 250_002
TRAINED_FROM = 4  # layers below stay as they are, and need no backward pass
RANK, ALPHA = 64, 128
BATCH_TOKENS = 4096
POOL = 1024  # groups tokenized at once and sorted by length
RATES = {"adapters": 8e-4, "head": 2e-3}
WARM_UP = 0.03  # of the time given
AGAINST = 0.5  # weight of the loss between the windows of a group
SHARES = {  # of the groups
    "news": 0.55,
    "twins": 0.20,
    "squad": 0.08,
    "changed_question": 0.02,
    "tydi": 0.05,
    "qamr": 0.02,
    "yes_no": 0.02,
    "written": 0.06,
}


class Body:
    """A BERT encoder in plain torch, its tensors named as transformers' BertModel names them."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self.tensors = tensors

    def embed(self, ids: Tensor) -> Tensor:
        """Look up token ids of shape (texts, tokens): (texts, tokens, width)."""
        table = self.tensors
        hidden = table["embeddings.word_embeddings.weight"][ids].to(table["embeddings.LayerNorm.weight"].dtype)
        hidden = hidden + table["embeddings.token_type_embeddings.weight"][0]
        hidden = hidden + table["embeddings.position_embeddings.weight"][: ids.shape[1]]
        return self._normalize(hidden, "embeddings.LayerNorm")

    def layer(self, layer: int, hidden: Tensor, mask: Tensor) -> Tensor:
        """Apply one layer; ``mask`` of shape (texts, tokens) is true where there is a token."""
        name = f"encoder.layer.{layer}"
        texts, length, width = hidden.shape
        query, key, value = (
            self._linear(hidden, f"{name}.{module}").view(texts, length, HEADS, width // HEADS).transpose(1, 2)
            for module in MODULES[:3]
        )
        mixed = scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None, :])
        mixed = self._linear(mixed.transpose(1, 2).reshape(texts, length, width), f"{name}.attention.output.dense")
        hidden = self._normalize(hidden + mixed, f"{name}.attention.output.LayerNorm")
        wide = gelu(self._linear(hidden, f"{name}.intermediate.dense"))
        return self._normalize(hidden + self._linear(wide, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def _linear(self, hidden: Tensor, name: str) -> Tensor:
        return linear(hidden, self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"])

    def _normalize(self, hidden: Tensor, name: str) -> Tensor:
        weight, bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        return layer_norm(hidden, hidden.shape[-1:], weight, bias, EPSILON)


class Reader(Body):
    """The embedder's body with adapters in its upper layers and a span head."""

    def __init__(self, weights: Weights, seed: int = 0) -> None:
        torch.manual_seed(seed)
        table = torch.from_numpy(weights.words(numpy.arange(VOCABULARY)))
        tensors = {name: torch.from_numpy(weights.tensor(name).copy()) for name in weights.names} | {WORDS: table}
        super().__init__({name: tensor.to(torch.bfloat16) for name, tensor in tensors.items()})
        width = self.tensors["embeddings.word_embeddings.weight"].shape[1]
        self.adapters: dict[str, Tensor] = {}
        for name in (f"encoder.layer.{layer}.{module}" for layer in range(TRAINED_FROM, LAYERS) for module in MODULES):
            rows, columns = self.tensors[f"{name}.weight"].shape
            down = torch.empty(RANK, columns)
            torch.nn.init.kaiming_uniform_(down, a=math.sqrt(5))
            self.adapters[f"{name}.lora_A"] = down.requires_grad_()
            self.adapters[f"{name}.lora_B"] = torch.zeros(rows, RANK).requires_grad_()
        self.head = {
            "span.weight": (torch.randn(2, width) * 0.02).requires_grad_(),
            "span.bias": torch.zeros(2).requires_grad_(),
        }

    def logits(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Score every token as a start and as an end: (texts, tokens, 2), float32."""
        return linear(self.hidden(ids, mask).float(), self.head["span.weight"], self.head["span.bias"])

    def hidden(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Read token ids of shape (texts, tokens): (texts, tokens, width)."""
        with torch.no_grad():
            hidden = self.embed(ids)
            for layer in range(TRAINED_FROM):
                hidden = self.layer(layer, hidden, mask)
        for layer in range(TRAINED_FROM, LAYERS):
            hidden = self.layer(layer, hidden, mask)
        return hidden

    def _linear(self, hidden: Tensor, name: str) -> Tensor:
        result = super()._linear(hidden, name)
        if f"{name}.lora_A" not in self.adapters:
            return result
        down, up = self.adapters[f"{name}.lora_A"], self.adapters[f"{name}.lora_B"]
        return result + linear(linear(hidden, down.to(hidden.dtype)), (up * (ALPHA / RANK)).to(hidden.dtype))

    def parameters(self) -> list[dict[str, Any]]:
        """Group the trained tensors by learning rate."""
        groups = (("adapters", self.adapters), ("head", self.head))
        return [{"params": list(tensors.values()), "rate": RATES[name]} for name, tensors in groups]

    def state(self) -> dict[str, Tensor]:
        """Copy the trained tensors."""
        return {name: tensor.detach().clone() for name, tensor in {**self.adapters, **self.head}.items()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Take the trained tensors from a checkpoint; adapters of a lower rank leave the further ranks as they are."""
        for name, tensor in {**self.adapters, **self.head}.items():
            tensor.data[tuple(map(slice, state[name].shape))] = state[name].to(tensor.dtype)


# The data: endless streams of pairs.


def _rows(path: Path) -> list[dict[str, Any]]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


def sentences(text: str) -> list[tuple[int, int]]:
    """Cut a text into sentences, roughly: (start, end) of each."""
    ends = [match.end() for match in re.finditer(r"[.!?…][”\"')\]]*\s+(?=[^a-zа-я])", text)]
    bounds = [0, *ends, len(text)]
    return [(a, b) for a, b in zip(bounds, bounds[1:], strict=False) if text[a:b].strip()]


def window(rng: random.Random, text: str, start: int, end: int) -> tuple[int, int]:
    """Choose whole sentences around text[start:end], 200 to 650 characters of them where there are so many."""
    cut = sentences(text)
    holding = [index for index, (a, b) in enumerate(cut) if a < max(end, start + 1) and b > start] or [0]
    first, last = holding[0], holding[-1]
    size = rng.randint(200, 650)
    while cut[last][1] - cut[first][0] < size and (first > 0 or last < len(cut) - 1):
        if last == len(cut) - 1 or (first > 0 and rng.random() < 0.5):
            first -= 1
        else:
            last += 1
    return cut[first][0], cut[last][1]


def shown(rng: random.Random, question: str, title: str, text: str, start: int, end: int) -> Pair:
    """Make a pair of a question, as people type it, and a window around a span; with start == end it is no answer."""
    low, high = window(rng, text, start, end)
    if end - start > high - low:
        start = end = 0
    question = question.strip()
    if rng.random() < 0.3:
        question = question.lower().rstrip("?") if rng.random() < 0.5 else question.lower()
    title = title if rng.random() < 0.7 else ""
    if start == end:
        return Pair(question, title, text[low:high], 0, 0)
    return Pair(question, title, text[low:high].rstrip(), start - low, end - low)


class Data:
    """Training pairs by source; each source is an endless, shuffled stream."""

    def __init__(self, folder: Path, seed: int, news: Path) -> None:
        self.news = news
        self.rng = random.Random(seed)
        squad, train = folder / "squad", folder / "train"
        self.contexts = {row["pid"]: row["context"] for row in _rows(squad / "train_v1.1_paragraphs.jsonl.gz")}
        self.questions = [r for r in _rows(squad / "train_v1.1_questions.jsonl.gz") if r.get("n_occurrences", 1) == 1]
        self.others = list(self.contexts)
        self.words = TfidfVectorizer(sublinear_tf=True, stop_words="english", dtype=numpy.float32)
        self.weights = self.words.fit_transform(self.contexts[pid] for pid in self.others)
        more = {row["pid"]: row["context"] for row in _rows(train / "squad2_unanswerable" / "paragraphs.jsonl.gz")}
        self.contexts.update(more)
        self.human = _rows(train / "squad2_unanswerable" / "train_unanswerable.jsonl.gz")
        self.tydi = _rows(train / "tydiqa_goldp" / "en_train.jsonl.gz") + 2 * _rows(
            train / "tydiqa_goldp" / "ru_dev.jsonl.gz"
        )
        self.qamr_sentences = {r["sid"]: r["sentence"] for r in _rows(train / "qamr" / "sentences.jsonl.gz")}
        self.qamr = [row for part in ("dev", "test") for row in _rows(train / "qamr" / f"{part}.jsonl.gz")]
        self.conda = _rows(train / "condaqa" / "test_union.jsonl.gz") + _rows(train / "condaqa" / "dev.jsonl.gz")
        self.claims = [r for r in _rows(train / "nli_pool" / "train.jsonl.gz") if r["src"] in ("fever", "fm2", "wice")]
        self.written = written_pairs(seed)
        self.names: dict[str, list[str]] = defaultdict(list)
        for row in self.questions:
            self.names[row["pid"].split("#")[0]] += _names(row["question"])
        self.streams = {name: self._endless(name) for name in SHARES}

    def groups(self) -> Iterator[list[Pair]]:
        """Draw groups from all sources by their shares, for ever; only the first pair of a group may have an answer."""
        names, weights = list(SHARES), list(SHARES.values())
        while True:
            yield next(self.streams[self.rng.choices(names, weights)[0]])

    def _endless(self, name: str) -> Iterator[list[Pair]]:
        if name == "written":
            while True:
                yield [next(self.written)]
        if name == "news":
            while True:
                yield from self._news()
        makers: dict[str, tuple[Sequence[Any], Callable[[Any], Pair | list[Pair] | None]]] = {
            "twins": (self.human, self._twins),
            "squad": (self.questions, self._squad),
            "changed_question": (self.questions, self._changed),
            "tydi": (self.tydi, self._tydi),
            "qamr": (self.qamr, self._qamr),
            "yes_no": ([*self.conda, *self.claims], self._yes_no),
        }
        rows, make = makers[name]
        while True:
            for row in self.rng.sample(rows, len(rows)):
                if made := make(row):
                    yield [made] if isinstance(made, Pair) else made

    def _news(self) -> list[list[Pair]]:
        """Ask all questions of the invented news once; files that are named held are kept for testing."""
        paths = [path for path in sorted(self.news.glob("*.txt")) if not path.name.startswith("held")]
        read = [cluster for path in paths for cluster in clusters(path.read_text("utf-8"))]
        made = [group for cluster in read for group in groups(cluster, self.rng, sentences, shown)]
        self.rng.shuffle(made)
        return made

    def _twins(self, row: dict[str, Any]) -> list[Pair]:
        """Ask a question and its unanswerable twin of the same window."""
        start, text = row["plausible_start"], self.contexts[row["pid"]]
        end = start + len(row["plausible_answer"])
        answered = shown(self.rng, row["answerable_question"], _title(row["pid"]), text, start, end)
        return [answered, answered._replace(question=row["question"], start=0, end=0)]

    def _squad(self, row: dict[str, Any]) -> list[Pair]:
        """Ask a question of its own paragraph and of two that are most like it."""
        start, title = row["answer_starts"][0], _title(row["pid"])
        end = start + len(row["answers"][0])
        group = [shown(self.rng, row["question"], title, self.contexts[row["pid"]], start, end)]
        asked = self.words.transform([row["question"]])
        order = numpy.argsort(-(self.weights @ asked.T).toarray()[:, 0])[:12]
        near = [self.others[i] for i in order]
        answers = [answer.lower() for answer in row["answers"]]
        near = [p for p in near if p != row["pid"] and not any(a in self.contexts[p].lower() for a in answers)][:6]
        wanted = set(re.findall(r"\w{4,}", row["question"].lower()))
        for pid in self.rng.sample(near, min(2, len(near))):
            text = self.contexts[pid]
            like = max(sentences(text), key=lambda s: len(wanted & set(re.findall(r"\w+", text[slice(*s)].lower()))))
            group.append(
                shown(
                    self.rng, row["question"], _title(pid) if group[0].title else "", text, like[0], like[0]
                )._replace(question=group[0].question)
            )
        return group

    def _changed(self, row: dict[str, Any]) -> list[Pair] | None:
        """Put another year or name into a question whose paragraph holds the right one."""
        text, question = self.contexts[row["pid"]], row["question"]
        if year := re.search(r"\b(1[0-9]|20)\d\d\b", question):
            new = str(int(year.group()) + self.rng.choice([-20, -7, -3, -2, -1, 1, 2, 3, 5, 11]))
            old = year.group()
        else:
            old = next((name for name in _names(question) if name in text), "")
            choices = [
                name for name in self.names[row["pid"].split("#")[0]] if name not in text and name not in question
            ]
            if not old or not choices:
                return None
            new = self.rng.choice(choices)
        if old not in text or new in text or row["answers"][0] in old:
            return None
        start = row["answer_starts"][0]
        right = shown(self.rng, question, _title(row["pid"]), text, start, start + len(row["answers"][0]))
        return [right, right._replace(question=question.replace(old, new), start=0, end=0)]

    def _tydi(self, row: dict[str, Any]) -> Pair | None:
        text, start, answer = row["context"], row["starts"][0], row["answers"][0]
        if self.rng.random() < 0.35:
            far = [
                (a, b)
                for a, b in sentences(text)
                if abs(a - start) > 700 and answer not in text[max(0, a - 650) : b + 650]
            ]
            if not far:
                return None
            place = self.rng.choice(far)[0]
            return shown(self.rng, row["question"], row["title"], text, place, place)
        return shown(self.rng, row["question"], row["title"], text, start, start + len(answer))

    def _qamr(self, row: dict[str, Any]) -> Pair | None:
        sentence, answer = self.qamr_sentences[row["sid"]], row["answer"]
        start = sentence.find(answer)
        document, paragraph, number = row["sid"].rsplit(":", 2)
        near = [self.qamr_sentences.get(f"{document}:{paragraph}:{int(number) + step}") for step in (-1, 1)]
        before, after = (f"{text} " if text else "" for text in near)
        if start < 0 or len(answer) > 80:
            return None
        if self.rng.random() < 0.2 and before + after:
            if answer.lower() in (before + after).lower():
                return None
            return shown(self.rng, row["question"], "", before + after, 0, 0)
        start += len(before)
        return shown(self.rng, row["question"], "", f"{before}{sentence} {after}", start, start + len(answer))

    def _yes_no(self, row: dict[str, Any]) -> Pair | None:
        """Ask whether something is so: the answer is the whole sentence that decides it."""
        if "passage" in row:
            text, question = row["passage"], row["question"]
            decides = {"YES": True, "NO": True, "DON'T KNOW": False}.get(row["answer"])
            like = row["sentence"]
        else:
            text, asked = row["premise"], _as_question(row["hypothesis"])
            decides = {"entailment": True, "contradiction": True, "neutral": False}.get(row["label"])
            if asked is None or row.get("partial"):
                return None
            question, like = asked, row["hypothesis"]
        if decides is None:
            return None
        wanted = Counter(re.findall(r"\w+", like.lower()))
        near = max(
            sentences(text), key=lambda s: sum((wanted & Counter(re.findall(r"\w+", text[slice(*s)].lower()))).values())
        )
        start, end = near[0], near[0] + len(text[slice(*near)].rstrip())
        return shown(self.rng, question, "", text, start, end if decides else start)


def _title(pid: str) -> str:
    return pid.split("#")[0].replace("_", " ")


def _names(question: str) -> list[str]:
    return re.findall(r"(?<=[a-z,] )[A-Z][\w’'-]+(?: [A-Z][\w’'-]+)*", question)


def _as_question(claim: str) -> str | None:
    """Turn "X was Y." into "Was X Y?"; None for other claims."""
    match = re.match(r"(.{2,60}?) (is|was|are|were|has|had|can|will|did) (.+?)[.]?$", claim.strip())
    if match is None or "," in match[1] or re.search(r"\b(that|who|which)\b", match[1]):
        return None
    subject = match[1][0].lower() + match[1][1:] if match[1].split()[0] in ("The", "A", "An", "There") else match[1]
    return f"{match[2].capitalize()} {subject} {match[3]}?"


# Training.


class Encoded(NamedTuple):
    """A pair as token ids; (0, 0) is "no answer"."""

    ids: list[int]
    start: int
    end: int


def read_ids(tokenizer: UnigramTokenizer, question: str, text: str) -> tuple[list[int], int, Tokens]:
    """Tokenize a question and a text as the reader reads them: ids, where the text begins in them, its tokens."""
    before = [START, *tokenizer.ids(asked(question)), END, END]
    tokens = tokenizer.tokens(text)
    return [*before, *tokens.ids, END], len(before), tokens


def encode(tokenizer: UnigramTokenizer, pairs: Sequence[Pair]) -> list[Encoded | None]:
    """Tokenize pairs; None where a span falls between tokens or there are too many."""
    encoded: list[Encoded | None] = []
    for pair in pairs:
        ids, first, tokens = read_ids(tokenizer, pair.question, header(pair.title) + pair.text)
        low, high = pair.start + len(header(pair.title)), pair.end + len(header(pair.title))
        places = enumerate(zip(tokens.starts, tokens.ends, strict=True), first)
        inside = [token for token, (a, b) in places if b > low and a < high and b > a]
        if len(ids) > 384 or (pair.start < pair.end and not inside):
            encoded.append(None)
        else:
            encoded.append(Encoded(ids, *((0, 0) if pair.start == pair.end else (inside[0], inside[-1]))))
    return encoded


def batches(groups: list[list[Encoded]], rng: random.Random) -> list[list[list[Encoded]]]:
    """Put groups of similar length, shuffled, into batches of BATCH_TOKENS."""
    made: list[list[list[Encoded]]] = [[]]
    for group in sorted(groups, key=_longest):
        if (sum(map(len, made[-1])) + len(group)) * _longest(group) > BATCH_TOKENS:
            made.append([])
        made[-1].append(group)
    rng.shuffle(made)
    return made


def _longest(group: Sequence[Encoded]) -> int:
    return max(len(each.ids) for each in group)


def tensors(batch: Sequence[Encoded]) -> tuple[Tensor, Tensor, Tensor]:
    """Pad a batch: ids, mask, and (start, end) of each."""
    length = _longest(batch)
    ids = torch.ones(len(batch), length, dtype=torch.long)
    for row, each in enumerate(batch):
        ids[row, : len(each.ids)] = torch.tensor(each.ids)
    mask = torch.arange(length)[None] < torch.tensor([len(each.ids) for each in batch])[:, None]
    return ids, mask, torch.tensor([(each.start, each.end) for each in batch])


def loss_of(logits: Tensor, spans: Tensor, sizes: Sequence[int]) -> Tensor:
    """Compute the loss of a batch: where each span is, and that of each group's windows the first one holds it.

    ``logits`` has shape (windows, tokens, 2), ``spans`` (windows, 2); ``sizes`` counts the windows of each group.
    """
    loss = (cross_entropy(logits[..., 0], spans[:, 0]) + cross_entropy(logits[..., 1], spans[:, 1])) / 2
    margins = (logits[:, 1:].logsumexp(1) - logits[:, 0]).sum(1)
    against = [-margin.log_softmax(0)[0] for margin in torch.split(margins, list(sizes)) if len(margin) > 1]
    return loss + AGAINST * torch.stack(against).sum() / len(sizes) if against else loss


class Step(NamedTuple):
    """A batch: how its loss is computed, and how many pairs it holds."""

    loss: Callable[[], Tensor]
    pairs: int


def fit(
    model: Reader,
    pools: Iterator[Iterable[Step]],
    path: Path,
    minutes: float,
    test: Callable[[], str],
    restart: Callable[[int], None],
) -> None:
    """Train for so many minutes and export to ``path``; a run that was broken off goes on from its last checkpoint.

    A checkpoint is kept each five minutes beside ``path``; ``restart`` learns how many pairs an earlier run has seen.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=1.0, betas=(0.9, 0.98), weight_decay=0.01)
    checkpoint = path.parent / "checkpoint.pt"
    seconds, seen = 0.0, 0
    if checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=True)
        model.load(kept["state"])
        optimizer.load_state_dict(kept["optimizer"])
        seconds, seen = kept["seconds"], kept["seen"]
        restart(seen)
    last, saved, tested = time.monotonic(), seconds, seconds
    losses: list[float] = []
    while seconds < minutes * 60:
        for step in next(pools):
            seconds += min(time.monotonic() - last, 30)  # a run that was stopped meanwhile loses no time
            last = time.monotonic()
            share = min(1.0, seconds / (minutes * 60))
            for group in optimizer.param_groups:
                group["lr"] = group["rate"] * max(min(share / WARM_UP, (1 - share) / (1 - WARM_UP)), 1e-3)
            loss = step.loss()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_([t for g in optimizer.param_groups for t in g["params"]], 1.0)
            optimizer.step()
            seen += step.pairs
            losses.append(loss.item())
        print(f"{seconds / 60:6.1f} min {seen:7} pairs, loss {numpy.mean(losses[-100:]):.3f}", flush=True)
        if seconds - saved > 300 or seconds >= minutes * 60:
            saved = seconds
            kept = {"state": model.state(), "optimizer": optimizer.state_dict(), "seconds": seconds, "seen": seen}
            torch.save(kept, path.parent / "next.pt")
            (path.parent / "next.pt").replace(checkpoint)
            export(model, path)
        if seconds - tested > 1500 or seconds >= minutes * 60:
            tested = seconds
            print(test(), flush=True)
    export(model, path)


def _pools(data: Data, reader: Reader, tokenizer: UnigramTokenizer) -> Iterator[Iterable[Step]]:
    stream = data.groups()
    while True:
        drawn = [next(stream) for _ in range(POOL)]
        coded = iter(encode(tokenizer, [pair for group in drawn for pair in group]))
        pool = [[next(coded) for _ in group] for group in drawn]
        whole = [[each for each in group if each] for group in pool if group[0]]
        yield (Step(partial(_loss, reader, groups), sum(map(len, groups))) for groups in batches(whole, data.rng))


def _loss(reader: Reader, groups: list[list[Encoded]]) -> Tensor:
    ids, mask, spans = tensors([each for group in groups for each in group])
    logits = reader.logits(ids, mask).masked_fill(~mask[..., None], -1e4)
    return loss_of(logits, spans, [len(group) for group in groups])


def export(model: Reader, path: Path) -> None:
    """Write what is shipped: adapters and head in half precision."""
    save_file(
        {name: tensor.to(torch.float16).contiguous() for name, tensor in model.state().items()},
        path,
        {"rank": str(RANK), "alpha": str(ALPHA), "pairs": "see benchmarks/README.md"},
    )


# Testing on SQuAD 2.0 dev, the official way.


def squad_figures(reader: Reader, tokenizer: UnigramTokenizer, folder: Path, count: int) -> str:
    """Report F1 on answerable and unanswerable questions at the best threshold."""
    contexts = {row["pid"]: row["context"] for row in _rows(folder / "squad" / "dev_v2.0_paragraphs.jsonl")}
    rows = _rows(folder / "squad" / "dev_v2.0_questions.jsonl")
    rows = random.Random(1).sample(rows, min(count, len(rows)))
    results = []
    with torch.no_grad():
        for part in range(0, len(rows), 16):
            group = rows[part : part + 16]
            texts = [header(_title(r["pid"])) + contexts[r["pid"]] for r in group]
            coded = [read_ids(tokenizer, r["question"], text) for r, text in zip(group, texts, strict=True)]
            ids, mask, _ = tensors([Encoded(each[:510], 0, 0) for each, _, _ in coded])
            logits = reader.logits(ids, mask)
            for row, (_, low, tokens), scores, text in zip(group, coded, logits.numpy(), texts, strict=True):
                best = best_spans(scores, Tokens(*(each[: 510 - low] for each in tokens)), low)[0]
                results.append((row, text[best.start : best.end], best.score))
    found = []
    for row, predicted, margin in results:
        right = max((f1(predicted, answer) for answer in row["answers"]), default=0.0)
        found.append((margin, right, bool(row["is_impossible"])))
    return f"SQuAD 2.0 dev, {figures(found)}"


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--test", type=int, default=300, help="questions of SQuAD 2.0 dev")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--news", type=Path, default=Path(__file__).parent / "reader_news")
    parser.add_argument("--start", type=Path, help="a reader.safetensors to begin with, at a quarter of the rates")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    weights, tokenizer = bundled()
    reader = Reader(weights, given.seed)
    if given.start is not None:
        reader.load(load_file(given.start))
        RATES.update({name: rate * 0.25 for name, rate in RATES.items()})
    test = lambda: squad_figures(reader, tokenizer, given.data, given.test)  # noqa: E731
    data = Data(given.data, given.seed, given.news)
    pools = _pools(data, reader, tokenizer)
    fit(reader, pools, given.out / "reader.safetensors", given.minutes, test, data.rng.seed)


if __name__ == "__main__":
    main()
