"""Pairs of opposites, curated: words that often stand in the same place and turn the answer round.

They name the guard that objected, and they are the proof that no stem and no synonym joins two of them (see the tests).
"""

_PAIRS = """
above below|accept reject|active inactive|add remove|add subtract|advantage disadvantage|after before|agree disagree
all none|all some|allow forbid|alive dead|always never|answer question|approve deny|arrival departure|arrive depart
ascending descending|attach detach|attack defend|back front|backward forward|bad good|begin end|best worst
better worse|big small|bigger smaller|biggest smallest|block unblock|borrow lend|bottom top|bright dark|buy sell
cheap expensive|cheapest priciest|clean dirty|client server|close open|cold hot|coldest hottest|compress decompress
connect disconnect|cons pros|create delete|credit debit|day night|decode encode|decrease increase|decrypt encrypt
deep shallow|deposit withdraw|difficult easy|disable enable|down up|download upload|dry wet|early late|earlier later
earliest latest|east west|empty full|enter exit|even odd|exclude include|explicit implicit|export import
external internal|fail succeed|fall rise|fall spring|false true|far near|fast slow|faster slower|fastest slowest
father mother|female male|fewer more|first last|fix break|follow unfollow|formal informal|freeze thaw|freeze unfreeze
friend enemy|gain lose|give take|happy sad|hard soft|hate love|heat cool|heavy light|heavier lighter|hide show
high low|higher lower|highest lowest|hire fire|horizontal vertical|husband wife|immediate delayed|import smuggle
in out|inbound outbound|income expense|indoor outdoor|inner outer|input output|inside outside|install uninstall
junior senior|key value|king queen|large small|larger smaller|largest smallest|last next|latitude longitude|least most
left right|legal illegal|less more|liquid solid|load unload|local global|local remote|lock unlock|login logout
long short|longer shorter|longest shortest|lose win|loss profit|major minor|max min|maximum minimum|merge split
minus plus|morning evening|multiply divide|mute unmute|narrow wide|negative positive|new old|newer older|newest oldest
north south|numerator denominator|off on|offline online|optional required|over under|pack unpack|pass fail|past future
pause resume|permanent temporary|physical virtual|pin unpin|poor rich|possible impossible|present past|private public
pull push|quiet loud|raise lower|raw cooked|read write|receive send|regular irregular|release capture|rent buy
reward punish|rough smooth|row column|safe unsafe|save spend|save waste|sharp blunt|sick healthy|simple complex
singular plural|smart stupid|son daughter|brother sister|start stop|start finish|static dynamic|stderr stdout
strong weak|stronger weaker|strongest weakest|subscribe unsubscribe|summer winter|supervised unsupervised
supply demand|supported unsupported|sweet sour|tall short|taller shorter|tallest shortest|teach learn|thick thin
tight loose|today tomorrow|today yesterday|together apart|turnoff turnon|upper lower|uppercase lowercase
victory defeat|visible invisible|warm cool|warmer cooler|wash dry|with without|within outside|yes no|young old
younger older|youngest oldest|zip unzip|zoomin zoomout|synchronous asynchronous|mutable immutable|abstract concrete
absent present|acid base|acquire release|acquit convict|admit deny|adult child|amateur professional|ancient modern
appear vanish|appreciate depreciate|assemble disassemble|asset liability|benefit harm|bless curse|boy girl
boost reduce|build demolish|bullish bearish|bull bear|calm angry|cause prevent|centre edge|certain uncertain
coarse fine|combine separate|common rare|conceal reveal|confirm cancel|conservative liberal|construct destroy
contract expand|convex concave|correct incorrect|cruel kind|curved straight|debtor creditor|employee employer
encourage discourage|entrance exit|fat lean|fiction nonfiction|foreground background|foreign domestic|gather scatter
guilty innocent|head tail|heaven hell|hero villain|host guest|humid arid|inhale exhale|initial final
inflation deflation|interior exterior|landlord tenant|leader follower|lengthen shorten|lift drop|loosen tighten
majority minority|marry divorce|mandatory optional|natural artificial|noisy silent|nadir zenith|optimist pessimist
parent child|patient doctor|praise blame|predator prey|primary secondary|prefix suffix|problem solution|promote demote
proponent opponent|protagonist antagonist|reactant product|retail wholesale|revenue cost|seller buyer|sink float
sunrise sunset|strengthen weaken|surplus deficit|tenant owner|teacher student|uncle aunt|underestimate overestimate
vacant occupied|vertex edge|voluntary compulsory|war peace|widen narrow|wise foolish|agree refuse
"""

PAIRS: tuple[tuple[str, str], ...] = tuple(
    (one, other)
    for line in _PAIRS.strip().splitlines()
    for pair in line.split("|")
    for one, other in (pair.split(),)
)


def _table() -> dict[str, frozenset[str]]:
    table: dict[str, set[str]] = {}
    for one, other in PAIRS:
        table.setdefault(one, set()).add(other)
        table.setdefault(other, set()).add(one)
    return {word: frozenset(others) for word, others in table.items()}


OPPOSITES = _table()
