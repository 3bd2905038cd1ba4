"""The prompts of question generation, as text files; `VERSION` changes when what they ask for does."""

from __future__ import annotations

import hashlib
import re
from importlib import resources

VERSION = "1"
_FILES = ("system_ids", "system_quotes", "user", "repair", "critic_system", "critic_user")


def prompt(name: str, **values: str) -> str:
    """The text of a prompt file with `{field}` replaced, in one pass, so that values cannot bring in further fields."""
    text = resources.files(__name__).joinpath(f"{name}.txt").read_text(encoding="utf-8")
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found.group(1), found.group()), text) if values else text


def prompt_hash() -> str:
    """Names the version and wording of all prompts."""
    whole = hashlib.sha256(VERSION.encode())
    for name in _FILES:
        whole.update(prompt(name).encode())
    return whole.hexdigest()[:16]
