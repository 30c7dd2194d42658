"""Questions about the folder itself are recognised and answered; ordinary ones go to the reader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy
import pytest

from embeddings import Embedder, EmbeddingError
from embeddings.cache import cached_arrays
from embeddings.in_memory import HashingEmbedder
from news import ARTICLES, write_articles
from rag.answer.collection import LISTED, SHOWN, Collected, collection_answer
from rag.answer.folder_questions import FolderQuestion, load_examples
from rag.cite.checker import marked_text
from rag.cite.similarity import Similarity
from rag.errors import EmbedderError
from rag.index.build import build
from rag.index.store import Index
from rag.retrieval.mentions import Catalogue, Mention
from rag.settings import Settings

MORE = {
    "ferry.md": """---
title: "Ferry fares rise"
outlet: "Harbour Courier"
authors: ["Mirela Anders", "Oskar Lind"]
published: "2031-03-11"
---
The ferry to Kelm costs four crowns since Monday, one more than before. The company blames the price of diesel.

Commuters from Kelm say that they will wait for the tram. The mayor of Kelm asked the company to think again.
""",
    "diary.txt": "It rained all week in Port Velm and nobody went out. The tram depot was dry.\n",
}
FARES = "The ferry to Kelm costs four crowns since Monday, one more than before."
PARAPHRASES = {
    "overview": """
What is this collection about?
Give me an overview of what's in here.
Can you tell me which subjects the articles deal with?
what themes come up in these texts
Summarise the whole folder for me.
What will I find in this archive?
О чём эта папка?
Какие темы затрагивают эти тексты?
Что за материалы здесь собраны?
Бұл қалтада не туралы жазылған?
Wovon handeln diese Texte?
Welche Themen kommen in dem Ordner vor?
De quoi parle ce dossier ?
¿De qué tratan estos artículos?
Di cosa parlano questi articoli?
Bu makaleler ne hakkında?
""",
    "count": """
How many texts do you have?
What is the total number of articles in the collection?
how many files are in this folder
Сколько всего материалов в папке?
Сколько у тебя статей?
Мұнда барлығы қанша мақала бар?
Wie viele Artikel sind hier gespeichert?
Combien d'articles contient la collection ?
¿Cuántos artículos hay en la carpeta?
""",
    "mention": """
How many of the articles talk about the tram?
Which texts mention Ilse Kramer?
In how many articles does Velotek come up?
Are there any articles about Lake Verrin?
Show me the articles that mention the battery plant.
Сколько статей упоминают Велотек?
В каких статьях говорится о трамвае?
Қай мақалаларда трамвай туралы айтылады?
Welche Artikel erwähnen die Bürgermeisterin Kramer?
Quels articles parlent de l'usine de batteries ?
¿Qué artículos mencionan el tranvía?
""",
    "outlets": """
Which newspapers do these texts come from?
What publications are in the collection?
where do the articles come from
List the media outlets that are represented here.
Из каких изданий эти материалы?
Назови источники этих статей.
Мақалалар қандай басылымдардан алынған?
Aus welchen Zeitungen stammen die Artikel?
De quels médias viennent ces articles ?
¿De qué medios provienen los textos?
""",
    "newest": """
What's the latest article you have?
Which of the texts was published last?
Show me the most recent piece.
Какой материал самый свежий?
Что опубликовано последним в этой подборке?
Ең соңғы шыққан мақала қайсы?
Welcher Artikel ist der aktuellste?
Quel est le texte le plus récent ?
¿Cuál es el artículo más nuevo?
""",
    "oldest": """
Which text is the oldest one here?
What's the earliest article in the folder?
Какая публикация здесь самая старая?
Ең ескі мақала қайсы?
Welcher Text ist der älteste?
Quel est l'article le plus ancien du dossier ?
¿Cuál es el artículo más antiguo?
""",
    "period": """
What time span do the articles cover?
From when to when were these texts published?
За какое время собраны эти статьи?
В какие годы опубликованы материалы?
Мақалалар қай жылдары жарияланған?
Aus welchem Zeitraum stammen die Texte?
Quelle période couvrent les articles ?
¿Qué fechas abarcan los artículos?
""",
    "authors": """
Which journalists wrote these articles?
List the authors.
Whose articles are these?
Кто написал эти материалы?
Кто авторы текстов в этой папке?
Бұл мақалалардың авторлары кім?
Von wem sind diese Artikel?
Qui a écrit ces articles ?
¿Quiénes son los autores de los textos?
Who is the author of "Harbour town votes for a tram"?
""",
    "article": """
