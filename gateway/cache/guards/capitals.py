"""Where capitals tell words apart: names that are common words as well, symbols of units and of elements."""

_words = str.split

NAMES_TOO = frozenset(
    _words(
        """march august turkey china jordan chad guinea mali polish nice reading bath cork mobile orange
        buffalo split cologne boulder deal sandwich hull wells battle rugby normal eureka essen rome galaxy
        mercury windows word access outlook teams office edge apple shell target gap square stripe notion signal
        meta alphabet visa chase discover subway caterpillar focus golf polo beetle jaguar puma dove tide dawn
        rust go scratch crystal scheme numbers pages mark bill rose grace hope faith joy frank jack bob sue rob
        drew grant art max miles victor norm nick ray sandy rich christian dean earl king prince baker cook
        carpenter catholic lent mass democratic republican conservative liberal labour greens jersey guernsey
        hamburger frankfurter danish swede dutch scotch pole finn lapp aids"""
    )
).union("bcdefghjklmnopqrstuvwxyz")
"""Names that are also words of their own, which people ask about (Polish brands, polish brands), and signs (K, k)."""


def _table(text: str) -> dict[str, str]:
    return dict(each.split("=", 1) for each in text.split())


SYMBOLS = _table(
    """mW=milliwatt MW=megawatt mJ=millijoule MJ=megajoule mV=millivolt MV=megavolt mA=milliampere MA=megaampere
    mHz=millihertz mPa=millipascal mS=millisiemens mM=millimolar nM=nanomolar Mg=megagram ML=machinelearning
    Kb=kilobit Mb=megabit Gb=gigabit Tb=terabit Kbit=kilobit Mbit=megabit Gbit=gigabit
    MBps=megabytepersecond GBps=gigabytepersecond KBps=kilobytepersecond"""
)
"""Units of which another is written with the same letters: the rarer reading of each, as it must be written."""
_ELEMENTS = _table(
    """Co=cobalt Hf=hafnium Sn=tin Os=osmium Cs=caesium Po=polonium Ni=nickel Si=silicon Sc=scandium Bi=bismuth
    Pa=protactinium Cd=cadmium Pd=palladium"""
)
"""Elements of which the capitals alone are something else: Co and CO. None is told at a sentence's beginning."""


def spelt(core: str, start: bool, shouted: bool) -> str:
    """The word that is meant by these capitals; "" where they say nothing."""
    if shouted or core.islower():
        return ""
    return SYMBOLS.get(core) or ("" if start else _ELEMENTS.get(core, ""))
