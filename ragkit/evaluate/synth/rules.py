"""Questions without a language model: from parsed sentences, and from names and subjects that recur.

The same documents, seed and spaCy model give the same questions.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from ragkit.evaluate.synth.candidates import Candidate
from ragkit.evaluate.synth.grammar import Clause, lowered, questions
from ragkit.evaluate.synth.parsing import Sentence
from ragkit.evaluate.synth.wording import fault, points, suitable
from ragkit.types import Span

Clauses = list[tuple[Sentence, Clause]]
BLANK = "____"
FEWEST, MOST = 2, 5  # sentences that a question about several may need
_NAMES = ("PERSON", "ORG", "GPE", "LOC", "FAC", "PRODUCT", "EVENT", "WORK_OF_ART")
_CITED = re.compile(r"['’]s$|\b(?:[A-Z]{1,3}|\d+)$")  # a possessive, or the author or year of a citation
_CLOZE = re.compile(r"\b\d[\d.,]*\d\b|\b\d\b|(?<=[\w,;] )[A-Z][\w-]+(?: [A-Z][\w-]+)*")


def from_parsed(documents: Iterable[Sequence[Sentence]], dropped: Counter[str]) -> Iterator[Candidate]:
    """All questions of documents given as parsed sentences; what is rejected is counted by reason in `dropped`."""
    held = [list(sentences) for sentences in documents]
    many = len(held) > 1
    for sentences in held:
        clauses = _clauses(sentences)
        for sentence, clause in clauses:
            yield from _single(sentence, clause, many, dropped)
        yield from mentions(sentences)
        yield from gather(clauses, many, dropped)


def _clauses(sentences: Sequence[Sentence]) -> Clauses:
    fit = (sentence for sentence in sentences if suitable(sentence.text))
    return [(sentence, clause) for sentence in fit if (clause := Clause.of(sentence.parsed)) is not None]


def _single(sentence: Sentence, clause: Clause, many: bool, dropped: Counter[str]) -> Iterator[Candidate]:
    for made in questions(clause):
        reason = _subject_fault(clause, many) or fault(made.question, made.answer, made.tokens)
        if reason:
            dropped[reason] += 1
        else:
            yield _candidate(made.question, [sentence], made.kind, made.answer)


def _subject_fault(clause: Clause, many: bool) -> str:
    tokens = clause.subject_tokens
    if any(points(token) for token in tokens):
        return "pronoun"
    told = [token for token in tokens if token.pos_ not in ("DET", "PUNCT")]
    generic = len(told) == 1 and told[0].pos_ == "NOUN"
    return "generic subject" if many and generic else ""


def _candidate(question: str, sentences: Sequence[Sentence], kind: str, answer: str = "") -> Candidate:
    spans = tuple(Span(one.document_id, one.start, one.end) for one in sentences)
    texts = tuple(one.text for one in sentences)
    return Candidate(question, spans, texts, kind, answer, sentences[0].group)


def mentions(sentences: Sequence[Sentence]) -> Iterator[Candidate]:
    """The question "What is known about NAME?" for each name of several words that 2 to 5 scattered sentences hold."""
    for name in sorted(_names(sentences)):
        pattern = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
        holding = [sentence for sentence in sentences if name in sentence.text and pattern.search(sentence.text)]
        if _scattered(holding):
            yield _candidate(f"What is known about {name}?", holding, "mentions")


def _names(sentences: Sequence[Sentence]) -> set[str]:
    names = set()
    for sentence in sentences:
        for entity in sentence.parsed.ents:
            words = entity.text.split()
            if words and words[0].lower() == "the":
                words = words[1:]
            name = " ".join(words)
            plain = (
                re.fullmatch(r"[^\W\d_][\w.&’'-]*(?: [\w.&’'-]+)+", name) and name[0].isupper() and name[-1].isalnum()
            )
            if entity.label_ in _NAMES and plain and not _CITED.search(name):
                names.add(name)
    return names


def _scattered(sentences: Sequence[Sentence]) -> bool:
    """Whether these are 2 to 5 sentences that do not all stand next to each other."""
    if not FEWEST <= len(sentences) <= MOST:
        return False
    return sentences[-1].number - sentences[0].number > len(sentences) - 1


def gather(clauses: Clauses, many: bool, dropped: Counter[str]) -> Iterator[Candidate]:
    """The question "What did S do?" for 2 to 5 scattered sentences with the same subject, verb and tense."""
    same: dict[tuple[str, str, str], Clauses] = defaultdict(list)
    for sentence, clause in clauses:
        if clause.sound:
            lead = clause.lead.tag_ if clause.lead is not None else ""
            key = " ".join(token.lower_ for token in clause.subject_tokens), clause.root.lemma_, clause.root.tag_ + lead
            same[key].append((sentence, clause))
    for (_, lemma, _), found in sorted(same.items()):
        sentences = [sentence for sentence, _ in found]
        if not _scattered(sentences):
            continue
        clause = found[0][1]
        text = _asked(clause)
        reason = _subject_fault(clause, many) or fault(f"{text} {'x ' * 6}", "", clause.subject_tokens)
        if lemma in ("be", "have") or reason or not clause.acts:
            dropped[reason or "nothing done"] += 1
        else:
            yield _candidate(text, sentences, "gather")


def _asked(clause: Clause) -> str:
    lead = clause.lead.lower_ if clause.lead is not None else {"VBD": "did", "VBZ": "does"}.get(clause.root.tag_, "do")
    verb = clause.root.text if clause.lead is not None else clause.root.lemma_
    return f"What {lead} {lowered(clause.subject_tokens)} {verb}?"


def cloze(documents: Iterable[Sequence[Sentence]], dropped: Counter[str]) -> Iterator[Candidate]:
    """Without a parser: a sentence with one number or capitalised phrase left out."""
    for sentences in documents:
        for sentence in sentences:
            if not suitable(sentence.text):
                dropped["unsuitable"] += 1
                continue
            found = [match for match in _CLOZE.finditer(sentence.text) if sentence.text.count(match[0]) == 1]
            if not found:
                dropped["nothing to leave out"] += 1
                continue
            match = max(found, key=lambda one: (len(one[0]), -one.start()))
            gapped = sentence.text[: match.start()] + BLANK + sentence.text[match.end() :]
            if '"' in gapped or "“" in gapped:
                dropped["quotation"] += 1
                continue
            yield _candidate(f'What is missing in "{gapped}"?', [sentence], "cloze", match[0])
