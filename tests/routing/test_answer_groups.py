from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from routing.answer_groups import KnownAnswer, group_named, group_of

EAST = np.array([1.0, 0.0], dtype=np.float32)
NORTH = np.array([0.0, 1.0], dtype=np.float32)
NEARLY_EAST = np.array([0.995, 0.0998], dtype=np.float32)


def known(text: str, vector: NDArray[np.float32] | None, group: str = "g1") -> KnownAnswer:
    return KnownAnswer(text=text, group=group, vector=vector)


def test_group_of__same_meaning__joins() -> None:
    other = known("Open the app and tap Cancel.", EAST)

    assert group_of("Tap Cancel in the app.", NEARLY_EAST, known=[other]) == "g1"


def test_group_of__another_number__stays_apart() -> None:
    other = known("It takes 5 days.", EAST)

    assert group_of("It takes 7 days.", EAST, known=[other]) != "g1"


def test_group_of__another_direction__stays_apart() -> None:
    assert group_of("Tap Cancel.", NORTH, known=[known("Call us.", EAST)]) != "g1"


def test_group_of__equal_text_without_vector__joins() -> None:
    assert group_of("Call  us.", None, known=[known("Call us.", None)]) == "g1"


def test_group_of__two_that_fit__nearest_wins() -> None:
    near, nearer = known("Call us.", NEARLY_EAST, "near"), known("Give us a call.", EAST, "nearer")

    assert group_of("Please call us.", EAST, known=[near, nearer]) == "nearer"


def test_group_of__unknown_answer__same_name_every_time() -> None:
    assert group_of("Call us.", EAST, known=[]) == group_of("Call us.", NORTH, known=[])


def test_group_named__id_of_the_app__never_a_text_group() -> None:
    assert group_named("Call us.") != group_of("Call us.", EAST, known=[])
