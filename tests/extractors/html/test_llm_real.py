"""A real small chat model chooses segments: its output goes through the grammar, not a script's.

The model is a GGUF file in the folder that RAGKIT_DATA names; transformers reads it with the package gguf.
"""

from pathlib import Path

import pytest

from ragkit.extractors.html.llm import LLMPredictor, chat_complete
from ragkit.extractors.html.segmenting import segment_html

FOLDER = Path(__file__).with_name("questions")


@pytest.fixture(scope="module")
def model(request):
    pytest.importorskip("gguf", reason="the package gguf is not installed, which transformers needs for GGUF files")
    files = sorted(request.getfixturevalue("data").rglob("*.gguf"))
    if not files:
        pytest.skip("the folder of RAGKIT_DATA holds no chat model as a GGUF file")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(request.getfixturevalue("root") / "benchmarks"))
        from cluebudget import LocalChat

        return LocalChat.load(files[0])


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.filterwarnings("ignore")
def test_what_a_real_model_writes_becomes_segments_or_a_told_fallback(model):
    page = segment_html((FOLDER / "ridge.html").read_bytes())
    replies = []

    def complete(prompt, *, grammar=None, max_tokens):
        replies.append(chat_complete(model)(prompt, grammar=grammar, max_tokens=max_tokens))
        return replies[-1]

    predictor = LLMPredictor(complete, timeout=None, key=lambda: "k3y0f7h1s")
    made = [
        predictor.predict(page, question)
        for question in ("Must my dog be on a lead?", "When does the last bus back to Alder leave?")
    ]
    assert len(replies) == model.calls >= 2 and all(replies)
    for one in made:
        assert one.degraded == any(code == "llm_fallback" for code, _ in one.detail["warnings"])
        assert set(one.indices) <= set(range(1, len(page.segments) + 1))
    assert any(not one.degraded for one in made), replies
