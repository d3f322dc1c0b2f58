"""English inflections: one stem for the forms of a word. It never joins two words of the lists of opposites."""

_words = str.split

_IRREGULAR = """
be: am is are was were been being
beat: beats beaten
begin: began begun beginning
bite: bit bitten biting
break: broke broken
bring: brought
build: built
buy: bought
catch: caught
child: children kid kids
choose: chose chosen choosing
cut: cutting
do: did done does doing
draw: drew drawn
drink: drank drunk
drive: drove driven driving
eat: ate eaten
fall: fell fallen
feel: felt
find: found
fly: flew flown flies
foot: feet
forget: forgot forgotten
freeze: froze frozen freezing
get: got gotten getting
give: gave given giving
go: went gone goes going
grow: grew grown
have: has had having
hear: heard
hide: hid hidden hiding
hit: hitting
hold: held
keep: kept
know: knew known
lead: led
leave: left leaving
lend: lent
lie: lying
lose: lost losing
make: made making
man: men
mean: meant
meet: met
mouse: mice
owe: owed owing
pay: paid
person: persons people
put: putting
read: reads reading
ride: rode ridden riding
run: ran running
say: said
see: saw seen
sell: sold
send: sent
set: setting
shoe: shoes
sing: sang sung
sit: sat sitting
sleep: slept
speak: spoke spoken
spend: spent
stand: stood
steal: stole stolen
stop: stopped stopping stops
swim: swam swum swimming
take: took taken taking
teach: taught
tell: told
think: thought
tie: ties tied tying
tooth: teeth
use: used using uses
wear: wore worn
win: won winning
woman: women
write: wrote written writing
analysis: analyses
leaf: leaves
knife: knives
wife: wives
life: lives
half: halves
""".strip().splitlines()

PAST_FORMS = frozenset(
    _words("""led won wrote built made took gave found lost beat sang drew said told taught paid held ran became
    sold bought     shot flew broke stole spoke""")
)
IRREGULAR = {
    form: base for line in _IRREGULAR for base, forms in (line.split(":"),) for form in forms.split()
} | {"left": "left", "lives": "lives"}

_NOUNS = frozenset(_words("child foot man mouse person shoe tooth woman analysis leaf knife wife life half"))
DONE_FORMS = frozenset(
    form for form, base in IRREGULAR.items() if not form.endswith(("ing", "s")) and base not in _NOUNS
)
"""Irregular forms that tell of what was done, or is done to somebody."""

_WHOLE = frozenset(
    _words("""news glasses customs goods contents physics economics politics ethics athletics genetics electronics
    logistics linguistics damages premises earnings spectacles belongings scissors means savings evening
    morning ceiling wedding wing king ring spring string thing something anything everything nothing
    during series species its his this is was has as bus gas yes less plus always perhaps united bed red
    need feed speed seed indeed exceed succeed proceed hundred wicked naked sacred beijing being sing
    bring swing sting cling fling viking sterling shilling ping bing james texas kansas paris mars""")
)
_VOWELS = frozenset("aeiouy")
_E_AFTER = (
    "v",
    "c",
    "is",
    "iz",
    "rg",
    "dg",
    "ng",
    "ur",
    "us",
    "as",
    "ag",
    "uc",
    "ys",
    "bl",
    "tl",
    "pl",
    "gl",
    "dl",
    "uir",
)
_NG_BASES = frozenset(_words("hang long belong prolong gang bang"))


def stem(word: str) -> str:
    """The stem of a lower-case English word; a word of another script or with signs is its own stem."""
    known = IRREGULAR.get(word)
    if known is not None:
        return known
    if len(word) < 4 or len(word) > 30 or word in _WHOLE or not (word.isascii() and word.isalpha()):
        return word
    if word.endswith("ing"):
        return _verb(word, word[:-3])
    if word.endswith("ed"):
        return _verb(word, word[:-2]) if word[-3] != "e" else word
    return _singular(word)


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("ie") and len(word) > 4:
        return word[:-2] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zzes", "oes")):
        return word[:-2]
    if word.endswith("s") and word[-2] not in "siu":
        return word[:-1]
    return word


def _verb(word: str, base: str) -> str:
    """The verb of an -ing or -ed form, with the e or the single consonant that its base has."""
    if len(base) < 3 and word.endswith("ing") and base not in ("do", "go"):
        return word
    if len(base) < 2 or _VOWELS.isdisjoint(base[1:] if base[0] == "y" else base):
        return word
    if base[-1] == base[-2] and base[-1] not in "lsz":
        return base[:-1]
    if base in _NG_BASES:
        return base
    if base.endswith("i"):
        return base[:-1] + "y"
    if base.endswith(_E_AFTER) and not base.endswith(("ous", "ss")):
        return base + "e"
    if base.endswith("at") and len(base) > 3 and base[-3] not in _VOWELS:
        return base + "e"
    if len(base) <= 4 and _short(base):
        return base + "e"
    return base


def _short(base: str) -> bool:
    """One vowel and then one consonant at the end, after a consonant: mak(e), hop(e), us(e), clos(e)."""
    vowels = sum(letter in _VOWELS for letter in base)
    return vowels == 1 and base[-1] not in _VOWELS | {"w", "x"} and base[-2] in _VOWELS


def respelt(base: str) -> str:
    """The American spelling of a stem that has two: organise, organiser, analyse, cancelled, fulfil."""
    if len(base) < 6 or not base.isascii():
        return base
    if base.endswith(("ise", "yse")):
        return base[:-2] + "ze"
    if base.endswith(("iser", "yser")):
        return base[:-3] + "zer"
    if base.endswith("ll") and sum(letter in "aeiou" for letter in base) > 1:
        return base[:-1]
    return base.replace("isation", "ization") if "isation" in base else base
