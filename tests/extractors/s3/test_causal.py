"""Causal language models: small random ones of three families, against projections computed by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from ragkit.errors import InvalidValueError, ModelError, NonFiniteActivationError, UnsupportedModelError
from ragkit.extractors.s3.attention import chosen_layers
from ragkit.extractors.s3.causal import CausalBackend
from ragkit.extractors.s3.features import Scoring, head_scores, middle_heads
from ragkit.extractors.s3.probe import probe
from ragkit.extractors.s3.scan import scan
from tests.extractors.s3.helpers import exact_sae, random_sae

TEXT = "The naïve café 🙂 serves e\u0301clairs, teas and coffees at nine. " * 4
SIZES = {
    "vocab_size": 300, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip


def tokenizer() -> Any:
    """Bytes as tokens, as byte-level models fall back to: several tokens for one character."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"<pad>": 0, "<s>": 1, "</s>": 2, **{letter: number for number, letter in enumerate(letters, 3)}}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>", pad_token="<pad>")


def model(family: str) -> Any:
    import transformers

    torch.manual_seed(0)
    config_class = getattr(transformers, f"{family}Config")
    more = (
        {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 512}
        if family == "Gemma3Text"
        else {}
    )
    config = config_class(**SIZES, **more)
    name = "Gemma3ForCausalLM" if family == "Gemma3Text" else f"{family}ForCausalLM"
    made = getattr(transformers, name)(config).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.1)
    return made


FAMILIES = ["Llama", "Qwen3", "Gemma3Text"]
MODELS: dict[str, Any] = {}


def backend(family: str = "Llama", **options: Any) -> CausalBackend:
    if family not in MODELS:
        MODELS[family] = model(family)
    return CausalBackend(MODELS[family], tokenizer(), layers=(0, 1), **options)


def hooks(owner: Any) -> int:
    return sum(len(module._forward_hooks) for module in owner.modules())


@pytest.mark.parametrize("family", FAMILIES)
def test_captured_keys_and_queries_equal_the_projections_computed_by_hand(family: str):
    used = backend(family, template="{q}")
    owner = MODELS[family]
    acts = used.encode_query("a tale")
    ids = [1, *tokenizer()("a tale", add_special_tokens=False)["input_ids"]]
    with torch.inference_mode():
        states = owner.model(torch.tensor([ids]), output_hidden_states=True).hidden_states[0]
    layer = owner.model.layers[0]
    normed = layer.input_layernorm(states)
    for kind, heads, found in (("k", 2, acts.keys), ("q", 4, acts.queries)):
        vectors = getattr(layer.self_attn, f"{kind}_proj")(normed)[0].view(len(ids), heads, 16)
        norm = getattr(layer.self_attn, f"{kind}_norm", None)
        vectors = (norm(vectors) if norm is not None else vectors)[1:].detach().numpy()
        for group in range(2):
            mine = found[f"layer 0 head {group}"]
            theirs = vectors[:, group] if kind == "k" else vectors[:, 2 * group : 2 * group + 2]
            np.testing.assert_allclose(mine, theirs, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_its_spaces_are_the_key_value_heads_of_its_layers(family: str):
    used = backend(family)
    assert [space.name for space in used.spaces()] == [f"layer {n} head {g}" for n in (0, 1) for g in (0, 1)]
    assert {(space.d, space.query_heads) for space in used.spaces()} == {(16, 2)}
    assert ("norm" if family != "Llama" else "projection") in used.fingerprint()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("chunk", "carry"), [(7, 0), (7, 3), (64, 0), (64, 3), (512, 0)])
def test_every_token_comes_once_with_offsets_that_lead_back_to_the_text(family: str, chunk: int, carry: int):
    parts = list(backend(family, chunk_tokens=chunk, carry=carry).scan(TEXT))
    assert [part.start for part in parts] == np.cumsum([0, *[len(part) for part in parts]])[:-1].tolist()
    assert sum(map(len, parts)) == parts[0].total
    assert max(map(len, parts)) <= chunk - 1 - carry
    offsets = np.concatenate([part.offsets for part in parts])
    assert (offsets[:, 1] > offsets[:, 0]).all() and (np.diff(offsets[:, 0]) >= 0).all()
    assert set("".join(TEXT[start:end] for start, end in offsets)) == set(TEXT)
    for part in parts:
        assert all(one.shape == (len(part), 16) for one in part.arrays.values())


