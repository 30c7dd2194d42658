"""Questions in another language than the articles: with a multilingual model, and with the bundled English one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy
import pytest

import rag
from embeddings import Embedder, open_embedder
from news import write_articles
from rag.chatbot import Chatbot
from rag.cite.checker import THRESHOLD, Checker
from rag.cite.similarity import Similarity
from rag.errors import IndexMismatch
from rag.index.build import build
from rag.index.store import Index
from rag.settings import Settings
from rag.text.names import plain, same_name
from rag.text.words import words
from rag.types import Answer, Header, Hit, Passage
from vocabulary import Vocabulary

ROOT = Path(__file__).parent.parent

BRIDGE = "The council of Velm approved a bridge. The bridge will cost 240 million crowns. The work begins in autumn."
LAKE = "Озеро обмелело за лето. Рыбаки обвиняют завод. Суд рассмотрит жалобу зимой."
SCHOOL = "Жаңа мектеп ашылды. Мектеп директоры мұғалім іздейді. Автобус жүрмейді."
ARTICLES = {"bridge.txt": BRIDGE, "ru/lake.txt": LAKE, "kk/school.txt": SCHOOL}

# Words of one line mean the same; each gets one vector, whatever its language, ending or case.
MEANINGS = """
council совет|approved одобрил|bridge мост моста мосту|cost стоить стоимость стоит құны|million|crowns|work стройка работа|
begins начнется начнётся|autumn осенью күзде|lake lakes озеро көл|shallow обмелело таяз|summer лето жазда|
fishermen blame accuse рыбаки обвиняют|plant factory завод зауыт|court суд сот|hear рассмотрит|complaint жалобу шағым|
winter зимой қыста|new новая новую новый жаңа|school школу школа школы мектеп|opened открыли открыл ашылды|
head директор директоры|teacher учителя учитель мұғалім|seek seeks looking ищет іздейді|bus автобус|run ходит жүрмейді|
dentist зубной врач тіс дәрігер|who кто кого кім|when когда қашан
"""
SMALL_WORDS = (
    "what will the who does do of a in when how much which за что кто когда сколько будет какой кого кім не қашан"
)


def write_model(folder: Path, *, dimension: int = 64, longest: int = 48, prompts: dict[str, str] | None = None) -> Path:
    """A BERT that adds up the meanings of words: its layers pass on what they get, so the word vectors are all it knows."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    meanings = [group.split() for group in MEANINGS.replace("\n", "").split("|") if group]
    known = [word for group in meanings for word in group]
    others = sorted({word.lower() for text in (*ARTICLES.values(), SMALL_WORDS) for word in words(text)} - set(known))
    alone = [word for word in (*others, "query", "passage", "ask", "[CLS]") if word not in SMALL_WORDS.split()]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *known, *others, "query", "passage", "ask", ":", ".", "?"]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        "[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=dimension,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        max_position_embeddings=longest,
    )
    model = BertModel(config)
    draw = numpy.random.default_rng(5)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "LayerNorm.weight" not in name:
                weights.zero_()
        table = model.embeddings.word_embeddings.weight
        # A text always has a direction, and unrelated texts have something in common, as with real models: the first token.
        for group in (*meanings, *([word] for word in alone)):
            vector = torch.from_numpy(draw.standard_normal(dimension).astype(numpy.float32))
            for word in group:
                table[vocabulary.index(word)] = vector
    model.save_pretrained(folder / "bert")
    marks = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **marks, model_max_length=longest).save_pretrained(
        folder / "bert"
    )
    # No Normalize module: vectors come in any length, as from many models.
    modules = [Transformer(str(folder / "bert")), Pooling(dimension, "mean")]
    SentenceTransformer(modules=modules, prompts=prompts).save(str(folder / "model"), create_model_card=False)
    shutil.rmtree(folder / "bert")
    return folder / "model"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("multilingual"))


@pytest.fixture(scope="module")
def multilingual(model: Path) -> Embedder:
    return open_embedder(str(model))


