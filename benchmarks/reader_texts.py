"""Write training pairs for the extractive reader from invented news.

    python benchmarks/reader_texts.py 40

People, towns, firms and outlets are composed from syllables. A relation is a set of sentence and question templates
with the same slots; a text is a window of two to six sentences about several relations, a timeline, a table, a list or
an interview. About 40 % of the questions are near misses: the text does not answer them, though it comes close.
"""

# ruff: noqa: E501, SIM905 - a template is one line, and lists of words are easier to read as a string
from __future__ import annotations

import random
import re
import sys
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple


class Pair(NamedTuple):
    """Hold one question; ``text[start:end]`` answers it, 0:0 means that the text does not."""

    question: str
    title: str
    text: str
    start: int
    end: int


Value = dict[str, str]  # language -> form; "en.l" is a last name, "sex" f or m, "year" the year of a date

# One template a line. "." English sentence, "r" Russian, "n" and "nr" sentences that deny it, "#" English heading or title.
# "P?" asks for slot P in English (alternatives between bars), "P?ru" and "P?kk" in other languages, "y?" yes or no, "-?" what no sentence says.
# The first letter of a slot is its type (_value). {P.l} last name, {P.he} pronoun, {P:a/b} by sex, {N=None} a literal.
_RELATIONS = """
@ appoint job
. {O} has named {P} as its new {J}, effective {D}.
. {P}, {A}, was put in charge of {O} on {D}. {P.He} succeeds {P2}.
. The board of {O} picked {P} over {P3} for the post of {J}.
. {O} has a new {J}: {P}, who used to run a warehouse in {T}.
. {P} grew up in {T}. Since {D} {P.he} has been {J} of {O}.
. After a search that lasted {V}, {O} chose {P} as {J}.
r Новый {J} компании «{O}» — {P}. Прежний руководитель, {P2}, уходит на пенсию.
r С {D} компанию «{O}» возглавляет {P}.
r {P}, {A} лет, теперь {J} компании «{O}».
n {O} said on {D} that it had not chosen a new {J} yet.
# Change at the top of {O}
# {O} looks for a new course
P? Who is the new head of {O}?|Who was appointed to lead {O}?|Who runs {O} now?|Who became {J} at {O}?
P?ru Кто возглавляет компанию «{O}»?|Кто теперь {J} компании «{O}»?
P?kk «{O}» компаниясын кім басқарады?|«{O}» компаниясының {J} кім болды?
J? What position did {P} get at {O}?|What is {P}'s job at {O}?
D? When did {P} take over at {O}?
D?ru С какого дня {P} руководит компанией «{O}»?
P2? Whom did {P} replace at {O}?
P3? Who was the other candidate for the top job at {O}?
V? How long did {O} search for a new boss?
y? Has {O} found a new {J}?
-? What salary does {P} get at {O}?|Why was {P} chosen to lead {O}?
-?ru Какую зарплату получает {P}?
-?kk {P} қанша жалақы алады?
@ resign job
. {P} stepped down as {J} of {O} on {D} {R}.
. {P} has quit {O} {R}. {P.His} deputy, {P2}, fills in until further notice.
. {O} lost its {J} in {Y}, when {P} walked out {R}.
. On {D} {P} handed in {P.his} notice at {O}; {P.he} had been {J} for {V}.
r {P} больше не работает в компании «{O}» {R}. Заявление подписано {D}.
r {D} компанию «{O}» {P:покинул/покинула} {P} — {R}.
n {P} rejected calls to leave {O} and will stay on as {J}.
# Departure from {O}
P? Who resigned from {O}?|Which {J} left {O}?
R? Why did {P} resign from {O}?|What was the reason for {P}'s departure?
R?ru Почему {P:ушёл/ушла} {P} из компании «{O}»?
R?kk {P} «{O}» компаниясынан неліктен кетті?
D? When did {P} give up the job at {O}?
D?ru Когда {P:ушёл/ушла} {P}?
D?kk {P} қашан жұмыстан кетті?
P2? Who stands in for {P}?
V? How long did {P} work as {J} of {O}?
y? Did {P} resign?
y?ru {P:Ушёл/Ушла} ли {P} из компании «{O}»?
-? Who pushed {P} out of {O}?|What will {P} do after leaving {O}?
@ elect vote
. Voters in {T} elected {P} mayor with {F} of the vote; {P2} came second.
. {P} of the {B} won the mayoral race in {T} on {D}, beating {P2} by {N} votes.
. {T} has a new mayor: {P}, {A}, a former vet. Turnout was {F2}.
. With {F} of the ballots, {P} defeated {P2} in {T}. {P.He} stood for the {B}.
r На выборах мэра города {T} победу {P:одержал/одержала} {P} — {F} голосов. Второе место {P2:занял/заняла} {P2}.
r Новый мэр города {T} — {P}. За это решение {D} проголосовали {N} человек.
# {T} votes
P? Who won the election in {T}?|Who is the mayor of {T}?
P?ru Кто мэр города {T}?|Кто победил на выборах в городе {T}?
P?kk {T} қаласының әкімі кім?|{T} қаласындағы сайлауда кім жеңді?
P2? Who lost to {P}?|Who was runner-up in {T}?
F? What share of the vote did {P} get?
F?ru Сколько процентов голосов {P:получил/получила} {P}?
F?kk {P} неше пайыз дауыс жинады?
F2? How many of the voters in {T} went to the polls?
B? Which party does {P} belong to?
N? By how many votes did {P} win?
-? What did {P} promise the voters?|How much did {P}'s campaign cost?
@ died life
. {P}, who led {O} for {V}, died in {T} on {D} aged {A}.
. {P} has died at the age of {A}. {P.He} had been the voice of {O} for {V}.
. {O} mourns its founder {P}; {P.he} passed away in {Y} after a long illness.
. {P} was {A} when {P.he} died in a clinic in {T}.
r В возрасте {A} лет {P:умер/умерла} {P}. Прощание пройдёт в городе {T}.
r {D} {P:скончался/скончалась} {P}. Место смерти — город {T}.
# Farewell to {P.l}
A? At what age did {P} die?|How old was {P}?
A?ru В каком возрасте {P:умер/умерла} {P}?
A?kk {P} неше жасында қайтыс болды?
D? When did {P} die?
D?ru Когда {P:умер/умерла} {P}?
D?kk {P} қашан қайтыс болды?
Y? In what year did {P} die?
T? Where did {P} die?
T?ru Где {P:умер/умерла} {P}?
V? How long was {P} with {O}?
-? What illness did {P} have?|Who spoke at the funeral of {P}?
-?kk {P} қай жерде жерленді?
@ crash harm
. {N} people were killed and {N2} injured when a bus left the road near {T} on {D}.
. A fire at a market in {T} claimed {N} lives; {N2} people are still in hospital.
. The blast in {T} left {N} dead. Rescuers carried {N2} wounded out of the rubble.
. {N=Nobody} was killed in the blast in {T}, but {N2} people needed treatment.
. {N2=No one} was hurt in the blast in {T} on {D}; {N} people died.
. At least {C} houses burned down near {T} {R}.
r При взрыве в городе {T} погибли {N} человек, пострадали {N2}.
r {D} на дороге у города {T} погибли {N} человек. В больницах остаются {N2} пострадавших.
r При взрыве в городе {T} {N=никто} не погиб, ранены {N2} человек.
# Black day for {T}
# What happened in {T}
N? How many people died in {T}?|How many were killed in {T}?|What was the death toll in {T}?
N?ru Сколько человек погибло в городе {T}?
N?kk {T} қаласында неше адам қаза тапты?
N2? How many people were injured in {T}?|How many were hurt in {T}?
N2?ru Сколько человек пострадало в городе {T}?
N2?kk {T} қаласында қанша адам жараланды?
D? When did it happen in {T}?
C? How many homes were destroyed near {T}?
-? Who is to blame for the deaths in {T}?|How many children were among the victims in {T}?
-?ru Кто виноват в трагедии в городе {T}?
@ protest crowd
. {N} people marched through {T} on {W} against the plans of {O}.
. In {T} {N} demonstrators blocked the main square for {V} {R}.
. Police counted {N} protesters in {T}; the organiser, {P}, spoke of {N2}.
. {P} called the rally in {T}. {N} turned up and {N2} were detained.
r На митинг в городе {T} вышли {N} человек, организатор — {P}.
r По данным полиции, {W} в городе {T} протестовали {N} человек; задержаны {N2}.
# Anger in {T}
N? How many people took part in the protest in {T}?|How big was the crowd in {T}?
N?ru Сколько человек участвовало в митинге в городе {T}?
N?kk {T} қаласындағы митингіге неше адам қатысты?
R? Why did people demonstrate in {T}?
P? Who organised the demonstration in {T}?
P?ru Кто организовал митинг в городе {T}?
P?kk {T} қаласындағы митингіні кім ұйымдастырды?
W? On which day did people march in {T}?
V? How long was the square in {T} blocked?
-? How many police officers were on duty in {T}?|How many people were arrested at the protest in {T} the year before?
@ layoffs work
. {O} will lay off {N} of its {N2} workers in {T} {R}.
. Job cuts at {O}: {N} positions go by {D}.
. {O} announced on {D2} that {N} employees in {T} would lose their jobs.
. {P} of the works council said {O} was dismissing {N} people {R}.
r Компания «{O}» уволит {N} человек {R}.
r Сокращения в компании «{O}»: {N} рабочих мест до {D}.
n Despite its losses, {O} will not lay anyone off in {T} this year.
# Hard times at {O}
N? How many jobs will {O} cut?|How many people are being let go by {O}?
N?ru Сколько человек сократит компания «{O}»?
N?kk «{O}» компаниясы неше адамды жұмыстан шығарады?
N2? How many people does {O} employ in {T}?
R? Why is {O} cutting jobs?
R?ru Почему компания «{O}» увольняет людей?
R?kk «{O}» компаниясы неліктен қызметкерлерін қысқартады?
D? By when will the posts at {O} disappear?
y? Is {O} going to lay people off?
y?ru Будут ли увольнения в компании «{O}»?
y?kk «{O}» компаниясы адамдарды жұмыстан шығара ма?
D2? When did {O} announce the dismissals?
-? How much severance pay will {O} offer?|Which union represents the staff of {O}?
@ size work2
. {O} has {N} people on its payroll in {T} and a turnover of {M}.
. With a staff of {N}, {O} is the largest employer in {T}.
. Based in {T}, {O} earned {M} last year. The company has a workforce of {N}.
. {O} moved its head office from {T2} to {T} in {Y}.
r В компании «{O}» работают {N} человек, головной офис — город {T}. Годовая выручка — {M}.
r Штат компании «{O}» — {N} человек.
# Inside {O}
N? How many employees does {O} have?|How many people work for {O}?
N?ru Сколько человек работает в компании «{O}»?
N?kk «{O}» компаниясында неше адам жұмыс істейді?
M? What is the annual revenue of {O}?
M?ru Какая выручка у компании «{O}»?
M?kk «{O}» компаниясының жылдық табысы қанша?
T? Where is {O} headquartered?
T?ru Где находится компания «{O}»?
T?kk «{O}» компаниясы қай қалада орналасқан?
T2? Where was {O} located before?
Y? In what year did {O} relocate?
-? Who owns {O}?|How much does {O} pay its workers?
@ build thing
. The new {K} in {T} came with a price tag of {M}.
. {T} spent {M} on its {K}, {F} more than planned. It was designed by {P}.
. {O} is building the {K} in {T} for {M}. Work should last {V}.
. Repairs to the {K} in {T} swallowed {M}; taxpayers were told to expect {M2}.
r {K} в городе {T}: стоимость работ — {M}. Подрядчик — «{O}».
r {M} — столько стоит {K} в городе {T}. Автор проекта — {P}.
# {T} and its {K}
M? How much did the {K} in {T} cost?|What was paid for the {K} in {T}?
M?ru Сколько стоит {K} в городе {T}?
M?kk {T} қаласындағы {K} қанша тұрады?
P? Who is the architect of the {K} in {T}?
P?ru Кто автор проекта в городе {T}?
O? Which company builds the {K} in {T}?
O?ru Какая компания строит {K} в городе {T}?
O?kk {T} қаласындағы құрылысты қай компания жүргізеді?
F? By how much did the {K} in {T} exceed its budget?
V? How long will construction of the {K} in {T} take?
M2? What was the original estimate for the {K} in {T}?
-? Who paid for the {K} in {T}?|How high is the {K} in {T}?
-?kk {T} қаласындағы {K} ақшасын кім төледі?
@ opens place
. The {K} in {T} opens its doors on {D}; admission is {M}.
. From {D} the {K} in {T} will be open to the public. Hours are from {U} to {U2}.
. Mayor {P} opens the {K} in {T}. Photo: {P2}
. {P} cut the ribbon of the {K} in {T} on {D}.
r {K} в городе {T} откроется {D}. Билет — {M}.
r {D} в городе {T} начнёт работу {K}, руководитель — {P}.
n The {K} in {T} will stay shut for now.
# A {K} for {T}
D? When does the {K} in {T} open?|What is the opening date of the {K} in {T}?
D?ru Когда откроется {K} в городе {T}?
D?kk {T} қаласындағы {K} қашан ашылады?
M? How much is a ticket to the {K} in {T}?
M?ru Сколько стоит билет в городе {T}?
U? What time does the {K} in {T} open?
U2? When does the {K} in {T} close in the evening?
P? Who opened the {K} in {T}?
P2? Who took the picture of the {K} in {T}?
y? Is the {K} in {T} open?
-? How many visitors does the {K} in {T} expect?|Who designed the {K} in {T}?
@ closes place2
. The {K} in {T} closed on {D} {R}.
. {T} has shut its {K} {R}. It had served {N} people a week.
. On {D} the {K} in {T} was sealed off. The reason, {P} said, was simple: it had to close {R}.
r {K} в городе {T} не работает с {D} {R}.
r {K} в городе {T} закрыли {R}. Решение {P:подписал/подписала} {P}.
n The council of {T} decided on {D} to keep the {K} running.
# Lights out in {T}
# Why {T} lost its {K}
R? Why was the {K} in {T} closed?|Why did {T} shut the {K}?
R?ru Почему {K} в городе {T} не работает?
R?kk {T} қаласындағы {K} неліктен жабылды?
D? Since when has the {K} in {T} been shut?
D?ru С какого дня {K} в городе {T} не работает?
D?kk {T} қаласындағы {K} қашан жабылды?
P? Who explained the closure of the {K} in {T}?
N? How many people used the {K} in {T}?
y? Is the {K} in {T} closed?
y?kk {T} қаласындағы {K} жабық па?
-? When will the {K} in {T} reopen?|What will replace the {K} in {T}?
-?ru Когда {K} в городе {T} снова откроется?
@ founded origin
. {P} started {O} in {Y} in a garage in {T} with {M} of borrowed money.
. {O} goes back to {Y}, when {P} and {P2} rented a shop in {T}.
. Founded in {Y}, {O} went bankrupt {V} later. {P3} bought the name.
r Компания «{O}» основана в {Y} году. Основатель — {P}, первый офис — город {T}.
r {Y} год: {P} и {P2} создают компанию «{O}».
# {O}, a history
Y? When was {O} founded?|In which year was {O} set up?
Y?ru Когда основана компания «{O}»?|В каком году появилась компания «{O}»?
Y?kk «{O}» компаниясы қай жылы құрылды?
P? Who founded {O}?
P?ru Кто основал компанию «{O}»?
P?kk «{O}» компаниясының негізін кім қалады?
T? Where did {O} begin?
M? How much money did {O} start with?
V? How long did {O} survive?
P3? Who bought the name of {O}?
P2? Who was {P}'s partner in {O}?
-? How many shops does {O} have today?|Why is {O} called that?
@ festival event
. The {G} was held in {T} from {D}; {N} guests came.
. {T} hosted the {G} in {Y}. {P} took home the main prize of {M2}.
. This year's {G} takes place in {T}. It lasts {V} and costs the town {M}.
. {N} people visited the {G} in {T}, which had moved there from {T2}.
r {G} пройдёт в городе {T}, начало — {D}. Ожидается {N} гостей.
r Главный приз: {P}. {G}, {Y} год, город {T}.
# {G} draws crowds
T? Where was the {G} held?
T?ru В каком городе {G}?
T?kk {G} қай қалада өтеді?
N? How many visitors did the {G} have?
N?ru Сколько гостей ждёт {G}?
P? Who won the top award at the {G}?
P?ru Кто получил главный приз: {G}?
M? How much does the {G} cost?
M2? How much is the main prize of the {G} worth?
T2? Where was the {G} before it moved?
D? When did the {G} start?
D?kk {G} қашан басталады?
V? How long does the {G} last?
T? Which town hosted the {G}?
-? Who sponsors the {G}?|Why was the {G} cancelled?
@ takeover deal
. {O} is buying {O2} for {M}. The deal should close by {D2}.
. {O2} has been sold: {O} pays {M} and takes on {N} employees.
. On {D} {O} snapped up its rival {O2}, said {P}, who negotiated the sale.
r «{O}» покупает «{O2}», сумма сделки — {M}.
r Сделка закрыта {D}: «{O2}» теперь принадлежит компании «{O}».
n Talks about a sale of {O2} to {O} collapsed on {D}.
# {O2} under new ownership
O? Who bought {O2}?|Which company acquired {O2}?
O?ru Кто купил компанию «{O2}»?
O?kk «{O2}» компаниясын кім сатып алды?
O2? Which firm did {O} take over?
M? How much did {O} pay for {O2}?
M?ru За сколько «{O}» покупает «{O2}»?
M?kk «{O}» «{O2}» компаниясын қанша ақшаға сатып алады?
P? Who negotiated for {O}?
D? When was the sale of {O2} announced?
D2? When will the sale of {O2} be complete?
N? How many workers come from {O2} to {O}?
y? Did {O} buy {O2}?
y?ru Купит ли «{O}» компанию «{O2}»?
-? Who else bid for {O2}?|Why did the owners sell {O2}?
@ fine court
. Regulators ordered {O} to pay {M} {R}.
. {O} must hand over {M} to the state. The ruling came on {D} from a judge in {T}.
. A court in {T} imposed a penalty of {M} on {O} under law No. {I}.
r Суд в городе {T} оштрафовал компанию «{O}» на {M} {R}.
r Штраф для компании «{O}» — {M}. Решение вынесено {D}.
n A court in {T} cleared {O} of all charges on {D}.
M? How much was {O} fined?|What fine did {O} get?
M?ru На какую сумму оштрафовали компанию «{O}»?
M?kk «{O}» компаниясына қанша айыппұл салынды?
R? Why was {O} fined?
R?ru За что оштрафовали компанию «{O}»?
T? Where is the court that ruled against {O}?
D? When was {O} fined?
I? Under which law was {O} punished?
y? Was {O} fined?
-? Who reported {O} to the authorities?|Will {O} appeal against the fine?
@ jail court2
. {P}, {A}, was sentenced to {V} in prison for robbing {O}.
. Judge {P2} sent {P} to jail for {V}; {P.he} had emptied the accounts of {O} {H}.
. {P} stole {M} from {O} {H}. The trial in {T} lasted {V2}.
. According to the charges, {P} tricked {O} out of {M}. {P.He} did it {H}.
n A court in {T} acquitted {P}, {A}, of stealing from {O}.
# The case of {P.l}
# How {P.l} did it
H? How did {P} steal from {O}?|How was {O} robbed?|What was {P}'s trick?
V? How long must {P} spend in prison?|What sentence did {P} receive?
V2? How long did the trial of {P} last?
M? How much did {P} take from {O}?
P2? Who was the judge in {P}'s case?
P? Who stole from {O}?
y? Was {P} convicted?
-? What did {P} do with the money?|Who was {P}'s lawyer?
@ saving repair
. {O} halved its heating bill {H2}.
. {P} saved the {K} in {T} {H2}. It took {P.him} {V}.
. Engineers of {O} solved the problem at the {K} in {T} {H2}, at a cost of {M}.
# How the {K} was saved
H2? How was the {K} in {T} saved?|How did {P} rescue the {K} in {T}?|How did {O} lower its heating costs?
H2? How did {O} fix the {K} in {T}?
P? Who rescued the {K} in {T}?
M? What did the repair of the {K} in {T} cost?
V? How long did {P} need for the {K} in {T}?
-? Who reported the damage at the {K} in {T}?|When did {O} notice the problem?
@ match sport
. {X} beat {X2} {Z} in {T} on {W}; {P} scored twice.
. {P} scored the only goal as {X} knocked out {X2}. {P2} was sent off.
. {X2} lost to {X} {Z}. Coach {P3} watched from the stands in front of {N} fans.
r {X} — {X2} {Z}. Лучший игрок матча — {P}, зрителей — {N}.
r Счёт {Z}: {X} сильнее, чем {X2}. Автор гола — {P}.
# {X} against {X2}
Z? What was the score between {X} and {X2}?
Z?ru С каким счётом сыграли {X} и {X2}?
Z?kk {X} мен {X2} қандай есеппен ойнады?
P? Who scored for {X}?
P?ru Кто забил гол: {X}?
P2? Who was shown a red card against {X}?
P3? Who coaches {X2}?
X? Which team won against {X2}?
N? How many spectators saw {X} play {X2}?
N?ru Сколько зрителей: {X} — {X2}?
T? Where did {X} and {X2} meet?
-? Who was the referee of {X} against {X2}?|What was the half-time score between {X} and {X2}?
@ law rule
. Parliament passed law No. {I} on {D} by {N} votes; it bans {L}.
. Law No. {I} outlaws {L} from {Y2}. The {B} voted against it.
. Drafted by {P}, bill {I} makes {L} a crime. Offenders face fines of up to {M}.
# Parliament acts
L? What does law No. {I} ban?|What is forbidden by law {I}?
N? How many members voted for law No. {I}?
B? Which party opposed law {I}?
P? Who wrote bill {I}?
M? What is the highest fine under bill {I}?
D? When was law No. {I} adopted?
I? Which law prohibits {L}?
y? Did parliament pass law No. {I}?
Y2? From when does law No. {I} apply?
-? Which countries have a law like No. {I}?|When does law No. {I} expire?
@ council vote2
. The council of {T} approved the budget of {M} on {D} by {Z}.
. By {Z}, councillors in {T} backed the budget {R}.
n The council of {T} threw out the budget on {D} by {Z}.
n Councillors in {T} put off the vote on the budget until {D}.
r Совет города {T} принял бюджет — {M}.
nr Совет города {T} отклонил бюджет {R}.
M? How large is the budget of {T}?
M?ru Какой бюджет у города {T}?
M?kk {T} қаласының бюджеті қанша?
Z? What was the result of the budget vote in {T}?
D? When did councillors in {T} decide on the budget?
y? Did the council of {T} approve the budget?|Has {T} got a budget?
y?ru Принят ли бюджет города {T}?
y?kk {T} қаласының бюджеті қабылданды ма?
-? Which councillor of {T} voted against the budget?|What did {T} cut from the budget?
@ strike work3
. {N} drivers of {O} downed tools for {V}. They want {F} more pay.
. Staff at {O} have been on strike since {D} {R}.
. The walkout at {O} ended after {V}: the union settled for {F}.
n Workers at {O} voted on {D} not to strike.
V? How long did the strike at {O} last?
N? How many drivers went on strike at {O}?
F? What pay rise do the workers of {O} get or want?
R? Why are the workers of {O} striking?
D? When did the strike at {O} begin?
y? Are the staff of {O} on strike?
-? How much did the strike cost {O}?|Which union leads the strike at {O}?
@ route traffic
. Bus route {I} between {T} and {T2} is suspended until {D} {R}.
. Route {I} carries {N} passengers a day; a single from {T} costs {M}.
. The first bus on route {I} leaves {T} at {U}, the last at {U2}.
r Маршрут {I}: город {T} — город {T2}, проезд — {M}, интервал — {C} минут.
r Первый автобус {I} отправляется в {U}, последний — в {U2}.
# News for passengers
R? Why is route {I} not running?
D? Until when is bus {I} suspended?
N? How many people ride route {I} daily?
M? What is the fare on route {I}?
M?ru Сколько стоит проезд, маршрут {I}?
M?kk {I} бағыты бойынша жол ақысы қанша?
U? When does the first bus on route {I} go?
U?ru Во сколько отправляется первый автобус {I}?
U2? What time is the last bus on route {I}?
U2?kk {I} автобусы соңғы рет сағат нешеде жүреді?
C? How often does bus {I} run?
C?ru Как часто ходит автобус, маршрут {I}?
-? Who drives route {I}?|How many stops does route {I} have?
@ recall product
. {O} is calling back {N} units of model {I} {R}.
. Model {I} by {O} sells for {M} and runs for {V} on one charge.
. Owners of the {I} heater should unplug it, {O} warned on {D}: {N2} complaints had come in.
r «{O}» отзывает модель {I} {R}: продано {N} штук.
r Модель {I}: цена — {M}, производитель — «{O}».
N? How many items of model {I} are affected?
R? Why is {O} recalling model {I}?
R?ru Почему отзывают модель {I}?
R?kk {I} моделі неліктен кері қайтарылды?
M? What is the price of model {I}?
M?ru Сколько стоит модель {I}?
M?kk {I} моделі қанша тұрады?
V? What is the battery life of model {I}?
O? Who makes model {I}?
O?ru Кто производит модель {I}?
D? When did {O} issue the warning about the {I}?
N2? How many complaints about the {I} heater were there?
-? Where is model {I} made?|How heavy is model {I}?
@ donate gift
. {P}, {A}, left {M} to the {K} in {T}.
. The {K} in {T} received a gift of {M} from {O}; {P2} handed over the cheque.
. {O2} and {P3} share the rent of the {K} in {T}, {M2} a month.
M? How much was given to the {K} in {T}?|How big was the donation to the {K} in {T}?
P? Who left money to the {K} in {T}?
P2? Who presented the cheque to the {K} in {T}?
O? Which firm gave money to the {K} in {T}?
M2? What is the monthly rent of the {K} in {T}?
-? What will the {K} in {T} do with the money?
@ weather nature
. The river at {T} rose to {C} metres on {D}; {N} people were evacuated.
. {T} shivered at minus {C2} degrees, the coldest night since {Y2}.
. In {T} the power was out for {V} after the storm. {N2=None} of the residents was hurt.
r В городе {T} эвакуированы {N} человек, уровень воды — {C} метров.
C? How high did the water rise in {T}?
C2? How cold was it in {T}?
N? How many people had to leave their homes in {T}?
N?ru Сколько человек эвакуировано в городе {T}?
N?kk {T} қаласында қанша адам көшірілді?
V? How long was {T} without electricity?
N2? How many residents of {T} were hurt in the storm?
-? What damage did the storm do in {T}?
@ school pupils
. The school in {T} has {N} pupils and {C} teachers; its head is {P}.
. {P2} teaches {N} children in {T}, where lessons begin at {U}.
. Fees at the school in {T} went up by {F} to {M} a year.
r В школе города {T} учатся {N} детей, директор — {P}.
N? How many children go to the school in {T}?
N?ru Сколько детей учится в школе города {T}?
N?kk {T} қаласындағы мектепте неше бала оқиды?
C? How many people teach at the school in {T}?
P? Who is the head teacher in {T}?
P?ru Кто директор школы в городе {T}?
P?kk {T} қаласындағы мектептің директоры кім?
P2? Who gives lessons to the children of {T}?
M? What does a year at the school in {T} cost?
F? By how much did school fees in {T} rise?
U? When does school start in the morning in {T}?
-? Which languages are taught at the school in {T}?
@ survey poll
. In a poll of {N} people by {O}, {F} wanted the {K} kept and {F2} wanted it gone.
. {F} of those asked by {O} trust the {B}, down from {F2} in {Y2}.
F? What percentage wanted to keep the {K}?
F2? How many of those polled by {O} want to get rid of the {K}?
N? How many people did {O} ask?
F? How many people trust the {B} according to {O}?
F2? What share trusted the {B} in {Y2}?
-? When was the poll by {O} taken?
@ missing search
. {P}, {A}, has been missing since {D}. {P.He} was last seen in {T} by {P2}.
. Searchers found {P} alive in a hut near {T} after {V}. {C} volunteers had helped.
. {P2=None of the neighbours} saw {P} leave {T} on {W}.
D? Since when has {P} been missing?
P2? Who saw {P} last?|Which neighbours saw {P} go?
T? Where was {P} found or last seen?
C? How many volunteers looked for {P}?
V? How long was {P} lost?
-? What was {P} wearing?|Who raised the alarm about {P}?
@ club members
. The {G} society counts {N} members, {F} of them women. A year costs {M}.
. {P} chairs the {G} society, which lost {N3} members in {Y} and gained {N2}.
. {N4=Neither} of the two brothers who set up the {G} society in {Y} is still a member.
N? How many members does the {G} society have?
N3? How many members left the {G} society in {Y}?
F? What proportion of the {G} society are women?
M? What is the membership fee of the {G} society?
P? Who is the chair of the {G} society?
N4? Which of the brothers still belongs to the {G} society?
N2? How many people joined the {G} society in {Y}?
-? Where does the {G} society meet?
@ tender contract
. {O} won the contract for the {K} in {T}, worth {M}; {O2} had asked for more.
. {C} firms bid for the {K} in {T}. {P}, who chairs the panel, awarded the job to {O}.
. {C=No one} bid for the {K} in {T}, so the tender of {M} will be repeated in {Y2}.
O? Who got the contract for the {K} in {T}?
O2? Which company missed out on the {K} in {T}?
C? How many companies wanted to build the {K} in {T}?
M? What is the contract for the {K} in {T} worth?
P? Who decided on the tender for the {K} in {T}?
Y2? When will the tender for the {K} in {T} be held again?
-? Why did {O} win the contract?
@ lived life2
. {P}, {A}, was born in {T} and moved to {T2} in {Y2}. {P.He} has {C} grandchildren.
. {P} studied in {T5}. {P.He} married the painter {P2}, whom {P.he} had met at {O}.
. {P}, who speaks {C} languages, taught in {T3} before {P.he} joined {O}.
. {P} ({A}) has lived in {T4} since {Y2}.
r {P} — родной город {T}, год рождения — {Y}.
r {P}, {A} лет, живёт в городе {T4}. Образование — техникум, {Y} год.
# Portrait: {P}
T? Where was {P} born?|What is the birthplace of {P}?
T4? Where does {P} live?
T4?ru Где живёт {P}?
T4?kk {P} қай қалада тұрады?
T3? Where did {P} teach?
T?ru Откуда {P}?
T?kk {P} қай қаладан?
T5? Where did {P} go to university?
T2? To which town did {P} move?
Y2? Since when has {P} lived in {T4}?|When did {P} move to {T2}?
C? How many languages does {P} speak?|How many grandchildren does {P} have?
P2? Whom did {P} marry?|Who is {P}'s spouse?
O? Where did {P} meet {P2}?
-? What are the names of {P}'s children?|What did {P} study?
@ output plant
. The {O} plant in {T} turns out {N} tonnes of steel a month, {F} less than in {Y2}.
. Production at {O} fell by {F} in {Y} {R}.
. {O} exports {F2} of what it makes in {T}; the rest stays in the country.
r Завод «{O}», город {T}: {N} тонн стали в месяц.
N? How much steel does {O} produce?
N?ru Сколько стали выпускает завод «{O}»?
N?kk «{O}» зауыты айына неше тонна болат шығарады?
F? By what share did output at {O} drop?
R? Why did {O} produce less?
F2? How much of its production does {O} sell abroad?
-? Who supplies {O} with ore?
@ podcast media
. The {T} {E} reported on {D} that {O} owed {M} to the town.
. {P2} of the {T} {E} won the {G} prize for a series on {O}.
. The {T} {E} sells {N} copies a day, and {P} edits it.
r «{T} {E}»: тираж — {N} экземпляров, главный редактор — {P}.
M? How much money does {O} owe according to the {T} {E}?
P2? Who won the {G} prize?
P? Who is the editor of the {T} {E}?
P?ru Кто редактор газеты «{T} {E}»?
N? What is the circulation of the {T} {E}?
N?ru Какой тираж у газеты «{T} {E}»?
N?kk «{T} {E}» газетінің таралымы қанша?
D? When did the {T} {E} write about {O}?
-? Who owns the {T} {E}?
"""

