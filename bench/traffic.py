"""Questions for the benchmarks: re-phrasings that are alike, and texts that are like nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product

SEEDS = (
    "How do I reset my password?",
    "How do I cancel my order?",
    "Where can I download my invoice?",
    "How do I change my delivery address?",
    "How long does a refund take?",
    "Which payment methods do you accept?",
    "How do I close my account?",
    "How do I return an item?",
    "How do I contact customer support?",
    "How do I unsubscribe from the newsletter?",
    "How do I redeem a gift card?",
    "How do I track my parcel?",
)
_BEFORE = ("", "Hi, ", "Hello, ", "Hello there! ", "Good morning, ", "Please tell me: ", "Hey, ")
_AFTER = ("", " Thanks!", " Thank you.", " Please help.", " Thanks in advance.", " Cheers!")
_WORDS = (
    "glacier turbine saffron violin harbour quartz falcon orchard compass lantern marble tundra "
    "walnut pelican anchor meadow copper thunder velvet canyon otter basil cathedral rocket "
    "pepper island ribbon tractor whale candle desert ladder magnet olive piano raven silk "
    "tunnel umbrella volcano window yacht zebra atlas badger cobalt dolphin ember fossil garnet "
    "acrobat bakery cactus dentist eclipse ferry guitar hammock igloo jungle kettle library "
    "museum nectar opera puzzle quiver railway sculptor tavern usher vaccine waiter xylophone "
    "algebra biscuit circus dynamo elbow fungus gravity helmet insect jacket kidney lemon "
    "mosque novel oxygen parade quarry reptile satire tornado unicorn vinegar wrestler yoga "
    "bishop comet dungeon emperor fabric goblin hormone invoice jockey knight lawyer mirror"
)


def rephrasings() -> list[str]:
    """The seeds said differently; no two alike, and no seed among them."""
    texts = [f"{b}{seed}{a}" for seed, b, a in product(SEEDS, _BEFORE, _AFTER) if b or a]
    random.Random(7).shuffle(texts)
    return texts


def unlike_questions(seed: int) -> Iterator[str]:
    """Questions that share nothing with one another, without end."""
    source, words = random.Random(seed), _WORDS.split()
    while True:
        yield " ".join(source.sample(words, 7)) + "?"
