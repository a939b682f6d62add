"""Veto when the two texts ask for different kinds of thing: a person and a date, a place and a sum.

Only kinds that no one answer can serve are kept apart. "How can I", "is there a way to" and "I want
to" ask for the same thing; so may "what" and nearly anything, unless its noun says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from msgspec import Struct

from routing.guards.comparison import Comparison
from routing.guards.content import alike, content_of, language_of_pair, word_of
from routing.guards.data import read_table
from routing.guards.text import Text, Token

_TABLE = read_table("question_types.toml")
_APART = frozenset(
    pair
    for line in _TABLE["apart"].split("\n")
    if line.strip()
    for kind, others in [line.split(":")]
    for other in others.split()
    for pair in ((kind.strip(), other), (other, kind.strip()))
)
_ASKED_DIRECTLY = frozenset({"time", "place", "person"})
"""What year, what city: plain behind "what" even when the verb that follows is not known."""

_MAX_WORDS = 120
_LOOK_BACK = 4


class Ask(Struct, frozen=True):
    """One thing that is asked for.

    `noun`: the word behind "what"; `direct`: no verb stands between; `by_noun`: it told the kind.
    """

    kind: str
    noun: str = ""
    direct: bool = False
    by_noun: bool = False


class _Grammar:
    """The question words of one language."""

    def __init__(self, name: str) -> None:
        table = _TABLE[name]
        self.words: dict[str, str] = _kinds(table["words"])
        self.phrases: dict[tuple[str, str], str] = {
            (first, second): kind
            for words, kind in _kinds(table["phrases"], sep=",").items()
            for first, second in [words.split()]
        }
        self.nouns: dict[str, str] = _kinds(table["nouns"])
        self.copula = frozenset(table["copula"].split())
        self.after = frozenset(table["after"].split())
        self.open = frozenset(table["open"].split())
        self.accented = frozenset(table["accented"].split())
        self.skip = frozenset(table["skip"].split())
        self.lead = frozenset(table["lead"].split())
        self.truth = frozenset(table["truth"].split())
        self.soft_truth = frozenset(table["soft_truth"].split())

    def noun_kind(self, word: str) -> str:
        """The kind that asking for a `word` or several asks for; "" when any."""
        if kind := self.nouns.get(word, ""):
            return kind
        return self.nouns.get(
            word[:-3] + "y" if word.endswith("ies") else word.removesuffix("s"), ""
        )


def _kinds(table: dict[str, str], *, sep: str | None = None) -> dict[str, str]:
    return {
        word.strip(): kind
        for kind, words in table.items()
        for word in words.replace("\n", " ").split(sep)
        if word.strip()
    }


_GRAMMARS = {"en": _Grammar("en"), "es": _Grammar("es")}


def question_type(comparison: Comparison) -> str:
    """The two kinds of question when none of one side's goes with any of the other's."""
    asked, stored = comparison.asked, comparison.stored
    language = language_of_pair(asked, stored)
    mine, theirs = asks_of(asked, language), asks_of(stored, language)
    if not mine or not theirs:
        return ""
    for a in mine:
        for b in theirs:
            if not _apart(a, b, asked=asked, stored=stored, language=language):
                return ""
    return f"{_shown(mine)} | {_shown(theirs)}"


def _apart(a: Ask, b: Ask, *, asked: Text, stored: Text, language: str) -> bool:
    if a.direct and b.direct and a.noun and b.noun:
        return _other_noun(a, b, asked=asked, stored=stored, language=language)
    if (a.kind, b.kind) not in _APART:
        return False
    if "thing" not in (a.kind, b.kind):
        return True
    if a.by_noun or b.by_noun:
        return a.direct and b.direct
    thing, other, text = (a, b, stored) if a.kind == "thing" else (b, a, asked)
    if (other.kind == "place" and not other.direct) or (
        other.kind == "reason" and not thing.direct
    ):
        return False
    noun = word_of(thing.noun, spanish=language == "es").stem
    return noun not in content_of(text, language).stems


def _other_noun(a: Ask, b: Ask, *, asked: Text, stored: Text, language: str) -> bool:
    """Which team, which player: nouns of their own, none of which the other text has."""
    spanish = language == "es"
    mine, theirs = word_of(a.noun, spanish=spanish), word_of(b.noun, spanish=spanish)
    if mine.function or mine.soft or theirs.function or theirs.soft or alike(mine, theirs):
        return False
    return (
        theirs.stem not in content_of(asked, language).stems
        and mine.stem not in content_of(stored, language).stems
    )


def _shown(asks: tuple[Ask, ...]) -> str:
    return "/".join([ask.kind for ask in asks])


@lru_cache(maxsize=8_192)
def asks_of(text: Text, language: str) -> tuple[Ask, ...]:
    """What `text` asks for, in order; empty when it is no plain question."""
    grammar = _GRAMMARS["es" if language == "es" else "en"]
    tokens = text.tokens[:_MAX_WORDS]
    asks: list[Ask] = []
    for position, token in enumerate(tokens):
        if token.folded in grammar.open and _asks(tokens, position, text=text, grammar=grammar):
            ask = _ask_at(tokens, position, grammar=grammar)
            if ask.kind and ask not in asks:
                asks.append(ask)
    if tokens and _truth(tokens, grammar=grammar):
        asks.append(Ask("truth"))
    return tuple(asks)


def _asks(tokens: Sequence[Token], position: int, *, text: Text, grammar: _Grammar) -> bool:
    """Whether a question word asks, rather than joins two clauses."""
    if tokens[position].lower in grammar.accented:
        return True
    for before in reversed(tokens[max(0, position - _LOOK_BACK) : position]):
        following = tokens[before.position + 1]
        if following.opens or "," in text.clean[before.end : following.start]:
            return True
        if before.folded in grammar.lead:
            return True
        if before.folded not in grammar.skip:
            return False
    return position <= _LOOK_BACK


def _ask_at(tokens: Sequence[Token], position: int, *, grammar: _Grammar) -> Ask:
    word = tokens[position].folded
    after = tokens[position + 1].folded if position + 1 < len(tokens) else ""
    if kind := grammar.phrases.get((word, after), ""):
        return Ask(kind)
    if position and (kind := grammar.phrases.get((tokens[position - 1].folded, word), "")):
        return Ask(kind)
    kind = grammar.words.get(word, "")
    if kind == "manner" and _finds_out(tokens[position + 1 : position + 6], grammar=grammar):
        return Ask("neutral")
    if kind == "thing":
        return _thing(tokens, position, grammar=grammar)
    return Ask(kind, direct=after in grammar.copula)


def _finds_out(tokens: Sequence[Token], *, grammar: _Grammar) -> bool:
    """How do I know whether: what is asked stands behind it."""
    return any(token.folded in grammar.lead for token in tokens)


def _thing(tokens: Sequence[Token], position: int, *, grammar: _Grammar) -> Ask:
    """What "what" asks for, by the first noun behind it, when that is no part of a longer one."""
    last = len(tokens) - 1
    direct = "'" not in tokens[position].folded
    for token in tokens[position + 1 : position + 9]:
        if token.folded in grammar.skip:
            direct = direct and token.folded not in grammar.copula
            continue
        kind = grammar.noun_kind(token.folded)
        if kind and token.position < last and not (direct and kind in _ASKED_DIRECTLY):
            following = tokens[token.position + 1]
            if not (following.folded in grammar.skip or following.folded in grammar.after):
                kind = ""
        return Ask(kind or "thing", noun=token.folded, direct=direct, by_noun=bool(kind))
    return Ask("thing")


def _truth(tokens: Sequence[Token], *, grammar: _Grammar) -> bool:
    """Whether yes or no is asked for, and not politely for something else."""
    if tokens[0].folded not in grammar.truth:
        return False
    return not any(token.folded in grammar.soft_truth for token in tokens[1:])