_TOPICS = """the bridge|мост|көпір;the budget|бюджет|бюджет;the strike|забастовка|ереуіл;the tender|тендер|тендер
the new line|новая линия|жаңа желі;the vaccine|вакцина|вакцина;the merger|слияние|бірігу;the reform|реформа|реформа
the dam|плотина|бөгет;the rent cap|лимит аренды|жалдау шегі;the app|приложение|қосымша;the trial|процесс|сот
the curfew|комендантский час|коменданттық сағат;the forecast|прогноз|болжам;the exam|экзамен|емтихан"""
_SAYS = """would cost jobs|was worth every cent|had been a mistake from the start|could wait another year|needed a second look
was no one's business but the town's|would pay for itself by {Y}|had saved {N} lives|left {N} families without help
should be put to a referendum|came {V} too late|had never been tested properly|was the best news since {Y}|would cost {M}
was being used to scare people|helped mostly the rich|must not be decided behind closed doors|had {F} support
"""
_SAYS_RU = """обойдётся слишком дорого|принесёт городу пользу|требует проверки|не решит проблему|начнётся позже, чем обещали
вызывает много вопросов|стоит {M}|поможет {N} семьям|ничего не изменит|касается каждого жителя|создаст {N} рабочих мест"""
_REASONS = """the roof leaked|rents had doubled|too few passengers used it|a cable had snapped|the inspectors found mould
the money ran out|a supplier went bankrupt|the water was polluted|two colleagues had quarrelled|orders from abroad dried up
a battery could catch fire|permits were missing|the accounts did not add up|a virus spread among the staff
the lease was not renewed|mice had chewed through the wires|a promised loan never came|steel had become too expensive
the ground had begun to slide|nobody had serviced the brakes|wages had not been paid for {V}|only {N} people had signed up
costs had climbed by {F}|{N} complaints had piled up|{P} had kept the figures secret|a gas pipe was leaking"""
_REASONS_RU = """нехватки денег|ремонта крыши|жалоб жителей|конфликта с партнёрами|аварии на линии|высоких цен на сталь
нарушений правил безопасности|роста аренды на {F}|утечки газа|болезни|сильных морозов|долгов на сумму {M}|ошибок в отчётах"""
_TRICKS = """swapping the labels on the crates|posing as a meter reader|copying a colleague's key card|digging a tunnel from
a laundry|sending invoices for work never done|inventing {N} customers|changing one digit in the account number|bribing a night
guard|hiding the parcels in an ambulance|guessing the password of the cashier|cloning a phone|renting the flat upstairs"""
_REPAIRS = """lining the pipes with cork|hiring local carpenters|replacing the old boilers with heat pumps|selling bonds to the
neighbours|turning off the lights after {U}|collecting rainwater|using bricks from a ruined mill|reading the old plans
again|freezing the ground around it|asking {N} neighbours for a loan|painting the roof white|moving it by rail"""
_BANS = """fireworks after dark|single-use cups|feeding pigeons|hidden cameras in taxis|short-term lets|plastic fishing nets
cash payments for scrap metal|lead in paint|political posters near schools|the sale of raw milk|scooters on pavements"""
_POOLS = {
    "J": "chief executive|генеральный директор|бас директоры;finance director|финансовый директор|қаржы директоры;chief engineer|"
    "главный инженер|бас инженері;head coach|главный тренер|бас бапкері;chairman|председатель|төрағасы;spokesperson|"
    "официальный представитель|ресми өкілі;managing director|исполнительный директор|атқарушы директоры",
    "K": "bridge|мост|көпір;library|библиотека|кітапхана;museum|музей|мұражай;stadium|стадион|стадион;hospital|больница|аурухана;"
    "airport|аэропорт|әуежай;market hall|крытый рынок|жабық базар;swimming pool|бассейн|бассейн;theatre|театр|театр;zoo|зоопарк|"
    "хайуанаттар бағы;railway station|вокзал|вокзал;cinema|кинотеатр|кинотеатр;park|парк|саябақ;lighthouse|маяк|шамшырақ;"
    "power station|электростанция|электр станциясы;sports hall|спортзал|спорт залы;cable car|канатная дорога|аспалы жол",
    "B": "Harbour Party||;Rural Union||;Civic List||;Blue Alliance||;New Democrats||;Workers' Front||;Lamp Movement||",
    "E": "Courier|Курьер|Курьер;Herald|Вестник|Вестник;Tribune|Трибуна|Трибуна;Post|Пост|Пост;Observer|Обозреватель|Шолушы;"
    "Echo|Эхо|Эхо",
}
_MONTHS = [
    each.split("|")
    for each in (
        "January|января|қаңтар;February|февраля|ақпан;March|марта|наурыз;April|апреля|сәуір;May|мая|мамыр;June|июня|маусым;"
        "July|июля|шілде;August|августа|тамыз;September|сентября|қыркүйек;October|октября|қазан;November|ноября|қараша;"
        "December|декабря|желтоқсан"
    ).split(";")
]
_DAYS = """Monday|в понедельник|дүйсенбі;Tuesday|во вторник|сейсенбі;Wednesday|в среду|сәрсенбі;Thursday|в четверг|бейсенбі
Friday|в пятницу|жұма;Saturday|в субботу|сенбі;Sunday|в воскресенье|жексенбі"""
_PEOPLE = [  # first names of women; of men; beginnings and ends of last names
    "Ada Ruth Ida Nora Edna Helen Joan Mabel|Tom Ned Martin Peter Frank Neil Simon Adam|"
    "Hart Wex Thorn Black Ash Pem Had Stan Wint Cal Dun|ley well by ford man son ton wick more ridge",
    "Olena Vera Milena Zofia Irena Daria Ludmila|Pavel Oleg Marek Bogdan Taras Viktor Stanko|"
    "Kras Bel Hor Mor Zav Pol Dub Gon Rad Vor Tkach|enko ovich uk inski ak ulak anko evski ich",
    "Aizhan Saule Dana Madina Asel Gulnar Zhanar|Erlan Daniyar Askar Nurlan Timur Serik Bolat|"
    "Nur Ser Bai Kar Zhum Tem Dos Sat Or Bek|bekov abai zhanov igali murat tayev akhmet kulov",
    "Layla Samira Huda Rania Amal Nadia|Karim Yusuf Tariq Samir Hassan Omar Faris|"
    "Al-Ham Ben Sal Naj Kha Rah Mans Had Zub Bara|dani ouri eddin ari our imi awi ali adi",
    "Yuki Mina Hana Linh Sora Mei|Kenji Minh Joon Hiro Tuan Wei|Naka Taka Ishi Moro Kuro Hama Ota Mino|mura shita gawa da no ki saka hara",
    "Ilse Greta Ines Chiara Astrid Elsa|Karl Bruno Luca Anders Emil Jens Otto|"
    "Ung Varn Bran Lind Holm Kess Mar Fell Ros Stein|er berg etti quist ander ano hoff elli holt",
]
_TOWN = [
    "Kel Var Ost Mir Tan Bru Hol Lem Sor Dra Pel Nov Zar Ulm Ger Alk Tur Esk Ab Rin",
    "em den ova ik burg aga stad eny aul isk ola ford ere umar ansk",
]
_FIRM = [
    "Vel Nor Tri Kas Omn Bry Alt Zen Mer Dex Pol Fer Lyr Quan Stro Hel",
    "mar dex vik ton aro ium essa lin otek ora anta iva",
]
_TRADE = "Foods Steel Motors Logistics Energy Textiles Air Rail Pharma Bank Media Timber Cement Telecom Group"
_NUMBERS = "five six seven eight nine ten eleven twelve"
_TEAM = "Rovers United Lions Dynamo Falcons Athletic Wanderers"
_EVENT = "Lantern Harvest Ice Poetry Kite Accordion Salt Puppet Chess Honey Lilac Jazz"
_FILLER = {
    "en": """Residents have waited years for such news.|Nothing was known about the cause at first.|The weather did not help.
The figures could not be checked independently.|A spokesman declined to comment.|It was raining when the meeting ended.
Similar plans had failed before.|Many shops in the centre stayed empty.|Local radio had reported the story first.
Experts remain divided.|The town hall did not answer questions sent by e-mail.|Few expected it to end so quickly.
A second hearing is planned.|Neighbours brought tea and blankets.|Critics say the numbers do not tell the whole story.
Others take a milder view.|Who will pay the bill in the end?|How could it come to this?|Not everyone was pleased.|More soon.
The documents were seen by {P}, a reporter.|The neighbouring town of {T} has {N} inhabitants.|Leaflets were printed, {N} in all.
{P}, who lives nearby, heard of it on the radio.|In {Y} the talk was of something else.|Shares of {O} rose by {F}.
A bus from {T} takes {V}.|{O} did not reply by {W}.|Asked about it, {P} only shrugged.|Photo: {P}""",
    "ru": """Жители давно ждали этих новостей.|Подробности пока неизвестны.|Погода не помогла.|Эксперты расходятся во мнениях.
Официального комментария нет.|Похожие планы уже были.|Сколько это будет стоить?|Кто за это заплатит?|Не все довольны.
Первым об этом сообщило местное радио.|В соседнем городе {T} живут {N} человек.|Фото: {P}|Акции компании «{O}» выросли на {F}.""",
}
_LINKS = [
    "Meanwhile, ",
    "At the same time, ",
    "In addition, ",
    "Elsewhere, ",
    "A day later it emerged: ",
    "As reported, ",
]