@pytest.fixture(scope="module")
def chatbot(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chatbot]:
    home = tmp_path_factory.mktemp("home")
    settings = Settings(write_articles(home / "articles", ARTICLES), home / "index", embedder=str(model))
    with closing(Chatbot.open(settings)) as opened:
        yield opened


QUESTIONS = [
    ("Сколько будет стоить мост?", "bridge.txt"),
    ("Көл қашан таяз?", "ru/lake.txt"),
    ("Who do the fishermen blame?", "ru/lake.txt"),
    ("When will the court hear the complaint?", "ru/lake.txt"),
    ("Who does the head of the school seek?", "kk/school.txt"),
    ("Кто ищет учителя?", "kk/school.txt"),
]


class TestMultilingualModel:
    """A model by name: every question is in another language than the article that answers it."""

    @pytest.mark.parametrize(("question", "article"), QUESTIONS)
    def test_the_passage_is_found_and_quoted_letter_for_letter(
        self, chatbot: Chatbot, question: str, article: str
    ) -> None:
        assert chatbot.retrieve(question)[0].document.id == article
        for each in chatbot.ask(question).citations:
            text = chatbot.document(each.hit.document.id).text
            assert text[each.start : each.end] == each.quote

    def test_words_alone_would_not_have_found_them(self, chatbot: Chatbot) -> None:
        for question, article in QUESTIONS:
            index = chatbot._index
            found = [index.passages([hit.row])[0][1].id for hit in index.keywords(index.terms(question), 1)]
            assert found != [article]

    @pytest.mark.parametrize("question", ["Кто зубной врач?", "Who is the dentist?", "Тіс дәрігер кім?"])
    def test_what_the_articles_do_not_say_is_refused(self, chatbot: Chatbot, question: str) -> None:
        assert chatbot.ask(question).refused

    def test_it_is_named_in_the_environment(self, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RAG_EMBEDDER", str(model))
        articles = write_articles(tmp_path / "articles", ARTICLES)
        answer = rag.ask("Кого обвиняют рыбаки? What do fishermen blame?", articles=articles, index=tmp_path / "index")
        assert answer.citations[0].quote in LAKE

    def test_another_model_means_another_index(self, model: Path, multilingual: Embedder, tmp_path: Path) -> None:
        settings = Settings(write_articles(tmp_path / "articles", ARTICLES), tmp_path / "index", embedder="hashing")
        build(settings)
        with closing(Index.open(settings.index)) as old, pytest.raises(IndexMismatch, match="run: rag build"):
            old.check_embedder(multilingual)
        with closing(Chatbot.open(settings.replace(embedder=str(model)), embedder=multilingual)) as opened:
            assert opened.changes is not None
            assert opened.changes.embedded == opened.changes.passages == len(opened._index)
            assert opened._index.recipe.fingerprint == multilingual.fingerprint
            assert opened._index.vectors.dimension == 64
        with closing(Chatbot.open(settings.replace(embedder=str(model)), embedder=multilingual)) as again:
            assert again.changes is None

    @pytest.mark.parametrize(("dimension", "longest"), [(32, 24), (520, 40)])
    def test_any_dimension_and_length_will_do(self, tmp_path: Path, dimension: int, longest: int) -> None:
        folder = write_model(tmp_path, dimension=dimension, longest=longest, prompts={"passage": "passage: "})
        embedder = open_embedder(str(folder))
        assert (embedder.dimension, embedder.max_tokens) == (dimension, longest)
        articles = write_articles(tmp_path / "articles", {"long.txt": f"{BRIDGE} {LAKE} {SCHOOL}\n" * 8})
        settings = Settings(articles, tmp_path / "index", embedder=str(folder))
        build(settings, embedder)
        with closing(Index.open(settings.index)) as index:
            vectors = index.vectors.fetch(range(len(index)))
            texts = [passage.text for passage, _ in index.passages(range(len(index)))]
        numpy.testing.assert_allclose(numpy.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        assert vectors.shape == (len(texts), dimension)
        assert max(embedder.count_tokens(texts)) <= longest
        assert {word for text in texts for word in words(text)} >= set(words(f"{BRIDGE} {LAKE} {SCHOOL}"))


class TestPrefixes:
    """What the model's makers put in front of questions and passages."""

    def renamed(self, model: Path, folder: Path, prompts: dict[str, str] | None = None) -> Path:
        shutil.copytree(model, folder)
        if prompts is not None:
            file = folder / "config_sentence_transformers.json"
            file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | {"prompts": prompts}), "utf-8")
        return folder

    def read(self, folder: Path, text: str) -> Any:
        from sentence_transformers import SentenceTransformer

        plain_model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        return plain_model.encode(text, prompt="", normalize_embeddings=True)

    @pytest.mark.parametrize("name", ["multilingual-e5-small", "E5-base-v2"])
    def test_e5_gets_those_that_its_files_do_not_name(self, model: Path, tmp_path: Path, name: str) -> None:
        folder = self.renamed(model, tmp_path / name)
        embedder = open_embedder(str(folder))
        numpy.testing.assert_allclose(embedder.embed_query("озеро"), self.read(folder, "query: озеро"), atol=1e-6)
        [vector] = embedder.embed_documents(["озеро"])
        numpy.testing.assert_allclose(vector, self.read(folder, "passage: озеро"), atol=1e-6)
        assert embedder.count_tokens(["озеро"]) == [5]  # [CLS] passage : озеро [SEP]
        assert float(vector @ embedder.embed_query("озеро")) < 0.99

    def test_what_the_files_name_comes_first(self, model: Path, tmp_path: Path) -> None:
        folder = self.renamed(model, tmp_path / "multilingual-e5-small", {"query": "ask: ", "document": ""})
        embedder = open_embedder(str(folder))
        numpy.testing.assert_allclose(embedder.embed_query("озеро"), self.read(folder, "ask: озеро"), atol=1e-6)
        numpy.testing.assert_allclose(embedder.embed_documents(["озеро"])[0], self.read(folder, "озеро"), atol=1e-6)

    @pytest.mark.parametrize("name", ["multilingual-e5-large-instruct", "some-e5-small-like"])
    def test_other_names_get_none(self, model: Path, tmp_path: Path, name: str) -> None:
        folder = self.renamed(model, tmp_path / name)
        numpy.testing.assert_allclose(
            open_embedder(str(folder)).embed_query("озеро"), self.read(folder, "озеро"), atol=1e-6
        )


