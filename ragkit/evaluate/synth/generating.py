"""Making a data set from documents: by rules, or with a chat model."""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragkit.errors import InvalidValueError
from ragkit.evaluate.dataset import Dataset, Doc
from ragkit.evaluate.synth.attempts import Attempts
from ragkit.evaluate.synth.candidates import Candidate, Funnel
from ragkit.evaluate.synth.filters import Filters
from ragkit.evaluate.synth.parsing import PACKAGED
from ragkit.evaluate.synth.prompts import VERSION, prompt, prompt_hash
from ragkit.evaluate.synth.windows import MIX, WINDOW, plan_tasks
from ragkit.text.tokens import count_tokens, words
from ragkit.types import Document, Usage

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from ragkit.evaluate.synth.writer import Citations

REPLY_TOKENS = 120  # of a reply, for estimates
OVERSAMPLED = 3  # candidates by rules that go through the filters, for each question wanted


@dataclass(frozen=True)
class Generated:
    """A data set, the funnel that led to it, what the model consumed, and the share of words taken from the source.

    `overlap` is the share of the questions' content words that their gold holds too; sets by people are near 0.5.
    `complete` is False when the calls were used up before all questions were asked for.
    """

    dataset: Dataset
    funnel: Funnel
    overlap: float
    usage: Usage = Usage()
    complete: bool = True


@dataclass(frozen=True)
class DryRun:
    """What a run with a chat model would cost: calls, and tokens in and out, at least and at most."""

    tasks: int
    calls: tuple[int, int]
    prompt_tokens: tuple[int, int]
    completion_tokens: tuple[int, int]
    prompt_hash: str


def by_rules(
    documents: Iterable[Document | Doc],
    *,
    n: int | None = None,
    seed: int = 0,
    model: str = PACKAGED,
    filters: Filters | None = None,
    name: str = "rules",
) -> Generated:
    """Questions without a language model; the same documents, seed and spaCy model give the same bytes.

    `n` bounds the questions, spread evenly over documents and kinds. `model` "" uses no parser, which gives gapped
    sentences only. They repeat their source's words: fit for regression tests and for comparing how sparing chunks are
    with tokens, not for stating quality. Raises `ModelError` for a missing model, `DatasetError` without questions.
    """
    from ragkit.evaluate.synth import parsing, rules

    docs = _docs(documents)
    given = [(doc.id, doc.group or doc.id, doc.text) for doc in docs.values()]
    dropped: Counter[str] = Counter()
    if model:
        found = list(rules.from_parsed(parsing.parsed_sentences(given, model), dropped))
    else:
        found = list(rules.cloze(parsing.ruled_sentences(given), dropped))
    funnel = Funnel()
    funnel.note("rules", len(found) + sum(dropped.values()), dropped)
    sampled = _spread(found, OVERSAMPLED * n, seed) if n is not None else found
    if len(sampled) < len(found):
        funnel.note("sample", len(found), {"not needed": len(found) - len(sampled)})
    filters = replace(filters or Filters(), seed=seed)
    kept = filters.run(sampled, {id: doc.text for id, doc in docs.items()}, funnel)
    about = {"mode": "rules", "seed": seed, "model": _model_version(model), "prompt_hash": ""}
    return _generated(docs, kept, n, seed, filters, funnel, about, name)


def by_model(
    documents: Iterable[Document | Doc],
    llm: BaseChatModel | str,
    *,
    n: int,
    seed: int = 0,
    citations: Citations = "ids",
    folder: Path | None = None,
    filters: Filters | None = None,
    critic: bool = False,
    window: int = WINDOW,
    balanced: bool = False,
    mix: Mapping[str, float] = MIX,
    max_attempts: int = 4,
    max_calls: int | None = None,
    concurrency: int = 1,
    timeout: float = 120.0,
    persona: str = "",
    style: str = "",
    name: str = "llm",
    sleep: Callable[[float], None] = time.sleep,
    progress: Callable[[int], None] | None = None,
) -> Generated:
    """Questions written by a chat model, their gold spans exact: numbered sentences ("ids"), or aligned "quotes".

    `folder` gets `attempts.jsonl`, from which the same call goes on after an interruption. `max_calls` bounds all
    requests (default: two for each attempt), `max_attempts` those for one question. `timeout`, in seconds, holds for a
    model given by name. Raises `ModelError` when the model fails for good, `DatasetError` when no question is left.
    """
    from ragkit.evaluate.synth.asking import Asker
    from ragkit.evaluate.synth.writer import Writer
    from ragkit.models.chat import load_chat_model

    docs = _docs(documents)
    texts = {id: doc.text for id, doc in docs.items()}
    chat = load_chat_model(llm, timeout=timeout)
    tasks = plan_tasks(texts, _positive(n), seed, window=window, balanced=balanced, mix=mix)
    calls = 2 * n * max_attempts if max_calls is None else max_calls
    asker = Asker(chat, calls, sleep=sleep)
    model = llm if isinstance(llm, str) else _model_name(chat)
    about = {"mode": "llm", "seed": seed, "model": model, "prompt_hash": prompt_hash(), "prompt_version": VERSION}
    about |= {"citations": citations, "window": window, "persona": persona, "style": style}
    run = hashlib.sha256(json.dumps([about, sorted(texts.items())]).encode()).hexdigest()[:16]
    attempts = Attempts(folder / "attempts.jsonl" if folder else None, run)
    groups = {id: doc.group or id for id, doc in docs.items()}
    writer = Writer(texts, groups, asker, attempts, citations, max_attempts, concurrency, persona, style, seed)
    written = writer.write(tasks, progress)
    funnel = Funnel()
    funnel.note("attempts", len(written) + sum(writer.rejected.values()), writer.rejected)
    filters = replace(filters or Filters(), seed=seed, llm_wording=True, critic=asker.critic if critic else None)
    kept = filters.run(written, texts, funnel)
    made = _generated(docs, kept, n, seed, filters, funnel, about, name)
    return replace(made, usage=asker.usage, complete=not writer.spent)


