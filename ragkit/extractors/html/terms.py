"""The words of a query and where they stand on a page: light stems, stop words, counts for every segment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ragkit.text.tokens import words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.extractors.html.types import Page

    Floats = NDArray[np.float64]

K1, B = 1.2, 0.75
OPENING = 12  # words of a segment that count as its opening, in which answers repeat what was asked
# Words of questions, and the commonest of each language; beside them a question is about its other words.
STOP: Mapping[str, frozenset[str]] = {
    language: frozenset(listed.split())
    for language, listed in {
        "en": "a about after all also am an and any are as at be because been before being but by can could did "
        "do does doing for from get had has have having he her here hers him his how i if in into is it "
        "its just let like may me might more most much must my need no not of on or other our out over "
        "own s same shall she should so some such t than that the their them then there these they this "
        "those through to too under up us very was we were what when where which while who whom whose why "
        "will with would you your",
        "de": "aber alle als am an auch auf aus bei bin bis da damit das dass dem den der des die dies diese "
        "dieser doch durch ein eine einem einen einer eines er es für hat haben ich ihr im in ist ja kann "
        "man mehr mein mich mit muss nach nicht noch nur ob oder sich sie sind so über um und uns unter "
        "von vor wann war warum was welche welcher welches wenn wer werden wie wieso wir wird wo wurde zu "
        "zum zur",
        "fr": "a au aux avec ce ces cette combien comment dans de des du elle en est et eux il ils je la le les "
        "leur lui ma mais me mes moi mon ne nos notre nous on ou où par pas pour pourquoi qu quand que "
        "quel quelle quels qui quoi sa se ses son sont sur ta te tes toi ton tu un une vos votre vous y",
        "es": "al algo como con cual cuando cuándo cuál cuánto cómo de del desde donde dónde el ella en entre "
        "era es esta este está ha hay la las lo los mi más me muy no nos o para pero por porque puede que "
        "qué quién se ser si sin sobre son su sus también te tiene tu un una y ya",
        "it": "a al alla anche che chi ci come con cosa da dal dei del della di dove e è gli ha i il in io la "
        "le lo ma mi nel nella non o per perché più quale quali quando quanto se si sono su sul un una",
        "pt": "a ao aos as com como da das de do dos e é ela ele em entre era essa este eu foi há isso mais mas "
        "me na não nas no nos o onde os ou para pela pelo por porque qual quando que quem se sem seu são "
        "sua também te um uma",
        "nl": "aan al als bij dat de der deze die dit door een en er geen had heb hebben heeft het hij hoe hun "
        "ik in is je kan maar me meer men met mijn na naar niet nog of om onder ons ook op over te tot u "
        "uit van veel voor waar waarom wanneer was wat we welke werd wie wij wordt ze zich zijn zo zou",
        "sv": "att av den det där detta du efter ej en eller er ett från för ha han har hon hur här i inte jag "
        "kan man med men mig min måste ni nu när och om oss på sig sin som så till under upp var varför "
        "vad vem vi vid vilken är",
        "pl": "a aby ale być co czy czym dla do gdy gdzie go i ich ile im jak jaki jakie jako jej jest już "
        "kiedy kto które ma może można na nie niż o od oraz po pod przez przy są się ta tak także te tego "
        "to tym u w we z za że",
        "ru": "а без бы был была были быть в вам вас во все всё для до его ее если есть еще же за и из или их к "
        "как какие какой когда кто ли мы на не него нет но о об он она они от по под при с со так также "
        "там то только у уже что чем это я где почему",
    }.items()
}  # fmt: skip
_ENDINGS = (
    ("ization", "ize"), ("ational", "ate"), ("ations", "ate"), ("ation", "ate"), ("nesses", ""), ("ness", ""),
    ("ments", "ment"), ("ically", "ic"), ("ingly", ""), ("edly", ""), ("ings", ""), ("ies", "y"), ("ing", ""),
    ("ied", "y"), ("ers", ""), ("er", ""), ("est", ""), ("ed", ""), ("ly", ""), ("es", ""), ("en", ""),
    ("s", ""), ("e", ""),
)  # fmt: skip
_SHORTEST = 4  # letters that must be left of a word


def stem(word: str) -> str:
    """A word without its commonest English endings, so that forms of one word meet; others often lose a plural mark.

    >>> stem("baking"), stem("bakes"), stem("baked"), stem("gas")
    ('bak', 'bak', 'bak', 'gas')
    """
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= (_SHORTEST if len(ending) > 3 else 3):
            if ending == "s" and word.endswith("ss"):
                continue
            made = word[: len(word) - len(ending)] + instead
            if (
                len(made) > 3
                and made[-1] == made[-2]
                and ending in ("ing", "ed", "er", "ers")
                and made[-1] not in "lsz"
            ):
                made = made[:-1]
            return made.removesuffix("e") if len(made) > 3 else made
    return word


def stop_words(query: Sequence[str], language: str = "") -> frozenset[str]:
    """The stop words of a query: of the page's language, and of the language most of the query's words belong to."""
    told = STOP.get(language.lower()[:2], frozenset())
    shares = {name: sum(word in listed for word in query) for name, listed in STOP.items()}
    best = max(shares, key=lambda name: (shares[name], name == "en", name))
    return told | (STOP[best] if shares[best] else frozenset())


@dataclass(frozen=True)
class Matches:
    """How often each of a query's terms stands in each of n segments.

    `terms` are the stems, `counts` and `openings` (n, terms) count them in the segments and in their first words,
    `lengths` (n,) counts all words. `weights` (terms,) are inverse document frequencies on this page.
    """

    terms: tuple[str, ...]
    counts: Floats
    openings: Floats
    lengths: Floats

    @cached_property
    def weights(self) -> Floats:
        """ln(1 + (n - df + 0.5) / (df + 0.5)) for each term."""
        import numpy as np

        holding = (self.counts > 0).sum(axis=0)
        result: Floats = np.log1p((len(self.counts) - holding + 0.5) / (holding + 0.5))
        return result

    def bm25(self, counts: Floats, lengths: Floats) -> Floats:
        """The BM25 score of documents with these counts (m, terms) and lengths (m,), by this page's weights."""
        import numpy as np

        if not len(counts):
            return np.zeros(0)
        relative = lengths / max(float(lengths.mean()), 1.0)
        slowed = counts + (K1 * (1 - B + B * relative))[:, None]
        result: Floats = (counts * (K1 + 1) / slowed) @ self.weights
        return result

    def coverage(self, counts: Floats) -> Floats:
        """The share of the query's terms, by weight, that documents with these counts hold, 0..1."""
        result: Floats = (counts > 0) @ self.weights / max(float(self.weights.sum()), 1e-9)
        return result


