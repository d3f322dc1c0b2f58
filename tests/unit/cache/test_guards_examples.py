"""Each guard by examples: what must not share an answer, and which guard says so; what may."""

import pytest

from gateway.cache.guards import GUARDS, agree, gist_of, pack, unpack, why
from gateway.cache.guards.opposites import PAIRS
from gateway.cache.guards.stems import stem
from gateway.cache.guards.synonyms import SYNONYMS

OBJECTIONS = [
    ("numbers", "How many feet are in 5 miles?", "How many feet are in 7 miles?"),
    ("numbers", "Name three rivers", "Name four rivers"),
    ("numbers", "Who was the 3rd king of Rome?", "Who was the fourth king of Rome?"),
    ("numbers", "What is new in Go 1.2?", "What is new in Go 1.20?"),
    ("numbers", "Is 2024-01-05 a Friday?", "Is 2024-05-01 a Friday?"),
    ("numbers", "Books for ages 3-5", "Books for ages 3-6"),
    ("numbers", "The bus at 10:30", "The bus at 10:45"),
    ("numbers", "Point (1,2)", "Point (12)"),
    ("negation", "Is it safe to swim here?", "Is it not safe to swim here?"),
    ("negation", "Food with sugar but without salt", "Food with salt but without sugar"),
    ("negation", "Why do hens lay eggs?", "Why don't hens lay eggs?"),
    ("negation", "Is the lake safe?", "Is the lake unsafe?"),
    ("negation", "Show all files except logs", "Show all files without logs"),
    ("antonyms", "How do I increase the font?", "How do I decrease the font?"),
    ("antonyms", "What to eat before a run?", "What to eat after a run?"),
    ("antonyms", "How do I turn on the radio?", "How do I turn off the radio?"),
    ("units", "How long is 3 miles in metres?", "How long is 3 miles in inches?"),
    ("units", "Is 20 °C warm?", "Is 20 °F warm?"),
    ("formats", "Show the users as JSON", "Show the users as CSV"),
    ("names", "Who founded Intel?", "Who founded Nokia?"),
    ("names", "What is the US budget?", "What is the EU budget?"),
    ("names", "What does os.getcwd do?", "What does os.getpid do?"),
    ("words", "Can cats eat grapes?", "Can cats eat cherries?"),
    ("words", "what is the weather in lima", "what is the weather in quito"),
    ("words", "Wie hoch ist der Brocken?", "Wie hoch ist der Watzmann?"),
    ("words", "京都への行き方", "奈良への行き方"),
    ("words", "What is the safest way to travel?", "What is the cheapest way to travel?"),
    ("names", "What is the Euler method for sums?", "What is the Gauss method for sums?"),
    ("question", "When was Oslo founded?", "Where was Oslo founded?"),
    ("question", "Can I freeze milk?", "Should I freeze milk?"),
    ("question", "How many moons does Mars have?", "Which moons does Mars have?"),
    ("tense", "Who is the mayor of Rome?", "Who was the mayor of Rome?"),
    ("quotes", 'What does "on the house" mean?', 'What does "in the house" mean?'),
    ("roles", "How do I get from Rome to Bari?", "How do I get from Bari to Rome?"),
    ("roles", "The books by Freud", "The books about Freud"),
    ("question", "What do I need for a visa?", "I need a visa"),
    ("question", "What if I lose my card?", "Do I lose my card?"),
    ("question", "Who sent me this?", "Who did I send this?"),
    ("words", "Can I cancel your order?", "Can I cancel my order?"),
    ("words", "What does a manager do?", "What does a manager have?"),
    ("tense", "Who is asking?", "Who is asked?"),
    ("tense", "Is the dog biting?", "Is the dog bitten?"),
    ("roles", "How do I delete emails from a folder?", "How do I delete email folders?"),
    ("roles", "What is good for dogs?", "What is a good dog?"),
    ("negation", "Everything but the meat", "Everything and the meat"),
    ("order", "Did Rome beat Carthage?", "Did Carthage beat Rome?"),
    ("order", "Meet Anna in Paris and Bob in Rome", "Meet Anna in Rome and Bob in Paris"),
    ("words", "Synonyms for big", "Synonyms for large"),
    ("words", "What does purchase mean?", "What does buy mean?"),
    ("words", "Translate into Dutch: the cat", "Translate into Dutch: a cat"),
    ("formats", "What is the past tense of go?", "What is the past tense of went?"),
    ("order", "A reply to my landlord's letter", "My landlord's reply to a letter"),
    ("language", "¿Dónde está la biblioteca?", "Where is the library?"),
    ("names", "Is 3 mA too much?", "Is 3 MA too much?"),
    ("units", "Is 20 Mb/s fast?", "Is 20 MB/s fast?"),
    ("numbers", "Is 4G needed?", "Is 4 g needed?"),
    ("numbers", "Twenty four-day tickets", "Twenty-four day tickets"),
    ("names", "What is y³?", "What is y₃?"),
    ("names", "Which beaches in Turkey are full?", "Which beaches in turkey are full?"),
    ("names", "Is Sn a metal?", "Is SN a metal?"),
    ("names", "What does findOrder do?", "What does findOrders do?"),
    ("roles", "Is the bus on Monday-Friday?", "Is the bus on Monday and Friday?"),
    ("words", "Kann ich in Maßen trinken?", "Kann ich in Massen trinken?"),
    ("words", "Wo finde ich Ihre Adresse?", "Wo finde ich ihre Adresse?"),
    ("words", "Der Arzt sagt, der Patient lügt", "Der Arzt, sagt der Patient, lügt"),
    ("words", "May I leave if I am done?", "May I leave because I am done?"),
    ("words", "Did he teach himself?", "Did he teach him?"),
    ("words", "Are few seats free?", "Are a few seats free?"),
    ("words", "What is economics?", "What is economic?"),
    ("words", "Who do I vote for?", "Who do I vote?"),
    ("words", "How do I get it back?", "How do I get back?"),
    ("words", "Does he like his dog?", "Is he like his dog?"),
    ("words", "I had to wait. Why?", "I have to wait. Why?"),
    ("words", "Can I send my application?", "Can I send my app?"),
    ("roles", "Do I come as a doctor?", "Do I come to a doctor?"),
    ("words", "Is it nicer for us than for him?", "Is it nicer for him than for us?"),
    ("roles", "What is a bottle of milk?", "What is a milk bottle?"),
    ("roles", "Is it over in 3 days?", "Is it over for 3 days?"),
    ("tense", "Which guests did I meet?", "Which guests was I met?"),
    ("tense", "Which teams have invited?", "Which teams have been invited?"),
    ("tense", "Is the road being closed?", "Has the road been closed?"),
    ("tense", "What if I lost it?", "What if I lose it?"),
    ("tense", "How was it painted?", "How will it be painted?"),
    ("shades", "Who is the judge?", "Who is a judge?"),
    ("shades", "Is there a teacher?", "Is the teacher there?"),
    ("shades", "I need a ticket", "I need my ticket"),
    ("shades", "Which firms hired us?", "Which firms did we hire?"),
    ("shades", "Is it still raining?", "Is it already raining?"),
    ("shades", "Am I able to vote?", "Am I allowed to vote?"),
    ("shades", "Where must I stand?", "Where can I stand?"),
    ("shades", "Where is my seat?", "Where is our seat?"),
    ("shades", "What year does it end?", "What time does it end?"),
    ("shades", "Will you deliver on Sunday?", "Can you deliver on Sunday?"),
]

