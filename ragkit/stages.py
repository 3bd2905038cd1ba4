"""Every registered stage by its name: `from ragkit.stages import chunk, bm25, answer`.

What you get is an expression, without parameters until you call it: `chunk(tokens=200) >> bm25 >> answer`.
"""

import ragkit.registry as _registry
from ragkit.pipeline.expression import Stage as _Stage


def __getattr__(name: str) -> _Stage:
    if name == "__all__":
        return __dir__()  # type: ignore[return-value]  # `import *` asks for it here
    if name not in _registry.stage_names():
        meant = _registry.did_you_mean(name, list(_registry.stage_names()))
        raise AttributeError(f"no stage named {name!r}{meant}", name=name)
    return _Stage(name)


def __dir__() -> list[str]:
    return [name for name in _registry.stage_names() if _registry.can_name(name)]