@pytest.fixture(scope="module")
def on_seeds(bundled: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chatbot]:
    settings = Settings(ROOT / "seeds", tmp_path_factory.mktemp("seeds"))
    with closing(Chatbot.open(settings, embedder=bundled)) as opened:
        yield opened


@pytest.fixture(scope="module")
def on_russian(bundled: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chatbot]:
    home = tmp_path_factory.mktemp("russian")
    articles = {
        "bridge.txt": "Мэр Вельма Ильзе Крамер открыла мост. Инженер Павел Одинцов сказал, что старый снесут осенью.",
        "lake.txt": "Озеро Веррин обмелело на 40 сантиметров. Директор завода Ян Браск заявил, что закон соблюдают.",
        "school.txt": "Жаңа мектеп ашылды. Мектеп директоры Айгүл Сәрсенова мұғалім іздейді.",
    }
    settings = Settings(write_articles(home / "articles", articles), home / "index")
    with closing(Chatbot.open(settings, embedder=bundled)) as opened:
        yield opened


def named_in(answer: Answer) -> bool:
    """Whether the first quote, its context or the header of its article, holds a name or number of the question."""
    asked = [plain(word) for word in words(answer.question) if word[0].isupper() or word.isdigit()]
    citation = answer.citations[0]
    shown = f"{answer.sentences[0].context} {citation.quote} {citation.hit.document.byline()}"
    said = [plain(word) for word in words(shown)]
    return any(one == other or same_name(one, other) for one in asked for other in said)


