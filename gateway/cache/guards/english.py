"""The function words of English, and those that tell whether a text is English: only there may one be passed over."""

_ = str.split

ARTICLES = frozenset(_("a an the some any this that these those there it its"))
SELF = frozenset(_("i me my mine myself we us our ours ourselves one's people's"))
ONESELF = frozenset(_("i me my mine myself we us our ours ourselves"))
SUBJECTS = frozenset(_("i you he she we they"))
POSSESSIVES = frozenset(_("my our your his her their"))
ASKING_FOR = frozenset(_("do does did have to"))
"""After `what`: something is done with it (what do I need); after `who`, too."""
FILLERS = frozenset(
    _(
        """please kindly really actually currently exactly just basically simply still already now also so
        that which who whom whose though maybe perhaps possibly however therefore thus hence
        anyway ever is are was were am be been being do does did done doing have has had having and but such own
        according"""
    )
)
BE = frozenset(_("is are was were am be been being"))
OBJECTS = frozenset(_("me us"))
CONTAINERS = frozenset(
    _(
        """cup glass bottle box bag can jar pack packet plate bowl mug tin tube barrel tank bucket basket crate carton
        jug pot pan spoon kettle cups glasses bottles boxes bags jars packs plates bowls"""
    )
)
"""What holds something: a cup of coffee is no coffee cup."""
LOOKS = frozenset(
    _("look looks looking sound sounds feel feels taste tastes smell smells seem seems be is are was were")
)
"""Before `like` it compares; elsewhere after `do` it says what somebody likes."""
_SHADED = _("still already ever able allowed permitted my mine our ours time year date")
SHADES = dict(zip(_SHADED, "saebppYYUUtyk", strict=True))
"""What is passed over, and yet says something else than another word of its kind."""
TIMES = frozenset(_("time year date"))
"""After `what`, which is then a `when`."""
POLITE_PAST = frozenset(_("wanted needed hoped required"))
"""Said of what is wanted, or is needed, now."""
FORMAL = frozenset(_("sie ihr ihre ihnen ihrem ihren ihrer ihres lei"))
"""German and Italian pronouns that speak to somebody where they have a capital, and of somebody where not."""
AUXILIARIES = frozenset(_("is are was were am be been do does did have has had"))
PAST, PRESENT = frozenset(_("was were did")), frozenset(_("is are am do does"))
MODALS = {
    **dict.fromkeys(_("can could able"), "can"),
    **dict.fromkeys(_("should ought shall"), "should"),
    "must": "must",
    **dict.fromkeys(_("may might"), "may"),
    **dict.fromkeys(_("will would"), "will"),
}
PERSONS = {
    **dict.fromkeys(_("you your yours yourself yourselves"), "you"),
    **dict.fromkeys(_("he him his"), "he"),
    **dict.fromkeys(_("she her hers"), "she"),
    **dict.fromkeys(_("they them their theirs"), "they"),
}
ROLES = {
    "of": "o", "in": "i", "within": "i", "on": "n", "upon": "n", "at": "a", "for": "f", "from": "r", "to": "t",
    "into": "t", "onto": "t", "towards": "t", "toward": "t", "by": "b", "with": "w", "using": "w", "about": "u",
    "regarding": "u", "concerning": "u", "than": "h", "like": "l", "per": "p", "via": "v", "as": "e",
}  # fmt: skip
NEGATIONS = {
    **dict.fromkeys(_("not no never without non none nobody nothing neither nor cannot"), "not"),
    **dict.fromkeys(_("except excluding unless"), "except"),
}

VERBATIM = frozenset(
    _(
        """translate translates translated translation say says said pronounce pronounced spell spelled spelt spelling
        correct corrects proofread rewrite rephrase paraphrase conjugate conjugation grammar grammatical grammatically
        edit plural singular rhyme rhymes rhyming synonym synonyms antonym antonyms letters syllables tense verb noun"""
    )
)
"""Words of questions about words: there every word counts, as it is written."""
LITERAL = frozenset(_("mean means meaning meanings definition define defined word wording term phrase idiom"))
"""Words of questions about the meaning of words: there no other word will do."""

TELLING = frozenset(
    _(
        """the is are what how why when where who which does did of and my can should with for from i you it this
        that please to your there was were has have be about an at if not if would could a do in on or me we our"""
    )
)
WEAK = frozenset(_("an in was on so am do no me or as a he we at i to of"))
VERBS = frozenset(
    _(
        """write summarize summarise translate convert explain describe list name give show recommend suggest tell
        compare generate create make find calculate define draft compose rewrite book sort delete remove solve"""
    )
)
FOREIGN = frozenset(
    _(
        """de la el les los las le un una une der die das und ein eine einen ist het een van il lo gli di que qui est
        por para com con os da na och att ik je mijn nicht wie wo kann ich sie wir ihr den dem zu auf mit fur del al
        en es y e o ou et du des au aux dans sur mon ma mes ce cette sono che per mi ti si su tu se te jak jest nie
        och det som pa kan jag inte hur vad var mein meine wat hoe waar niet cual como donde cuando quien quanto"""
    )
)