def dry_run(
    documents: Iterable[Document | Doc],
    *,
    n: int,
    seed: int = 0,
    citations: Citations = "ids",
    window: int = WINDOW,
    balanced: bool = False,
    mix: Mapping[str, float] = MIX,
    max_attempts: int = 4,
) -> DryRun:
    """What `by_model` would ask for, without asking. Tokens are words and punctuation marks, so only roughly right."""
    from ragkit.evaluate.synth.writer import Writer

    docs = _docs(documents)
    texts = {id: doc.text for id, doc in docs.items()}
    tasks = plan_tasks(texts, _positive(n), seed, window=window, balanced=balanced, mix=mix)
    groups = {id: id for id in docs}
    writer = Writer(texts, groups, None, Attempts(None, ""), citations)  # type: ignore[arg-type]  # it is not asked
    prompts = [count_tokens(writer.system()) + count_tokens(writer.user(task)) for task in tasks]
    once, most = sum(prompts), 2 * max_attempts
    calls = len(tasks), most * len(tasks)
    repair = count_tokens(prompt("repair")) + REPLY_TOKENS
    out = REPLY_TOKENS * len(tasks)
    return DryRun(
        len(tasks), calls, (once, most * once + max_attempts * repair * len(tasks)), (out, most * out), prompt_hash()
    )


def _positive(n: int) -> int:
    if n < 1:
        raise InvalidValueError(f"n must be 1 or more questions, it was {n}")
    return n


def _docs(documents: Iterable[Document | Doc]) -> dict[str, Doc]:
    docs: dict[str, Doc] = {}
    for one in documents:
        doc = one if isinstance(one, Doc) else Doc(one.id, one.text, source=one.source)
        if doc.id in docs:
            raise InvalidValueError(f"two documents have the id {doc.id!r}; ids must differ")
        docs[doc.id] = doc
    if not docs:
        raise InvalidValueError("there are no documents to ask about")
    return docs


def _spread(candidates: Sequence[Candidate], n: int, seed: int) -> list[Candidate]:
    """`n` of the candidates, taken in turn from each group and kind in a random order, given in their old order."""
    if len(candidates) <= n:
        return list(candidates)
    piles: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, one in enumerate(candidates):
        piles[one.group, one.kind].append(at)
    for key, pile in piles.items():
        random.Random(f"{seed} {key}").shuffle(pile)
    chosen: list[int] = []
    turn = 0
    while len(chosen) < n:
        chosen += [pile[turn] for _, pile in sorted(piles.items()) if turn < len(pile)][: n - len(chosen)]
        turn += 1
    return [candidates[at] for at in sorted(chosen)]


def _generated(
    docs: Mapping[str, Doc],
    kept: Sequence[Candidate],
    n: int | None,
    seed: int,
    filters: Filters,
    funnel: Funnel,
    about: Mapping[str, Any],
    name: str,
) -> Generated:
    from ragkit.evaluate.dataset import DatasetError

    final = _spread(kept, n, seed) if n is not None else list(kept)
    if len(final) < len(kept):
        funnel.note("wanted", len(kept), {"more than asked for": len(kept) - len(final)})
    if not final:
        raise DatasetError(f"no question is left; what became of them:\n{funnel}")
    generator = {**about, "filters": filters.names(), "funnel": funnel.table()}
    questions = tuple(one.as_question(f"q{number}") for number, one in enumerate(final, 1))
    dataset = Dataset(name, dict(docs), questions, generator=generator)
    dataset.check()
    return Generated(dataset, funnel, word_overlap(final))


def word_overlap(candidates: Sequence[Candidate]) -> float:
    """The mean share of a question's content words (4 letters or more, or numbers) that stand in its references."""
    shares = []
    for one in candidates:
        held = set(words(" ".join(one.texts)))
        asked = [word for word in words(one.question) if len(word) > 3 and word not in _ASKING]
        if asked:
            shares.append(sum(word in held for word in asked) / len(asked))
    return sum(shares) / len(shares) if shares else 0.0


_ASKING = frozenset("what when where which whom whose does about known many much missing".split())


def _model_version(model: str) -> str:
    if not model:
        return "ragkit rules"
    from ragkit.evaluate.synth.parsing import load

    meta = load(model).meta
    return f"spacy {meta.get('lang')}_{meta.get('name')} {meta.get('version')}"


def _model_name(chat: BaseChatModel) -> str:
    named = getattr(chat, "model_name", "") or getattr(chat, "model", "")
    return f"{type(chat).__name__} {named}".strip()