What is "Battery plant opens near Osk" about?
Summarise the article "Harbour town votes for a tram".
Give me the key points of the Harbour Courier article.
О чём статья «Озеро Веррин обмелело»?
Перескажи кратко материал «Озеро Веррин обмелело».
Worum geht es in dem Artikel "Battery plant opens near Osk"?
Quels sont les points principaux de l'article « Harbour town votes for a tram » ?
""",
    "list": """
Show me all the articles.
List every text in the folder.
Can I see the titles of the articles?
Покажи все статьи.
Перечисли заголовки материалов.
Барлық мақалаларды көрсет.
Zeig mir alle Artikel.
Montre-moi la liste des textes.
Muéstrame todos los artículos.
""",
    "talk": """
hi there
Good evening!
thank you very much
thanks, that helped
What can I ask you?
How does this work?
who are you?
Здравствуйте!
спасибо большое
Чем ты занимаешься?
Қалайсыз?
Алғысым шексіз!
Guten Tag
Danke schön!
Was machst du so?
Bonsoir
Merci beaucoup
¡Hola! ¿Qué tal?
ok, bye
""",
}
ORDINARY = """
How many articles did the court rule on?
Who wrote the open letter?
What is the newest tram like?
What is the report about?
How many articles of the constitution were amended?
What does article 19 guarantee?
Which newspapers did the ministry close?
Who is the author of the bill?
When was the oldest church in the town built?
What is the latest on the strike?
Which sources does the minister cite?
Which outlets were fined for the broadcast?
What topics did the two presidents discuss?
How many documents were leaked?
What period does the contract cover?
List the members of the committee.
What do the articles say about the tram?
What does the article say about the fare?
Who founded the newspaper?
How many pages does the agreement have?
Why did the editor resign?
What is the book by Anders about?
Who is the oldest member of parliament?
When was the first issue of the magazine printed?
What can the government do about it?
What did the mayor thank the firefighters for?
How did the crowd greet the team?
Summarise the dispute over the lake.
What is the new law about?
How many people read the newspaper?
Which journalists were arrested?
What dates were proposed for the referendum?
What did the folder found in the office contain?
Who collected the signatures?
How many stories does the tower have?
What is the main point of the agreement?
Which articles of the code were repealed?
Do the articles agree on the number of victims?
Give an overview of the reasons for the protest.
What are the farmers' main demands?
Who helped the flooded villages?
What does the Harbour Courier say about the cost of the tram?
What did Mirela Anders write about the vote?
When did the battery plant open?
Which country exports the most texts for schools?
What was the last thing the pilot said?
How many languages does the author speak?
What is the oldest tree in the park?
О чём говорил президент на встрече?
Сколько статей конституции изменили?
Кто написал жалобу в прокуратуру?
Какие газеты закрыли власти?
Какая самая новая станция метро?
О чём договорились министры?
Кто автор законопроекта?
Что говорится в статье о налогах?
Какие темы обсудили на саммите?
По какой статье осудили журналиста?
Когда построили самый старый мост?
За какой период выплатили пенсии?
Депутаттар не туралы айтты?
Заңның қанша бабы өзгерді?
Ашық хатты кім жазды?
Wie viele Artikel des Gesetzes wurden geändert?
Wer schrieb den offenen Brief?
Was ist das neueste Modell der Straßenbahn?
Worum geht es in dem Vertrag?
Welche Zeitungen wurden verboten?
Combien d'articles de la loi ont été modifiés ?
Qui a écrit la lettre ouverte ?
De quoi parle le nouveau film ?
Quel est le plus vieux pont de la ville ?
¿Quién escribió la carta abierta?
¿Cuántos artículos de la ley cambiaron?
¿De qué habló el presidente?
Who can help the refugees?
What did he say?
Why?
And how much did it cost?
Where is it?
Tell me about the tram line.
What happened in Osk?
Battery plant water
mayor Kramer tram cost
Hello magazine sued which actor?
Who is Ilse Kramer?
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return _index(tmp_path_factory.mktemp("folder"), ARTICLES | MORE)


def _index(folder: Path, articles: dict[str, str]) -> Index:
    settings = Settings(
        articles=write_articles(folder / "articles", articles), index=folder / "index", embedder="hashing"
    )
    build(settings)
    return Index.open(settings.index)


def _bare(line: str) -> str:
    return line.rpartition(" [")[0]


