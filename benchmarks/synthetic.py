"""An invented corpus of any size, for measuring growth: no meaning, but the statistics of encyclopedia paragraphs.

A passage is about a thing with a name of its own, has four to six sentences of Zipf-distributed words, names other
passages' things (popular ones more often), a few things that occur nowhere else, and years. About 95 words, 4 to 5
sentences and 7 new entities a passage, as in 2WikiMultihopQA.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ragkit import Document

SYLLABLES = [first + second for first in "bdfgklmnprstvz" for second in ("a", "e", "i", "o", "u", "an", "or", "el")]
WORDS = 40_000


class Corpus:
    """Passages 0, 1, 2, … of one seed; passage n is the same whatever the size of the corpus."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        chance = np.random.default_rng(seed)
        self.words = ["".join(chance.choice(SYLLABLES, chance.integers(1, 4))) for _ in range(WORDS)]

    def name(self, number: int) -> str:
        """The name of the thing passage `number` is about."""
        first, last = divmod(number * 7919 % 1_000_003, 1009)
        return f"{_syllables(first)} {_syllables(last + 5000)}".title()

    def documents(self, start: int, end: int) -> Iterator[Document]:
        """Passages `start` to `end` (exclusive)."""
        for number in range(start, end):
            title = self.name(number)
            yield Document(f"p{number}", f"{title}\n{self._text(number)}", metadata={"title": title})

    def questions(self, count: int, size: int) -> list[str]:
        """Questions about things the first `size` passages name; one in ten names something unknown."""
        chance = np.random.default_rng([self.seed, 99])
        return [
            f"Which {self._word(chance)} did {self._asked(chance, number, size)} "
            f"{self._word(chance)} after the {self._word(chance)} of {self._word(chance)}?"
            for number in range(count)
        ]

    def _asked(self, chance: np.random.Generator, number: int, size: int) -> str:
        return self.name(int(chance.integers(size)) if number % 10 else 900_000 + number)

    def _text(self, number: int) -> str:
        chance = np.random.default_rng([self.seed, number])
        sentences = []
        for place in range(int(chance.integers(4, 7))):
            words = [self._word(chance) for _ in range(int(chance.integers(9, 16)))]
            for _ in range(int(chance.integers(1, 3))):
                other = int(number * chance.random() ** 2) if chance.random() < 0.5 else 2_000_000 + number * 20 + place
                words.insert(int(chance.integers(1, len(words))), self.name(other))
            if chance.random() < 0.4:
                words.append(f"in {chance.integers(1800, 2020)}")
            sentences.append(" ".join(words).capitalize() if place else f"{self.name(number)} is {' '.join(words)}")
        return ". ".join(sentences) + "."

    def _word(self, chance: np.random.Generator) -> str:
        return self.words[min(WORDS - 1, int(chance.zipf(1.25)) - 1)]


def _syllables(number: int) -> str:
    parts = []
    while True:
        number, digit = divmod(number, len(SYLLABLES))
        parts.append(SYLLABLES[digit])
        if not number:
            return "".join(parts)
