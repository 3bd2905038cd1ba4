"""The values of HTML extraction: a page of addressed segments, what a predictor chose, what was extracted.

Offsets count characters of `Page.text`; indices are 1-based, positions 0-based (`position == index - 1`).

Predictors that need more than the segments say find it in `page.layout`, which the partition fills in its one walk:

- elements that hold segments ("nodes"), parents before children, in the order of their first segment: `parent`, `tag`,
  `attributes`, and the half-open range `first`..`last` of segment positions they hold;
- for every segment its owner (`node`), `words`, `link_words`, and what stood before it without giving text
  (`media`, `controls`).

The segments below a node are contiguous, so sums over any container are differences of cumulative sums.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from ragkit.errors import InvalidValueError, LoadError

if TYPE_CHECKING:
    from ragkit.extractors.html.intervals import IntervalSet

Kind = Literal[
    "heading", "paragraph", "list_item", "table_row", "table_cell", "code", "quote", "caption", "term", "definition",
    "summary", "embedded", "other",
]  # fmt: skip
Flag = Literal["collapsed", "duplicate", "split", "truncated", "header_row", "after_main"]
Link = tuple[int, int, str]  # start, end, href
Warnings = tuple[tuple[str, str], ...]  # (code, detail)
Attributes = tuple[str, str, str, str]  # class, id, role, itemprop


class PageTooLarge(LoadError):  # noqa: N818 (the name says what is wrong, as LookupError's children do)
    """A page has more bytes than `Limits.bytes`."""


class PageTimeout(LoadError):  # noqa: N818
    """A page took more processor time than `Limits.seconds`."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One run of visible text of a page and its addresses; `page.text[start:end] == text`.

    `xpath` leads to the element that owns it in the parsed tree (None when the page was read without a tree), `run`
    counts that element's runs from 0. `level` is 1 to 6 for headings, for list items how deep the list is nested.
    `links` are relative to `text`. `section` lists the indices of the headings it stands under, outermost first.
    `hidden` says why a reader would not see it, None when one would.
    """

    index: int
    kind: Kind
    level: int
    text: str
    start: int
    end: int
    xpath: str | None
    run: int = 0
    sourceline: int | None = None
    links: tuple[Link, ...] = ()
    link_density: float = 0.0
    section: tuple[int, ...] = ()
    hidden: str | None = None
    flags: tuple[Flag, ...] = ()


@dataclass(slots=True)
class Layout:
    """What predictors need beyond the segments; see the top of this module. It is not part of a page's JSON.

    Of the nodes: `parent` (-1 for the root), `tag`, `attributes`, `first` and `last`. Of the segments: `node` (-1 when
    there is no element, as for embedded ones), `words`, `link_words`, `media` and `controls` (images and the like, and
    form controls, between the segment before and this one), `usable` (False for segments predictors must not choose:
    hidden ones, unless most of the page is hidden that way, for a script to show).
    """

    parent: list[int] = field(default_factory=list)
    tag: list[str] = field(default_factory=list)
    attributes: list[Attributes] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)
    node: list[int] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    link_words: list[int] = field(default_factory=list)
    media: list[int] = field(default_factory=list)
    controls: list[int] = field(default_factory=list)
    usable: list[bool] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Page:
    """A page as segments. `sha256` is of the input's bytes, `encoding` what they were read as.

    `text` is the segments' texts joined by a line break. `metadata` holds what the page says about itself: `date`,
    `author`, `language`, `description`, `site`, where given. `stats` counts (`elements`, `segments`, `words`,
    `dropped_hidden`, …).
    """

    text: str
    segments: tuple[Segment, ...]
    title: str = ""
    url: str | None = None
    encoding: str = "utf-8"
    sha256: str = ""
    warnings: Warnings = ()
    stats: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    layout: Layout = field(default_factory=Layout, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.segments)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a predictor chose: indices, a score in 0..1 for every segment (or none), and whether it had to fall back."""

    indices: IntervalSet
    scores: tuple[float, ...] | None = None
    degraded: bool = False
    detail: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Predictor(Protocol):
    """Chooses segments of a page, for a query or as its main content.

    It is deterministic, accepts pages without segments, and chooses only segments that are `usable`.
    """

    @property
    def name(self) -> str: ...

    def predict(self, page: Page, query: str | None = None, *, budget_words: int | None = None) -> Prediction: ...


