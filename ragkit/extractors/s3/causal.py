"""Any Hugging Face causal language model as a source of vectors: its keys, and for questions its queries.

Keys and queries are read before the rotary position embedding, by forward hooks, behind the norms some families put on
them. The text goes through in independent chunks without a cache; layers above the last one that is read are skipped.
"""

from __future__ import annotations

import copy
import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragkit.errors import InvalidValueError, ModelError, UnsupportedModelError
from ragkit.extractors.s3.attention import attention_of, chosen_layers
from ragkit.extractors.s3.backend import QueryActs, Scanned, SpaceInfo, checked, tokenised

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHUNK = 512
TEMPLATE = "Question: {q}\nAnswer:"
_LONGEST_QUESTION = 2048  # tokens, the template's included
_DRY = 11  # tokens of the dry run: no usual number of heads


class CausalBackend:
    """A causal language model: one that is loaded, with its fast tokenizer, or a local folder.

    `layers` are numbers from 0; without them some are chosen by the depth of the model. A chunk has `chunk_tokens`
    tokens, of which one is the beginning-of-text mark, where there is one, and `carry` are repeated from the chunk
    before. A folder is loaded in `dtype`. `threads` sets torch's number of threads, 0 leaves it. Use it as a context
    manager or `close` it; the model itself is never changed.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any = None,
        *,
        layers: Sequence[int] = (),
        chunk_tokens: int = CHUNK,
        carry: int = 0,
        template: str = TEMPLATE,
        dtype: str = "bfloat16",
        threads: int = 0,
    ) -> None:
        if chunk_tokens < 2 + carry or carry < 0:
            raise InvalidValueError(f"a chunk of {chunk_tokens} tokens has no room beside {carry} carried ones")
        if template.count("{q}") != 1:
            raise InvalidValueError(f"the template must hold {{q}} once, for the question: {template!r}")
        if isinstance(model, (str, Path)):
            model, tokenizer = _loaded(Path(model), dtype)
        if tokenizer is None:
            raise InvalidValueError("give the model's fast tokenizer too, or a folder that holds both")
        if threads:
            import torch

            torch.set_num_threads(threads)
        self.chunk_tokens, self.carry, self.template = chunk_tokens, carry, template
        self._tokenizer, self._bos, tokens = _bare(tokenizer)
        base = getattr(model, "base_model", model)
        if not hasattr(base, "layers"):
            raise UnsupportedModelError(f"{type(base).__name__} has no list `layers`; its family is not supported yet")
        self.layers = chosen_layers(base.config, len(base.layers), tuple(layers))
        self._attention = {
            number: attention_of(base.layers[number].self_attn, number, base.config) for number in self.layers
        }
        self._view: Any = _cut(base, max(self.layers) + 1)
        self._lock = threading.RLock()
        self._check_shapes()
        self._fingerprint = f"{base.config.model_type} {_digest(base, self.layers)} layers {self.layers} {tokens}"

    def spaces(self) -> list[SpaceInfo]:
        """One for each key-value head of each layer."""
        found = []
        for number in self.layers:
            own = self._attention[number]
            per_head = own.heads // own.groups
            found += [SpaceInfo(_space(number, group), own.d, per_head, own.scaling) for group in range(own.groups)]
        return found

    def fingerprint(self) -> str:
        """The family, a hash of the weights read, the layers, the point of capture and a hash of the tokenizer."""
        points = {own.point for own in self._attention.values()}
        return f"{self._fingerprint} capture {'+'.join(sorted(points))}"

    def scan(self, text: str) -> Iterator[Scanned]:
        """The keys of a text, chunk by chunk."""
        ids, offsets = tokenised(self._tokenizer, text)
        total = len(ids)
        new = self.chunk_tokens - self.carry - (self._bos is not None)
        for number, start in enumerate(range(0, total, new)):
            end = min(total, start + new)
            carried = min(self.carry, start)
            keys, _ = self._pass(ids[start - carried : end], queries=False)
            arrays = {
                space: checked(values[carried:], f"{space} in chunk {number + 1}", start)
                for space, values in keys.items()
            }
            del keys
            yield Scanned(start, offsets[start:end], arrays, total)

    def encode_query(self, text: str) -> QueryActs:
        """Keys and queries of the question's own tokens within the template."""
        import numpy as np

        before, _, after = self.template.partition("{q}")
        ids, offsets = tokenised(self._tokenizer, before + text + after)
        first, last = len(before), len(before) + len(text)
        ids, offsets = ids[:_LONGEST_QUESTION], offsets[:_LONGEST_QUESTION]
        own = (
            np.flatnonzero((offsets[:, 0] < last) & (offsets[:, 1] > first)) if text.strip() else np.zeros(0, dtype=int)
        )
        keys, queries = self._pass(ids, queries=True)
        tokens = [text[max(0, start - first) : end - first] for start, end in offsets[own].tolist()]
        return QueryActs(
            tokens,
            {space: checked(values[own], f"{space} in the question", 0) for space, values in keys.items()},
            {space: checked(values[own], f"{space} in the question", 0) for space, values in queries.items()},
        )

    def close(self) -> None:
        """Let the model go; it was never changed."""
        self._view = None

    def __enter__(self) -> CausalBackend:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- inside -------------------------------------------------------------------------------------------------------

    def _pass(
        self, ids: NDArray[np.int32], *, queries: bool
    ) -> tuple[dict[str, NDArray[np.float32]], dict[str, NDArray[np.float32]]]:
        """One forward pass: keys (n, d) by space and, if wanted, queries (n, heads, d), without the mark's row."""
        with self._lock, self._captured(queries) as got:
            marked = self._forward(ids)
        keys: dict[str, NDArray[np.float32]] = {}
        asked: dict[str, NDArray[np.float32]] = {}
        for number in self.layers:
            own = self._attention[number]
            split = own.split(got["k", number], own.groups)[marked:]
            per_head = own.heads // own.groups
            heads = own.split(got["q", number], own.heads)[marked:] if queries else None
            for group in range(own.groups):
                keys[_space(number, group)] = split[:, group]
                if heads is not None:
                    asked[_space(number, group)] = heads[:, group * per_head : (group + 1) * per_head]
        return keys, asked

    def _forward(self, ids: NDArray[np.int32]) -> int:
        """Run the view; how many rows stand before the text's own."""
        import torch

        if self._view is None:
            raise ModelError("this backend was closed; make a new one")
        mark = [] if self._bos is None else [self._bos]
        with torch.inference_mode():
            self._view(input_ids=torch.tensor([[*mark, *ids.tolist()]]), use_cache=False)
        return len(mark)

    @contextmanager
    def _captured(self, queries: bool) -> Iterator[dict[tuple[str, int], Any]]:
        """What the hooks saw, by kind and layer; they are gone afterwards, whatever happens."""
        got: dict[tuple[str, int], Any] = {}

        def keep(name: tuple[str, int]) -> Any:
            def hook(_module: Any, _inputs: Any, output: Any) -> None:
                got[name] = output.detach()

            return hook

        hooks = []
        try:
            for number, own in self._attention.items():
                hooks.append(own.key.register_forward_hook(keep(("k", number))))
                if queries:
                    hooks.append(own.query.register_forward_hook(keep(("q", number))))
            yield got
        finally:
            for hook in hooks:
                hook.remove()

    def _check_shapes(self) -> None:
        """A dry run, to see on which axis tokens lie; raises `UnsupportedModelError` where that is not to be told."""
        import numpy as np

        length = _DRY
        while any(length + 1 in (own.groups, own.heads, own.d) for own in self._attention.values()):
            length += 1
        with self._captured(True) as got:
            marked = self._forward(np.ones(length, dtype=np.int32))
        for number, own in self._attention.items():
            own.learn(got["k", number], got["q", number], length + marked)


