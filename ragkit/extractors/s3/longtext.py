"""One long text, many questions: scanned once, then asked for the spans that bear on each question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragkit.errors import InvalidValueError
from ragkit.extractors.s3.background import QUESTIONS
from ragkit.extractors.s3.features import Scoring, TokenScores, head_scores, token_scores
from ragkit.extractors.s3.fusion import Settings, Sides, choose
from ragkit.extractors.s3.index import Index
from ragkit.extractors.s3.scan import check_spaces, digest, scan
from ragkit.extractors.s3.score import contributions, rarities
from ragkit.extractors.s3.spans import Origin, Pick, Selection, TokenSpan, at_the_ends, snapped
from ragkit.extractors.s3.windows import Found, Windows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.extractors.s3.backend import Backend
    from ragkit.extractors.s3.probe import Health
    from ragkit.extractors.s3.sae import Autoencoder

    Floats = NDArray[np.float64]

_SHOWN = 5  # features named for each span


@dataclass(frozen=True, slots=True)
class Cause:
    """A feature that spoke for a span: its space and number, the first token of the span that has it, what it added."""

    space: str
    feature: int
    token: int
    contribution: float


@dataclass(frozen=True, slots=True)
class EvidenceSpan:
    """Characters `start` to `end` of a document, exactly `text`, and tokens `start_token` to `end_token` of the index.

    `source` tells which side chose it first, `features` which features spoke for it, `peak` (a token) where most did.
    """

    document: str
    start: int
    end: int
    text: str
    start_token: int
    end_token: int
    peak: int
    score: float
    source: Origin
    features: tuple[Cause, ...] = ()


@dataclass(frozen=True, slots=True)
class Search:
    """How spans are chosen; see docs/s3.md for what each does and what was measured.

    `lead` and `tail` are tokens always kept at both ends of every document, `snap` widens spans to sentences that end
    within `reach` tokens, `gap` joins spans so near to each other, `calibrate` takes off what the text gives to any
    question.
    """

    scoring: Scoring = field(default_factory=Scoring)
    fusion: Settings = field(default_factory=Settings)
    kernel: int = 17
    snap: bool = False
    reach: int = 16
    gap: int = 8
    lead: int = 0
    tail: int = 0
    calibrate: bool = False

    def __post_init__(self) -> None:
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise InvalidValueError(f"kernel is an odd number of tokens, not {self.kernel}")
        if min(self.reach, self.gap, self.lead, self.tail) < 0:
            raise InvalidValueError("reach, gap, lead and tail are numbers of tokens, 0 or more")


class LongText:
    """Texts scanned once by a backend and its autoencoders, the packaged sentence encoder and the shipped ones if none.

    >>> text = LongText("Ferries leave at nine. " * 3 + "The lighthouse keeper feeds a tame gull.")
    >>> [span.text for span in text.find("Which bird lives with the beacon's guardian?", budget=9)]
    ['The lighthouse keeper feeds a tame gull.']
    """

    def __init__(
        self,
        text: str | Mapping[str, str],
        *,
        backend: Backend | None = None,
        autoencoders: Mapping[str, Autoencoder] | Path | str | None = None,
        search: Search | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.backend, self.autoencoders = prepared(backend, autoencoders)
        self.search = search or Search()
        texts = {"": text} if isinstance(text, str) else dict(text)
        self.index = scan(self.backend, self.autoencoders, list(texts.values()), names=list(texts), progress=progress)

    @classmethod
    def of(
        cls,
        index: Index,
        *,
        backend: Backend | None = None,
        autoencoders: Mapping[str, Autoencoder] | Path | str | None = None,
        search: Search | None = None,
    ) -> LongText:
        """Over an index made before. Raises `IndexMismatchError` when it was made with another model."""
        made = cls.__new__(cls)
        made.backend, made.autoencoders = prepared(backend, autoencoders)
        made.search = search or Search()
        index.check(made.backend.fingerprint(), {name: digest(one) for name, one in made.autoencoders.items()})
        made.index = index
        return made

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        backend: Backend | None = None,
        autoencoders: Mapping[str, Autoencoder] | Path | str | None = None,
        search: Search | None = None,
    ) -> LongText:
        """Read what `save` wrote."""
        return cls.of(Index.open(Path(path)), backend=backend, autoencoders=autoencoders, search=search)

    def save(self, path: Path | str) -> None:
        """Write the index, texts included, to one file."""
        self.index.save(Path(path))

    def __len__(self) -> int:
        """The number of tokens."""
        return len(self.index)

    def find(self, question: str, budget: int = 512, *, search: Search | None = None) -> list[EvidenceSpan]:
        """The spans that bear on a question, at most `budget` tokens in all, in the order of the text.

        Raises `InvalidValueError` for a budget of 0 or less.
        """
        how = search or self.search
        selection = Selection(len(self), budget, self.index.documents)
        alive = sum(end - start for start, end in self.index.documents)
        found = self.scores(question, how)
        if budget >= alive:
            for start, end in self.index.documents:
                if end > start:
                    selection.add(_best(found, start, end))
            return [self._span(one, found, how) for one in selection.spans()]
        at_the_ends(selection, how.lead, how.tail)
        smooth = all(space.smooth for space in self.backend.spaces())
        sides = Sides(found.total, self.windows, self.lexical(question), smooth)
        choose(sides, selection, how.fusion, self._shape(how))
        selection.close_gaps(how.gap)
        return [self._span(one, found, how) for one in selection.spans()]

    def scores(self, question: str, search: Search | None = None) -> TokenScores:
        """The smoothed score of every token, -inf in removed documents, and the features that voted."""
        how = search or self.search
        acts = self.backend.encode_query(question)
        if not acts.tokens or not len(self):
            return TokenScores(None)
        spaces = self.backend.spaces()
        heads = self._head_background(how) if how.scoring.mode == "logits" else None
        found = token_scores(self.index, spaces, self.autoencoders, acts, how.scoring, how.kernel, heads)
        if how.calibrate and found.total is not None:
            return replace(found, total=found.total - self._background(how))
        return found

    def lexical(self, question: str) -> Found:
        """BM25 of every window."""
        return self.windows.ask(question)

    @cached_property
    def windows(self) -> Windows:
        """The windows BM25 searches."""
        return Windows(self.index)

    def probe(self, text: str = "") -> Health:
        """How well the autoencoders fit this text (or a sample of it), and whether mode `shared` can work."""
        from ragkit.extractors.s3.probe import probe

        return probe(self.backend, self.autoencoders, text or "\n".join(self.index.texts))

    # -- inside -------------------------------------------------------------------------------------------------------

    def _shape(self, how: Search) -> Callable[[Pick], Pick]:
        if not how.snap:
            return lambda pick: pick
        return lambda pick: snapped(pick, self._borders, how.reach)

    @cached_property
    def _borders(self) -> NDArray[np.int64]:
        """First tokens of sentences, and the ends of documents."""
        import numpy as np

        from ragkit.text.sentences import sentence_spans

        found = []
        for text, first, last in zip(self.index.texts, self.index.starts, self.index.starts[1:], strict=False):
            begins = np.array([start for start, _ in sentence_spans(text)], dtype=np.int64)
            places = self.index.offsets[first:last, 1]
            found += [first + np.searchsorted(places, begins, side="right"), np.array([last])]
        return np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)

    def _background(self, how: Search) -> Floats:
        """The mean score of every token over fixed questions; kept for each way of scoring."""
        import numpy as np

        kept = self._backgrounds.get((how.scoring, how.kernel))
        if kept is None:
            plain = replace(how, calibrate=False)
            rows = [self.scores(question, plain).total for question in QUESTIONS]
            present = [row for row in rows if row is not None]
            mean = np.mean([np.where(np.isfinite(row), row, 0.0) for row in present] or [np.zeros(len(self))], axis=0)
            kept = self._backgrounds[how.scoring, how.kernel] = mean.astype(np.float32)
        return kept.astype(np.float64)

    def _head_background(self, how: Search) -> dict[Any, Floats]:
        kept = self._head_backgrounds.get(how.scoring.heads)
        if kept is None:
            spaces = self.backend.spaces()
            sums: dict[Any, Floats] = {}
            for question in QUESTIONS:
                acts = self.backend.encode_query(question)
                for head, values in head_scores(self.index, spaces, self.autoencoders, acts, how.scoring).items():
                    sums[head] = sums.get(head, 0.0) + values / len(QUESTIONS)
            kept = self._head_backgrounds[how.scoring.heads] = {
                head: values.astype("float32") for head, values in sums.items()
            }
        return {head: values.astype("float64") for head, values in kept.items()}

    @cached_property
    def _backgrounds(self) -> dict[tuple[Scoring, int], NDArray[np.float32]]:
        return {}

    @cached_property
    def _head_backgrounds(self) -> dict[Any, dict[Any, NDArray[np.float32]]]:
        return {}

    def _span(self, span: TokenSpan, found: TokenScores, how: Search) -> EvidenceSpan:
        document, start, end = self.index.characters(span.start, span.end)
        start, end = _whole_characters(self.index.texts[document], start, end)
        return EvidenceSpan(
            document=self.index.names[document],
            start=start,
            end=end,
            text=self.index.texts[document][start:end],
            start_token=span.start,
            end_token=span.end,
            peak=span.peak,
            score=span.score,
            source=span.source,
            features=tuple(self._causes(span, found, how)),
        )

    def _causes(self, span: TokenSpan, found: TokenScores, how: Search) -> list[Cause]:
        causes = []
        stop = how.scoring.stop if found.stopped else 1.0
        for space, weights in found.weights.items():
            postings = self.index.postings[space]
            low, high = self.index.rows_of(space, span.start, span.end)
            rarity = rarities(postings.frequencies, int(self.index.row_starts(space)[-1]), how.scoring.rarity, stop)
            for id, row, amount in contributions(postings, weights, rarity, low, high)[:_SHOWN]:
                causes.append(Cause(space, id, self.index.token_of(space, row, span.start), round(amount, 6)))
        for space, worth in found.worth.items():
            causes += _worthy(self.index, worth, space, span)
        return sorted(causes, key=lambda one: (-one.contribution, one.space, one.feature))[:_SHOWN]


def prepared(
    backend: Backend | None, autoencoders: Mapping[str, Autoencoder] | Path | str | None
) -> tuple[Backend, dict[str, Autoencoder]]:
    """The backend, the default one if none, and its autoencoders: given, in a folder, or the shipped ones.

    Raises `SAEMismatchError` when a space has none that fits.
    """
    from ragkit.extractors.s3.encoder import EncoderBackend
    from ragkit.extractors.s3.shipped import load_folder, shipped

    if backend is None:
        backend = EncoderBackend()
    if autoencoders is None:
        found = shipped(backend)
    elif isinstance(autoencoders, (str, Path)):
        found = load_folder(Path(autoencoders), backend)
    else:
        found = dict(autoencoders)
    check_spaces(backend, found)
    return backend, found


def _best(found: TokenScores, start: int, end: int) -> Pick:
    """A whole document, with the score and place of its best token."""
    if found.total is None:
        return Pick(start, end, start, 0.0, "feature")
    peak = start + int(found.total[start:end].argmax())
    return Pick(start, end, peak, float(found.total[peak]), "feature")


def _worthy(index: Index, worth: NDArray[np.float32], space: str, span: TokenSpan) -> list[Cause]:
    """The features that add most within a span where values count."""
    import numpy as np

    low, high = index.rows_of(space, span.start, span.end)
    ids = index.rows[space].ids[low:high]
    amounts = np.where(ids >= 0, worth[ids] * index.rows[space].values[low:high].astype(np.float32), 0.0)
    sums = np.bincount(np.maximum(ids, 0).ravel(), weights=amounts.ravel(), minlength=len(worth))
    causes = []
    for id in np.argsort(-sums, kind="stable")[:_SHOWN].tolist():
        if sums[id] > 0:
            row = low + int(np.flatnonzero((ids == id).any(axis=1))[0])
            token = index.token_of(space, row, span.start)
            causes.append(Cause(space, id, token, round(float(sums[id]), 6)))
    return causes


def _whole_characters(text: str, start: int, end: int) -> tuple[int, int]:
    """The same place without cutting a character from the marks that belong to it."""
    from ragkit.text.graphemes import LONGEST_CLUSTER, may_cut

    first, last = max(0, start - LONGEST_CLUSTER), min(len(text), end + LONGEST_CLUSTER)
    start = next((place for place in range(start, first, -1) if may_cut(text, place)), first if first == 0 else start)
    return start, next(
        (place for place in range(end, last) if may_cut(text, place)), last if last == len(text) else end
    )
