"""`ragkit.toml` and the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit.config import Config, load_config, with_parameters
from ragkit.errors import ConfigError


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "ragkit.toml"
    file.write_text(text, encoding="utf-8")
    return file


def refusal(folder: Path, text: str, environ: dict[str, str] | None = None) -> str:
    write(folder, text)
    with pytest.raises(ConfigError) as caught:
        load_config(start=folder, environ=environ or {})
    return str(caught.value)


def test_without_a_file_or_variables_everything_is_the_default(tmp_path: Path) -> None:
    assert load_config(start=tmp_path, environ={}) == Config()


def test_every_key_is_read(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        'db = "notes.db"\npipeline = "bm25 >> answer"\nllm = "ollama:qwen3"\nk = 7\n'
        '[pipelines]\nfast = "bm25 >> answer"\n[stages.small]\nstage = "chunk"\ntokens = 50\n',
    )
    config = load_config(start=tmp_path, environ={})
    assert (config.db, config.pipeline, config.llm, config.k) == (
        tmp_path / "notes.db",
        "bm25 >> answer",
        "ollama:qwen3",
        7,
    )
    assert dict(config.pipelines) == {"fast": "bm25 >> answer"}
    assert dict(config.stages["small"]) == {"stage": "chunk", "tokens": 50}
    assert config.file == file


def test_the_nearest_file_upwards_is_read(tmp_path: Path) -> None:
    write(tmp_path, "k = 1")
    write(tmp_path / "a", "k = 2")
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    assert load_config(start=deep, environ={}).k == 2


def test_a_given_file_is_read_instead_of_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, "k = 1")
    other = tmp_path / "other.toml"
    other.write_text("k = 3")
    assert load_config(other, start=tmp_path, environ={}).k == 3
    assert load_config(start=tmp_path, environ={"RAGKIT_CONFIG": str(other)}).k == 3


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    write(tmp_path, 'db = "a.db"\nk = 1\nllm = "a:b"')
    config = load_config(start=tmp_path, environ={"RAGKIT_K": "9", "RAGKIT_DB": "/tmp/b.db"})
    assert (config.k, config.db, config.llm) == (9, Path("/tmp/b.db"), "a:b")


def test_an_empty_variable_counts_as_unset(tmp_path: Path) -> None:
    assert load_config(start=tmp_path, environ={"RAGKIT_K": ""}).k is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pipline = 'x'", "pipline: unknown key; did you mean 'pipeline'?"),
        ("zzz = 1", "zzz: unknown key; known are db, k, llm, pipeline, pipelines, stages"),
        ("k = '7'", "k: must be a whole number from 1 to 1000, not the text '7'"),
        ("k = 0", "k: must be a whole number from 1 to 1000, not the number '0'"),
        ("k = true", "k: must be a whole number from 1 to 1000, not the truth value 'True'"),
        ("db = 3", "db: must be a text in quotes, not the number '3'"),
        ("llm = ' '", "llm: is empty"),
        ("pipelines = 'x'", "pipelines: must be a table, [pipelines], not the text 'x'"),
        ("[pipelines]\nfast = 3", "pipelines.fast: must be a text"),
        ("[pipelines]\n'a b' = 'bm25'", "pipelines.a b: a name must be letters"),
        ("[stages.p]\ntokens = 3", "stages.p.stage: missing"),
        ("[stages.p]\nstage = 'chunks'", "stages.p.stage: no stage named 'chunks'; did you mean 'chunk'?"),
        (
            "[stages.p]\nstage = 'chunk'\ntokns = 3",
            "stages.p.tokns: chunk has no parameter 'tokns'; did you mean 'tokens'?",
        ),
        ("[stages.p]\nstage = 'chunk'\ntokens = 2020-01-01", "stages.p.tokens: chunk: tokens must be int"),
        ("[stages.chunk]\nstage = 'chunk'", "stages.chunk: there is a stage of this name already"),
        ("[pipelines]\np = 'bm25'\n[stages.p]\nstage = 'chunk'", "stages.p: [pipelines] has this name too"),
    ],
)
def test_a_wrong_key_or_value_is_refused_with_its_path(tmp_path: Path, text: str, said: str) -> None:
    message = refusal(tmp_path, text)
    assert message.startswith(str(tmp_path / "ragkit.toml"))
    assert said in message


def test_broken_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    assert "line 2" in refusal(tmp_path, "k = 1\nllm = = 3\n")


def test_a_file_that_is_not_utf8_is_refused_with_the_byte(tmp_path: Path) -> None:
    (tmp_path / "ragkit.toml").write_bytes(b"k = 1 # \xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8 .byte 8."):
        load_config(start=tmp_path, environ={})


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "ragkit.toml").write_bytes(b"\xef\xbb\xbfk = 4")
    assert load_config(start=tmp_path, environ={}).k == 4


def test_a_given_file_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_config(tmp_path / "none.toml", environ={})


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("RAGKIT_K", "many", "RAGKIT_K: must be a whole number, not 'many'"),
        ("RAGKIT_K", "-1", "RAGKIT_K: must be a whole number from 1 to 1000"),
        ("RAGKIT_PIPLINE", "x", "RAGKIT_PIPLINE: unknown variable; did you mean RAGKIT_PIPELINE?"),
    ],
)
def test_a_wrong_variable_is_refused_by_name(tmp_path: Path, variable: str, value: str, said: str) -> None:
    assert said in refusal(tmp_path, "", {variable: value})


def test_variables_that_other_tools_set_are_left_alone(tmp_path: Path) -> None:
    assert load_config(start=tmp_path, environ={"RAGKIT_SERVICE_PORT_HTTP": "80"}) == Config()


def test_a_pipeline_can_be_named() -> None:
    config = Config(pipeline="fast", pipelines={"fast": "bm25 >> answer", "slow": "dense >> answer"})
    assert config.pipeline_text() == "bm25 >> answer"
    assert config.pipeline_text("slow") == "dense >> answer"
    assert config.pipeline_text("trigraph") == "trigraph"


SETS = {"small": {"stage": "chunk", "tokens": 50, "overlap": 1}}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("small >> bm25", "chunk(tokens=50, overlap=1) >> bm25"),
        ("small(tokens=9) >> bm25", "chunk(overlap=1, tokens=9) >> bm25"),
        (
            "load >> small >> (bm25 + dense).fuse('max')",
            "load >> chunk(tokens=50, overlap=1) >> (bm25 + dense).fuse('max')",
        ),
        ("smaller >> bm25", "smaller >> bm25"),
        ("small >> ", "small >> "),
        ("chunk(small=1)", "chunk(small=1)"),
    ],
)
def test_named_parameters_are_filled_in(text: str, filled: str) -> None:
    assert with_parameters(text, SETS) == filled