def test_the_first_layers_features_do_not_depend_on_the_size_of_chunks():
    sae = {space.name: random_sae(k=3) for space in backend().spaces()}
    one, two = (scan(backend(chunk_tokens=chunk), sae, [TEXT], rows=True) for chunk in (9, 200))
    assert (one.rows["layer 0 head 0"].ids == two.rows["layer 0 head 0"].ids).all()
    assert not (one.rows["layer 1 head 0"].ids == two.rows["layer 1 head 0"].ids).all()


def test_layers_above_the_last_one_read_are_not_run():
    owner, ran = model("Llama"), []
    owner.model.layers[1].register_forward_hook(lambda *_: ran.append(1))
    used = CausalBackend(owner, tokenizer(), layers=(0,))
    list(used.scan(TEXT))
    assert not ran and len(owner.model.layers) == 2


def test_hooks_are_gone_after_a_scan_after_an_error_and_after_closing():
    owner = model("Llama")
    used = CausalBackend(owner, tokenizer(), layers=(0, 1), chunk_tokens=20)
    chunks = used.scan(TEXT)
    next(chunks)
    assert hooks(owner) == 0
    with torch.no_grad():
        owner.model.layers[1].self_attn.k_proj.weight.fill_(float("inf"))
    with pytest.raises(NonFiniteActivationError, match=r"layer 1 head 0 in chunk 2 .* at token 19"):
        next(chunks)
    assert hooks(owner) == 0
    used.close()
    with pytest.raises(ModelError, match="was closed"):
        used.encode_query("more?")
    assert hooks(owner) == 0


def test_a_model_that_fails_in_the_middle_keeps_no_hooks():
    owner = model("Llama")
    used = CausalBackend(owner, tokenizer(), layers=(0, 1))

    def fail(*_: Any) -> None:
        raise RuntimeError("out of luck")

    owner.model.layers[1].mlp.register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="out of luck"):
        list(used.scan(TEXT))
    assert hooks(owner) == 0


def test_a_question_is_read_within_the_template_but_without_its_tokens():
    acts = backend().encode_query("teas?")
    assert "".join(acts.tokens) == " teas?"[1:] and len(acts.keys["layer 0 head 0"]) == 5
    assert backend().encode_query("  ").tokens == []


def test_attention_over_exact_features_is_the_true_attention_before_rotation():
    used = backend(template="{q}")
    saes = {space.name: exact_sae(16) for space in used.spaces()}
    index = scan(used, saes, [TEXT], rows=True)
    acts = used.encode_query("tea")
    scoring = Scoring(mode="logits", heads=(("layer 1 head 1", 0), ("layer 1 head 1", 1)))
    found = head_scores(index, used.spaces(), saes, acts, scoring)
    keys = (
        np.concatenate([part.arrays["layer 1 head 1"] for part in used.scan(TEXT)])
        .astype(np.float16)
        .astype(np.float64)
    )
    for head in (0, 1):
        logits = acts.queries["layer 1 head 1"][:, head] @ keys.T / 4
        weights = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(np.exp(found["layer 1 head 1", head]), weights.sum(axis=0), atol=1e-4)


def test_a_probe_tells_that_queries_unlike_keys_cannot_be_shared():
    used = backend("Qwen3")
    health = probe(used, {space.name: random_sae(k=3) for space in used.spaces()}, TEXT)
    assert not health.shared_fits
    assert any("use 'keys'" in said for said in health.advice) and any(
        "fit it on text" in said for said in health.advice
    )
    assert all(one.overlap is not None and one.query_fvu is not None for one in health.spaces)
    with pytest.warns(UserWarning) as warned:
        health.warn()
    assert [str(one.message) for one in warned] == health.advice


