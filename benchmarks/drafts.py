"""Measure `rag check` on a draft about the shipped articles: what is true, what was planted, what claims nothing.

    python benchmarks/drafts.py

Every sentence is checked in one draft. A planted error counts as caught where the sentence is marked in any way, and as named
where the right kind is among its differences.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from pathlib import Path

from rag import Chatbot
from rag.draft.checked import DraftSentence

SEEDS = Path(__file__).parent.parent / "seeds"

SENTENCES: list[tuple[str, str]] = [
    # True, mostly in other words than the article's.
    ("found", "About 250 people came to a rally against violence in Almaty on 26 November."),
    ("found", "The rally was organised by Zhana Adamdar, a civic group that supports President Tokayev."),
    ("found", "According to its leader, Assel Badenova, Zhana Adamdar has roughly 700 members."),
    ("found", "Badenova told Vlast that the government does not finance the movement."),
    ("found", "The organisers wore purple jackets, the participants yellow raincoats."),
    ("found", "Veronika Fonova of KazFem was banned from the rally."),
    ("found", "Nurlan Batyrov has 1.1 million followers on Instagram."),
    ("found", "The leadership confirmed that it had paid train fares and accommodation for hundreds of participants."),
    ("found", "The organisers' slogan was “Say no to the animal world”."),
    ("found", "Zhanar Sekerbayeva, a co-founder of Feminita, refused to take part."),
    ("found", "Kuandyk Bishimbayev was accused of murder and placed in custody for two months."),
    ("found", "Aikorkem Meldekhan, the youngest victim of Qandy Qantar, was four years old."),
    ("found", "Kazakhstan's early presidential election was set for 3 April."),
    ("found", "The Constitutional Court ruled that the referendum was unconstitutional."),
    ("found", "Sixteen people have applied to stand as candidates so far."),
    ("found", "The article says that Nazarbayev has an ambition to be “SuperKhan 2012”."),
    ("found", "About 1,000 people were arrested within three days, according to Crossroads Asia."),
    ("found", "The arrests began on 9 June, the day Tokayev was elected."),
    ("found", "Mukhtar Ablyazov, a fugitive banker, called for protests from exile in France."),
    ("found", "The prosecutor-general complained that three policemen had been injured."),
    ("found", "The youth wing of the KNPK drove a tractor over DVDs and VHS cassettes with Western films."),
    ("found", "Zhambyl Akhmetbekov, a secretary of the party's central committee, watched the films being crushed."),
    ("found", "In 2012 the party made a video to a cover of “Kung Fu Fighting”."),
    ("found", "Somebody threw a brick at Asylbek Kozhakhmetov's head."),
    ("found", "Arman Dzhumageldiev, known as Wild Arman, forced his way into an opposition meeting in Shymkent."),
    ("found", "Galym Ageleuov thinks that Tokayev looks like an official puppet on strings."),
    # Numbers
    ("number", "About 350 people attended the rally against violence in Almaty."),
    ("number", "Zhana Adamdar has about 7,000 members, said its leader, Assel Badenova."),
    ("number", "Within days 8 million signatures were said to have been collected for the referendum."),
    ("number", "The prosecutor-general said that around 900 people were detained on the first day."),
    ("number", "Aina Isayeva has around 360,000 followers on Instagram."),
    # Dates
    ("date", "The rally against violence took place in Almaty on 28 November."),
    ("date", "Zhana Adamdar applied to the city of Almaty on 4 November for a rally about violence."),
    ("date", "The red tractor flattened the films in Almaty on 12 February."),
    ("date", "Elections to Kazakhstan's parliament are due on 20 May."),
    ("date", "Zhana Adamdar has existed since August 2020."),
    # Names
    ("name", "Zhana Adamdar has about 700 members, said its leader, Assel Nurlanova."),
    ("name", "The rally took place under the statue of the Soviet leader Vladimir Lenin."),
    ("name", "The former economy minister Kuandyk Bishimbayev beat Saltanat Isayeva, his wife, in a restaurant."),
    ("name", "In Shymkent a brick was thrown at the head of Bulat Abilov."),
    ("name", "A photograph by Viktor Orlov of AP shows police detaining a demonstrator in Almaty."),
    # Quotations that were altered, and one of each kind that nobody said
    ("quotation", "The organisers' slogan was “Say no to the animal kingdom”."),
    ("quotation", "The article accuses Nazarbayev of “an animal hatred of the people”."),
    ("quotation", "A coalition with the motto “Defend electoral freedom” should challenge every breach."),
    ("quotation", "The article says that Ageleuov called the years before 2005 “a season of naivety”."),
    ("quotation", "Badenova said “we shall build a school in every village before winter”."),
    ("quotation", "Akhmetbekov told reporters that “foreign films have no place in a decent home”."),
    # Negations
    ("negation", "Badenova told Vlast that the government finances the movement."),
    ("negation", "Zhanar Sekerbayeva did not refuse to take part in the rally."),
    ("negation", "Zhana Adamdar did not pay train fares and accommodation for participants."),
    ("negation", "The prosecutor-general said that three policemen had not been injured."),
    # Opposite words
    ("wording", "Nur-Sultan had more demonstrations than Almaty but perhaps a lower number of arrests."),
    ("wording", "The arrests ended on 9 June, the day on which Tokayev was elected president."),
    # In no article
    ("not in the articles", "The parliament of Norway raised the tax on salmon in May."),
    ("not in the articles", "Kazakhstan's football team lost to Denmark in the rain."),
    ("not in the articles", "The mayor of Shymkent opened a museum of carpets last winter."),
    ("not in the articles", "Badenova studied chemistry in Prague before she founded a bakery."),
    # Claims nothing
    ("no claim", "Who paid for all of this?"),
    ("no claim", "I think that the whole event was a show."),
    ("no claim", "In my view nobody should believe them."),
    ("no claim", "Dear readers, good morning."),
]  # fmt: skip

# The article has a pronoun where the sentence has the name; of the planted ones it is somebody else's.
NAMED = [
    ("found", "Assel Badenova told Vlast that the government does not finance the movement."),
    ("found", "Veronika Fonova said the organisers feared trouble with the city administration."),
    ("found", "Kuandyk Bishimbayev was placed in custody for two months pending trial."),
    ("found", "Nazarbayev has revealed an animal fear of the people, the article says."),
    ("found", "Ablyazov said in an interview that he felt neither responsible nor guilty for the arrests."),
    ("found", "Ageleuov calls the years before 2005 a period of naivety."),
    ("found", "Ageleuov considers the election of 2004 rather transparent and competitive."),
    ("found", "Akhmetbekov practised martial arts moves in a video of 2012, when he stood for parliament."),
    ("name", "Veronika Fonova told Vlast that the government does not finance the movement."),
    ("name", "Bota Nurseitova said the organisers feared trouble with the city administration."),
    ("name", "Amirzhan Kossanov was placed in custody for two months pending trial."),
    ("name", "Tokayev has revealed an animal fear of the people, the article says."),
    ("name", "Bulat Abilov calls the years before 2005 a period of naivety."),
    ("name", "Carl Douglas practised martial arts moves in a video of 2012, when he stood for parliament."),
]

# A sentence of the draft hangs on the one before it; of the planted ones on somebody else, or with another fact.
HANGING = [
    ("found", "Assel Badenova leads Zhana Adamdar.", "She told Vlast that the government does not finance it."),
    ("found", "Zhana Adamdar is led by Assel Badenova.", "It has about 700 members, she said."),
    ("found", "Veronika Fonova of KazFem was banned.", "She said the organisers feared trouble with the city."),
    ("found", "Nurlan Batyrov is an influencer.", "He said that violence has no place in society."),
    ("found", "Batyrov knows little about the movement.", "Yet he shared its long video calling for a rally."),
    ("found", "Kuandyk Bishimbayev was a minister.", "He beat his wife, Saltanat Nurkenova, in a restaurant."),
    ("found", "Mukhtar Ablyazov spoke to Current Time.", "He said he felt neither responsible nor guilty."),
    ("found", "Ablyazov is in exile in France.", "He is wanted for fraud connected with his banking business."),
    ("found", "Galym Ageleuov wrote a comment.", "He calls the years before 2005 a period of naivety."),
    ("found", "Zhambyl Akhmetbekov watched.", "In 2012 his party made a video in which he practised martial arts."),
    ("found", "The KNPK crushed films in Almaty.", "It said that Western violence does harm to young people."),
    ("found", "ODIHR refused at first.", "It found the election marred by breaches of fundamental freedoms."),
    ("marked", "Veronika Fonova of KazFem was banned.", "She told Vlast that the government does not finance it."),
    ("marked", "Aina Isayeva is an influencer.", "She said the movement has about 700 members."),
    ("marked", "Assel Badenova leads the movement.", "She was banned from the rally as a feminist of KazFem."),
    ("marked", "Yersultan Bekes organised the rally.", "He beat his wife, Saltanat Nurkenova, in a restaurant."),
    ("marked", "Bulat Abilov led Azat.", "He calls the years before 2005 a period of naivety."),
    ("marked", "Kassym-Jomart Tokayev was elected.", "He is wanted for fraud connected with his banking business."),
    ("marked", "Assel Badenova leads Zhana Adamdar.", "She told Vlast that the government finances it."),
    ("marked", "Zhana Adamdar is led by Assel Badenova.", "It has about 900 members, she said."),
    ("marked", "Nurlan Batyrov is an influencer.", "On 19 November he had shared a long video calling for a rally."),
]

# In another language than the articles.
TRANSLATED = [
    ("found", "Около 250 человек пришли 26 ноября в Алматы на митинг против насилия."),
    ("found", "По словам лидера Асель Баденовой, в движении «Жана Адамдар» около 700 участников."),
    ("found", "Баденова сказала изданию Vlast, что правительство не финансирует движение."),
    ("found", "Вероника Фонова из KazFem не была допущена на митинг."),
    ("found", "У Нурлана Батырова 1,1 миллиона подписчиков в Instagram."),
    ("found", "Бывшего министра экономики Куандыка Бишимбаева обвинили в убийстве и поместили под стражу на два месяца."),
    ("found", "Мухтар Аблязов призвал людей выйти на улицы из изгнания во Франции."),
    ("found", "Около 1000 человек были арестованы за три дня."),
    ("found", "Генеральный прокурор сообщил, что в первый день задержали около 500 человек."),
    ("found", "Красный трактор раздавил фильмы в Алматы 21 февраля."),
    ("found", "Жамбыл Ахметбеков — секретарь центрального комитета КНПК."),
    ("found", "Кто-то бросил кирпич в голову Асылбека Кожахметова."),
    ("found", "Конституционный суд признал референдум неконституционным."),
    ("found", "На данный момент 16 человек подали заявки на участие в выборах."),
    ("marked", "Вероника Фонова была допущена на митинг."),
    ("marked", "Баденова сказала изданию Vlast, что правительство финансирует движение."),
    ("marked", "По словам лидера Асель Баденовой, в движении «Новый Путь» около 700 участников."),
    ("marked", "Куандык Бишимбаев не был обвинён в убийстве."),
    ("marked", "Около 350 человек пришли 26 ноября в Алматы на митинг против насилия."),
    ("marked", "По словам лидера Марии Петровой, в движении «Жана Адамдар» около 700 участников."),
    ("marked", "Вероника Фонова из KazFem не была допущена на митинг 3 марта."),
    ("marked", "У Айны Исаевой 1,1 миллиона подписчиков в Instagram."),
    ("marked", "Бывшего министра экономики Булата Абилова обвинили в убийстве и поместили под стражу на два месяца."),
    ("marked", "Мухтар Аблязов призвал людей выйти на улицы из изгнания в Германии."),
    ("marked", "Около 4000 человек были арестованы за три дня."),
    ("marked", "Красный трактор раздавил фильмы в Астане 21 февраля."),
    ("marked", "Кто-то бросил кирпич в голову Виктора Орлова."),
    ("marked", "Парламент Норвегии повысил налог на лосося в мае."),
    ("marked", "Сборная Казахстана по футболу проиграла Дании под дождём."),
    ("marked", "На данный момент 46 человек подали заявки на участие в выборах."),
]  # fmt: skip


def main() -> None:
    """Check the draft and print one line for each sentence that came out otherwise, then a table."""
    with tempfile.TemporaryDirectory() as index:
        chatbot = Chatbot.open(articles=SEEDS, index=index)
        chatbot.check("The rally took place in Almaty.")  # loads what is loaded once
        begun = time.perf_counter()
        checked = chatbot.check("\n\n".join(sentence for _, sentence in SENTENCES))
        seconds = time.perf_counter() - begun
        sets = {
            "named": [(expected, chatbot.check(text).sentences[0]) for expected, text in NAMED],
            "hanging": [(expected, chatbot.check(f"{lead} {text}").sentences[1]) for expected, lead, text in HANGING],
            "translated": [(expected, chatbot.check(text).sentences[0]) for expected, text in TRANSLATED],
        }
        chatbot.close()
    counts: dict[str, Counter[str]] = {}
    for (expected, _), sentence in zip(SENTENCES, checked.sentences, strict=True):
        outcome = judge(expected, sentence)
        counts.setdefault(expected, Counter())[outcome] += 1
        if outcome != "right":
            _print(expected, outcome, sentence)
    for name, pairs in sets.items():
        for expected, sentence in pairs:
            outcome = judge(expected, sentence)
            counts.setdefault(f"{name}, {expected}", Counter())[outcome] += 1
            if outcome != "right":
                _print(expected, outcome, sentence)
    print(f"\n{'':<22}{'right':>7}{'other kind':>12}{'wrong':>7}")
    for expected, found in counts.items():
        print(f"{expected:<22}{found['right']:>7}{found['other kind']:>12}{found['wrong']:>7}")
    print(f"\n{len(checked.sentences)} sentences in {seconds:.1f} s")


def judge(expected: str, sentence: DraftSentence) -> str:
    """Say whether a sentence came out as expected: "right", "other kind" (marked, not as what was planted) or "wrong"."""
    if expected in ("found", "not in the articles", "no claim"):
        return "right" if sentence.status == expected else "wrong"
    marked = sentence.status in ("differs", "not in the articles")
    if expected in {each.kind for each in sentence.differences} or (expected == "marked" and marked):
        return "right"
    return "other kind" if marked else "wrong"


def _print(expected: str, outcome: str, sentence: DraftSentence) -> None:
    print(f"{outcome}: {expected} came out as {sentence.status} ({sentence.score}): {sentence.text}")
    for each in sentence.differences:
        print(f"    {each.kind}: {each.text} -> {each.instead or '?'}")
    for citation in sentence.citations:
        print(f"    “{' '.join(citation.quote.split())}”")


if __name__ == "__main__":
    main()
