"""Words and phrases that mean the same in a question; curated, so that nothing else passes for the same."""

_words = str.split

_GROUPS = """
remove delete erase eliminate|buy purchase|big large huge|bigger larger|biggest largest
fast quick quickly rapid rapidly|faster quicker|fastest quickest|slow slowly|easy easily|fix repair mend
start begin commence|stop cease quit|make create generate produce|change modify alter|movie film
photo picture pic photograph|error mistake|doctor physician|cheap inexpensive|bike bicycle|car automobile|pc computer
phone telephone|cellphone smartphone|department dept|tv television|email e-mail|wifi wi-fi|job occupation profession
salary wage|price cost|weight weigh|find locate|talk speak|choose select pick|happen occur|common frequent usual
main primary|purpose aim goal|harmful harm bad|advantage benefit|disadvantage drawback
tip advice suggestion|suggest recommend|configure setup|help assist|increase raise|decrease lower reduce|need require
ask enquire inquire|answer reply respond|folder directory|show display|use utilize utilise employ|trip journey
child kid|baby infant|shop store|holiday vacation|flat apartment|lawyer attorney|parcel package
trash garbage rubbish|sick ill|smart intelligent clever|safe secure|test exam examination|fall autumn|earth globe
color colour|colored coloured|flavor flavour|favorite favourite|behavior behaviour|neighbor neighbour|labor labour
honor honour|humor humour|center centre|theater theatre|meter metre|liter litre|fiber fibre|kilometer kilometre km kms
centimeter centimetre cm|millimeter millimetre mm|kilogram kilogramme kg kilo|gram gramme|milliliter millilitre ml
milligram mg|mile mi|pound lb lbs|ounce oz|hour hr hrs|minute mins|second sec secs|gigabyte gb|megabyte mb|terabyte tb
kilobyte kb|percent % pct|celsius °c|fahrenheit °f|dollar usd|euro eur|gbp quid|yen jpy|kmh km/h kph|organize organise
summarize summarise|optimize optimise|analyze analyse|recognize recognise|realize realise|customize customise
program programme|gray grey|jewelry jewellery|tire tyre|license licence|defense defence|practice practise
catalog catalogue|dialog dialogue|check cheque|aluminum aluminium|write author compose draft|usa us america
js javascript|ts typescript|postgres postgresql|k8s kubernetes|db database|config configuration
info information|max maximum|min minimum|vs versus|january jan|february feb|april apr|august aug|september sept sep
october oct|november nov|december dec|monday mon|tuesday tue tues|wednesday weds|thursday thu thurs|friday fri
explain describe|learn study|sorry apologise apologize|famous well-known renowned|hard difficult tough
beautiful pretty|near nearby|nearest closest|wrong incorrect|cancel terminate|get obtain receive acquire|arrive come
allow let permit|try attempt|want wish|see view|small little tiny|important crucial essential vital|often frequently
usually typically generally normally commonly|finish complete conclude|man guy|woman lady|fee charge
issue problem trouble|way approach|build construct|give provide supply|improve enhance|understand comprehend grasp
think believe|tell inform|contain include|cause reason|effect impact|result outcome|idea concept notion
company firm corporation|worker employee|story tale|country nation|place location spot|rich wealthy
dangerous risky hazardous|tasty delicious|disease illness|medicine medication|teacher instructor
plane airplane aeroplane|petrol gasoline|truck lorry|internet web|restart reboot
broken faulty defective|expensive pricey costly|lose misplace|previous prior|whole entire|exact precise exactly
good great excellent|short brief concise|long lengthy|detailed thorough|guide tutorial|example sample
automatic automatically|manual manually|permanent permanently|proper properly|correct correctly|direct directly
safely securely|gift present|mother mom mum|father dad|teen teenager|sofa couch|fridge refrigerator|tap faucet
sweater jumper|eggplant aubergine|zucchini courgette|cilantro coriander|shrimp prawn|math maths mathematics
ad advertisement advert|introduction intro|laboratory lab|document doc|repository repo|environment env|variable var
parameter param|argument arg|integer int|boolean bool|regex regexp|atm cashpoint|funny humorous|remember recall
reimburse reimbursement|verify confirm|declined rejected|bill invoice|if whether|someone somebody
"""

