"""One pass over a text's tokens that sorts its numbers into quantities, dates and codes."""

from __future__ import annotations

import re
from fractions import Fraction

from routing.guards import calendar
from routing.guards.codes import codes_in
from routing.guards.data import read_table
from routing.guards.figures import (
    MULTIPLIERS,
    NUMBER_WORDS,
    ONES,
    PLACES,
    Value,
    digits_of,
    is_ordinal_suffix,
    number_words,
    roman_of,
    with_half,
)
from routing.guards.text import Text, Token

VAGUE = "vague"
"""The unit of a number that may as well be left out: "top 5", "two" for any plural."""

ORDINAL = "in order"
"""The unit of an ordinal; as any unit it need not be said ("class 11", "11th class")."""

_TABLE = read_table("numbers.toml")
_UNITS: dict[str, str] = {
    word: unit for unit, words in _TABLE["units"].items() for word in words.split()
}
_IDLE = frozenset(
    tuple(phrase.split())
    for line in _TABLE["phrases"]["idle"].splitlines()
    for phrase in line.split("|")
)
_CONTEXT = {name: frozenset(words.split()) for name, words in _TABLE["context"].items()}
_LIST_BEFORE = _CONTEXT["list_before"]
_LIST_AFTER = _CONTEXT["list_after"] | frozenset(_TABLE["phrases"]["lists"].split())
_DEFINITE = _CONTEXT["definite"]
_MONEY_SIGNS = frozenset("$€£¥₹₿")
_UNIT_SIGNS = frozenset("%$€£¥₹₿¢°")
_MONEY_CODES = _CONTEXT["money_code"]
_PLACE_BEFORE = _CONTEXT["place_before"]
_POSSESSIVES = _CONTEXT["possessive"]
_RATES = _CONTEXT["rate_before"]
_SPAN_BEFORE = _CONTEXT["span_before"]
_SEASON_BEFORE = _CONTEXT["season_before"]
_CODE_NOUNS = _CONTEXT["code_noun"]
_PRONOUNS = _CONTEXT["pronoun"]
_AFTER_ADVERB = _CONTEXT["after_adverb"]
_LONGEST_GREETING = 5
_GREETINGS = frozenset({"good", "buenas", "buenos"})
_OPTIONAL_NUMBERS = frozenset({("covid", 19), ("cov", 2)})
"""Numbers of a name that are left out as often as written."""

_TWO = frozenset({"two", "dos", "half"})
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::\d{2})?([ap]m|h|hs|hrs)?")
_LIST = re.compile(r"\d{1,15}(?:,\d{1,15})+")
_GLUED_PRICE = re.compile(r"(rs|inr|usd|eur|gbp)(\d{1,9})")
_NUMBERED_NAME = re.compile(r"([^\W\d_]{2,})(\d{1,3})")
NOTABLE = (
    NUMBER_WORDS
    | PLACES.keys()
    | calendar.MONTHS.keys()
    | calendar.SINGLE_WORDS.keys()
    | calendar.SHIFTS.keys()
    | calendar.PHRASE_STARTS
    | calendar.SPECIAL
    | ONES
)
"""Words at which a number or a word of time may begin."""

_LONG_CODE = 7
_YEARS = range(1100, 2100)
_COUNTED_UP_TO = 20
_DASHES = frozenset({"-", "\u2013", "\u2014"})
_GENERATIONS = range(1, 7)
"""3G to 6G are networks, not grams."""

_WEEKDAYS = calendar.WEEKDAYS
_HALF = Fraction(1, 2)


