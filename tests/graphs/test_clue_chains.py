"""Invented chains of pages: the walk finds all of them where likeness alone finds none."""

import random

import numpy as np
import pytest

from ragkit import Document, KnowledgeBase

PAGES, HOPS = 400, (2, 3)
RELATIONS = "founded admired painted married rescued taught sued visited".split()
SYLLABLES = "ba ce di fo gu la me ni po ru sa te vi zo".split()


def name(number):
    chance = random.Random(number)
    return "".join(chance.choice(SYLLABLES) for _ in range(3)).title() + f" {number}"


class World:
    """Pages of three relations each to other pages; later sentences say "It" for the page's own name."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.names = [f"{name(number)}" for number in range(PAGES)]
        self.facts = [
            dict(
                zip(
                    self.chance.sample(RELATIONS, 3),
                    self.chance.sample([other for other in range(PAGES) if other != page], 3),
                    strict=True,
                )
            )
            for page in range(PAGES)
        ]

    def documents(self):
        for page, facts in enumerate(self.facts):
            first, *rest = [f"{relation} {self.names[other]}." for relation, other in facts.items()]
            own = self.names[page]
            text = f"{own}\n{own} {first} {' '.join(f'It {one}' for one in rest)} It was known for little else."
            yield Document(f"p{page:03}", text, metadata={"title": own})

    def question(self, hops):
        """The start's name and the relations; the pages of the chain, the last one left out as it states nothing."""
        page = self.chance.randrange(PAGES)
        chain, relations = [page], []
        for _ in range(hops):
            relation = self.chance.choice(list(self.facts[page]))
            page = self.facts[page][relation]
            relations.append(relation)
            chain.append(page)
        asked = " of the one ".join(reversed([f"{relation}" for relation in relations]))
        return f"Who was {asked} by {self.names[chain[0]]}?", {f"p{page:03}" for page in chain[:hops]}


@pytest.fixture(scope="module")
def world():
    world = World(3)
    kb = KnowledgeBase(":memory:", 'chunk(by="whole") >> clue(model="hash", ner="") + dense(model="hash")')
    kb.add(world.documents())
    return world, kb


def complete(kb, stage, questions):
    from ragkit.types import Query

    index = kb.stage(stage)
    return np.mean(
        [gold <= {hit.chunk.document_id for hit in index.search(Query(question), 5)} for question, gold in questions]
    )


@pytest.mark.parametrize(("hops", "least"), [(2, 0.9), (3, 0.55)])
def test_the_pages_of_a_chain_are_among_the_first_five(world, hops, least):
    world, kb = world
    questions = [world.question(hops) for _ in range(60)]
    found = complete(kb, "clue", questions)
    print(hops, found, complete(kb, "dense", questions))
    assert found >= least
    assert complete(kb, "dense", questions) < 0.2
