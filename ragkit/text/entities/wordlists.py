"""Lists of English words that the rules rest on."""

from __future__ import annotations

# Words that alone name nothing, though they may begin a sentence, or stand in capitals in a heading.
STOPWORDS = frozenset(
    """a about above across after afterwards again against all almost along already also although always am among an
    and another any anyone anything are aren around as at away be became because become been before began being below
    beneath beside besides between both but by can cannot could couldn currently d did didn do does doesn doing don
    done down due during each earlier early either else elsewhere even eventually ever every everyone everything except
    few finally first following for former formerly found from further had has hasn have having he hence her here hers
    herself him himself his how however i if in indeed initially instead into is isn it its itself just last later
    lately least less like ll m many may me meanwhile might mine more moreover most much must my myself near nearly
    neither never nevertheless next no nobody none nor not nothing notable now nowadays of off often on once one only
    onto or originally other others otherwise our ours out over own per perhaps please previously quite rather re
    really recently respectively s same second several she should shortly similarly since so some somebody someone
    something sometimes somewhere soon still subsequently such t than that the their theirs them themselves then there
    thereafter therefore these they third this those though through throughout thus till to together too toward towards
    two twice under unlike until up upon us usually various ve very was wasn we well were weren what whatever when
    whence whenever where whereas wherever whether which while who whoever whole whom whose why will with within
    without won would wouldn yes yet you your yours yourself according additionally today three four five six seven
    eight nine ten eleven twelve based born died known given named called name list see note film films song album
    people""".split()
)
# Small words inside names: "Battle of the Bulge", "Ludwig van Beethoven", "Ibn al Haytham".
JOINING = frozenset(
    """of the de del della delle dei degli di da do dos das du des d la le les el los las al ad ul ibn bin bint ben abu
    van von der den dem ter ten zu zum zur und y e och og af av na på sur sous et en in on at for to and a an""".split()
)
# Those that join two names more often than the words of one; a name's words are not joined if one of these comes first.
WEAK = frozenset({"and", "in", "on", "at", "for", "to", "a", "an", "en", "e", "y", "do"})
# Abbreviations after which a full stop ends no name.
ABBREVIATIONS = frozenset(
    "st dr mr mrs ms jr sr prof gen col lt capt sgt rev hon mt ft no vol vs co inc ltd bros".split()
)
# Titles of persons: "Queen Victoria" is also "Victoria".
RANKS = frozenset(
    """King Queen Prince Princess Emperor Empress Pope Saint Sir Dame Lord Lady Count Countess Duke Duchess Baron
    Baroness Bishop Archbishop Cardinal President Senator Governor Minister Mayor Judge Justice Captain Colonel Major
    General Admiral Lieutenant Sergeant Professor Doctor Dr Mr Mrs Ms Miss Father Brother Sister Sultan Shah Khan Sheikh
    Rabbi Reverend Coach""".split()
)
MONTHS = tuple("January February March April May June July August September October November December".split())
# Words that a sentence may begin with, followed by a name that is not yet the subject: "In Paris, ...".
OPENERS = frozenset(
    """In On At By From During After Before Since For As When While With This These There It He She They His Her Their
    Its""".split()
)
# Verbs after the name that a text begins with: "Ada Lovelace was ...".
COPULAS = frozenset("is was are were has had refers served became".split())