def _space(layer: int, group: int) -> str:
    return f"layer {layer} head {group}"


def _loaded(folder: Path, dtype: str) -> tuple[Any, Any]:
    from ragkit.models.quiet import quiet

    if not folder.is_dir():
        raise ModelError(f"{folder} is no folder of a model; nothing is downloaded (for a GGUF file: convert_gguf)")
    with quiet():
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            kind = getattr(torch, dtype)
            model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype=kind)
        except Exception as error:  # whatever transformers raises for what is no model
            raise ModelError(f"the language model in {folder} could not be loaded: {error}") from error
    model.train(False)
    return model, tokenizer


def _bare(tokenizer: Any) -> tuple[Any, int | None, str]:
    """The fast tokenizer without padding and cutting, the beginning-of-text mark or None, and a hash."""
    fast = getattr(tokenizer, "backend_tokenizer", None)
    if fast is None:
        raise UnsupportedModelError(
            f"{type(tokenizer).__name__} is a slow tokenizer, which gives no character offsets; load a fast one"
        )
    bare = copy.deepcopy(fast)
    bare.no_padding()
    bare.no_truncation()
    digest = hashlib.sha256(bare.to_str().encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return bare, tokenizer.bos_token_id, f"tokenizer {digest}"


def _cut(base: Any, layers: int) -> Any:
    """The same modules under a new head, without the layers above and the last norm."""
    import torch

    view = copy.copy(base)
    view._modules = dict(base._modules)
    view._modules["layers"] = torch.nn.ModuleList(list(base.layers)[:layers])
    for name in ("norm", "final_layernorm"):
        if name in view._modules:
            view._modules[name] = torch.nn.Identity()
    view.train(False)
    return view


def _digest(base: Any, layers: Sequence[int]) -> str:
    """A hash of the weights the keys come from, the same for the model in bfloat16 and float32."""
    import torch

    found = hashlib.sha256()
    parts = [base.get_input_embeddings().weight[:2000]]
    parts += [value for number in layers for value in base.layers[number].self_attn.parameters()]
    for part in parts:
        found.update(part.detach().to(torch.bfloat16).view(torch.int16).cpu().numpy().tobytes())
    return found.hexdigest()[:16]