def test_a_probe_lets_queries_be_shared_that_the_keys_autoencoder_explains():
    used = backend()
    saes = {space.name: exact_sae(16) for space in used.spaces()}
    for one in probe(used, saes, TEXT).spaces:
        assert one.fvu < 1e-6 and one.query_fvu is not None and one.query_fvu < 1e-6


@pytest.mark.parametrize("asked", [(2,), (0, -1)])
def test_a_layer_the_model_lacks_is_an_error(asked: tuple[int, ...]):
    with pytest.raises(UnsupportedModelError, match="layers 0 to 1"):
        CausalBackend(model("Llama"), tokenizer(), layers=asked)


def test_a_model_with_fused_projections_is_refused_by_name():
    import transformers

    config = transformers.Phi3Config(**{**SIZES, "head_dim": 16})
    with pytest.raises(UnsupportedModelError, match="Phi3Attention of layer 0 has no k_proj .*qkv_proj"):
        CausalBackend(transformers.Phi3ForCausalLM(config), tokenizer())


def test_a_slow_tokenizer_is_refused():
    class Slow:
        bos_token_id = 1

    with pytest.raises(UnsupportedModelError, match="slow tokenizer"):
        CausalBackend(model("Llama"), Slow())


@pytest.mark.parametrize("wrong", [{"chunk_tokens": 1}, {"chunk_tokens": 5, "carry": 4}, {"template": "no place"}])
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]):
    with pytest.raises(InvalidValueError):
        CausalBackend(model("Llama"), tokenizer(), **wrong)


def test_a_folder_without_a_model_is_an_error(tmp_path):
    with pytest.raises(ModelError, match="nothing is downloaded"):
        CausalBackend(tmp_path / "none")


def test_a_model_is_read_from_a_folder_with_the_same_fingerprint(tmp_path):
    owner = model("Llama")
    owner.save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    one, two = CausalBackend(tmp_path, layers=(0,), dtype="float32"), CausalBackend(owner, tokenizer(), layers=(0,))
    assert one.fingerprint() == two.fingerprint()
    a, b = (used.encode_query("teas").keys["layer 0 head 1"] for used in (one, two))
    np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_converted_model_is_known_as_causal_and_gives_the_same_keys(tmp_path):
    from ragkit.extractors.s3.gguf import _write_config, _write_weights
    from ragkit.extractors.s3.loading import is_causal, load_backend

    owner = model("Qwen3")
    owner.lm_head.weight = owner.model.embed_tokens.weight  # tied, so it is left out of the file
    owner.config.tie_word_embeddings = True
    owner.config.quantization_config = {"quant_method": "gguf"}
    _write_weights(owner, tmp_path, torch.float32)
    _write_config(owner, tmp_path, "float32")
    tokenizer().save_pretrained(tmp_path)
    assert is_causal(tmp_path) and "quantization_config" not in (tmp_path / "config.json").read_text()
    one = load_backend(str(tmp_path), layers=(0,))
    two = CausalBackend(owner, tokenizer(), layers=(0,))
    assert one.fingerprint() == two.fingerprint()


def test_a_gguf_file_that_is_none_is_an_error(tmp_path):
    from ragkit.extractors.s3.gguf import convert_gguf

    with pytest.raises(ModelError, match="is no file"):
        convert_gguf(tmp_path / "none.gguf", tmp_path / "out")


def test_layers_are_chosen_by_depth_and_moved_to_those_that_see_all():
    class Config:
        layer_types = ["full_attention" if number % 6 == 5 else "sliding_attention" for number in range(18)]

    class Plain:
        layer_types = None

    assert chosen_layers(Config, 18, ()) == (0, 5, 8, 11)
    assert chosen_layers(Plain, 32, ()) == (0, 11, 16, 20)
    assert chosen_layers(Plain, 1, ()) == (0,)


def test_without_chosen_heads_those_of_the_middle_layers_are_used():
    spaces = [*backend().spaces()]
    assert middle_heads(spaces) == [(space.name, head) for space in spaces for head in (0, 1)]