class TestBundledModel:
    """The default model: names carry a question over to another alphabet, and nothing is answered by chance."""

    @pytest.mark.parametrize(
        ("question", "quoted"),
        [
            ("Кто такой Мухтар Аблязов?", "Ablyazov"),
            ("Сколько подписчиков у Нурлана Батырова?", "1.1 million"),
            ("Асель Баденова кім?", "Assel Badenova"),
        ],
    )
    def test_names_carry_a_question_over(self, on_seeds: Chatbot, question: str, quoted: str) -> None:
        answer = on_seeds.ask(question)
        assert quoted in answer.citations[0].quote

    @pytest.mark.parametrize(
        "question",
        [
            "Когда была основана Жана Адамдар?",
            "Почему Аблязов не отвечает за протесты?",
            "Что сказала Асель Баденова о деньгах?",
            "Кто был президентом Казахстана в 2011 году?",
            "Что случилось 26 ноября?",
            "Тоқаев қашан президент болды?",
            "Жаңа Адамдар қозғалысында қанша мүше бар?",
            "Кто возглавляет Нур Отан?",
        ],
    )
    def test_an_answer_holds_what_the_question_names(self, on_seeds: Chatbot, question: str) -> None:
        answer = on_seeds.ask(question)
        assert answer.refused or named_in(answer)

    @pytest.mark.parametrize(
        "question",
        [
            "Какая самая высокая гора Африки?",
            "Какая завтра погода в Лондоне?",
            "Что такое фотосинтез?",
            "Қазақстанның ең ұзын өзені қайсы?",
            "Ең биік тау қайсы?",
        ],
    )
    def test_what_has_nothing_to_do_with_the_articles_is_refused(self, on_seeds: Chatbot, question: str) -> None:
        assert on_seeds.ask(question).refused

    @pytest.mark.parametrize(
        ("question", "quoted"),
        [
            ("Who is Aigul Sarsenova?", "Айгүл Сәрсенова"),
            ("Кто директор завода?", "Ян Браск"),
            ("Мектеп директоры кім?", "Айгүл Сәрсенова"),
        ],
    )
    def test_articles_may_be_in_another_language_than_the_question(
        self, on_russian: Chatbot, question: str, quoted: str
    ) -> None:
        assert quoted in on_russian.ask(question).citations[0].quote


STATEMENTS = [
    (BRIDGE, "Совет Вельма одобрил строительство моста.", True),
    (BRIDGE, "Мост обойдётся в 240 миллионов крон.", True),
    (BRIDGE, "Работы начнутся осенью.", True),
    (BRIDGE, "Көпірдің құны 240 миллион крон болады.", True),
    (LAKE, "The fishermen blame the factory.", True),
    (LAKE, "A court will hear the complaint in winter.", True),
    (SCHOOL, "Директор школы ищет учителя.", True),
    (SCHOOL, "The head of the school is looking for a teacher.", True),
    (BRIDGE, "Повар приготовил суп из тыквы.", False),
    (BRIDGE, "Учёные открыли далёкую галактику.", False),
    (BRIDGE, "Der Trainer verlässt den Verein im Sommer.", False),
    (LAKE, "The cook made a soup of pumpkins.", False),
    (LAKE, "The striker scored twice before the break.", False),
    (SCHOOL, "Цены на сталь упали на десятую часть.", False),
]


@pytest.mark.parametrize(("article", "statement", "carried"), STATEMENTS)
def test_a_models_sentence_may_be_in_another_language_than_the_article(
    bundled: Embedder, article: str, statement: str, carried: bool
) -> None:
    support = checker(bundled, article).check(statement)
    assert (support.score >= THRESHOLD) is carried
    assert not (carried and support.missing)


@pytest.mark.parametrize(
    ("article", "statement", "marked"),
    [
        (BRIDGE, "Мост обойдётся в 340 миллионов крон.", "340 миллионов"),
        (BRIDGE, "Совет Оска одобрил строительство моста.", "Оска"),
        (LAKE, "The fishermen do not blame the factory.", "not"),
    ],
)
def test_what_is_wrong_in_another_language_is_marked(
    bundled: Embedder, article: str, statement: str, marked: str
) -> None:
    support = checker(bundled, article).check(statement)
    assert marked in [statement[fact.start : fact.end] for fact in support.missing]


def checker(embedder: Embedder, text: str) -> Checker:
    hit = Hit(Passage("p", "a.txt", 0, len(text), text), Header("a.txt"), 1.0)
    return Checker([hit], Similarity(embedder), Vocabulary([text]))