# Tables: head of the label column | head and question of each column; three languages.
_TABLES = [
    "Town=Members=How many members are there in {r}?=Fare=What is the fare in {r}?=Opened=When did it open in {r}?",
    "Branch=Staff=How many people work at the {r} branch?=Rent=How much is the rent in {r}?=Manager=Who manages the {r} branch?",
    "Village=Inhabitants=What is the population of {r}?=Mayor=Who heads {r}?=Tax=How high is the tax in {r}?",
    "School=Pupils=How many children attend {r}?=Fee=What does {r} charge?=Head=Who runs {r}?",
    "Стадион=Места=Сколько мест: {r}?=Билет=Сколько стоит билет: {r}?=Директор=Кто директор: {r}?",
    "Город=Жители=Сколько жителей в городе {r}?=Мэр=Кто мэр города {r}?=Бюджет=Какой бюджет у города {r}?",
    "Город=Жители={r} қаласында қанша адам тұрады?=Мэр={r} қаласының әкімі кім?=Бюджет={r} қаласының бюджеті қанша?",
    "Город=Жители=How many people live in {r}?=Мэр=Who is the mayor of {r}?=Бюджет=How big is the budget of {r}?",
]
_COLUMNS = {
    "Members": "N",
    "Fare": "M",
    "Opened": "Y",
    "Staff": "N",
    "Rent": "M",
    "Manager": "P",
    "Inhabitants": "N",
    "Mayor": "P",
}
_COLUMNS |= {
    "Tax": "F",
    "Pupils": "N",
    "Fee": "M",
    "Head": "P",
    "Места": "N",
    "Билет": "M",
    "Директор": "P",
    "Жители": "N",
}
_COLUMNS |= {"Мэр": "P", "Бюджет": "M"}