def asked_terms(query: str, language: str = "") -> tuple[str, ...]:
    """The distinct stems of a query in order, stop words left out unless it has nothing else."""
    listed = words(query)
    stop = stop_words(listed, language)
    kept = [word for word in listed if word not in stop] or listed
    return tuple(dict.fromkeys(stem(word) for word in kept))


def match(page: Page, query: str) -> Matches:
    """Count the query's terms in every segment of the page."""
    import numpy as np

    terms = asked_terms(query, page.metadata.get("language", ""))
    column = {term: place for place, term in enumerate(terms)}
    known: dict[str, int] = {}  # column of each word seen, -1 for words that were not asked
    counts, openings = np.zeros((len(page.segments), len(terms))), np.zeros((len(page.segments), len(terms)))
    lengths = np.zeros(len(page.segments))
    for row, segment in enumerate(page.segments):
        listed = words(segment.text)
        lengths[row] = len(listed)
        for word in set(listed) - known.keys():
            known[word] = column.get(stem(word), -1)
        for place, word in enumerate(listed):
            if known[word] >= 0:
                counts[row, known[word]] += 1
                openings[row, known[word]] += place < OPENING
    return Matches(terms, counts, openings, lengths)


def stems(text: str, language: str = "") -> Counter[str]:
    """The stems of a text that are not of stop words, counted; of all words when there is nothing else."""
    listed = words(text)
    stop = stop_words(listed, language)
    return Counter(stem(word) for word in ([word for word in listed if word not in stop] or listed))