def _ask(index: Index, embedder: Embedder, question: str) -> Collected | None:
    mentions = Catalogue(index.headers()).mentions(question, date(2032, 1, 1))
    return collection_answer(question, index, similarity(embedder), mentions)


similarity = lru_cache(maxsize=None)(Similarity)


class Knowing(HashingEmbedder):
    """Knows the kind of each example and takes any other text for ordinary."""

    def embed_documents(self, texts, on_progress=None):  # type: ignore[no-untyped-def]
        examples = load_examples()
        kinds, of = sorted({*examples.kinds}), dict(zip(examples.texts, examples.kinds, strict=True))
        return numpy.eye(len(kinds), dtype=numpy.float32)[[kinds.index(of.get(text, "ordinary")) for text in texts]]


@pytest.fixture(scope="module")
def knowing() -> Embedder:
    return Knowing()


@pytest.fixture(scope="module")
def said(index: Index, knowing: Embedder) -> Callable[[str], str]:
    def ask(question: str) -> str:
        answer = _ask(index, knowing, question)
        assert answer is not None
        return marked_text(answer.sentences)

    return ask


class TestRecognition:
    def test_paraphrases_are_found(self, index: Index, bundled: Embedder) -> None:
        asked = [(question, kind) for kind, lines in PARAPHRASES.items() for question in lines.split("\n") if question]
        missed = [question for question, _ in asked if _ask(index, bundled, question) is None]
        catalogue = Catalogue(index.headers())
        wrong = [
            (question, kind, found)
            for question, kind in asked
            for found, _ in [
                FolderQuestion(question, catalogue.mentions(question, date(2032, 1, 1))).kind(similarity(bundled))
            ]
            if found != kind
        ]
        assert len(asked) >= 100
        assert len(missed) <= 0.10 * len(asked), missed
        assert len(wrong) <= 0.12 * len(asked), wrong

    def test_ordinary_questions_are_left_to_the_reader(self, index: Index, bundled: Embedder) -> None:
        asked = [question for question in ORDINARY.split("\n") if question]
        taken = [question for question in asked if _ask(index, bundled, question) is not None]
        assert len(asked) >= 80
        assert len(taken) <= 0.02 * len(asked), taken

    def test_no_question_of_the_tests_is_an_example(self) -> None:
        examples = {text.casefold() for text in load_examples().texts}
        asked = [line for lines in (*PARAPHRASES.values(), ORDINARY) for line in lines.split("\n")]
        assert [line for line in asked if line.casefold() in examples] == []

    def test_a_topic_is_hidden_and_a_question_with_two_is_ordinary(self) -> None:
        asked = FolderQuestion("Which articles mention the reform of the harbour police?")
        assert (asked.masked, asked.topic) == ("Which articles mention the X?", "reform of the harbour police")
        assert asked.possible
        assert not FolderQuestion("How many articles did Velotek, the employer, mention to Kramer and Brask?").possible

    def test_words_alone_tell_most_ordinary_questions_so_that_nothing_is_embedded(self, index: Index) -> None:
        class Untouched(HashingEmbedder):
            def embed_documents(self, texts: Sequence[str], on_progress: object = None) -> object:  # type: ignore[override]
                raise AssertionError(texts)

        assert _ask(index, Untouched(), "Why did farmers protest against the battery plant?") is None

    def test_examples_are_embedded_once_for_each_embedder(self, index: Index) -> None:
        class Counting(Knowing):
            batches: tuple[int, ...] = ()

            def embed_documents(self, texts, on_progress=None):  # type: ignore[no-untyped-def]
                self.batches += (len(texts),)
                return super().embed_documents(texts, on_progress)

        embedder = Counting()
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(lambda _: _ask(index, embedder, "Hello!"), range(8)))
        assert answers[0] is not None
        assert answers == [answers[0]] * 8
        assert sum(size > 2 for size in embedder.batches) == 1

    def test_what_is_learned_from_the_examples_is_cached(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        class Counting(Knowing):
            embedded = 0

            def embed_documents(self, texts, on_progress=None):  # type: ignore[no-untyped-def]
                self.embedded += len(texts)
                return super().embed_documents(texts, on_progress)

        def kind(embedder: Counting) -> tuple[tuple[str, bool], int]:
            return FolderQuestion("Hello!").kind(Similarity(embedder)), embedder.embedded

        expected, uncached = kind(Counting())
        monkeypatch.setattr("embeddings.cache.cached_arrays", cached_arrays)
        monkeypatch.setenv("RAG_CACHE", str(tmp_path / "cache"))
        assert [kind(Counting()) for _ in range(2)] == [(expected, uncached), (expected, 2)]
        other = Counting()
        other.fingerprint = "another model"
        assert kind(other) == (expected, uncached)
        assert len(list((tmp_path / "cache").iterdir())) == 2

    def test_a_failing_model_is_our_error(self, index: Index) -> None:
        class Broken(Knowing):
            def embed_documents(self, texts, on_progress=None):  # type: ignore[no-untyped-def]
                raise EmbeddingError("the model failed; choose another")

        with pytest.raises(EmbedderError, match="choose another"):
            _ask(index, Broken(), "How many articles are there?")


class TestAnswers:
    def test_how_many_and_which_carry_no_date(self, said: Callable[[str], str]) -> None:
        assert said("How many articles are there?") == (
            "5 articles from 1 outlet, 19 February 2031 to 11 March 2031.\n1 article carries no date."
        )

    def test_overview_shows_articles_with_their_first_sentences(self, said: Callable[[str], str]) -> None:
        first, undated, *items = said("What are these articles about?").split("\n")
        assert (first[:10], undated) == ("5 articles", "1 article carries no date.")
        assert len(items) == 5
        assert f"- Ferry fares rise (Harbour Courier, 11 March 2031): {FARES}" in [_bare(item) for item in items]

    def test_an_article_without_title_outlet_and_date_is_its_first_sentence(self, said: Callable[[str], str]) -> None:
        items = [_bare(line) for line in said("What is in this folder?").split("\n")]
        assert "- It rained all week in Port Velm and nobody went out." in items

    def test_outlets_and_authors_with_the_number_of_their_articles(self, said: Callable[[str], str]) -> None:
        outlets, authors = said("Which outlets are these articles from?"), said("Who wrote these articles?")
        assert outlets == "1 outlet: Harbour Courier (2).\n3 articles name no outlet."
        assert authors == "2 authors: Mirela Anders (2), Oskar Lind (1).\n3 articles name no author."

    def test_all_newest_articles_and_the_oldest_one(self, said: Callable[[str], str]) -> None:
        assert said("What is the newest article?") == (
            "The newest articles:\n"
            "- Battery plant opens near Osk (11 March 2031): The tram maker Velotek opened a battery plant near the town"
            f" of Osk. [1]\n- Ferry fares rise (Harbour Courier, 11 March 2031): {FARES} [2]\n1 article carries no date."
        )
        assert said("What is the oldest article?").startswith(
            "The oldest article:\n- Озеро Веррин обмелело (19 February"
        )

    def test_period(self, said: Callable[[str], str]) -> None:
        first, oldest, newest, _ = said("Which dates do the articles cover?").split("\n")
        assert first == "Published from 19 February 2031 to 11 March 2031:"
        assert "19 February" in oldest
        assert "11 March" in newest

    def test_list_names_all_articles_by_date_and_cites_each(self, said: Callable[[str], str]) -> None:
        assert said("List the articles.").split("\n")[2:] == [
            "- Озеро Веррин обмелело (19 February 2031) [1]",
            "- Harbour town votes for a tram (Harbour Courier, 4 March 2031) [2]",
            "- Battery plant opens near Osk (11 March 2031) [3]",
            "- Ferry fares rise (Harbour Courier, 11 March 2031) [4]",
            "- It rained all week in Port Velm and nobody went out. [5]",
        ]

    def test_articles_that_mention_a_name_with_the_sentence(self, said: Callable[[str], str]) -> None:
        assert said("Which articles mention Velotek?") == (
            "1 of 5 articles mentions “Velotek”.\n- Battery plant opens near Osk (11 March 2031): "
            "The tram maker Velotek opened a battery plant near the town of Osk. [1]"
        )
        assert said("How many articles mention unicorns?") == "“unicorns” was found in none of 5 articles."

    def test_who_is_named_in_a_byline_alone_is_not_mentioned(self, index: Index, knowing: Embedder) -> None:
        answer = collection_answer("Which articles mention Oskar Lind?", index, similarity(knowing), ())
        assert answer is not None
        assert marked_text(answer.sentences) == "“Oskar Lind” was found in none of 5 articles."

    def test_the_newest_article_that_mentions_something(self, said: Callable[[str], str]) -> None:
        assert said("What is the newest article about Kelm?") == (
            "1 of 5 articles mentions “Kelm”.\nThe newest article:\n"
            f"- Ferry fares rise (Harbour Courier, 11 March 2031): {FARES} [1]"
        )

    def test_main_points_of_an_article_begin_with_its_lead(self, said: Callable[[str], str]) -> None:
        head, lead, *points = said('What is the article "Ferry fares rise" about?').split("\n")
        assert head == "Ferry fares rise (Mirela Anders, Oskar Lind, Harbour Courier, 11 March 2031):"
        assert (lead, len(points)) == (f"- {FARES} [1]", 3)

    def test_the_author_of_one_article(self, said: Callable[[str], str]) -> None:
        asked = 'Who wrote the article "Harbour town votes for a tram"?'
        assert said(asked) == "Harbour town votes for a tram: 1 author: Mirela Anders."

    def test_an_article_that_is_not_named_is_no_question_about_the_folder(
        self, index: Index, knowing: Embedder
    ) -> None:
        assert _ask(index, knowing, 'What is the article "A day at sea" about?') is None

    def test_an_outlet_narrows_the_answer(self, index: Index, knowing: Embedder) -> None:
        outlet = Mention("outlet", 0, 0, "Harbour Courier", ("Harbour Courier",), sure=True)
        answer = collection_answer("How many articles are there?", index, similarity(knowing), [outlet])
        assert answer is not None
        expected = "Harbour Courier: 2 articles from 1 outlet, 4 March 2031 to 11 March 2031."
        assert marked_text(answer.sentences) == expected

    def test_small_talk_is_one_line_without_quotes(self, index: Index, knowing: Embedder) -> None:
        answers = [_ask(index, knowing, question) for question in ("Hello!", "Thanks!", "What can you do?")]
        assert answers == [answers[0]] * 3
        assert answers[0] is not None
        (sentence,) = answers[0].sentences
        assert sentence.text.startswith("Ask what the 5 articles say")
        assert (answers[0].hits, sentence.citations, sentence.supported) == ((), (), True)

    def test_russian_questions_are_answered_in_russian(self, said: Callable[[str], str]) -> None:
        assert said("Сколько здесь статей?") == ("Статей: 5, изданий: 1, даты: 19.02.2031 – 11.03.2031.\nБез даты: 1.")

    def test_quotes_stand_in_the_articles_and_their_passages_are_the_hits(
        self, index: Index, knowing: Embedder
    ) -> None:
        answer = _ask(index, knowing, "What are these articles about?")
        assert answer is not None
        cited = [citation for sentence in answer.sentences for citation in sentence.citations]
        assert [index.document(each.hit.document.id).text[each.start : each.end] for each in cited] == [
            each.quote for each in cited
        ]
        assert {each.hit.passage.id for each in cited} == {hit.passage.id for hit in answer.hits}

    def test_a_folder_of_bare_texts(self, tmp_path: Path, knowing: Embedder) -> None:
        index = _index(tmp_path, {"a.txt": "It rained on the pass all night long.\n"})
        answers = {
            question: marked_text(answer.sentences)
            for question in ("Who wrote these articles?", "What is the newest article?", "List the articles.")
            if (answer := _ask(index, knowing, question))
        }
        assert answers == {
            "Who wrote these articles?": "1 article names no author.",
            "What is the newest article?": "1 article carries no date.",
            "List the articles.": "1 article.\n1 article carries no date.\n- It rained on the pass all night long. [1]",
        }

    def test_a_long_list_says_how_many_more(self, tmp_path: Path, knowing: Embedder) -> None:
        index = _index(tmp_path, {f"{n}.txt": f"Report {n} tells of rain on the pass.\n" for n in range(LISTED + 2)})
        answer = _ask(index, knowing, "List the articles.")
        assert answer is not None
        assert len(answer.hits) == LISTED
        assert answer.sentences[-1].text == "And 2 more."

    def test_overview_takes_articles_of_several_kinds(self, tmp_path: Path, knowing: Embedder) -> None:
        fares = {f"fare{n}.txt": f"The ferry fare to Kelm rises to {n} crowns again.\n" for n in range(12)}
        index = _index(tmp_path, fares | {"bees.txt": "Bees sleep through winter in clay hives.\n"})
        answer = _ask(index, knowing, "What are these articles about?")
        assert answer is not None
        shown = [hit.document.id for hit in answer.hits]
        assert len(shown) == SHOWN
        assert "bees.txt" in shown