# Lists: type of the items | lead-in | questions with the keys of the lead-in.
_LISTS = """O|The agreement of {T} was signed by:|Who signed the agreement of {T}?;Which companies joined the {T} agreement?
T|{O} is going to open shops in these towns:|Where will {O} open shops?;In which towns does {O} plan to open shops?
P|The {G} jury consists of|Who sits on the {G} jury?;Who are the members of the jury of the {G}?
L|From {Y}, {T} prohibits:|What is banned in {T}?;Which things does {T} forbid from {Y}?
P|Detained after the match in {T}:|Who was detained in {T}?;Who was arrested after the match in {T}?
O|{P} holds shares in|Which companies does {P} own shares of?;In which firms has {P} invested?
K|Money from the {O} fund goes to:|What does the {O} fund pay for?;What gets money from {O}?
Oru|Соглашение в городе {T} подписали:|Кто подписал соглашение в городе {T}?;{T} қаласындағы келісімге кім қол қойды?
Pru|Главный приз, {G}, жюри:|Кто входит в жюри: {G}?;Who is on the jury of the {G}?
Tru|Новые магазины «{O}» откроются в городах:|Где откроются магазины «{O}»?;«{O}» дүкендері қай қалаларда ашылады?"""

# Interviews: question in the text | reply | questions of the user.
_INTERVIEW = """How many of you are there?|We are {N} now, up from a handful.|How many people are in {P}'s group?;How large is {P.l}'s team?
When did you start?|It was {Y}, I had just left {O}.|When did {P} begin?;In which year did {P} start?
Who helped you most?|My neighbour {P2}. Without the loan I would have given up.|Who gave {P} the most help?;Who supported {P.l}?
Where do you live now?|In {T}, with a dog and {C} chickens.|Where does {P} live?;What is {P}'s home town?
How much do you earn with it?|About enough: {M} a month, before tax.|How much does {P} make?;What is {P}'s income?
Did anyone complain?|{P2=Nobody}. Not one letter.|Who complained to {P}?;Who objected to {P}'s work?
Why did you leave {O}?|I left {R}. It was not easy.|Why did {P} quit {O}?;What made {P} go away from {O}?
How do you do it?|{H2.c}, mostly. There is no secret.|How does {P} do it?;What is {P}'s method?
What do you say to your critics?|That {S}.|What does {P} answer to critics?;What is {P.l}'s reply to the critics?
How long will it take?|{V.c}, if the money holds.|How long does {P} think it will take?;How much time does {P} need?
Has the court decided?|Yes, on {D}. We won.|When did the court decide in {P}'s case?;On what date was {P.l}'s verdict?
And the price?|It began at {M}. Since {Y} it is {M2}.|What did it cost at first according to {P}?;What was {P}'s first price?
How many came to the first meeting?|{N=Not a single person}.|How many people came to {P}'s first meeting?;Who came to {P.l}'s first meeting?"""
_INTERVIEW_RU = """Сколько вас?|Сейчас {N} человек.|Сколько человек в команде: {P}?;{P} командасында неше адам бар?
Когда вы начали?|Это был {Y} год.|Когда {P:начал/начала} {P}?;{P} қай жылы бастады?;When did {P} start?
Где вы живёте?|Город {T}, уже {C} лет.|Где живёт {P}?;{P} қайда тұрады?;Where does {P} live?
Сколько это стоит?|{M}, не больше.|Сколько это стоит, по мнению собеседника: {P}?;How much is it according to {P}?"""
_EVASIONS = [
    "I would rather not talk about that.",
    "You will have to ask my lawyer.",
    "That is a long story.",
    "Next question, please.",
]
_EVASIONS_RU = ["Не хочу об этом говорить.", "Спросите у моего юриста.", "Это долгая история."]
# Timelines: sentences for the first, a middle and the last year; questions with a year; questions about now; type of the answer.
_TIMELINES = [
    "P|In {Y} the mayor of {T} was {a}.;{a} ran the town hall of {T} in {Y}.|{a} became mayor of {T} in {Y}.;Since {Y} {T} has been governed "
    "by {a}.|Who was the mayor of {T} in {Y}?;Who governed {T} in {Y}?|Who is the mayor of {T} now?;Who is the latest mayor of {T}?",
    "N|In {Y} {O} had {a} customers.;Back in {Y}, {a} people bought from {O}.|By {Y} {O} served {a} customers.;In {Y} the firm had {a} buyers."
    "|How many customers did {O} have in {Y}?;How large was the clientele of {O} in {Y}?|How many customers does {O} have now?",
    "M|A ticket to the {G} was {a} in {Y}.;{Y}: {a} for the {G}.|Since {Y} visitors of the {G} pay {a}.;In {Y} the price rose to {a}."
    "|How much was a ticket to the {G} in {Y}?;What did the {G} charge in {Y}?|How much is a ticket to the {G} now?",
    "T|{O} moved to {a} in {Y}.;The head office of {O} was in {a} in {Y}.|In {Y} {O} chose {a} as its new base."
    "|Where did {O} have its seat in {Y}?;Where was {O} based in {Y}?|Where is {O} based now?;What is the current seat of {O}?",
    "P|{Y} год: мэр города {T} — {a}.|В {Y} году пост мэра города {T} {a:занял/заняла} {a}.|Кто был мэром города {T} в {Y} году?;"
    "{Y} жылы {T} қаласының әкімі кім болды?;Who was mayor of {T} in {Y}?|Кто сейчас мэр города {T}?;{T} қаласының қазіргі әкімі кім?",
    "N|В {Y} году в компании «{O}» работали {a} человек.|{Y} год: в компании «{O}» уже {a} сотрудников.|Сколько человек работало в компании "
    "«{O}» в {Y} году?;{Y} жылы «{O}» компаниясында неше адам жұмыс істеді?|Сколько сотрудников в компании «{O}» сейчас?",
]