AGREEMENTS = [
    ("How do I reset my router?", "Could you please tell me how to reset my router?"),
    ("What is Portugal's capital?", "What's the capital of Portugal?"),
    ("In Python, how do I reverse a string?", "How do I reverse a string in Python?"),
    ("How do you reset your password?", "How do I reset my password?"),
    ("Why don't I have a password?", "Why do I not have a password?"),
    ("Tell me what I need for a visa", "What do I need for a visa?"),
    ("What is tea's price?", "What is the price of tea?"),
    ("How do I travel?", "What is the best way to travel?"),
    ("How do I get from Rome to Bari?", "How do I get to Bari from Rome?"),
    ("What is the difference between tea and coffee?", "What is the difference between coffee and tea?"),
    ("Name 5 rivers", "Name five rivers"),
    ("Is $2,000 enough?", "Is 2000 dollars enough?"),
    ("Why isn't my phone charging?", "Why is my phone not charging?"),
    ("How do I purchase a ticket?", "How can I buy tickets?"),
    ("What happened in World War II?", "what happened in world war 2"),
    ("Explain entropy.", "What is entropy?"),
    ("Hi! Who wrote Emma? Thanks!", "who wrote Emma"),
    ("Wie hoch ist der Brocken?", "wie hoch ist der Brocken"),
    ("HOW DO I BAKE BREAD", "How do I bake bread?"),
    ("is turkey large", "Is Turkey large?"),
    ("Is 5 mb enough?", "Is 5 MB enough?"),
    ("What does 9 m² cost?", "What does 9 m2 cost?"),
    ("What is new on 5 June 2024?", "What is new on June 5th, 2024?"),
    ("Was the tour cancelled by the organiser?", "Was the tour canceled by the organizer?"),
    ("I cannot see the map", "I can't see the map"),
    ("What do I need to do to move a file?", "How do I move a file?"),
    ("Can you tell me how I print a page?", "How do I print a page?"),
    ("Good morning, where can I eat?", "Where can I eat?"),
    ("If I oversleep, what do I do?", "What do I do if I oversleep?"),
    ("What does a tent weigh?", "How much does a tent weigh?"),
    ("How do I paint the door?", "How do I paint a door?"),
    ("What is a snail's speed?", "What is the speed of a snail?"),
    ("Did my parcel arrive?", "Has my parcel arrived?"),
]


