"""Collects what each layer says of one call, and makes the decision record of it."""

from __future__ import annotations

import math
import time

from routing.layers.place import Place
from routing.layers.semantic import Choice, shown
from routing.telemetry.events import Layer, Result
from routing.types import Answer, Decision, LayerVerdict, Lookup, StorePlan


class Trail:
    """The story of one lookup, told once by `hit` or `lookup`."""

    def __init__(self, *, revision: int) -> None:
        self.revision = revision
        self.embedding_us = 0
        self._started = time.perf_counter()
        self._result: Result = "miss"
        self._layers: list[LayerVerdict] = []
        self._place: Place | None = None
        self._similarity: float | None = None
        self._flips_at: float | None = None
        self._choice: Choice | None = None
        self.last_resort: Answer | None = None

    def at(self, place: Place) -> None:
        """Note where the answer is looked for."""
        self._place = place

    def passed(self, layer: Layer, reason: str) -> None:
        """Note that `layer` had no answer."""
        self._layers.append(LayerVerdict(layer=layer, result="miss", reason=reason))

    def bypass(self, reason: str) -> Trail:
        """Note that the cache was not, or not wholly, asked."""
        self._result = "bypass"
        self._layers.append(LayerVerdict(layer="none", result="bypass", reason=reason))
        return self

    def near(self, choice: Choice) -> None:
        """Note what the semantic layer saw."""
        self._flips_at = choice.flips_at
        self._choice = choice
        self._similarity = choice.neighbours[0].similarity if choice.neighbours else None

    def hit(self, answer: Answer, *, plan: StorePlan | None = None) -> Lookup:
        """The outcome when a layer answered; with a `plan` the answer is stale."""
        self._result = "hit"
        self._similarity = shown(answer.similarity)
        self._layers.append(LayerVerdict(layer=answer.layer, result="hit"))
        return self._told(answer.layer, answer=answer, plan=plan)

    def lookup(self, *, plan: StorePlan | None = None) -> Lookup:
        """The outcome when none did."""
        return self._told("none", plan=plan)

    def _told(
        self, layer: Layer, *, answer: Answer | None = None, plan: StorePlan | None = None
    ) -> Lookup:
        place, choice = self._place, self._choice
        decision = Decision(
            result=self._result,
            layer=layer,
            revision=self.revision,
            policy=place.policy.name if place else "",
            partition=place.partition if place else "",
            similarity=self._similarity,
            min_similarity=place.min_similarity if place else None,
            flips_at=self._flips_at,
            margin=_finite(choice.margin) if choice else None,
            min_margin=place.policy.min_margin if place else None,
            rival=choice.rival if choice else "",
            probability=choice.probability if choice else None,
            guards=choice.guards if choice else (),
            layers=tuple(self._layers),
            nearest=choice.neighbours if choice else (),
        )
        return Lookup(
            decision=decision,
            answer=answer,
            plan=plan,
            stale=None if answer else self.last_resort,
            lookup_us=int((time.perf_counter() - self._started) * 1e6),
            embedding_us=self.embedding_us,
        )


def _finite(margin: float | None) -> float | None:
    """A margin that can be written down: none when there is no rival."""
    return margin if margin is not None and math.isfinite(margin) else None