_SPOKEN = """steel=стил air=эйр rail=рейл energy=энерджи timber=тимбер logistics=логистикс pharma=фарма media=медиа cement=цемент
group=групп foods=фудс bank=банк telecom=телеком motors=моторс textiles=текстайл united=юнайтед lions=лайонс ice=айс chess=чесс
honey=хани days=дейс fair=фейр lilac=лайлак jazz=джаз kite=кайт salt=солт lantern=лантерн puppet=паппет poetry=поэтри"""
_SLOT = re.compile(r"\{(\w+)(?:\.(\w+)|:([^}]*)|=([^}]*))?\}")
_LETTERS = dict(
    zip("abcdefghijklmnopqrstuvwxz", "а б к д е ф г х и дж к л м н о п к р с т у в в кс з".split(), strict=True)
)
_LETTERS |= {
    "ia": "ия",
    "sh": "ш",
    "ch": "ч",
    "zh": "ж",
    "kh": "х",
    "ya": "я",
    "yu": "ю",
    "ts": "ц",
    "th": "т",
    "ck": "к",
    "oo": "у",
    "ph": "ф",
    "ou": "у",
}


_LETTERS |= dict(each.split("=") for each in _SPOKEN.split())


def _cyrillic(name: str) -> str:
    return re.sub("[A-Za-z]+", lambda match: _spelt(match[0]), name)


def _spelt(word: str) -> str:
    out, rest = "", word.lower()
    if rest in _LETTERS:
        return _LETTERS[rest].title()
    while rest:
        size = 2 if rest[:2] in _LETTERS else 1
        letter = "й" if out and out[-1] in "аеоу" else "и"
        out += letter if rest[:size] in ("y", "i") else _LETTERS.get(rest[:size], rest[:size])
        rest = rest[size:]
    return out.title()


def _lines(data: str) -> list[str]:
    return [each.strip() for each in data.strip().replace("\n", "|").split("|") if each.strip()]


def _wrapped(data: str) -> list[str]:
    return " ".join(data.split()).split("|")


class _Relation:
    def __init__(self, name: str) -> None:
        self.name = name
        self.sentences: dict[str, list[str]] = {"en": [], "ru": []}
        self.denials: dict[str, list[str]] = {"en": [], "ru": []}
        self.headings: list[str] = []
        self.questions: list[tuple[str, str, str]] = []  # asked slot, "y" or "-"; language; template


def _parse(data: str) -> list[_Relation]:
    relations: list[_Relation] = []
    for line in data.strip().splitlines():
        head, body = line.split(" ", 1)
        if head == "@":
            relations.append(_Relation(body.split()[0]))
        elif head in (".", "r"):
            relations[-1].sentences["ru" if head == "r" else "en"].append(body)
        elif head in ("n", "nr"):
            relations[-1].denials["ru" if head == "nr" else "en"].append(body)
        elif head == "#":
            relations[-1].headings.append(body)
        else:
            slot, language = head.split("?")
            relations[-1].questions += [(slot, language or "en", each) for each in body.split("|")]
    for relation in relations:
        if any("{P}" in each and "{A}" in each for each in relation.sentences["en"]) and relation.name != "died":
            relation.questions += [("A", "en", "How old is {P}?"), ("A", "en", "What is {P}'s age?")]
            relation.questions += [("A", "ru", "Сколько лет, {P}?"), ("A", "kk", "{P} неше жаста?")]
    return relations