@dataclass(frozen=True, slots=True)
class PartitionOptions:
    """How a page is cut.

    `hidden`: "drop" leaves hidden text out, "flag" keeps it with the reason, "keep" does not look for it. `panels`:
    what a control of the page unfolds (a tab, the answer below a question) is collapsed text, as that of a closed
    `<details>` is ("keep"), or hidden text ("hide"). `embedded`: "auto" adds text from JSON-LD when the page has fewer
    than `embedded_below` other words outside navigation, "always" or "never". `noscript` is read when the rest has
    fewer than `noscript_below` words. `alt_text` makes captions of images' alternative texts.
    """

    max_words: int = 400
    alt_text: bool = False
    hidden: Literal["drop", "flag", "keep"] = "drop"
    panels: Literal["keep", "hide"] = "keep"
    embedded: Literal["auto", "always", "never"] = "auto"
    embedded_below: int = 60
    noscript_below: int = 50

    def __post_init__(self) -> None:
        if self.max_words < 1:
            raise InvalidValueError(f"max_words is at least 1, not {self.max_words}")
        if self.hidden not in ("drop", "flag", "keep"):
            raise InvalidValueError(f"hidden is 'drop', 'flag' or 'keep', not {self.hidden!r}")
        if self.panels not in ("keep", "hide"):
            raise InvalidValueError(f"panels is 'keep' or 'hide', not {self.panels!r}")
        if self.embedded not in ("auto", "always", "never"):
            raise InvalidValueError(f"embedded is 'auto', 'always' or 'never', not {self.embedded!r}")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a page may cost: sizes in bytes or characters, `seconds` of processor time."""

    bytes: int = 10_000_000
    elements: int = 200_000
    segments: int = 20_000
    attribute: int = 512
    subject: int = 10_000
    css: int = 200_000
    json: int = 2_000_000
    json_depth: int = 50
    seconds: float = 10.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) <= 0:
                raise InvalidValueError(f"the limit {name} is above 0, not {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class Extraction:
    """What was extracted from a page: the chosen segments, their addresses, and how they were chosen.

    `task` is "main" or "query", `indices` what was chosen, `context` the headings above it that are shown with it.
    `scores` has one number for every segment of the page, or is None. A `degraded` choice is a fallback's.
    """

    page: Page = field(repr=False)
    task: Literal["main", "query"]
    query: str | None
    indices: IntervalSet
    context: IntervalSet
    scores: tuple[float, ...] | None = field(repr=False)
    method: str
    degraded: bool = False
    warnings: Warnings = ()
    detail: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The chosen segments, in page order."""
        return tuple(self.page.segments[index - 1] for index in self.indices)

    @property
    def shown(self) -> IntervalSet:
        """The chosen segments and their context."""
        return self.indices | self.context

    @property
    def text(self) -> str:
        """What is shown, a segment a line, and a blank line where segments between them were left out."""
        from ragkit.extractors.html.render import to_text

        return to_text(self.page, self.shown)

    @property
    def markdown(self) -> str:
        """The same as Markdown in which the page's text is text only."""
        from ragkit.extractors.html.render import to_markdown

        return to_markdown(self.page, self.shown)

    @property
    def words_in(self) -> int:
        """Words of the page."""
        return sum(self.page.layout.words)

    @property
    def words_out(self) -> int:
        """Words of the chosen segments."""
        return sum(self.page.layout.words[index - 1] for index in self.indices)

    def provenance(self) -> list[tuple[int, str | None, int, int]]:
        """Where each segment that is shown stands: index, XPath, start, end."""
        shown = (self.page.segments[index - 1] for index in self.shown)
        return [(one.index, one.xpath, one.start, one.end) for one in shown]
