"""The names in a text, and whether a text holds a given name in some form."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from msgspec import Struct

from routing.guards.content import word_of
from routing.guards.data import read_table
from routing.guards.facts import facts_of
from routing.guards.remember import remembered
from routing.guards.stems import near_spelling
from routing.guards.text import Text, Token, fold

_CACHED_WORDS = 32_768
_TABLE = read_table("names.toml")
_COMMON = frozenset(_TABLE["common"].split())
_TITLE_WORDS = frozenset(_TABLE["title_words"].split())
QUALIFIERS = frozenset(_TABLE["qualifiers"].split())
_QUOTED = re.compile(r"\"+([^\"\n]{2,80})\"+|“([^”\n]{2,80})”|«([^»\n]{2,80})»")
_NEAR_LENGTH = 5
_READ_CLOSELY = 150
"""Tokens up to which a text is searched for joined, misspelt and abbreviated names."""
_INITIALS = range(2, 6)


class Name(Struct, frozen=True, gc=False):
    """One name: its words in the form in which they are compared."""

    words: tuple[str, ...]


class _Alias(Struct, frozen=True, gc=False):
    """Words that stand for `name`; `upper`: only when written in capitals."""

    words: tuple[str, ...]
    name: str
    upper: bool


def _aliases() -> dict[str, list[_Alias]]:
    by_first: dict[str, list[_Alias]] = {}
    for line in _TABLE["alike"].split("\n"):
        names = [name for name in line.split("|") if name]
        for name in names:
            words = tuple(fold(name).replace(".", "").split())
            alias = _Alias(words, names[0], name.isupper())
            by_first.setdefault(words[0], []).append(alias)
    for aliases in by_first.values():
        aliases.sort(key=lambda alias: -len(alias.words))
    return by_first


def _demonyms() -> dict[str, str]:
    return {
        word: group.split()[0]
        for group in _TABLE["demonyms"].replace("\n", "|").split("|")
        for word in group.split()
    }


_ARTICLES = frozenset(_TABLE["articles"].split())
_LOCATING = frozenset(_TABLE["locating"].split())
_ALIASES = _aliases()
_DEMONYMS = _demonyms()


_COUNTRIES = frozenset(_DEMONYMS.values()) - frozenset(_TABLE["no_country"].split())


class _Reading(Struct, frozen=True):
    """What a text calls things: by token the word it is compared as, "" inside a longer alias."""

    forms: tuple[str, ...]
    known: frozenset[str]


@remembered
def names_of(text: Text) -> tuple[Name, ...]:
    """The names in `text`, from left to right, each once."""
    if text.language == "de" or text.clean[1:].islower():
        return ()
    capitals = [token for token in text.tokens if token.capitalised]
    if not capitals or _is_shouted(text):
        return ()
    titled = any(token.folded in _TITLE_WORDS and not token.opens for token in capitals)
    claimed = facts_of(text).claimed
    named = [
        token
        for token in capitals
        if token.position not in claimed and _is_name(token, text, titled=titled)
    ]
    return _joined(named, text) if named else ()


def _joined(named: list[Token], text: Text) -> tuple[Name, ...]:
    """Names of the tokens in `named`: those that stand side by side are one."""
    forms = _reading(text).forms
    names: dict[tuple[str, ...], None] = {}
    words: list[str] = []
    end = -1
    for token in named:
        if words and token.position != end:
            names[tuple(words)] = None
            words = []
        if form := forms[token.position]:
            words.append(form)
        end = token.position + 1
    if words:
        names[tuple(words)] = None
    return tuple(Name(words) for words in names)


@remembered
def quotes_of(text: Text) -> tuple[frozenset[str], ...]:
    """The words of each passage in double quotes."""
    if text.clean.isascii() and '"' not in text.clean:
        return ()
    return tuple(
        frozenset([token.folded for token in text.tokens if start <= token.start < end])
        for match in _QUOTED.finditer(text.clean)
        for start, end in [match.span()]
    )


def is_present(form: str, text: Text) -> bool:
    """Whether `text` holds the name word `form`, in any case, joined, by initials or misspelt."""
    if form in text.words:
        return True
    reading = _reading(text)
    if form in reading.known:
        return True
    if len(text.tokens) > _READ_CLOSELY:
        return False
    forms = [item for item in reading.forms if item]
    if any(one + other == form for one, other in pairwise(forms)):
        return True
    if len(form) in _INITIALS and _has_initials(form, text):
        return True
    return len(form) >= _NEAR_LENGTH and any(
        item[0] == form[0] and near_spelling(form, item)
        for item in forms
        if len(item) >= _NEAR_LENGTH
    )


def is_country(words: tuple[str, ...]) -> bool:
    """Whether the name made of `words` is a country, its people or its language."""
    return all(word in _COUNTRIES for word in words)


def is_located(words: tuple[str, ...], text: Text) -> bool:
    """Whether the name made of `words` stands in `text` where a place does: in the X, from X."""
    forms = _reading(text).forms
    for position, form in enumerate(forms):
        if form in words:
            before = [token.folded for token in text.tokens[max(0, position - 3) : position]]
            while before and before[-1] in _ARTICLES:
                before.pop()
            if before and before[-1] in _LOCATING:
                return True
    return False


def is_abbreviated(words: tuple[str, ...], own: Text, text: Text) -> bool:
    """Whether `text` has the `words` of `own` as initials: NASA for its four words."""
    if len(text.tokens) > _READ_CLOSELY or len(own.tokens) > _READ_CLOSELY:
        return False
    initials = "".join([word[0] for word in words])
    return any(
        len(form) in _INITIALS and initials in form and _has_initials(form, own)
        for name in names_of(text)
        for form in name.words
    )


@remembered
def _reading(text: Text) -> _Reading:
    forms: list[str] = []
    position, tokens = 0, text.tokens
    while position < len(tokens):
        token = tokens[position]
        begins = token.folded in _ALIASES or "'" in token.folded
        alias = _alias_at(tokens, position) if begins else None
        if alias is None:
            forms.append(_form(token.folded, token.written))
            position += 1
        else:
            forms.append(alias.name)
            forms.extend([""] * (len(alias.words) - 1))
            position += len(alias.words)
    return _Reading(tuple(forms), frozenset(forms))


def _alias_at(tokens: tuple[Token, ...], position: int) -> _Alias | None:
    first = tokens[position].folded
    if "'" in first:
        first = first.removesuffix("'s")
    for alias in _ALIASES.get(first, ()):
        length = len(alias.words)
        here = tokens[position : position + length]
        words = tuple(token.folded.removesuffix("'s") for token in here)
        if words == alias.words and (not alias.upper or all(t.written[:2].isupper() for t in here)):
            return alias
    return None


@lru_cache(maxsize=_CACHED_WORDS)
def _form(folded: str, written: str) -> str:
    """A word without possessive, plural and nationality."""
    word = folded.removesuffix("'s").removesuffix("s'").replace("'", "")
    if written[-1] == "s" and written[:-1].isupper():
        return word if "'" in written else word[:-1]
    if known := _DEMONYMS.get(word):
        return known
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-2] if word.endswith("ones") else word[:-1]
    return word


def _is_name(token: Token, text: Text, *, titled: bool) -> bool:
    if token.folded in _COMMON or _is_initial(token, text):
        return False
    word = word_of(token.folded, spanish=False)
    if word.soft or word.function:
        return False
    written = token.written
    inside = written[1:]
    if len(written) > 1 and not inside.islower() and any(map(str.isupper, inside)):
        return True
    return not token.opens and not titled


def _is_initial(token: Token, text: Text) -> bool:
    """Whether `token` is the letter that stands for a further name: Ann P. Smith."""
    if len(token.written) > 1 or text.clean[token.end : token.end + 1] != "." or token.opens:
        return False
    around = text.tokens[token.position - 1 : token.position + 2]
    return len(around) == 3 and around[0].capitalised and around[2].capitalised


def _is_shouted(text: Text) -> bool:
    words = [token.written for token in text.tokens if len(token.written) > 1]
    return len(words) > 2 and 2 * sum(map(str.isupper, words)) > len(words)


def _has_initials(form: str, text: Text) -> bool:
    initials = "".join([token.folded[0] for token in text.tokens])
    return form in initials