_ALL = _parse(_RELATIONS)


def _slots(template: str) -> set[str]:
    return {match[1] for match in _SLOT.finditer(template)}


class _Fact:
    """A relation with values, and the sentence that states some of them."""

    def __init__(
        self, relation: _Relation, values: dict[str, Value], template: str, denied: bool, language: str
    ) -> None:
        self.relation, self.values, self.template, self.denied = relation, values, template, denied
        self.text, self.spans = _render(template, values, language)


def _render(template: str, values: dict[str, Value], language: str) -> tuple[str, dict[str, tuple[int, int]]]:
    """Fill the slots; return the text and the place of each slot's first full form."""
    out, at = "", 0
    spans: dict[str, tuple[int, int]] = {}
    for match in _SLOT.finditer(template):
        between = template[at : match.start()]
        out += between[out.endswith(".") and between.startswith(".") :]
        at = match.end()
        slot, form, by_sex, literal = match.groups()
        value = values.get(slot, {})
        female = value.get("sex") == "f"
        pronouns = {
            "he": ("he", "she"),
            "He": ("He", "She"),
            "his": ("his", "her"),
            "His": ("His", "Her"),
            "him": ("him", "her"),
        }
        if by_sex:
            filled = by_sex.split("/")[female]
        elif form in pronouns:
            filled = pronouns[form][female]
        else:
            filled = literal or value.get(f"{language}.l" if form == "l" else language) or value["en"]
            filled = (
                filled[:1].upper() + filled[1:]
                if form == "c" or (not literal and (not out or out[-2:] in (". ", "? ")))
                else filled
            )
            if form != "l":
                spans.setdefault(slot, (len(out), len(out) + len(filled)))
        out += filled
    return out + template[at:][out.endswith(".") and template[at:].startswith(".") :], spans


