"""What an answer may be drawn from: the sentences of the hits, grouped into pages that are about something.

A page is the hits of one document, or of one head when a document holds many; its names are its head, what its head
is without a bracket, and the other names its first sentence gives it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from ragkit.answer.layout import first_line_title, heading_spans
from ragkit.answer.names import Folded, core, fold, name_runs, places_of, same_name, without_qualifier
from ragkit.text.sentences import sentence_spans
from ragkit.types import Chunk, Citation, Hits

_ALSO = re.compile(
    r"(?:also|better|otherwise|professionally|formerly|best|commonly|popularly|internationally)\s+"
    r"(?:known|released|called|titled|credited|spelled)(?:\s+(?:simply|professionally|internationally|variously))?\s+as"
    r"(?:\s+the)?|née|né|\bnicknamed|\ba\.?k\.?a\.?|stage name",
    re.IGNORECASE,
)
_HE = re.compile(r"\b(?:he|his|him|himself)\b", re.IGNORECASE)
_SHE = re.compile(r"\b(?:she|her|hers|herself)\b", re.IGNORECASE)
_SHE_TITLE = re.compile(
    r"\b(?:Queen|Princess|Duchess|Countess|Lady|Empress|Archduchess|Infanta|Baroness|Marchioness|Margravine|Landgravine"
    r"|Electress|Viscountess|Dame|Mrs|Miss|Abbess|Tsarina|Grand Duchess|née)\b"
)
_HE_TITLE = re.compile(
    r"\b(?:King|Prince|Duke|Count|Lord|Emperor|Archduke|Infante|Baron|Marquis|Marquess|Margrave|Landgrave|Elector"
    r"|Viscount|Sir|Mr|Bishop|Earl|Tsar)\b"
)


_ARTICLE = re.compile(r"^(?:the|an?)\s+(?=\w+\s+\w)", re.IGNORECASE)
_OF_YEAR = re.compile(r"\s+of\s+\d{3,4}$")
_LAYOUT = re.compile(r"\s")
# Characters of a sentence; what has no ends of sentences (tables, logs) is quoted in pieces of this length.
LONGEST = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Sentence:
    """One sentence of a hit: `text` is `chunk.text[start:end]` with its line breaks and tabs as spaces.

    `number` counts through the evidence, best hit first.
    """

    chunk: Chunk
    start: int
    end: int
    text: str
    number: int
    page: int
    lead: bool

    def cite(self) -> Citation:
        """The citation of the whole sentence."""
        return Citation.of(self.chunk, self.start, self.end)


@dataclass(slots=True, eq=False)
class Page:
    """Sentences about one thing; `rank` is the place of its best hit."""

    number: int
    title: str
    rank: int
    sentences: list[Sentence] = field(default_factory=list)
    _names: dict[Folded, None] = field(default_factory=dict)

    def call(self, name: str) -> None:
        """Give the page one more name."""
        folded = fold(name)
        if folded:
            self._names.setdefault(folded)

    @property
    def names(self) -> tuple[Folded, ...]:
        """The folded names of what the page is about; the first is its title."""
        return tuple(self._names)

    def named(self, name: Folded) -> bool:
        """Whether this name names what the page is about."""
        return any(same_name(name, own) for own in self._names)

    @property
    def text(self) -> str:
        """Its sentences in a row."""
        return " ".join(sentence.text for sentence in self.sentences)

    @property
    def female(self) -> bool | None:
        """Whether the page speaks of a woman, a man, or neither (None), by its titles and pronouns."""
        hers = len(_SHE.findall(self.text)) + 2 * len(_SHE_TITLE.findall(self.title))
        his = len(_HE.findall(self.text)) + 2 * len(_HE_TITLE.findall(self.title))
        return None if hers == his else hers > his


def female_name(name: str) -> bool | None:
    """Whether a name carries a woman's title, a man's, or neither (None)."""
    hers, his = _SHE_TITLE.search(name), _HE_TITLE.search(name)
    if hers and (not his or hers.start() <= his.start()):
        return True
    return False if his else None


class Evidence:
    """The pages and sentences of the hits, best first."""

    def __init__(self, hits: Hits, *, most: int = 400) -> None:
        """Split the hits into sentences, at most `most` of them, the best hits' first."""
        self.hits = hits
        self.pages: list[Page] = []
        self.sentences: list[Sentence] = []
        by_key: dict[str, Page] = {}
        for rank, hit in enumerate(hits):
            chunk = hit.chunk
            key = fold_key(chunk)
            page = by_key.get(key)
            if page is None:
                page = by_key[key] = Page(len(self.pages), chunk.head, rank)
                self.pages.append(page)
            _name(page, chunk)
            headings = heading_spans(chunk.text)
            for start, end in sentence_spans(chunk.text):
                start = _after_headings(start, end, headings)
                for begin, stop in _bounded(chunk.text, start, end):
                    if len(self.sentences) >= most:
                        return
                    self._add(page, chunk, begin, stop)

    def _add(self, page: Page, chunk: Chunk, start: int, end: int) -> None:
        text = _LAYOUT.sub(" ", chunk.text[start:end])
        if not fold(text) or (start == 0 and fold(text) == fold(chunk.head)):
            return  # punctuation, or the title repeated as a line of its own
        lead = not page.sentences
        sentence = Sentence(chunk, start, end, text, len(self.sentences), page.number, lead)
        page.sentences.append(sentence)
        self.sentences.append(sentence)
        if lead:
            _name_from_lead(page, text)

    @cached_property
    def folded(self) -> list[Folded]:
        """The folded words of each sentence."""
        return [fold(sentence.text) for sentence in self.sentences]

    @cached_property
    def _word_sets(self) -> list[frozenset[str]]:
        titles = [frozenset(fold(page.title)) for page in self.pages]
        return [
            frozenset(words) | titles[sentence.page]
            for sentence, words in zip(self.sentences, self.folded, strict=True)
        ]

    def words_of(self, number: int) -> frozenset[str]:
        """The words of a sentence and of its page's title."""
        return self._word_sets[number]

    @cached_property
    def runs(self) -> list[list[tuple[int, int]]]:
        """The name runs of each sentence."""
        return [name_runs(sentence.text) for sentence in self.sentences]

    @cached_property
    def frequency(self) -> Counter[str]:
        """In how many sentences (their page's title counted in) each word stands."""
        count: Counter[str] = Counter()
        for words in self._word_sets:
            count.update(words)
        return count

    def page_of(self, name: str) -> Page | None:
        """The page about this name: its title's best match, else another of its names."""
        wanted = fold(without_qualifier(name))
        titled = [page for page in self.pages if wanted in page.names[:2]]
        if titled:
            return titled[0]
        named = next((page for page in self.pages if page.named(wanted)), None)
        return named or self._page_of_core(name)

    def _page_of_core(self, name: str) -> Page | None:
        """The one page whose title agrees with a name but for ranks and what follows a comma or "of"."""
        for cut in (_before_comma, _before_of):
            wanted = core(fold(cut(name)))
            fitting = [
                page for page in self.pages if wanted and core(fold(cut(without_qualifier(page.title)))) == wanted
            ]
            if len(fitting) == 1:
                return fitting[0]
        return None

    def mentions(self, page: Page) -> Iterator[Sentence]:
        """Sentences of other pages that name what `page` is about."""
        names = [name for name in page.names if len(name) > 1 or len(name[0]) > 1]
        for sentence in self.sentences:
            if sentence.page != page.number and any(places_of(name, self.folded[sentence.number]) for name in names):
                yield sentence