@pytest.mark.parametrize(("guard", "asked", "kept"), OBJECTIONS)
def test_a_guard_objects(guard: str, asked: str, kept: str) -> None:
    assert why(asked, kept) == why(kept, asked) == guard
    assert guard in GUARDS


@pytest.mark.parametrize(("asked", "kept"), AGREEMENTS)
def test_one_question_said_in_two_ways_agrees(asked: str, kept: str) -> None:
    assert why(asked, kept) == why(kept, asked) == ""


@pytest.mark.parametrize("guard", GUARDS)
def test_every_guard_has_an_example(guard: str) -> None:
    assert guard in {name for name, _, _ in OBJECTIONS}


def test_no_two_opposites_are_taken_for_one_word() -> None:
    joined = [pair for pair in PAIRS if agree(f"What is the {pair[0]} part?", f"What is the {pair[1]} part?")]
    assert joined == []
    assert len(PAIRS) > 250


def test_no_synonym_leads_to_another_group() -> None:
    chained = {word for word, base in SYNONYMS.items() if base in SYNONYMS}
    assert chained == set()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("plan", "plane"),
        ("win", "wine"),
        ("star", "stare"),
        ("even", "evening"),
        ("new", "news"),
    ],
)
def test_words_that_only_look_inflected_keep_apart(one: str, other: str) -> None:
    assert stem(one) != stem(other)


@pytest.mark.parametrize(
    "forms",
    [
        "make makes making made",
        "city cities",
        "stop stops stopping stopped",
        "box boxes",
        "write wrote written",
    ],
)
def test_the_forms_of_a_word_have_one_stem(forms: str) -> None:
    assert len({stem(form) for form in forms.split()}) == 1


def test_a_gist_survives_its_bytes() -> None:
    gist = gist_of('How do I rename "a.txt" to b.txt without 2 tools?')
    assert unpack(pack(gist)) == gist


def test_damaged_bytes_are_no_gist() -> None:
    whole = pack(gist_of("What is the capital of Peru?"))
    assert unpack(b"") is None
    assert unpack(whole[:-1]) is None
    assert unpack(b"\xc1" + whole) is None
    short = whole.replace(pack(gist_of("x"))[:0] or b"\xa2 o", b"\xa1 ")
    assert short != whole
    assert unpack(short) is None
