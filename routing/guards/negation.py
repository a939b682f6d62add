"""Veto when one text denies what the other does not: with and without, can and cannot."""

from __future__ import annotations

from routing.guards.comparison import Comparison
from routing.guards.content import Content, content_of, language_of_pair
from routing.guards.data import read_table
from routing.guards.remember import remembered
from routing.guards.retelling import retelling
from routing.guards.text import Text, Token

_CLAUSE_END = frozenset(".,;:!?()¿¡\n")
_QUESTION_WITHIN = 4
_WHY_WITHIN = 2
_TOLD_WITHIN = 2
_MAX_DIFFERING = 3


class _Words:
    """The words of denial of one language."""

    def __init__(self, table: dict[str, str]) -> None:
        self.negators = frozenset(table["negators"].split())
        self.implicit = frozenset(table["implicit"].split())
        pairs = {tuple(pair.split()) for pair in table["idioms"].replace("\n", ",").split(",")}
        meant = {tuple(pair.split()) for pair in table["idiom_exceptions"].split(",")}
        self.idioms = pairs - meant
        self.inability = frozenset(table["inability"].split())
        self.why = frozenset(table["why"].split())
        self.joining = frozenset(table["joining"].split())
        self.opening = frozenset(table["opening"].split())
        self.tellers = frozenset(table["tellers"].split())
        self.holding = frozenset(table["holding"].split())
        self.questions = frozenset(table["questions"].split())


_TABLE = read_table("negation.toml")
_WORDS = {language: _Words(table) for language, table in _TABLE.items()}


def negation(comparison: Comparison) -> str:
    """The negator that only one side has ("without | -")."""
    asked, stored = comparison.asked, comparison.stored
    language = language_of_pair(asked, stored)
    mine, theirs = negators_of(asked, language), negators_of(stored, language)
    if bool(mine) == bool(theirs):
        return ""
    if _otherwise_worded(asked, stored, content_of(asked, language), content_of(stored, language)):
        return ""
    words = _WORDS["es" if language == "es" else "en"]
    denying, other = (asked, stored) if mine else (stored, asked)
    if not words.negators.isdisjoint(other.words):
        return ""
    if not words.implicit.isdisjoint(other.words - denying.words):
        return ""
    return f"{'/'.join(mine) or '-'} | {'/'.join(theirs) or '-'}"


def _otherwise_worded(asked: Text, stored: Text, mine: Content, theirs: Content) -> bool:
    """Whether so little is said in the same words that a negation may only be how one says it."""
    said = retelling(asked, stored)
    if said.differing > _MAX_DIFFERING and said.added and said.lost:
        return True
    differing = len(mine.hard_stems ^ theirs.hard_stems)
    return differing > _MAX_DIFFERING and differing > len(mine.hard_stems & theirs.hard_stems)


@remembered
def negators_of(text: Text, language: str) -> tuple[str, ...]:
    """The words by which the question in `text` denies something, in order.

    What is only told beside the question ("I don't want to use it, how do I delete it?") and polite
    or idiomatic uses do not count.
    """
    words = _WORDS["es" if language == "es" else "en"]
    if words.negators.isdisjoint(text.words):
        return ()
    clauses = _clauses(text)
    asking = [_asks(clause, words) for clause in clauses]
    found: list[str] = []
    for clause, asks in zip(clauses, asking, strict=True):
        told = not asks and any(asking)
        found += [
            token.folded
            for place, token in enumerate(clause)
            if token.folded in words.negators
            and not (
                (told or _told_before(clause, place, words=words))
                and token.folded not in words.joining
                and not _is_condition(clause, place, words=words)
            )
            and not _idiom(clause, place, text=text, words=words)
        ]
    return tuple(found)


def denials_of(text: Text) -> int:
    """How many clauses of a statement deny something; whatever they may tell or ask besides."""
    words = _WORDS["es" if text.language == "es" else "en"]
    if words.negators.isdisjoint(text.words):
        return 0
    return sum(any(token.folded in words.negators for token in clause) for clause in _clauses(text))


def _clauses(text: Text) -> list[tuple[Token, ...]]:
    clauses: list[list[Token]] = [[]]
    end = 0
    for token in text.tokens:
        if clauses[-1] and not _CLAUSE_END.isdisjoint(text.clean[end : token.start]):
            clauses.append([])
        clauses[-1].append(token)
        end = token.end
    return [tuple(clause) for clause in clauses]


def _asks(clause: tuple[Token, ...], words: _Words) -> bool:
    if clause[0].folded in words.opening:
        return True
    return any(token.folded in words.questions for token in clause[:_QUESTION_WITHIN])


def _told_before(clause: tuple[Token, ...], place: int, *, words: _Words) -> bool:
    """I don't want it any more how do I delete it: a question follows what the asker tells."""
    if place > _TOLD_WITHIN or clause[0].folded not in words.tellers:
        return False
    return any(token.folded in words.questions for token in clause[place + _TOLD_WITHIN :])


def _is_condition(clause: tuple[Token, ...], place: int, *, words: _Words) -> bool:
    """I don't have a card, I am not an admin: what is told decides what is answered."""
    near = clause[max(0, place - _TOLD_WITHIN) : place + 1 + _TOLD_WITHIN]
    return any(token.folded in words.holding for token in near)


def _idiom(clause: tuple[Token, ...], place: int, *, text: Text, words: _Words) -> bool:
    word = clause[place].folded
    if word in words.inability:
        near = clause[max(0, place - _WHY_WITHIN) : place]
        return words.why.isdisjoint([token.folded for token in near])
    before = clause[place - 1].folded if place else ""
    after = clause[place + 1].folded if place + 1 < len(clause) else ""
    if (before, word) in words.idioms or (word, after) in words.idioms:
        return True
    if not place and word in words.opening:
        return True
    if len(clause) == 1:
        return text.tokens[-1] is clause[0]
    return word == "no" and (after[:1].isdigit() or text.clean[clause[place].end :][:1] == ".")