def _bounded(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A sentence in pieces of at most `LONGEST` characters, cut at white space where there is any."""
    while end - start > LONGEST:
        space = max(text.rfind(" ", start + 1, start + LONGEST), text.rfind("\n", start + 1, start + LONGEST))
        cut = space if space > start else start + LONGEST
        yield start, cut
        start = cut + 1 if text[cut].isspace() else cut
    if start < end:
        yield start, end


def _before_comma(name: str) -> str:
    return name.partition(",")[0]


def _before_of(name: str) -> str:
    return re.split(r"\s+(?:of|the)\s+", _before_comma(name))[0]


def fold_key(chunk: Chunk) -> str:
    """What tells one page from another: the document, and the head where one document has several."""
    return f"{chunk.document_id}\0{chunk.head.casefold()}"


def _name(page: Page, chunk: Chunk) -> None:
    """Name a page by its head, and a text that has none by a first line that is a title by its form."""
    if not page.title and chunk.start == 0:
        page.title = first_line_title(chunk.text)
    if page.title:
        page.call(page.title)
        page.call(without_qualifier(page.title))
        page.call(_ARTICLE.sub("", without_qualifier(page.title)))
        page.call(_OF_YEAR.sub("", _ARTICLE.sub("", without_qualifier(page.title))))


def _after_headings(start: int, end: int, headings: list[tuple[int, int]]) -> int:
    """Where a sentence begins when headings at its beginning are left out; its end when it is nothing else."""
    for first, last in headings:
        if first <= start < last:
            start = min(end, last)
    return start


def _name_from_lead(page: Page, text: str) -> None:
    """Add the name a first sentence opens with, and those it says its subject is also known by."""
    runs = name_runs(text[:600])
    opening = re.match(r"\W*(?:The\s+)?", text)
    begin = opening.end() if opening else 0
    if page.title and runs and runs[0][0] <= begin and _shares(text[slice(*runs[0])], page.title):
        page.call(text[slice(*runs[0])])
    for also in _ALSO.finditer(text[:600]):
        run = next((run for run in runs if 0 <= run[0] - also.end() <= 3), None)
        if run:
            page.call(text[slice(*run)])


def _shares(name: str, title: str) -> bool:
    own, other = fold(name), fold(title)
    return len(own) > 1 and bool(set(own) & set(other))