_PHRASES = """
get rid of=remove
set up=configure
log in=login
log on=login
sign in=login
logged in=login
logging in=login
signed in=login
log out=logout
log off=logout
sign out=logout
logged out=logout
signing out=logout
sign up=register
turn on=turnon
switch on=turnon
turn off=turnoff
switch off=turnoff
get in touch with=contact
united states of america=usa
united states=usa
united kingdom=uk
great britain=uk
european union=eu
new york city=nyc
artificial intelligence=ai
machine learning=machinelearning
cell phone=cellphone
mobile phone=cellphone
web site=website
web page=webpage
data base=database
time zone=timezone
file name=filename
e mail=email
wi fi=wifi
everything but=everything except
everyone but=everyone except
everybody but=everybody except
anything but=anything except
nothing but=nothing except
nobody but=nobody except
all but=all except
a lot of=many
lots of=many
right now=now
at the moment=now
in order to=to
because of=due
due to=due
for example=example
in detail=detailed
how come=why
what time=when
what year=when
which year=when
in which year=when
in what year=when
at what time=when
on what date=when
on which date=when
what date=when
in what place=where
in what places=where
what location=where
what is the reason for=why
what is the reason that=why
what is the reason=why
what is the location of=where is
how many people live in=population of
who is the author of=who wrote
who is the writer of=who wrote
who was the author of=who wrote
who is the inventor of=who invented
who was the inventor of=who invented
what is the definition of=what is
what do i have to do to=how to
what do i need to do to=how to
what must i do to=how to
what should i do to=how to
what steps do i take to=how to
give me a summary of=summarize
give a summary of=summarize
going to=will
would like to=want
want to=want
wants to=want
is there a way to=is it possible to
is there any way to=is it possible to
what kind of=which
what type of=which
what sort of=which
what kinds of=which
what types of=which
which type of=which
which kind of=which
for free=free
free of charge=free
look for=search
looking for=search
look up=lookup
figure out=determine
carry out=perform
top up=topup
topping up=topup
topped up=topup
shut down=shutdown
in the world=world
ought to=should
have to=must
has to=must
had to=hadto
able to=can
allowed to=can
permitted to=can
a few=afew
a little=alittle
find out=find
pick up=pickup
give up=giveup
how far is=distance
how tall is=height
how high is=height
how old is=age of
how heavy is=weight of
how big is=size of
how large is=size of
how deep is=depth of
how wide is=width of
how tall are=height
how old are=age of
science fiction=scifi
sci fi=scifi
upper case=uppercase
lower case=lowercase
zoom in=zoomin
zoom out=zoomout
"""


def _singles() -> dict[str, str]:
    table: dict[str, str] = {}
    for group in _GROUPS.strip().replace("\n", "|").split("|"):
        first, *others = group.split()
        for other in others:
            table[other] = first
    return table


def _phrases() -> dict[str, list[tuple[list[str], tuple[str, ...]]]]:
    table: dict[str, list[tuple[list[str], tuple[str, ...]]]] = {}
    for line in _PHRASES.strip().splitlines():
        said, meant = line.split("=")
        words = said.split()
        table.setdefault(words[0], []).append((words, tuple(meant.split())))
    for found in table.values():
        found.sort(key=_longest_first)
    return table


def _longest_first(phrase: tuple[list[str], tuple[str, ...]]) -> int:
    return -len(phrase[0])


SYNONYMS = _singles()
PHRASES = _phrases()

NEGATED_FORMS = {
    f"{prefix}{base}": base
    for prefix, bases in {
        "un": "able safe happy healthy common available necessary comfortable likely certain fair known usual stable",
        "im": "possible",
        "il": "legal",
        "ir": "reversible regular",
        "in": "active complete valid correct visible",
        "non": "magnetic toxic",
    }.items()
    for base in bases.split()
}

FORMATS = frozenset(
    _words("""json csv xml yaml html markdown table list bullet numbered paragraph sentence word essay poem haiku
    limerick email letter message summary brief briefly detailed short long point uppercase lowercase formal informal
    casual tone style tense python java javascript kotlin rust go ruby sql bash tweet slogan code diagram plain text""")
)
UNITS = frozenset(
    _words("""kilometer centimeter millimeter meter mile foot inch yard kilogram gram milligram pound ounce ton liter
    milliliter gallon cup pint hour minute second day week month year decade century gigabyte megabyte terabyte
    kilobyte byte bit percent celsius fahrenheit kelvin dollar euro gbp yen rupee peso franc watt volt amp kmh mph
    pixel degree acre hectare joule calorie am pm""")
)