class Scan:
    """Reads one text. Afterwards `quantities` holds values with units, `dates` words of time,
    `identifiers` codes, and `claimed` the positions of the tokens they were read from."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.tokens = text.tokens
        self.quantities: list[tuple[Value, str]] = []
        self.dates: set[str] = set()
        self.identifiers: set[str] = set()
        self.claimed: set[int] = set()
        self._month_end = -1

    def read_codes(self) -> None:
        """Read what is a code by its signs: addresses, versions, placeholders."""
        for code in codes_in(self.text.clean):
            if code.kind == "date":
                self.dates.update(calendar.calendar_day(code.value, language=self.text.language))
            elif code.kind == "always":
                self.dates.add("always")
            else:
                self.identifiers.add(code.value)
            self.claimed.update(
                token.position
                for token in self.tokens
                if token.start < code.end and code.start < token.end
            )

    def read_tokens(self) -> None:
        """Read the tokens that no code has claimed."""
        position = 0
        for token in self.tokens:
            if token.position < position or _is_plain(token) or token.position in self.claimed:
                continue
            position = self._read_at(token)
            self.claimed.update(range(token.position, position))

    def _word(self, position: int) -> str:
        return self.tokens[position].folded if 0 <= position < len(self.tokens) else ""

    def _char(self, offset: int) -> str:
        return self.text.clean[offset : offset + 1] if offset >= 0 else ""

    def _read_at(self, token: Token) -> int:
        """The position behind what begins at `token`, or its own when nothing does."""
        position, word = token.position, token.folded
        if word[0].isdigit():
            return self._read_digits(token)
        if (behind := self._read_time(token)) > position:
            return behind
        if word in NUMBER_WORDS or word in ONES or word == "once":
            return self._read_words(token)
        if word in PLACES:
            return self._read_place(position)
        if word in ("half", "media"):
            return self._read_half(position)
        if (roman := roman_of(token)) is not None:
            return self._read_number(roman, position, position + 1, ordinal=True)
        return position if word.isalpha() else self._read_mixed(token)

    def _read_digits(self, token: Token) -> int:
        position = token.position
        if clock := _CLOCK.fullmatch(token.lower):
            return self._read_clock(int(clock[1]), int(clock[2]), clock[3] or "", position + 1)
        parsed = digits_of(token.lower, language=self.text.language)
        if parsed is None and (listed := _LIST.fullmatch(token.lower)):
            self.quantities.extend((int(item), "") for item in listed.group().split(","))
            return position + 1
        if parsed is None:
            self.identifiers.add(token.lower)
            return position + 1
        value, suffix = parsed
        if not suffix:
            written = token.written
            if written.isdigit() and (
                len(written) >= _LONG_CODE or (written[0] == "0" and len(written) > 3)
            ):
                self.identifiers.add(written)
                return position + 1
            return self._read_number(value, position, position + 1)
        return self._read_suffixed(token, value, suffix)

    def _read_suffixed(self, token: Token, value: Value, suffix: str) -> int:
        position = token.position
        if suffix in ("am", "pm"):
            return self._read_clock(int(value), 0, suffix, position + 1)
        if suffix == "s" and value % 10 == 0 and value >= 10:
            self.dates.add(f"{value + 1900 if value < 100 else value}s")
        elif suffix == "k":
            if (low := self._low_end(position)) is not None:
                self.quantities.append((low * 1000, ""))
            return self._read_number(value * 1000, position, position + 1)
        elif suffix == "m" and self._char(token.start - 1) in _MONEY_SIGNS:
            return self._read_number(value * 1_000_000, position, position + 1)
        elif suffix == "s" and (value < 10 or self._after_name(position)):
            self.identifiers.add(token.lower)
        elif calendar.is_glued_unit(suffix) or (suffix in calendar.UNITS and len(suffix) > 2):
            self.dates.add(calendar.duration(value, calendar.UNITS[suffix]))
        elif suffix in _UNITS and not (suffix == "g" and value in _GENERATIONS):
            self.quantities.append((value, _UNITS[suffix]))
        elif is_ordinal_suffix(suffix):
            return self._read_number(value, position, position + 1, ordinal=True)
        else:
            self.identifiers.add(token.lower)
        return position + 1

    def _after_name(self, position: int) -> bool:
        before = self.tokens[position - 1] if position else None
        return before is not None and before.capitalised and not before.opens

    def _read_clock(self, hour: int, minute: int, half: str, behind: int) -> int:
        if half not in ("am", "pm"):
            half = ""
            if self._word(behind) in ("am", "pm"):
                half, behind = self._word(behind), behind + 1
        self.dates.add(calendar.clock_time(hour, minute, half=half))
        return behind

    def _read_words(self, token: Token) -> int:
        position = token.position
        before, word, after = self._word(position - 1), token.folded, self._word(position + 1)
        if word in ONES and after in calendar.UNITS and word not in ("uno",):
            return self._read_one_unit(position)
        if (before, word) in _IDLE or (word, after) in _IDLE:
            return position + 1
        if word in ("second", "segundo") and before in _RATES:
            return position + 1
        if word.startswith("cuarto") and before in _POSSESSIVES:
            return position
        found = number_words(self.tokens, position, language=self.text.language)
        if found is None:
            return position
        value, behind, ordinal = found
        if word in ("first", "primero") and self._is_adverb(position):
            return behind
        return self._read_number(value, position, behind, ordinal=ordinal)

    def _is_adverb(self, position: int) -> bool:
        """Whether "first" at `position` says when, not which: what should I do first if..."""
        if self._word(position - 1) in _PRONOUNS:
            return True
        end = self.tokens[position].end
        return self._char(end) != " " or self._word(position + 1) in _AFTER_ADVERB

    def _read_one_unit(self, position: int) -> int:
        """ "in an hour" is a span, "three times a day" a rate, "one day" neither."""
        unit = calendar.UNITS[self._word(position + 1)]
        before = self._word(position - 1)
        if before in _SPAN_BEFORE or (self._word(position) == "one" and unit != "day"):
            self.dates.add(calendar.duration(1, unit))
        elif before in ("times", "veces", "once", "twice", "much", "many"):
            self.dates.add(f"every {unit}")
        return position + 2

    def _read_place(self, position: int) -> int:
        before, word, after = (self._word(position + step) for step in (-1, 0, 1))
        if (before, word) in _IDLE or (word, after) in _IDLE:
            return position + 1
        if before in _PLACE_BEFORE or before.endswith("'s"):
            self.quantities.append((PLACES[word], ORDINAL))
            return position + 1
        return position

    def _read_half(self, position: int) -> int:
        unit_at = position + 2 if self._word(position + 1) in ("a", "an") else position + 1
        if unit := calendar.UNITS.get(self._word(unit_at)):
            self.dates.add(calendar.duration(_HALF, unit))
            return unit_at + 1
        if self._word(position) == "media" or self._word(position - 1) == "a":
            return position
        return self._read_number(_HALF, position, position + 1)

    def _read_mixed(self, token: Token) -> int:
        """A word of letters and digits: a name with its number (iphone6) or a code (h2o)."""
        if token.lower.replace("'", "").isalpha() or token.lower.endswith(("+", "#")):
            return token.position
        if priced := _GLUED_PRICE.fullmatch(token.lower):
            self.quantities.append((int(priced[2]), _UNITS[priced[1]]))
            return token.position + 1
        if named := _NUMBERED_NAME.fullmatch(token.lower):
            if (named[1], int(named[2])) not in _OPTIONAL_NUMBERS:
                self.quantities.append((int(named[2]), ""))
            return token.position
        self.identifiers.add(token.lower)
        return token.position + 1

    def _read_number(self, value: Value, start: int, behind: int, *, ordinal: bool = False) -> int:
        """Sort the number that stands in the tokens from `start` to `behind`."""
        if not ordinal:
            if self._word(behind) in MULTIPLIERS:
                value, behind = value * MULTIPLIERS[self._word(behind)], behind + 1
            value, behind = with_half(value, self.tokens, behind)
        before, after = self._word(start - 1), self._word(behind)
        if (before, value) in _OPTIONAL_NUMBERS:
            return behind
        if after in ("am", "pm", "o'clock") and 1 <= value < 13:
            half = "" if after == "o'clock" else after
            minute = round(value % 1 * 100)
            return self._read_clock(int(value), minute, half, behind + 1)
        if 1 <= value <= 31 and self._beside_month(start, behind):
            self.dates.add(f"day {value}")
            return behind
        if ordinal:
            self.quantities.append((value, ORDINAL))
            return behind
        return self._read_measured(value, start, behind)

    def _read_measured(self, value: Value, start: int, behind: int) -> int:
        before, after = self._word(start - 1), self._word(behind)
        first, last = self.tokens[start], self.tokens[behind - 1]
        unit_at = behind + 1 if after in calendar.BETWEEN else behind
        time_unit = calendar.UNITS.get(self._word(unit_at), "")
        unit = self._unit_of(first, last)
        if time_unit and not unit and len(self._word(unit_at)) > 1:
            if (low := self._low_end(start)) is not None:
                self.dates.add(calendar.duration(low, time_unit))
            shift = calendar.SHIFTS.get(before, "")
            shift = f"{shift} " if shift in ("next", "last") else ""
            self.dates.add(shift + calendar.duration(value, time_unit))
            return unit_at + 1
        if first.lower in _TWO and not unit:
            self.quantities.append((value, VAGUE))
            return behind
        if self._char(first.start - 1) == "-" and self._char(first.start - 2) in ("", " ", "("):
            value = -value
        if not unit and first is last and (year := self._year(first, value)):
            aside = self._char(first.start - 1) == "("
            self.dates.add(f"({year})" if aside else str(year))
        elif unit and (low := self._low_end(start)) is not None:
            self.quantities += [(low, unit), (value, unit)]
        elif not unit and value >= 100 and before in _CODE_NOUNS:
            self.identifiers.add(str(value))
        elif (unit, value) == ("percent", 100) or (
            not unit and self._is_listed(value, before, after)
        ):
            self.quantities.append((value, VAGUE))
        else:
            self.quantities.append((value, unit))
        return behind + 1 if unit and after in _UNITS else behind

    def _low_end(self, start: int) -> Value | None:
        """Take back the number before `start` when both make a range: 7-10 kg, 7 to 10 kg."""
        low_at = start - 2 if self._word(start - 1) in ("to", "a") else start - 1
        if low_at < 0 or not self.quantities or self.quantities[-1][1]:
            return None
        low = digits_of(self.tokens[low_at].lower, language=self.text.language)
        gap = self.text.clean[self.tokens[start - 1].end : self.tokens[start].start].strip()
        if low is None or low[0] != self.quantities[-1][0] or (gap and gap not in _DASHES):
            return None
        if not gap and low_at == start - 1:
            return None
        return self.quantities.pop()[0]

    def _year(self, token: Token, value: Value) -> int:
        """The year that a bare number is, 0 when it is none; 2016/17 names two."""
        if len(token.written) == 4 and value in _YEARS:
            return int(value)
        before = self.tokens[token.position - 1] if token.position else token
        joined = self.text.clean[before.end : token.start] in ("/", "-", "\u2013")
        if joined and len(token.written) == 2 and len(before.written) == 4 and value > 12:
            century = digits_of(before.written, language="")
            if century and century[0] in _YEARS:
                return int(century[0]) // 100 * 100 + int(value)
        return 0

    def _is_listed(self, value: Value, before: str, after: str) -> bool:
        """Whether a number only counts: "top 5", "10 best", "the four layers"."""
        if before in _LIST_BEFORE or after in _LIST_AFTER:
            return True
        return before in _DEFINITE and after[:1].isalpha() and value <= _COUNTED_UP_TO

    def _unit_of(self, first: Token, last: Token) -> str:
        """The unit that stands beside a number: a sign before or behind it, or a word."""
        sign = self._char(first.start - 1)
        if sign in _MONEY_SIGNS:
            return _UNITS[sign]
        sign_at = last.end + 1 if self._char(last.end) == " " else last.end
        sign = self._char(sign_at)
        if sign in _UNIT_SIGNS and sign:
            degrees = self._char(sign_at + 1).lower() if sign == "°" else ""
            return _UNITS.get(sign + degrees, _UNITS[sign])
        before, after = self._word(first.position - 1), self._word(last.position + 1)
        if before in _MONEY_CODES:
            return _UNITS[before]
        if after == "por" and self._word(last.position + 2) in ("ciento", "cien"):
            return "percent"
        return _UNITS.get(after, "")

    def _beside_month(self, start: int, behind: int) -> bool:
        if self._month_end == start:
            return self._word(behind) not in _UNITS and self._word(behind) not in calendar.UNITS
        after = self._word(behind)
        if after in ("of", "de"):
            after = self._word(behind + 1)
        return after in calendar.MONTHS

    def _read_time(self, token: Token) -> int:
        """A word of time at `token`; its own position when there is none."""
        position, word = token.position, token.folded
        if word in calendar.PHRASE_STARTS:
            for length in (4, 3, 2):
                words = tuple(item.folded for item in self.tokens[position : position + length])
                if name := calendar.PHRASES.get(words):
                    self.dates.add(name)
                    return position + length
        if word in calendar.MONTHS and (
            word not in calendar.AMBIGUOUS or self._is_month_here(token)
        ):
            self.dates.add(calendar.MONTHS[word])
            self._month_end = position + 1
            return position + 1
        if word in calendar.SHIFTS:
            return self._read_shift(position)
        if name := self._single_word(token):
            greets = self._word(position - 1) in _GREETINGS and len(self.tokens) > _LONGEST_GREETING
            if not greets:
                self.dates.add(name)
            return position + 1
        return position

    def _single_word(self, token: Token) -> str:
        """The name of the word of time that `token` is, "" for other words."""
        word, before = token.folded, self._word(token.position - 1)
        if word == "manana":
            return "morning" if before in ("la", "esta") else "tomorrow"
        if word == "tarde" or word == "tardes":
            return "afternoon" if before in ("la", "esta", "las", "buenas") else ""
        if word in ("spring", "fall"):
            season = before in _SEASON_BEFORE and not token.capitalised
            return {"spring": "spring", "fall": "autumn"}[word] if season else ""
        if word in calendar.AMBIGUOUS and not token.capitalised:
            return ""
        return calendar.SINGLE_WORDS.get(word, "")

    def _read_shift(self, position: int) -> int:
        """ "next week", "cada mes", "el mes pasado", "la semana que viene"."""
        shift = calendar.SHIFTS[self._word(position)]
        after = self._word(position + 1)
        named = calendar.UNITS.get(after) or calendar.MONTHS.get(after)
        if named is None and calendar.SINGLE_WORDS.get(after) in calendar.PERIODS:
            named = calendar.SINGLE_WORDS[after]
        if named and len(after) > 2:
            bare = named in _WEEKDAYS and shift in ("next", "this")
            self.dates.add(named if bare else f"{shift} {named}")
            return position + 2
        back = position - 2 if self._word(position - 1) == "que" else position - 1
        if (unit := calendar.UNITS.get(self._word(back))) and shift in ("next", "last"):
            self.dates.add(f"{shift} {unit}")
            return position + 1
        return position

    def _is_month_here(self, token: Token) -> bool:
        before, after = self._word(token.position - 1), self._word(token.position + 1)
        if before[:1].isdigit() or before in calendar.BEFORE_MONTH or before in NUMBER_WORDS:
            return True
        if after[:1].isdigit():
            return True
        return not token.written.isupper() and token.capitalised and not token.opens


def _is_plain(token: Token) -> bool:
    """Whether nothing can begin at `token`: most words of most texts."""
    if token.folded in NOTABLE or not token.folded.isalpha():
        return False
    return not (token.written[0] in "IVXL" and token.written.isupper())
