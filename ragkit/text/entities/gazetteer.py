"""Phrases of the user's own, or the titles of a corpus, found in texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ragkit.text.entities.keys import folded_words, name_words
from ragkit.text.entities.spans import Word, is_capital, words

_Pieces = tuple[str, ...]


class Gazetteer:
    """Phrases looked up in texts as whole words: the longest first, from the left, without overlap.

    Compared are the words of `entity_key`, so case, punctuation, spacing and a leading article do not matter. In
    scripts that put no spaces between words every character is one. A phrase without a letter or digit is never found.
    Adding or removing a phrase takes time in proportion to its words, a lookup to the words of the text times those of
    the longest phrase.
    """

    def __init__(self, phrases: Iterable[str] = ()) -> None:
        self._phrases: dict[_Pieces, dict[str, None]] = {}
        self._lengths: dict[str, dict[int, int]] = {}  # first word -> number of words -> how many such phrases
        for phrase in phrases:
            self.add(phrase)

    def __len__(self) -> int:
        """How many phrases of different words it knows."""
        return len(self._phrases)

    def __contains__(self, phrase: str) -> bool:
        return _pieces(phrase) in self._phrases

    def add(self, phrase: str) -> None:
        """From now on find `phrase`. Several phrases of the same words are found together."""
        pieces = _pieces(phrase)
        if not pieces:
            return
        if pieces not in self._phrases:
            lengths = self._lengths.setdefault(pieces[0], {})
            lengths[len(pieces)] = lengths.get(len(pieces), 0) + 1
        self._phrases.setdefault(pieces, {})[phrase] = None

    def discard(self, phrase: str) -> None:
        """Find `phrase` no more; nothing happens if it was never added as it is written here."""
        pieces = _pieces(phrase)
        written = self._phrases.get(pieces, {})
        if phrase not in written:
            return
        del written[phrase]
        if not written:
            del self._phrases[pieces]
            self._forget_length(pieces)

    def _forget_length(self, pieces: _Pieces) -> None:
        lengths = self._lengths[pieces[0]]
        lengths[len(pieces)] -= 1
        if not lengths[len(pieces)]:
            del lengths[len(pieces)]
        if not lengths:
            del self._lengths[pieces[0]]

    def find(self, text: str, *, overlap: bool = False) -> Iterator[tuple[str, int, int, bool]]:
        """(phrase as it was added, start, end, lower) for each phrase in the text, in order of place.

        `lower` says that the text has all its words in lower case here, so that it may mean something else. With
        `overlap`, also what lies inside another phrase or begins in it.
        """
        tokens = words(text)
        folded, owners = _folded(tokens)
        place = 0
        while place < len(folded):
            step = 1
            for length in sorted(self._lengths.get(folded[place], ()), reverse=True):
                after = place + length
                phrases = self._phrases.get(tuple(folded[place:after]))
                if phrases is None or after > len(folded) or not _is_whole(owners, place, after):
                    continue
                first, last = owners[place], owners[after - 1]
                lower = not any(is_capital(t.text) or t.text[0].isdigit() for t in tokens[first : last + 1])
                for phrase in phrases:
                    yield phrase, tokens[first].start, tokens[last].end, lower
                if not overlap:
                    step = length
                    break
            place += step


def _pieces(phrase: str) -> _Pieces:
    return tuple(piece.text for word in name_words(phrase) for piece in words(word))


def _folded(tokens: list[Word]) -> tuple[list[str], list[int]]:
    """The folded words of a text, and for each the number of its token ("½" is two words, "1" and "2")."""
    folded: list[str] = []
    owners: list[int] = []
    for number, token in enumerate(tokens):
        if token.text.isascii():
            folded.append(token.text.lower())
            owners.append(number)
            continue
        pieces = [piece.text for word in folded_words(token.text) for piece in words(word)]
        folded += pieces
        owners += [number] * len(pieces)
    return folded, owners


def _is_whole(owners: list[int], first: int, after: int) -> bool:
    """Whether the pieces `first` up to `after` are all the pieces of their tokens."""
    begins = first == 0 or owners[first - 1] != owners[first]
    return begins and (after == len(owners) or owners[after - 1] != owners[after])
