"""Where sentences end: against borders set by hand, and against what must hold for any text."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.text.sentences import WHOLE_QUOTE, sentence_spans

# One paragraph a line; "|" stands where one sentence ends and the next begins.
ENGLISH = """
Dr. Ilsa Morrow of Port Lindhope spoke on Monday.|She said the ferry would sail again in May.
The U.S. delegation arrived at 9 a.m. on Tuesday.|It left at 6 p.m.|Nobody explained why.
He was born in the U.S.|His sister stayed behind.
“We heard many voices.”|The hall was silent.
“We lost the harvest. We lost the road too,” Mr. Bellamy said.|He did not weep.
“The road is gone. Who will pay?” asked Jonas Pell, who farms near Estermoor.|No one answered.
The firm, Halden & Co., closed its plant.|Its owner, J. R. Whitcombe Jr., blamed taxes.
Prices rose 1.5 percent in Jan. and 2.25 percent in Feb., the bureau said.|Rents fell.
See No. 5 on the list.|Art. 12 of the charter forbids it.
“Is that all?!” she cried.|“It is,” he said.
The vote is over...|Nobody won.
The mayor … smiled.|He paused… then left.
Gen. A. B. Smith met Lt. Col. Rosa Venn at St. Albin’s Church.|They prayed.
(The mayor was not there.)|His deputy was.
The fare was $3.50.|It is now $4.|Riders grumble.
The court heard Calder vs. Dunmore.|The case is old.
Visit www.example.org.|Then write to press@example.org.
The flight left at 5:30 p.m.|Two hours later it landed.
The party won 41.2% of the vote in the north (up from 38.7%).|In the south it lost.
He asked: “Where is Sgt. Pellow?”|No reply came.
“It was chaos,” said Mina Orr.|“We ran.”|The fire spread.
‘We will not go,’ she said.|‘Not now. Not ever.’|The crowd cheered.
The dam failed.[3]|Repairs took a year.
They brought bread, milk, etc.|The shop closed.
Some goods, e.g. salt, were scarce.|Others, i.e. sugar and tea, were not.
Norvik Shipping Inc. said on Friday it would appeal.|Its rival, Brant Ltd., declined to comment.
She holds a Ph.D. in law.|He has none.
The treaty was signed in 1997.|2001 saw it end.
"I saw it. I was there," Tomas said.|"It fell."
He said "Stop."|Then he ran.
The vote on Nov. 3 was close.|Turnout on Sept. 30 was low.
What did they want?|Bread.|Work.|Peace.
She moved to the U.K.|There she studied law.
The U.N. envoy, Ambassador K. Lund, flew home.|Talks resume on Jan. 9.
Officials in Washington, D.C., were silent.|So was everyone else.
He works for Acme Corp.|It makes tyres.
The quake measured 5.5.|No one was hurt!
Op. cit., pp. 45–47.|The page is missing.
The bill (H.R. 1120) passed.|Sen. Moira Tate voted no.
Maj. Gen. Otto Rask resigned; Capt. Lee Moon did not.|Why?
Mayor Finch (who won in 2014 and again in 2018.) is ill.|Her term ends soon.
“No!” shouted the guard.|“Stay back!”
She wrote “Salt Roads.”|It sold well.
The river rose by 3 ft. in a day and flooded 40 sq. km.|Farmers fled.
The talks, held on Aug. 2, failed.|The next round is set for Fri., Oct. 11, at noon.
1. Open the gate.|2. Walk in.
The police said: “We acted within the law. Force was proportionate.”|Lawyers disagree.
It was, he said, “a very bad day.”|He would not say more.
The strike began at dawn.|“Nobody told us anything. We came as usual, we found the gate locked, and then the manager said there was no work,” recalled Pia Holm, a welder.|She has not been paid since.
Rev. Amos Tull prayed.|Mrs. Tull did not.
Shares of Ostrand S.A. fell 4.7 percent.|Those of Kline Bros. rose.
The law takes effect on Feb. 1, 2021.|Until then, nothing changes.
“You can’t do that!” the clerk said.|“Watch me.”
“I have lived here for forty years. My father built this house. They want to tear it down for a car park,” says Edda Noll, 71.|The council says the plan is final.
It happened at about 3 a.m.|The watchman slept.
The envoy met Prime Minister L. de Vries.|No statement followed.
Sales hit $1.2 bn. in the quarter.|Analysts had hoped for more.
He fled to the U.S. in 2003.|The U.S. Embassy did not comment.
Did the minister resign?|He did.|And then?
The paper, The Evening Post, called it “a farce”.|The editor stands by the word.
[The interview was edited for length.]|It took place in June.
“Vote early. Vote once.”|That was the slogan.
The exhibition runs from 10 a.m. to 4 p.m. daily.|Tickets cost £7.50.
The road to Mt. Orrin is closed.|So is Rte. 9.
Police used tear gas, water cannon, etc., against the crowd.|Seven were hurt.
Then came the verdict: guilty.|Silence.
Mr. and Mrs. Abbot, of 14 Mill St., object.|Their neighbours don’t.
“It’s over,” he wrote…|The account was deleted soon after.
Governor-elect R.J. Stone won by 0.3 points.|A recount is due.
"""  # noqa: E501
RUSSIAN = """
Депутат А. Б. Воронцов приехал в г. Заречный.|Его встретили у вокзала.
В 1998 г. завод закрыли.|В 2003 г. его снесли.
Это случилось в 2011 г.|Тогда город опустел.
Люди, т. е. рабочие, вышли на ул. Садовую.|Полиция молчала.
Привезли муку, соль, сахар и т. д.|Склад закрыли вечером.
Театр им. Н. К. Лебедева закрыт на ремонт.|Спектакли идут в д. 5 по пр. Мира.
«Мы не уйдём. Мы ждём ответа», — сказала Анна Котова.|Её поддержали.
«Кто заплатит?» — спросил он.|Ответа не было.
«Что это?!» — крикнул водитель.|Сосед пожал плечами.
Доход вырос до 1,5 млн руб. за год.|Расходы упали до 700 тыс. руб. в месяц.
См. рис. 3 и табл. 2.|На с. 45 есть карта.
Ущерб составил 3 млрд тенге.|Это втрое больше, чем в 2019 году...|Никто не ответил.
Он ушёл…|Больше его не видели.
По словам проф. Сергея Дымова, река мелеет.|Акад. Юрий Ветров не согласен.
Встреча началась в 10 ч. утра.|Приехали 20 чел. из области.
Город основан в III в. до н. э. греками.|Раскопки начались в 1956 г. и идут до сих пор.
Поселение возникло в III в. до н. э.|Раскопки начались недавно.
Что делать?|Ждать!|Просить!
(Суд отложили.)|Дата неизвестна.
Фирма «Север-Транс» платит 12 тыс. рублей.|Её директор – И.О. Павлов.
«Да».|Он кивнул.
«Нас не слышат».|«Мы пишем письма, а ответа нет!»|Чиновники молчат.
Штраф – 2 тыс. тенге, т.к. закон новый.|Судья М.В. Орлова это подтвердила.
Работы ведут на оз. Светлом и на р. Быстрой.|В пос. Ольховка света нет.
Были врачи, учителя, пожарные и др.|Всего 300 человек.
Зам. министра уволен.|Гл. редактор газеты тоже ушёл.
Цена выросла на 2.5 %.|Спрос упал.
Митинг прошёл 25.11.2023 на площади.|Задержали, по данным МВД, 15 чел.|Всех отпустили.
Выборы назначены на 3 апреля.|«Это фарс!»|Так считает Игорь Лунин.
Министр ин. дел П. Громов прибыл в 14.30.|Его ждали.
«Я не знаю… Может быть», — ответил он.|Журналисты ушли.
Завод производит 5 тыс. т. стали в год.|Это мало.
В XIX в. здесь жили рыбаки.|Теперь пусто.
Сколько стоит?|500 руб.|Дорого!
Пенсионерка Л. Сомова живёт на ул. Речной, д. 7, кв. 12.|Соседей нет.
«Свобода!» — кричали они.|Их было ок. 200 чел., по оценке полиции.
Об этом пишет газета «Вечерний Дол».|По её данным, ущерб велик (св. 1 млн долл.).|Власти молчат.
"""
KAZAKH = """
Қалада 2015 ж. су тасқыны болды.|Көп үй бұзылды.
Ақын А. Серікбаев келді.|Ол үндемеді.
«Біз кетпейміз. Жауап күтеміз», — деді Айгүл.|Жұрт қол соқты.
Базарда ет, сүт, нан, т.б. сатылады.|Бағасы қымбат.
Базарда ет, сүт, нан бар, т.б.|Бағасы қымбат.
Ол Сарыбел қ. тұрады.|Бұл — ХІХ ғ. салынған қала.
Неге?|Кім біледі!|Уақыт көрсетеді.
Жиын Б. М. Оразов атындағы залда өтті.|Оған 200-ден астам адам қатысты.
Халық алаңға шықты...|Билік үнсіз қалды.
Әкім Д. Қасымов жұмыстан кетті.|Себебі белгісіз.
«Су жоқ! Жарық жоқ!» — дейді тұрғындар.|Әкімдік жауап бермеді.
"""
GERMAN = """
Die Sitzung am 3. März fiel aus.|Der Bürgermeister kam nicht.
Dr. Hanna Vogt fehlte.|Prof. Klein kam um 9 Uhr.
Das kostet ca. 5 Mio. Euro.|Mehr gibt es nicht, d. h. nichts.
„Wir bleiben hier. Wir warten“, sagte Herr Brandt.|Niemand ging.
Sie brachten Brot, Käse usw.|Dann gingen sie.
Der Fluss, z. B. die Else, trat im 19. Jahrhundert oft über die Ufer.|Heute nicht mehr.
Man fand es auf S. 12, Abs. 3, bzw. in Nr. 7.|Das genügt.
„Kommt ihr?“, fragte sie.|„Ja!“|Dann war es still.
Am 12. und 13. Juni streiken die Fahrer.|Das gilt auch für Linie 4.
Frau Dr. med. Ott sprach am 1. Mai.|Es regnete.
Rund 2.500 Menschen kamen, u. a. aus Köln.|Die Polizei zählte weniger.
"""
OTHER = """
Le président M. Dupré a parlé.|« Nous restons. »|Puis il est parti.
El Sr. Ruiz llegó.|¿Por qué?|¡Nadie lo sabe!
"""
GOLD = [line for block in (ENGLISH, RUSSIAN, KAZAKH, GERMAN, OTHER) for line in block.strip().splitlines()]


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize("line", GOLD)
def test_borders_set_by_hand(line: str) -> None:
    expected = line.split("|")
    assert sentences(" ".join(expected)) == expected


def test_scripts_without_spaces() -> None:
    assert sentences("他来了。她走了！为什么？没有人知道。") == ["他来了。", "她走了！", "为什么？", "没有人知道。"]


def test_a_forgotten_space_after_a_sentence() -> None:
    assert sentences("The road is closed.Nobody knows why.") == ["The road is closed.", "Nobody knows why."]
    assert sentences("Дорога закрыта.Никто не знает почему.") == ["Дорога закрыта.", "Никто не знает почему."]
    assert sentences("See www.example.org/Page.Html or ask R.J. Stone.") == [
        "See www.example.org/Page.Html or ask R.J. Stone."
    ]


def test_lines_are_never_joined() -> None:
    text = "A heading\n\nIt rained. It\nsnowed.\r\n\r\n- one\u2028- two"
    assert sentences(text) == ["A heading", "It rained.", "It", "snowed.", "- one", "- two"]


@pytest.mark.parametrize(("opening", "closing"), ["“”", "«»", "„“", '""', "()", "[]"])
def test_a_short_quotation_stays_whole_and_a_long_one_is_divided(opening: str, closing: str) -> None:
    sentence = "We waited for an hour. "
    short = f"{opening}{sentence * 3}No bus came{closing}, said the guard."
    assert sentences(short) == [short]
    long = f"{opening}{sentence * (WHOLE_QUOTE // len(sentence) + 1)}No bus came{closing}, said the guard."
    assert len(sentences(long)) == long.count(".")


def test_marks_without_words_are_no_sentences() -> None:
    assert sentences("... The end. ?! *** . !") == ["... The end.", "?! *** . !"]


CHARACTERS = st.sampled_from(list(' \n\r\u2028\u00a0\u200b\x0b\ud800.?!…。“”«»"‘’()[]—3词😀\u0301'))
WORDS = st.sampled_from(
    ["Dr. ", "A. ", "no. 5 ", "г. ", "т. е. ", "U.S. ", "end. ", "End.", "1. ", "Word ", "слово ", "Әлем "]
)
TEXTS = st.one_of(st.lists(CHARACTERS | WORDS, max_size=40).map("".join), st.text(max_size=200))


@given(TEXTS)
@settings(max_examples=100, deadline=None)
def test_every_character_is_in_one_sentence_and_no_sentence_crosses_a_line(text: str) -> None:
    spans = sentence_spans(text)
    covered = [position for start, end in spans for position in range(start, end)]
    assert len(covered) == len(set(covered))
    assert {at for at, character in enumerate(text) if not character.isspace()} <= set(covered)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    for start, end in spans:
        assert start < end
        assert text[start:end] == text[start:end].strip()
        assert not set("\n\r\u2028\u2029") & set(text[start:end])


@given(st.lists(st.sampled_from(GOLD), min_size=1, max_size=5))
@settings(max_examples=30, deadline=None)
def test_lines_do_not_influence_each_other(lines: list[str]) -> None:
    apart = [sentence for line in lines for sentence in sentences(line.replace("|", " "))]
    assert sentences("\n".join(line.replace("|", " ") for line in lines)) == apart


@pytest.mark.parametrize(
    "unit",
    ["a", ".", ". ", "A. ", "(", "“", '" ', " ‘a", ".[", ".)", "a.b ", "(a", "Ab. ___", "😀", ".\n", "a" + " " * 50],
)
def test_odd_texts_take_linear_time(unit: str) -> None:
    # Quadratic work on 50,000 of these would take minutes.
    assert sentence_spans(unit * 50_000)
    assert sentence_spans(f"Word{unit * 50_000} word")


def test_the_module_is_cheap_to_import() -> None:
    code = "import sys, rag.text.sentences; print(sorted({'regex', 'torch', 'tiktoken', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