class _Writer:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def pick(self, *options: str) -> str:
        return self.rng.choice(options)

    def value(self, slot: str, depth: int = 0) -> Value:
        """Invent a value for a slot by its first letter."""
        kind = slot[0]
        if slot == "H2":
            return self._clause("by ", _wrapped(_REPAIRS), depth)
        if kind in "HRLS" and kind != "H":
            return {"R": self._reason, "L": self._ban, "S": self._statement}[kind](depth)
        if kind == "H":
            return self._clause("by ", _wrapped(_TRICKS), depth)
        if kind == "P":
            return self._person()
        if kind in "TOXG":
            return self._name(kind)
        if kind in _POOLS:
            return dict(zip(("en", "ru", "kk"), self.pick(*_POOLS[kind].split(";")).split("|"), strict=True))
        return getattr(self, f"_{kind.lower()}")()  # type: ignore[no-any-return]

    def _person(self) -> Value:
        women, men, begins, ends = self.pick(*_PEOPLE).split("|")
        sex = self.pick("f", "m")
        first, last = (
            self.pick(*(women if sex == "f" else men).split()),
            self.pick(*begins.split()) + self.pick(*ends.split()),
        )
        return self.named(first, last, sex)

    def named(self, first: str, last: str, sex: str) -> Value:
        last = last.removesuffix("a") if last.endswith(("ova", "eva")) else last
        last += "a" if sex == "f" and last.endswith(("ov", "ev")) else ""
        cyrillic = f"{_cyrillic(first)} {_cyrillic(last)}"
        return {
            "en": f"{first} {last}", "ru": cyrillic, "kk": cyrillic, "first": first, "last": last,
            "en.l": last, "ru.l": _cyrillic(last), "kk.l": _cyrillic(last), "sex": sex,
        }  # fmt: skip

    def _name(self, kind: str) -> Value:
        town = self.pick(*_TOWN[0].split()) + self.pick(*_TOWN[1].split())
        name = town
        if kind == "O":
            firm = self.pick(*_FIRM[0].split()) + self.pick(*_FIRM[1].split())
            name = self.pick(f"{firm} {self.pick(*_TRADE.split())}", f"{town} {self.pick(*_TRADE.split())}", firm)
        elif kind == "X":
            name = f"{town} {self.pick(*_TEAM.split())}"
        elif kind == "G":
            name = f"{town} {self.pick(*_EVENT.split())} {self.pick('Festival', 'Fair', 'Days', 'Biennale')}"
        return {"en": name, "ru": _cyrillic(name), "kk": _cyrillic(name)}

    def _n(self) -> Value:
        rng = self.rng
        number = rng.choice(
            [rng.randrange(5, 99), rng.randrange(100, 999), rng.randrange(1000, 9999), rng.randrange(1, 90) * 100]
        )
        number = number // 10 * 10 + rng.choice([0, 5, 6, 7, 8, 9])  # Russian nouns need no other form after these
        digits = self.pick(f"{number:,}", str(number))
        if rng.random() < 0.15:
            digits = self.pick(
                "twelve", "forty", "sixteen", "ninety", "eighteen", "two hundred", "seven thousand", "two dozen"
            )
        rounded = rng.random() < 0.3
        english = (
            self.pick("about ", "more than ", "nearly ", "some ", "almost ", "at least ") if rounded else ""
        ) + digits
        russian = (self.pick("около ", "более ", "почти ") if rounded else "") + f"{number:,}".replace(",", " ")
        return {"en": english, "ru": russian, "kk": russian}

    def _c(self) -> Value:
        number = self.rng.randrange(5, 20)
        words = _NUMBERS.split()
        return {
            "en": words[number - 5] if number < 13 and self.rng.random() < 0.6 else str(number),
            "ru": str(number),
            "kk": str(number),
        }

    def _a(self) -> Value:
        return dict.fromkeys(("en", "ru", "kk"), str(self.rng.randrange(2, 9) * 10 + self.rng.randrange(5, 10)))

    def _i(self) -> Value:
        number = str(self.rng.choice([self.rng.randrange(5, 99), self.rng.randrange(100, 999)]))
        return dict.fromkeys(
            ("en", "ru", "kk"),
            self.pick(number, number, f"{number}{self.pick(*'ABKT')}", f"{number}/{self.pick(*'234')}"),
        )

    def _y(self) -> Value:
        year = str(
            self.rng.choice(
                [self.rng.randrange(1920, 2026), self.rng.randrange(1990, 2026), self.rng.randrange(2000, 2026)]
            )
        )
        return {"en": year, "ru": year, "kk": year, "year": year}

    def _d(self) -> Value:
        (english, russian, kazakh), day, year = (
            self.rng.choice(_MONTHS),
            self.rng.randrange(1, 29),
            self.rng.randrange(2004, 2027),
        )
        if self.rng.random() < 0.4:
            return {
                "en": self.pick(f"{day} {english}", f"{english} {day}"),
                "ru": f"{day} {russian}",
                "kk": f"{day} {kazakh}",
            }
        return {
            "en": self.pick(f"{day} {english} {year}", f"{english} {day}, {year}"), "ru": f"{day} {russian} {year} года",
            "kk": f"{year} жылғы {day} {kazakh}", "year": str(year),
        }  # fmt: skip

    def _w(self) -> Value:
        return dict(zip(("en", "ru", "kk"), self.pick(*_DAYS.replace("\n", ";").split(";")).split("|"), strict=True))

    def _m(self) -> Value:
        rng = self.rng
        number = rng.choice([rng.randrange(5, 99), rng.randrange(10, 990) * 10, rng.randrange(1, 99) * 1000])
        if rng.random() < 0.5:
            number = rng.randrange(11, 99)
            sum_ = f"{number / 10}" if rng.random() < 0.5 else str(number)
            russian = sum_.replace(".", ",") + self.pick(" млн евро", " млрд тенге", " млн долларов")
            return {
                "en": self.pick(f"€{sum_} million", f"${sum_}m", f"{sum_} million crowns", f"£{sum_}bn"),
                "ru": russian,
                "kk": russian,
            }
        russian = f"{number // 10 * 10 + 5 if number < 99 else number} {self.pick('евро', 'тенге', 'долларов')}"
        return {
            "en": self.pick(f"€{number:,}", f"${number:,}", f"{number:,} zloty", f"{number:,} euros"),
            "ru": russian,
            "kk": russian,
        }

    def _f(self) -> Value:
        number = self.pick(str(self.rng.randrange(2, 99)), f"{self.rng.randrange(20, 800) / 10}")
        english = self.pick(
            f"{number}%", f"{number} percent", f"{number} per cent", f"{number}%", "a third", "nearly half"
        )
        return {"en": english, "ru": number.replace(".", ",") + "%", "kk": number.replace(".", ",") + "%"}

    def _u(self) -> Value:
        hour, minute = self.rng.randrange(5, 23), self.rng.randrange(0, 60, 5)
        clock = f"{hour}:{minute:02}"
        return {
            "en": self.pick(clock, f"{(hour - 1) % 12 + 1}:{minute:02} {'p.m.' if hour > 11 else 'a.m.'}"),
            "ru": clock,
            "kk": clock,
        }

    def _v(self) -> Value:
        number = self.rng.randrange(5, 20)
        count = self.pick(str(number), "two", "three", "four", "six", "nine", "almost ten", "more than five")
        return {
            "en": f"{count} {self.pick('days', 'weeks', 'months', 'years', 'hours')}",
            "ru": f"{number} {self.pick('дней', 'месяцев', 'лет')}",
        }

    def _z(self) -> Value:
        home = self.rng.randrange(1, 9)
        return dict.fromkeys(("en", "ru", "kk"), f"{home}{self.pick('-', ':')}{self.rng.randrange(0, home)}")

    def fill(self, template: str, language: str = "en") -> str:
        return _render(template, {slot: self.value(slot, 1) for slot in sorted(_slots(template))}, language)[0]

    def _clause(self, begin: str, options: list[str], depth: int) -> Value:
        options = [each for each in options if not depth or "{" not in each]
        return {"en": begin + self.fill_inside(self.pick(*options))}

    def fill_inside(self, template: str, language: str = "en") -> str:
        return self.fill("\u2060" + template, language)[1:]  # not the start of a sentence: no capital

    def _reason(self, _depth: int) -> Value:
        english = self.fill_inside(self.pick("because ", "because ", "after ", "as ") + self.pick(*_lines(_REASONS)))
        return {"en": english, "ru": self.fill_inside("из-за " + self.pick(*_lines(_REASONS_RU)), "ru")}

    def _ban(self, _depth: int) -> Value:
        return {"en": self.pick(*_lines(_BANS))}

    def _statement(self, _depth: int) -> Value:
        topic, russian, kazakh = self.pick(*_TOPICS.replace("\n", ";").split(";")).split("|")
        return self.statement({"en": topic, "ru": russian, "kk": kazakh})

    def statement(self, topic: Value) -> Value:
        english = self.fill_inside(self.pick(*_lines(_SAYS)))
        return {
            "en": f"{topic['en']} {english}",
            "ru": f"{topic['ru']} {self.fill_inside(self.pick(*_lines(_SAYS_RU)), 'ru')}",
        }

    # -- a text about several relations

    def fact(self, relation: _Relation, language: str, shared: dict[str, Value], denied: bool = False) -> _Fact:
        template = self.pick(*(relation.denials if denied else relation.sentences)[language])
        slots = {each for _, _, question in relation.questions for each in _slots(question)} | _slots(template)
        slots |= {each for heading in relation.headings for each in _slots(heading)}
        values = {slot: self.value(slot) for slot in sorted(slots)}
        values |= {
            slot: value
            for slot, value in shared.items()
            if slot in slots and slot in ("P", "O", "T") and self.rng.random() < 0.6
        }
        return _Fact(relation, values, template, denied, language)

    def news(self, none: bool) -> Pair | None:
        rng = self.rng
        language = "en" if rng.random() < 0.74 else "ru"
        usable = [each for each in _ALL if each.sentences[language]]
        relation, *others = rng.sample(usable, 4)
        denied = bool(relation.denials[language]) and rng.random() < 0.3
        main = self.fact(relation, language, {}, denied)
        facts = [main]
        if rng.random() < 0.55:
            twin, taken = self.fact(relation, language, {}), {value["en"] for value in main.values.values()}
            if not any(twin.values[slot]["en"] in taken for slot in twin.values if slot[0] in "POTKIGX"):
                facts.append(twin)
        facts += [
            self.fact(other, language, main.values if rng.random() < 0.7 else {})
            for other in others[: rng.randrange(1, 4)]
        ]
        heading = self.pick(*relation.headings) if relation.headings and language == "en" and rng.random() < 0.5 else ""
        asked = self._near_miss(main, facts, heading, language) if none else self._question(main, heading, language)
        if asked is None:
            return None
        question, span = asked
        parts: list[tuple[str, _Fact | None]] = [(each.text, each) for each in facts]
        fillers = rng.sample(_lines(_FILLER[language]), rng.randrange(0, 3))
        parts += [(self.fill(each, language), None) for each in fillers]
        rng.shuffle(parts)
        heading = _render(heading, main.values, language)[0]
        as_line = bool(heading) and rng.random() < 0.5
        text, start, end = (heading + "\n" if as_line else ""), 0, 0
        for at, (sentence, fact) in enumerate(parts):
            link = self.pick(*_LINKS) if at and language == "en" and fact and rng.random() < 0.12 else ""
            if (
                link
                and fact
                and not re.match(r"\{[POTXBG]\d?\}", fact.template)
                and fact.template.split()[0] not in ("Parliament", "Judge")
            ):
                sentence = sentence[0].lower() + sentence[1:]
            if fact is main and span:
                start, end = len(text) + len(link) + span[0], len(text) + len(link) + span[1]
            text += link + sentence + (self.pick(" ", " ", " ", " ", "\n", "\n\n") if at < len(parts) - 1 else "")
        title = "" if rng.random() < 0.3 else (heading if heading and not as_line else self.title(language))
        return Pair(question, title, text, start, end)

    def _ask_language(self, language: str) -> str:
        return self.pick(
            *(["en"] * 7 + ["ru"] * 2 + ["kk"] * 2 if language == "en" else ["ru"] * 4 + ["kk"] * 3 + ["en"] * 2)
        )

    def _question(self, main: _Fact, heading: str, language: str) -> tuple[str, tuple[int, int]] | None:
        stated, ask = set(main.spans), self._ask_language(language)
        options = []
        for slot, spoken, question in main.relation.questions:
            keys = _slots(question) - {slot}
            if spoken != ask or not keys <= stated or not keys or slot in _slots(heading):
                continue
            if slot == "y" and not re.search(r"[.?!] [A-ZА-Я{]", main.template):
                options += [(slot, question)] * (6 if main.denied else 2)
            elif slot in stated and slot not in keys and not main.denied:
                options.append((slot, question))
        if not options:
            return None
        slot, template = self.rng.choice(options)
        span = (0, len(main.text)) if slot == "y" else main.spans[slot]
        question = self._words(template, main.values, ask, language)
        return self._dated(question, slot, main, ask, right=True) if self.rng.random() < 0.15 else question, span

    def _dated(self, question: str, slot: str, main: _Fact, ask: str, right: bool) -> str:
        """Add the year of the event, or another one, if the text states it."""
        years = [main.values[each]["year"] for each in main.spans if each in ("D", "Y") and "year" in main.values[each]]
        if slot[0] in "DY" or len(years) != 1 or years[0] in question or re.search(" now| new | теперь", question):
            return question
        year = years[0] if right else str(int(years[0]) + self.rng.choice([-9, -4, -3, -2, -1, 1, 2, 3, 5]))
        bare = question.rstrip("?")
        return {"en": f"{bare} in {year}?", "ru": f"{bare} в {year} году?", "kk": f"{year} жылы {question}"}[ask]

    def _near_miss(self, main: _Fact, facts: list[_Fact], heading: str, language: str) -> tuple[str, None] | None:
        rng, ask = self.rng, self._ask_language(language)
        stated = set(main.spans)
        asked = [each for each in main.relation.questions if each[1] == ask]
        way = self.pick("swap", "swap", "swap", "attribute", "attribute", "year", "cross", "unsaid")
        if way == "cross":  # what another relation would tell about the same people
            inside = {fact.relation.name for fact in facts} | (
                {"died"} if any("A" in fact.spans for fact in facts) else set()
            )
            other = rng.choice([each for each in _ALL if each.name not in inside])
            asked = [each for each in other.questions if each[1] == ask and each[0] != "A"]
            asked = [
                each
                for each in asked
                if (keys := _slots(each[2]) - {each[0]}) and keys <= stated & {"P", "O", "T", "K", "I", "G"}
            ]
        elif way == "unsaid":
            asked = [each for each in asked if each[0] == "-" and _slots(each[2]) <= stated]
        elif way == "attribute":
            seen = stated | _slots(heading)
            asked = [each for each in asked if each[0] not in seen | {"y", "-"} and each[0] not in _slots(each[2])]
            asked = [each for each in asked if _slots(each[2]) and _slots(each[2]) <= stated]
        else:  # a question that the text answers, about another year, person, place or number
            asked = [
                each
                for each in asked
                if each[0] != "-" and (each[0] == "y" or each[0] in stated) and each[0] not in _slots(each[2])
            ]
            asked = [
                each
                for each in asked
                if _slots(each[2]) and _slots(each[2]) <= stated and (each[0] == "y" or not main.denied)
            ]
        if not asked:
            return None
        slot, _, template = rng.choice(asked)
        values = dict(main.values)
        if way == "swap":
            names = [each for each in _slots(template) if each[0] in "POTKIGXNYDEM"]
            if not names:
                return None
            key = rng.choice(sorted(names))
            values[key] = self._other(key, main, facts)
            if values[key]["en"] in {
                value["en"] for fact in facts if fact.relation is main.relation for value in fact.values.values()
            }:
                return None
        question = self._words(template, values, ask, language)
        if way == "year":
            dated = self._dated(question, slot, main, ask, right=False)
            return None if dated == question else (dated, None)
        return question, None

    def _other(self, slot: str, main: _Fact, facts: list[_Fact]) -> Value:
        old, new = main.values[slot], self.value(slot)
        elsewhere = [
            value
            for fact in facts
            if fact.relation is not main.relation
            for each, value in fact.values.items()
            if each[0] == slot[0] and each in fact.spans
        ]
        if elsewhere and self.rng.random() < 0.5:
            return self.rng.choice(elsewhere)
        if slot[0] == "P" and self.rng.random() < 0.6:
            same_sex = (
                {**new, "first": old["first"], "sex": old["sex"]}
                if self.rng.random() < 0.5
                else {**new, "last": old["last"]}
            )
            return self.named(same_sex["first"], same_sex["last"], same_sex["sex"])
        if slot[0] in "IY" and old["en"].isdigit() and self.rng.random() < 0.6:
            near = str(int(old["en"]) + self.rng.choice([-10, -2, -1, 1, 2, 10]))
            return dict.fromkeys(("en", "ru", "kk"), near)
        return new

    def _words(self, template: str, values: dict[str, Value], ask: str, language: str) -> str:
        """Word a question: names of firms may stay Latin, names may be spelt another way."""
        if ask != "en" and language == "en":
            latin = {
                slot: {**value, ask: value["en"]}
                for slot, value in values.items()
                if slot[0] in "OXG" or self.rng.random() < 0.1
            }
            values = {**values, **latin} if self.rng.random() < 0.5 else values
        if self.rng.random() < 0.06:
            values = {
                slot: {**value, ask: self._respelt(value.get(ask, ""))} if slot[0] in "PTO" else value
                for slot, value in values.items()
            }
        return _render(template, values, ask)[0]

    def _respelt(self, name: str) -> str:
        rules = [
            "ck k",
            "k c",
            "y i",
            "ss s",
            "w v",
            "ei ie",
            "sh sch",
            "e a",
            "o u",
            "ц тс",
            "е э",
            "и ы",
            "дж ж",
            "о у",
            "х г",
        ]
        fitting = [rule.split() for rule in rules if rule.split()[0] in name[1:]]
        if not fitting:
            return name
        old, new = self.rng.choice(fitting)
        return name[0] + name[1:].replace(old, new, 1)

    def title(self, language: str) -> str:
        if language == "ru":
            return self.fill(
                self.pick("Новости: {T}", "Главное за день", "{O}: что известно", "Коротко", "{T} сегодня"), "ru"
            )
        return self.fill(
            self.pick(
                "{T} {E}", "News in brief", "{O}: what we know", "The week in {T}", "Letters from {T}", "Briefing, {D}"
            )
        )

    # -- texts of another form

    def speakers(self, none: bool) -> Pair:
        """Let two or three people speak about one topic; ask what one of them said."""
        rng = self.rng
        language = "en" if rng.random() < 0.75 else "ru"
        topics = [
            dict(zip(("en", "ru", "kk"), each.split("|"), strict=True))
            for each in _TOPICS.replace("\n", ";").split(";")
        ]
        topic, other = rng.sample(topics, 2)
        people = [self.value("P") for _ in range(rng.randrange(2, 4))]
        frames = {
            "en": "{P} said that {S}.|According to {P}, {S}.|“{S.c},” said {P} of {O}.|{P} sees it like this: {S}.|For {P}, {A}, {S}."
            '|"{S.c}," {P} told the {T} {E}.|{P} disagrees. {P.He} thinks {S}.|In {P}\'s view {S}.|{P}: "{S.c}."',
            "ru": "{P}: «{S.c}».|{P} считает, что {S}.|«{S.c}», — {P:сказал/сказала} {P}.|{P} говорит: {S}.|{P} уверяет, что {S}.",
        }[language].split("|")
        asks = {
            "en": "What did {P} say about {K}?|What does {P} think of {K}?|What is {P}'s opinion on {K}?|What did {P.l} say about {K}?",
            "ru": "Что {P:сказал/сказала} {P}? ({K})|Что думает {P}: {K}?|Что говорит {P} — {K}?",
            "kk": "{P} не деді: {K}?|{P} бұл туралы не ойлайды: {K}?",
        }
        text, spans = "", []
        for person, template in zip(people, rng.sample(frames, len(people)), strict=True):
            values = {slot: self.value(slot) for slot in sorted(_slots(template))} | {
                "P": person,
                "S": self.statement(topic),
            }
            sentence, places = _render(template, values, language)
            spans.append((len(text) + places["S"][0], len(text) + places["S"][1]))
            text += sentence + self.pick(" ", " ", "\n\n")
        text += self.fill(self.pick(*_lines(_FILLER[language])), language)
        chosen, ask = rng.randrange(len(people)), self._ask_language(language)
        person, asked = people[chosen], topic
        if none and rng.random() < 0.5:
            asked = other
        elif none:
            person = (
                self.value("P")
                if rng.random() < 0.5
                else self.named(person["first"], self.value("P")["last"], person["sex"])
            )
        question = self._words(self.pick(*asks[ask].split("|")), {"P": person, "K": asked}, ask, language)
        return Pair(question, self.maybe_title(language), text, *((0, 0) if none else spans[chosen]))

    def maybe_title(self, language: str) -> str:
        return "" if self.rng.random() < 0.3 else self.title(language)

    def timeline(self, none: bool) -> Pair:
        """State one thing for two or three years; ask for one of them, or for now."""
        rng = self.rng
        kind, firsts, laters, dated, current = self.pick(*_TIMELINES).split("|")
        language = "ru" if "год" in firsts else "en"
        years = sorted(rng.sample(range(1988, 2026), rng.randrange(2, 4)))
        values = {slot: self.value(slot) for slot in ("T", "T2", "O", "G")}
        said = []
        for at, year in enumerate(years):
            own = {**values, "a": self.value(kind), "Y": dict.fromkeys(("en", "ru", "kk"), str(year))}
            text, places = _render(self.pick(*(laters if at else firsts).split(";")), own, language)
            said.append((at, text, places["a"]))
        if "the firm" not in said[1][1] and "the price" not in said[1][1] and rng.random() < 0.4:
            said.reverse()
        chosen, now = rng.randrange(len(years)), not none and rng.random() < 0.4
        if now:
            chosen = len(years) - 1
        asked = years[0] - rng.randrange(1, 9) if none else years[chosen]
        if none and kind in "NM" and rng.random() < 0.6:
            asked = rng.choice([year for year in range(years[0] + 1, 2026) if year not in years])
        template = self.pick(*(current if now else dated).split(";"))
        ask = "kk" if re.search("[қіәңұү]", template) else "ru" if re.search("[а-я]", template) else "en"
        question = self._words(template, {**values, "Y": dict.fromkeys(("en", "ru", "kk"), str(asked))}, ask, language)
        text, start, end = "", 0, 0
        for at, sentence, span in said:
            if at == chosen and not none:
                start, end = len(text) + span[0], len(text) + span[1]
            text += sentence + " "
            if rng.random() < 0.3:
                text += self.fill(self.pick(*_lines(_FILLER[language])), language) + " "
        return Pair(question, self.maybe_title(language), text.rstrip(), start, end)

    def table(self, none: bool) -> Pair:
        """Write table rows as plain text; ask for one cell."""
        rng = self.rng
        first, *cells = self.pick(*_TABLES).split("=")
        columns = list(zip(cells[::2], cells[1::2], strict=True))
        rng.shuffle(columns)
        shown = columns if rng.random() < 0.7 else columns[:2]
        language = "ru" if re.search("[а-я]", first) else "en"
        rows = [self.value("T") for _ in range(rng.randrange(3, 7))]
        asked, row = rng.choice(shown), rng.randrange(len(rows))
        text = self.pick(
            "", "", self.fill("Figures for {Y}" if language == "en" else "Данные за {Y} год", language) + "\n"
        )
        text += " | ".join([first, *(head for head, _ in shown)]) + "\n"
        start = end = 0
        for at, label in enumerate(rows):
            text += label[language]
            for column in shown:
                cell = self.value(_COLUMNS[column[0]])[language]
                text += " | "
                if at == row and column == asked:
                    start, end = len(text), len(text) + len(cell)
                text += cell
            text += "\n" if at < len(rows) - 1 else ""
        name = rows[row]
        if none:
            start = end = 0
            missing = [each for each in columns if each not in shown]
            if missing and rng.random() < 0.7:
                asked = missing[0]
            else:
                name = self.value("T")
        ask = "en" if re.search("[a-z]{3}", asked[1]) else "ru"
        question = self._words(asked[1].replace("{r}", "{T}"), {"T": name}, ask, language)
        return Pair(question, self.maybe_title(language), text, start, end)

    def listing(self, none: bool) -> Pair:
        """Write a list with its lead-in; the answer reaches from the first item to the last."""
        rng = self.rng
        kind, lead, asks = self.pick(*_LISTS.split("\n")).split("|")
        language = kind[1:] or "en"
        values = {slot: self.value(slot) for slot in ("T", "O", "G", "P", "Y")}
        items = list({(each := self.value(kind[0]))[language]: each for _ in range(rng.randrange(2, 7))})
        lead = _render(lead, values, language)[0]
        before = self.fill(self.pick(*_lines(_FILLER[language])), language) + "\n" if rng.random() < 0.5 else ""
        if len(items) > 1 and rng.random() < 0.3:
            begin, block, after = (
                lead.rstrip(":") + " ",
                ", ".join(items[:-1]) + (" and " if language == "en" else " и ") + items[-1],
                ". ",
            )
        else:
            mark = self.pick("- ", "* ", "• ", "- ")
            begin, block, after = lead.rstrip(":") + ":\n" + mark, ("\n" + mark).join(items), "\n"
        template = self.pick(*asks.split(";"))
        ask = "kk" if re.search("[қіәңұү]", template) else "ru" if re.search("[а-я]", template) else "en"
        if none:
            key = rng.choice(sorted(_slots(template)))
            values[key] = self.value(key)
        text = before + begin + block + after + self.fill(self.pick(*_lines(_FILLER[language])), language)
        start = 0 if none else len(before + begin)
        question = self._words(template, values, ask, language)
        return Pair(question, self.maybe_title(language), text, start, 0 if none else start + len(block))

    def interview(self, none: bool) -> Pair:
        """Write questions and replies; the answer stands in the reply, or the speaker evades."""
        rng = self.rng
        language = "en" if rng.random() < 0.75 else "ru"
        turns = rng.sample((_INTERVIEW if language == "en" else _INTERVIEW_RU).split("\n"), rng.randrange(2, 5))
        person, chosen = self.value("P"), rng.randrange(len(turns))
        asker, speaker = rng.choice(
            [
                ("Q: ", "A: "),
                ("", "— "),
                (self.value("P")["en"].split()[1].upper() + ": ", person[f"{language}.l"].upper() + ": "),
                ("", ""),
            ]
        )
        evade = none and rng.random() < 0.5
        left_out = none and not evade
        text = (
            self.pick("{n} talks to us.\n", "We met {n} in a café.\n")
            if language == "en"
            else "Наш собеседник — {n}.\n"
        )
        text = text.replace("{n}", person[language])
        start = end = 0
        question = ""
        for at, turn in enumerate(turns):
            said, reply, asks = turn.split("|")
            values = {slot: self.value(slot) for slot in sorted(_slots(turn))} | {"P": person}
            if at == chosen:
                template = self.pick(*asks.split(";"))
                ask = "kk" if re.search("[қіәңұү]", template) else "ru" if re.search("[а-я]", template) else "en"
                question = self._words(template, values, ask, language)
                if left_out:
                    continue
            answer, places = _render(reply, values, language)
            if at == chosen and evade:
                answer = self.pick(*(_EVASIONS if language == "en" else _EVASIONS_RU))
            text += asker + _render(said, values, language)[0] + "\n" + speaker
            if at == chosen and not none:
                place = places[next(match[1] for match in _SLOT.finditer(reply))]
                start, end = len(text) + place[0], len(text) + place[1]
            text += answer + "\n"
        return Pair(question, self.maybe_title(language), text.rstrip(), start, end)

    def typed(self, question: str) -> str:
        """Type a question carelessly now and then."""
        rng = self.rng
        if rng.random() < 0.05 and len(question) > 12:
            at = rng.randrange(3, len(question) - 3)
            question = rng.choice([
                question[:at] + question[at + 1 :], question[:at] + question[at + 1] + question[at] + question[at + 2 :],
                question[:at] + question[at] + question[at:],
            ])  # fmt: skip
        if rng.random() < 0.1:
            question = question.rstrip("?").lower()
        return question


_FORMS = {"news": 66, "speakers": 8, "timeline": 7, "table": 7, "listing": 5, "interview": 7}  # weights


def _kinds(seed: int) -> Iterator[tuple[str, Pair]]:
    rng = random.Random(seed)
    writer = _Writer(rng)
    while True:
        form, none = rng.choices(list(_FORMS), list(_FORMS.values()))[0], rng.random() < 0.4
        pair: Pair | None = None
        while pair is None:
            pair = getattr(writer, form)(none)
        yield form, pair._replace(question=writer.typed(pair.question))


def written_pairs(seed: int) -> Iterator[Pair]:
    """Yield pairs without end; the same seed gives the same pairs."""
    return (pair for _, pair in _kinds(seed))


if __name__ == "__main__":
    count: Counter[str] = Counter()
    pairs = _kinds(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    for _, (kind, each) in zip(range(int(sys.argv[1]) if len(sys.argv) > 1 else 40), pairs, strict=False):
        count[kind + (" answered" if each.end else " unanswered")] += 1
        print(f"[{kind}] {each.question}\n    = {each.text[each.start : each.end]!r}\n  {each.title} || {each.text}\n")
    print(dict(count.most_common()))
