"""What a text asks for: a person, a time, a number of something, whether something is true.

Told by the question word and, behind "what" and "how many", by the noun, after the lists in
data/question_types.toml.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from routing.guards.data import read_table
from routing.guards.remember import remembered
from routing.guards.text import Text, Token

_MAX_WORDS = 120
_LOOK_BACK = 4
_NOUN_WITHIN = 8
_TABLE = read_table("question_types.toml")


class Ask(Struct, frozen=True):
    """One thing that is asked for.

    `noun`: the word behind "what"; `direct`: no verb stands between; `by_noun`: it told the kind;
    `of`: it is asked for of something, as in the colour of X.
    """

    kind: str
    noun: str = ""
    direct: bool = False
    by_noun: bool = False
    of: bool = False


class _Grammar:
    """The question words of one language."""

    def __init__(self, table: dict[str, dict[str, str]], words: dict[str, str]) -> None:
        self.words: dict[str, str] = _kinds(table["words"])
        phrases = _kinds(table["phrases"], sep=",")
        self.phrases = {tuple(phrase.split()): kind for phrase, kind in phrases.items()}
        people = dict.fromkeys(words["relations"].split(), "person")
        self.nouns: dict[str, str] = people | _kinds(table["nouns"])
        self.counting = frozenset(words["counting"].split())
        self.of = frozenset(words["of"].split())
        self.copula = frozenset(words["copula"].split())
        self.after = frozenset(words["after"].split())
        self.open = frozenset(words["open"].split())
        self.accented = frozenset(words["accented"].split())
        self.skip = frozenset(words["skip"].split())
        self.superlative = tuple(words["superlative"].split())
        self.asked_directly = frozenset(words["asked_directly"].split())
        self.most = frozenset(words["most"].split())
        self.lead = frozenset(words["lead"].split())
        self.dangling = frozenset(words["dangling"].split())
        self.truth = frozenset(words["truth"].split())
        self.truth_mark = words["truth_mark"]
        self.soft_truth = frozenset(words["soft_truth"].split())

    def noun_kind(self, word: str) -> str:
        """The kind that asking for a `word` or several asks for; "" when any."""
        if kind := self.nouns.get(word, ""):
            return kind
        one = word[:-3] + "y" if word.endswith("ies") else word.removesuffix("s")
        return self.nouns.get(one, "")


def _kinds(table: dict[str, str], *, sep: str | None = None) -> dict[str, str]:
    return {
        word.strip(): kind
        for kind, words in table.items()
        for word in words.replace("\n", " ").split(sep)
        if word.strip()
    }


_GRAMMARS = {name: _Grammar(_TABLE[name], _TABLE[name]) for name in ("en", "es")}


@remembered
def asks_of(text: Text, language: str) -> tuple[Ask, ...]:
    """What `text` asks for, in order; empty when it is no plain question."""
    grammar = _GRAMMARS["es" if language == "es" else "en"]
    tokens = text.tokens[:_MAX_WORDS]
    asks: list[Ask] = []
    if not grammar.open.isdisjoint(text.words):
        for position, token in enumerate(tokens):
            if token.folded in grammar.open and _asks(text, position, grammar=grammar):
                ask = _ask_at(tokens, position, grammar=grammar)
                if ask.kind and ask not in asks:
                    asks.append(ask)
        if not asks:
            asks += _dangling(text, grammar=grammar)
    if tokens and _truth(text, asks, grammar=grammar):
        asks.append(Ask("truth"))
    return tuple(asks)


def _asks(text: Text, position: int, *, grammar: _Grammar) -> bool:
    """Whether a question word asks, rather than joins two clauses."""
    tokens = text.tokens
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


def _dangling(text: Text, *, grammar: _Grammar) -> list[Ask]:
    """The question at the end of a statement: "It was a gift of which company?"."""
    if not text.clean.rstrip().endswith("?"):
        return []
    for token in reversed(text.tokens):
        if token.folded in grammar.open and token.position:
            if text.tokens[token.position - 1].folded not in grammar.dangling:
                return []
            ask = _ask_at(text.tokens, token.position, grammar=grammar)
            return [ask] if ask.direct else []
    return []


def _ask_at(tokens: Sequence[Token], position: int, *, grammar: _Grammar) -> Ask:
    word = tokens[position].folded
    after = [token.folded for token in tokens[position + 1 : position + 3]]
    kind = grammar.phrases.get((word, *after), "") or grammar.phrases.get((word, *after[:1]), "")
    if not kind and position:
        kind = grammar.phrases.get((tokens[position - 1].folded, word), "")
    if kind:
        return _counted(tokens, position + 1, kind=kind, grammar=grammar)
    kind = grammar.words.get(word, "")
    if kind == "manner" and _finds_out(tokens[position + 1 : position + 6], grammar=grammar):
        return Ask("neutral")
    if kind == "thing":
        return _thing(tokens, position, grammar=grammar)
    if kind == "count":
        return _counted(tokens, position, kind=kind, grammar=grammar)
    return Ask(kind, direct=after[:1] != [] and after[0] in grammar.copula)


def _counted(tokens: Sequence[Token], position: int, *, kind: str, grammar: _Grammar) -> Ask:
    """How many of what: the noun behind the word at `position` when that counts things."""
    if kind != "count" or tokens[position].folded not in grammar.counting:
        return Ask(kind)
    for token in tokens[position + 1 : position + 3]:
        if token.folded not in grammar.skip:
            return Ask(kind, noun=token.folded, direct=True)
    return Ask(kind)


def _finds_out(tokens: Sequence[Token], *, grammar: _Grammar) -> bool:
    """How do I know whether: what is asked stands behind it."""
    return any(token.folded in grammar.lead for token in tokens)


def _thing(tokens: Sequence[Token], position: int, *, grammar: _Grammar) -> Ask:
    """What "what" asks for, by the first noun behind it, when that is no part of a longer one."""
    last = len(tokens) - 1
    direct = "'" not in tokens[position].folded
    for token in tokens[position + 1 : position + 1 + _NOUN_WITHIN]:
        if token.folded in grammar.skip or token.folded.endswith(grammar.superlative):
            most = token.folded in grammar.most or token.folded.endswith(grammar.superlative)
            direct = most or (direct and token.folded not in grammar.copula)
            continue
        following = tokens[token.position + 1].folded if token.position < last else ""
        kind = grammar.noun_kind(token.folded)
        if following and not (following in grammar.skip or following in grammar.after):
            if compound := grammar.noun_kind(following):
                return Ask(compound, noun=following, direct=direct, by_noun=True)
            if kind != "neutral" and not (direct and kind in grammar.asked_directly):
                kind = ""
        return Ask(
            kind or "thing",
            noun=token.folded,
            direct=direct,
            by_noun=bool(kind),
            of=following in grammar.of,
        )
    return Ask("thing")


def _truth(text: Text, asks: Sequence[Ask], *, grammar: _Grammar) -> bool:
    """Whether yes or no is asked for, and not politely for something else."""
    if text.tokens[0].folded not in grammar.truth and (
        asks or not grammar.truth_mark or grammar.truth_mark not in text.clean
    ):
        return False
    return not any(token.folded in grammar.soft_truth for token in text.tokens)
