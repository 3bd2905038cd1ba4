"""Cross-encoders, by folder and as objects."""

import math

import pytest

from ragkit.errors import InvalidValueError, ModelError
from ragkit.models.cross_encoders import Reader, load_cross_encoder, read_pairs
from tests.models.helpers import tiny_cross_encoder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return str(tiny_cross_encoder(tmp_path_factory.mktemp("tiny")))


class Fake:
    """Scores a text by its length, and remembers what it read."""

    def __init__(self):
        self.read = []

    def predict(self, pairs):
        self.read.append(pairs)
        return [float(len(text)) for _, text in pairs]


def test_a_model_is_loaded_once(tiny):
    assert load_cross_encoder(tiny) is load_cross_encoder(tiny)


def test_the_scores_of_a_named_model_lie_between_0_and_1(tiny):
    from sentence_transformers import CrossEncoder
    from torch.nn import Sigmoid

    texts = ["a cab", "fed", "a bad decade"]
    scores = Reader(tiny).scores("bead", texts)
    expected = CrossEncoder(tiny).predict([("bead", text) for text in texts], activation_fn=Sigmoid())
    assert scores == pytest.approx(expected.tolist(), abs=1e-6)
    assert all(0 < score < 1 for score in scores)


def test_scores_do_not_depend_on_the_order_of_the_texts(tiny):
    texts = [f"{'abc' * n} {n}" for n in range(50)]
    assert Reader(tiny).scores("bead", texts) == Reader(tiny).scores("bead", texts[::-1])[::-1]


def test_an_object_reads_equal_texts_once_and_in_one_call():
    fake = Fake()
    assert Reader(fake).scores("q", ["bb", "a", "bb"]) == [2.0, 1.0, 2.0]
    assert fake.read == [[("q", "a"), ("q", "bb")]]


def test_what_is_no_cross_encoder_is_refused():
    with pytest.raises(InvalidValueError, match="predict"):
        load_cross_encoder(object())


def test_a_model_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelError, match=f"{tmp_path}.*could not be loaded"):
        Reader(str(tmp_path)).scores("q", ["a"])


@pytest.mark.parametrize(
    ("scores", "reason"), [([1.0], "gave 1 scores for 2"), ([1.0, math.nan], "gave nan for two"), (["x", 1], "failed")]
)
def test_a_model_that_gives_something_else_than_a_number_for_each_text_is_named(scores, reason):
    class Broken:
        def predict(self, pairs):
            return scores

    with pytest.raises(ModelError, match=f"'broken'.*{reason}"):
        read_pairs(Broken(), "broken", [("q", "1"), ("q", "2")], ["one", "two"])
