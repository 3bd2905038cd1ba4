"""Where a family of language models has its keys and queries, and how they are laid out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragkit.errors import UnsupportedModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DEPTHS = (0.0, 0.37, 0.5, 0.65)


@dataclass(slots=True)
class Attention:
    """One attention layer: the modules whose outputs are keys and queries, and its sizes.

    `point` is "norm" where the family normalises keys and queries, else "projection". Outputs are (1, n, heads * d) or,
    behind some norms, (1, n, heads, d) or (1, heads, n, d); `learn` finds out which.
    """

    layer: int
    key: Any
    query: Any
    point: str
    groups: int
    heads: int
    d: int
    scaling: float
    tokens_axis: int = 1

    def learn(self, key: Any, query: Any, tokens: int) -> None:
        """Find the axis of the tokens in outputs of a run over `tokens` tokens, a number unlike that of any head."""
        for output, heads in ((key, self.groups), (query, self.heads)):
            shape = tuple(output.shape)
            fits: dict[int, list[tuple[int, ...]]] = {
                1: [(1, tokens, heads * self.d), (1, tokens, heads, self.d)],
                2: [(1, heads, tokens, self.d)],
            }
            axis = next((axis for axis, shapes in fits.items() if shape in shapes), None)
            if axis is None:
                raise UnsupportedModelError(
                    f"layer {self.layer} gives keys or queries of shape {shape} for {tokens} tokens, {heads} heads of "
                    f"{self.d}; this layout is not supported"
                )
            self.tokens_axis = axis

    def split(self, output: Any, heads: int) -> NDArray[np.float32]:
        """An output as (n, heads, d), float32."""
        whole = output[0].float()
        if whole.ndim == 2:
            whole = whole.reshape(len(whole), heads, self.d)
        elif self.tokens_axis == 2:
            whole = whole.transpose(0, 1)
        found: NDArray[np.float32] = whole.cpu().numpy()
        return found


def attention_of(module: Any, layer: int, config: Any) -> Attention:
    """Find the keys and queries of an attention module. Raises `UnsupportedModelError` naming what is missing."""
    names = []
    for kind in "kq":
        name = next((name for name in (f"{kind}_norm", f"{kind}_proj") if _is_module(module, name)), "")
        if not name:
            has = ", ".join(name for name, _ in module.named_children()) or "nothing"
            raise UnsupportedModelError(
                f"{type(module).__name__} of layer {layer} has no {kind}_proj (it has {has}); models that project "
                "queries, keys and values at once need a splitter, which there is none for yet"
            )
        names.append(name)
    heads = int(config.num_attention_heads)
    groups = int(getattr(config, "num_key_value_heads", None) or heads)
    d = int(getattr(module, "head_dim", None) or getattr(config, "head_dim", None) or config.hidden_size // heads)
    scaling = float(getattr(module, "scaling", None) or d**-0.5)
    point = "norm" if names[0].endswith("norm") else "projection"
    return Attention(layer, getattr(module, names[0]), getattr(module, names[1]), point, groups, heads, d, scaling)


def chosen_layers(config: Any, depth: int, asked: tuple[int, ...]) -> tuple[int, ...]:
    """The layers to read: those asked for, else some by depth, moved to layers that see the whole text.

    Raises `UnsupportedModelError` for numbers the model does not have.
    """
    if asked:
        wrong = [number for number in asked if not 0 <= number < depth]
        if wrong:
            raise UnsupportedModelError(f"the model has layers 0 to {depth - 1}, not {', '.join(map(str, wrong))}")
        return tuple(sorted(set(asked)))
    kinds = list(getattr(config, "layer_types", None) or [])
    full = [number for number, kind in enumerate(kinds[:depth]) if kind == "full_attention"]
    mixed = 0 < len(full) < depth
    found: list[int] = []
    for share in DEPTHS:
        number = round(share * (depth - 1))
        near = min(full, key=lambda one: (abs(one - number), one)) if mixed and number else number
        found.append(number if near in found else near)
    return tuple(sorted(set(found)))


def _is_module(owner: Any, name: str) -> bool:
    return callable(getattr(getattr(owner, name, None), "register_forward_hook", None))
