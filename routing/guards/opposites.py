"""Veto when one text says the opposite of the other, or the same with two parts exchanged.

Opposites come from curated pairs, from prefixes (possible, impossible) and from the particle of a
verb (turn on, turn off). Exchanged are the ends of a way (from A to B) and who does what to whom.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from routing.guards.comparison import Comparison
from routing.guards.content import content_of, holds, language_of_pair, stems_of, word_of
from routing.guards.data import read_table
from routing.guards.degrees import degrees_apart
from routing.guards.remember import remembered
from routing.guards.text import Text, Token

_PARTICLE_WITHIN = 3
_BETWEEN = 4
_SHORTEST_ROOT = 4
_MAX_SHARED = 12
_MAX_PREFIXED = 25
_SINGULAR = ("ss", "us", "is")


class _Words:
    """The opposites of one language, by stem."""

    def __init__(self, table: dict[str, str], *, spanish: bool) -> None:
        self.pairs = _crossed(table["pairs"], spanish=spanish)
        self.particles = _crossed(table["particles"], spanish=None)
        self.particle_verbs = frozenset(
            word_of(verb, spanish=spanish).stem for verb in table["particle_verbs"].split()
        )
        self.mutual = frozenset(table["mutual"].split())
        self.prefixes = tuple(table["prefixes"].split())
        self.adjective_prefixes = tuple(table["prefixes_of_adjectives"].split())
        self.any_prefix = (*self.prefixes, *self.adjective_prefixes)
        self.adjective_endings = tuple(table["adjective_endings"].split())
        self.not_prefixed = frozenset(table["not_prefixed"].split())
        self.symmetric = frozenset(table["symmetric"].split())
        self.directed = frozenset(table["directed"].split())
        self.passive = frozenset(table["passive"].split())
        self.source = frozenset(table["source"].split())
        self.target = frozenset(table["target"].split())


def _crossed(lines: str, *, spanish: bool | None) -> dict[str, frozenset[str]]:
    opposites: dict[str, set[str]] = {}
    for line in lines.splitlines():
        if "|" not in line:
            continue
        sides = [
            [
                word if spanish is None else word_of(word, spanish=spanish).stem
                for word in side.split()
            ]
            for side in line.split("|")
        ]
        for one in sides[0]:
            for other in sides[1]:
                if one != other:
                    opposites.setdefault(one, set()).add(other)
                    opposites.setdefault(other, set()).add(one)
    return {word: frozenset(others) for word, others in opposites.items()}


_TABLE = read_table("opposites.toml")
_WORDS = {language: _Words(table, spanish=language == "es") for language, table in _TABLE.items()}


def opposites(comparison: Comparison) -> str:
    """The two words that are opposites ("enable | disable"), or that have changed places."""
    asked, stored = comparison.asked, comparison.stored
    if asked.words == stored.words and len(asked.tokens) == len(stored.tokens) < 3:
        return ""
    language = language_of_pair(asked, stored)
    spanish = language == "es"
    words = _WORDS["es" if spanish else "en"]
    mine, theirs = stems_of(asked, spanish), stems_of(stored, spanish)
    return (
        _opposed(mine, theirs, words=words)
        or _tenant_opposed(comparison, spanish=spanish)
        or _particles_opposed(asked, stored, words=words, spanish=spanish)
        or degrees_apart(asked, stored, spanish=spanish)
        or _exchanged(comparison, language=language, words=words)
    )


def _opposed(mine: Mapping[str, str], theirs: Mapping[str, str], *, words: _Words) -> str:
    only_mine, only_theirs = mine.keys() - theirs.keys(), theirs.keys() - mine.keys()
    if not only_mine or not only_theirs:
        return ""
    for stem in sorted(only_mine & words.pairs.keys()):
        if against := words.pairs[stem] & only_theirs:
            return f"{mine[stem]} | {theirs[min(against)]}"
    if max(len(only_mine), len(only_theirs)) > _MAX_PREFIXED:
        return ""
    return _prefixes_opposed(
        [mine[stem] for stem in sorted(only_mine)],
        [theirs[stem] for stem in sorted(only_theirs)],
        words=words,
    )


def _prefixes_opposed(mine: list[str], theirs: list[str], *, words: _Words) -> str:
    """A word of one side that is one of the other with a prefix."""
    any_prefix = words.any_prefix
    for longer, shorter, mine_is_longer in ((mine, theirs, True), (theirs, mine, False)):
        for written in longer:
            if written.startswith(any_prefix):
                for other in shorter:
                    if written[-1] == other[-1] and _prefixed(written, other, words=words):
                        return f"{written} | {other}" if mine_is_longer else f"{other} | {written}"
    return ""


_NONE: frozenset[str] = frozenset()


def _prefixed(a: str, b: str, *, words: _Words) -> bool:
    longer, shorter = (a, b) if len(a) > len(b) else (b, a)
    if len(shorter) < _SHORTEST_ROOT or longer in words.not_prefixed:
        return False
    if not longer.endswith(shorter[-_SHORTEST_ROOT:]):
        return False
    prefix = longer.removesuffix(shorter)
    if prefix in words.prefixes:
        return True
    return prefix in words.adjective_prefixes and shorter.endswith(words.adjective_endings)


def _tenant_opposed(comparison: Comparison, *, spanish: bool) -> str:
    asked, stored = comparison.asked, comparison.stored
    for one, other in comparison.lexicon.opposites:
        if (
            holds(asked, one, spanish=spanish)
            and holds(stored, other, spanish=spanish)
            and not holds(stored, one, spanish=spanish)
            and not holds(asked, other, spanish=spanish)
        ):
            return f"{one} | {other}"
    return ""


def _particles_opposed(asked: Text, stored: Text, *, words: _Words, spanish: bool) -> str:
    mine = _particle_verbs(asked, spanish)
    if not mine:
        return ""
    theirs = _particle_verbs(stored, spanish)
    for verb, particle in mine.items():
        other = theirs.get(verb, "")
        if other in words.particles.get(particle, _NONE):
            return f"{verb} {particle} | {verb} {other}"
    return ""


@remembered
def _particle_verbs(text: Text, spanish: bool) -> Mapping[str, str]:  # noqa: FBT001
    words = _WORDS["es" if spanish else "en"]
    found: dict[str, str] = {}
    if words.particles.keys().isdisjoint(text.words):
        return found
    for token in text.tokens:
        if token.folded in words.particles:
            for before in text.tokens[max(0, token.position - _PARTICLE_WITHIN) : token.position]:
                stem = word_of(before.folded, spanish=spanish).stem
                if stem in words.particle_verbs:
                    found.setdefault(stem, token.folded)
    return found


def _exchanged(comparison: Comparison, *, language: str, words: _Words) -> str:
    """Two words that stand the other way round about a word of direction or a verb."""
    asked, stored = comparison.asked, comparison.stored
    first, second = _once(asked, language), _once(stored, language)
    shared = [stem for stem in first if stem in second][:_MAX_SHARED]
    if len(shared) < 2 or not words.mutual.isdisjoint(asked.words | stored.words):
        return ""
    for place, x in enumerate(shared):
        for y in shared[place + 1 :]:
            if second[y].position < second[x].position and _turned(
                _Span(asked, first[x], first[y]), _Span(stored, second[y], second[x]), words=words
            ):
                return (
                    f"{first[x].folded} {first[y].folded} | {second[y].folded} {second[x].folded}"
                )
    return ""


@remembered
def _once(text: Text, language: str) -> Mapping[str, Token]:
    """The token of each hard word that stands once, in order."""
    found: dict[str, Token] = {}
    twice = set()
    for term in content_of(text, language).hard:
        if term.word.stem in found:
            twice.add(term.word.stem)
        found[term.word.stem] = term.token
    return {stem: token for stem, token in found.items() if stem not in twice} if twice else found


class _Span(Struct, frozen=True):
    """Two words of a text, the first of which stands before the second."""

    text: Text
    first: Token
    second: Token

    @property
    def listed(self) -> bool:
        """Whether a comma stands between the two."""
        return "," in self.text.clean[self.first.end : self.second.start]

    def between(self) -> list[str]:
        tokens = self.text.tokens[self.first.position + 1 : self.second.position]
        return [token.folded for token in tokens]


def _turned(a: _Span, b: _Span, *, words: _Words) -> bool:
    """Whether turning x and y round between the two spans changes who, or where to."""
    mine, theirs = a.between(), b.between()
    if not mine or not theirs or len(mine) > _BETWEEN or len(theirs) > _BETWEEN:
        return False
    if not words.symmetric.isdisjoint(mine) or not words.symmetric.isdisjoint(theirs):
        return False
    if a.listed or b.listed:
        return False
    common = set(mine) & set(theirs)
    if not words.directed.isdisjoint(common):
        return True
    if words.passive.isdisjoint(mine) != words.passive.isdisjoint(theirs):
        return False
    ends = (a.first, a.second, b.first, b.second)
    named = all(token.capitalised and not token.opens for token in ends)
    several = all(
        token.folded.endswith("s") and token.folded[-2:] not in _SINGULAR for token in ends
    )
    return (named or several) and any(len(word) > 2 for word in common)
