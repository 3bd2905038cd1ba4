"""Questions written by a chat model about windows of documents, with spans that are exact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from ragkit.errors import InvalidValueError
from ragkit.evaluate.synth.align import align
from ragkit.evaluate.synth.asking import Asker, IdsReply, QuotesReply, ReplyError, SpentError
from ragkit.evaluate.synth.attempts import Attempts
from ragkit.evaluate.synth.candidates import Candidate
from ragkit.evaluate.synth.prompts import prompt
from ragkit.evaluate.synth.windows import Task
from ragkit.text.sentences import iter_sentences
from ragkit.types import Span

Citations = Literal["ids", "quotes"]
EARLIER = 20  # earlier questions of a document that the model is told
APART = 200  # characters between the references of a "multi" question, at least
_WISHES = {
    "single": "Write a question that needs one passage.",
    "multi": "Write a question that needs two to four passages which stand far apart in the text; list each.",
    "cross_doc": "Write a question that needs at least one passage of each of the two documents; list each.",
}


class Rejected(Exception):
    """A reply that makes no valid question; the text says why."""


@dataclass
class Writer:
    """Writes a question for each task. `seed` decides which earlier questions the model is told."""

    texts: Mapping[str, str]
    groups: Mapping[str, str]
    asker: Asker
    attempts: Attempts
    citations: Citations = "ids"
    max_attempts: int = 4
    concurrency: int = 1
    persona: str = ""
    style: str = ""
    seed: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    spent: bool = False
    earlier: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.citations not in ("ids", "quotes"):
            raise InvalidValueError(f"citations must be 'ids' or 'quotes', not {self.citations!r}")
        if self.max_attempts < 1 or self.concurrency < 1:
            raise InvalidValueError("max_attempts and concurrency must be 1 or more")

    def write(self, tasks: Sequence[Task], progress: Callable[[int], None] | None = None) -> list[Candidate]:
        """The questions of the tasks that gave one, in order. Tasks in the log are not asked again.

        Stops early when the calls are used up; then `spent` is set. Raises `ModelError` when the model fails for good.
        """
        written: list[Candidate] = []
        with ThreadPoolExecutor(self.concurrency) as pool:
            for begin in range(0, len(tasks), self.concurrency):
                # Questions of one round do not know of each other, so that the result does not depend on timing.
                results = list(pool.map(self._task, tasks[begin : begin + self.concurrency]))
                for candidate in results:
                    if candidate is not None:
                        written.append(candidate)
                        for window in candidate.windows:
                            self.earlier.setdefault(window.document_id, []).append(candidate.question)
                if progress:
                    progress(min(len(tasks), begin + self.concurrency))
                if self.spent:
                    break
        return written

    def system(self) -> str:
        """The first message of each request."""
        return prompt(f"system_{self.citations}")

    def user(self, task: Task) -> str:
        """The second message: windows, earlier questions, what is wished for."""
        shown, _ = self._shown(task)
        told = [one for window in task.windows for one in self.earlier.get(window.document_id, [])]
        told = list(dict.fromkeys(told))
        if len(told) > EARLIER:
            told = Random(f"{self.seed} {task.key}").sample(told, EARLIER)
        wishes = [_WISHES[task.kind]]
        wishes += [f"The person who asks: {self.persona}."] if self.persona else []
        wishes += [f"Style: {self.style}."] if self.style else []
        return prompt(
            "user", windows=shown, earlier="\n".join(f"- {one}" for one in told) or "(none)", wish=" ".join(wishes)
        )

    def _shown(self, task: Task) -> tuple[str, list[Span]]:
        """The windows as shown, and with ids the numbered sentences."""
        sentences: list[Span] = []
        blocks = []
        for number, window in enumerate(task.windows, 1):
            text = self.texts[window.document_id]
            head = f"Document {number}:\n" if len(task.windows) > 1 else ""
            if self.citations == "quotes":
                blocks.append(head + text[window.start : window.end])
                continue
            lines = []
            for start, end in iter_sentences(text, window.start, window.end):
                sentences.append(Span(window.document_id, start, end))
                lines.append(f"[{len(sentences)}] {' '.join(text[start:end].split())}")
            blocks.append(head + "\n".join(lines))
        return "\n\n".join(blocks), sentences

    def _task(self, task: Task) -> Candidate | None:
        done = self.attempts.finished.get(task.key)
        if done is not None:
            return self._remembered(task, done)
        for attempt in range(1, self.max_attempts + 1):
            last = attempt == self.max_attempts
            try:
                candidate, raw = self._attempt(task)
                verdict = "accepted"
            except SpentError:
                self.spent = True
                return None
            except ReplyError as error:
                candidate, raw, verdict = None, error.raw, f"unreadable: {error}"
            except Rejected as error:
                candidate, raw, verdict = None, str(error.__cause__ or ""), str(error)
            self._log(task, attempt, raw, verdict, candidate, final=last or candidate is not None)
            if candidate is not None:
                return candidate
            self.rejected[verdict.partition(":")[0]] += 1
        return None

    def _log(
        self, task: Task, attempt: int, raw: str, verdict: str, candidate: Candidate | None, *, final: bool
    ) -> None:
        tokens = [self.asker.last.prompt_tokens, self.asker.last.completion_tokens]
        made = None if candidate is None else _table(candidate)
        self.attempts.add(
            task.key, attempt, {"raw": raw, "verdict": verdict, "tokens": tokens, "question": made}, final=final
        )

    def _remembered(self, task: Task, entry: Mapping[str, Any]) -> Candidate | None:
        made = entry.get("question")
        if made is None:
            return None
        spans = [Span(*place) for place in made["spans"]]
        return self._candidate(task, made["question"], made["answer"], spans, tuple(made["flags"]))

    def _attempt(self, task: Task) -> tuple[Candidate, str]:
        wanted: type[IdsReply] | type[QuotesReply] = IdsReply if self.citations == "ids" else QuotesReply
        reply: IdsReply | QuotesReply
        reply, raw = self.asker.ask(self.system(), self.user(task), wanted)
        try:
            if not reply.single_topic or not reply.self_contained:
                raise Rejected("the model says it has several topics, or needs its text")
            spans, flags = self._spans(task, reply)
            self._check(task, spans)
        except Rejected as error:
            raise Rejected(str(error)) from ValueError(raw)
        return self._candidate(task, " ".join(reply.question.split()), reply.answer.strip(), spans, flags), raw

    def _spans(self, task: Task, reply: IdsReply | QuotesReply) -> tuple[list[Span], tuple[str, ...]]:
        if isinstance(reply, IdsReply):
            _, sentences = self._shown(task)
            return [_range(sentences, one.first, one.last) for one in reply.references], ()
        found = [self._aligned(task, quote) for quote in reply.references]
        return [span for span, _ in found], tuple(sorted({flag for _, flags in found for flag in flags}))

    def _aligned(self, task: Task, quote: str) -> tuple[Span, tuple[str, ...]]:
        places = []
        for window in task.windows:
            found = align(self.texts[window.document_id], window.start, window.end, quote)
            if found is not None:
                places.append((Span(window.document_id, found.start, found.end), found.flags))
        if not places:
            raise Rejected("a quote is not in its window")
        span, flags = min(
            places, key=lambda place: ("fuzzy" in place[1], task.windows[0].document_id != place[0].document_id)
        )
        return span, (*flags, "ambiguous") if len(places) > 1 else flags

    def _check(self, task: Task, spans: Sequence[Span]) -> None:
        ordered = sorted(spans)
        if task.kind == "cross_doc" and {span.document_id for span in spans} != {w.document_id for w in task.windows}:
            raise Rejected("not every document is referred to")
        if task.kind == "multi":
            apart = all(
                other.start - one.end >= APART
                for one, other in zip(ordered, ordered[1:], strict=False)
                if one.document_id == other.document_id
            )
            if len(ordered) < 2 or not apart:
                raise Rejected(f"references of a question of several passages are less than {APART} characters apart")

    def _candidate(
        self, task: Task, question: str, answer: str, spans: Sequence[Span], flags: tuple[str, ...]
    ) -> Candidate:
        ordered = tuple(sorted(set(spans)))
        texts = tuple(self.texts[span.document_id][span.start : span.end] for span in ordered)
        group = self.groups[task.windows[0].document_id]
        return Candidate(question, ordered, texts, task.kind, answer, group, flags, task.windows)


def _table(candidate: Candidate) -> dict[str, Any]:
    spans = [[span.document_id, span.start, span.end] for span in candidate.spans]
    return {"question": candidate.question, "answer": candidate.answer, "spans": spans, "flags": list(candidate.flags)}


def _range(sentences: Sequence[Span], first: int, last: int) -> Span:
    if not 1 <= first <= last <= len(sentences):
        raise Rejected("a reference names sentences that were not shown")
    one, other = sentences[first - 1], sentences[last - 1]
    if one.document_id != other.document_id:
        raise Rejected("a range of sentences goes over two documents")
    return Span(one.document_id, one.start, other.end)
