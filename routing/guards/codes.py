"""Codes in a text: addresses, order numbers, versions, file names, placeholders.

A code is compared letter by letter, never by what it may mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

_TRIGGER = re.compile(
    r"[@{#<\[_\\]|\w[./]\w|\d[-.() ]+\d|[^\W\d_]-\d|\bv\d|\w\w:\w\w:|%\(", re.IGNORECASE
)
"""Without one of these no code can be there but a single word of digits, or digits and letters."""

_SPANS = re.compile(
    r"(?P<placeholder>\{\{[^{}]{1,60}\}\}|\$?\{[^{}]{1,60}\}|<[a-z][\w .-]{0,40}>"
    r"|%\(\w{1,40}\)[sd]|(?-i:\[[A-Z][A-Z_ ]{1,40}\]))"
    r"|(?P<url>(?:https?://|www\.)[^\s<>\"']+)"
    r"|(?P<mail>[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+)"
    r"|(?P<uuid>\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b)"
    r"|(?P<ip>(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?(?![\w.]))"
    r"|(?P<mac>\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b)"
    r"|(?P<date>(?<![\w.])(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}([-/.])\d{1,2}\8(?:\d{4}|\d{2}))"
    r"(?![\w.]))"
    r"|(?P<phone>(?<![\w.])\+?\(?\d{1,4}\)?(?:[ .-]?\(?\d{2,4}\)?){2,5}(?!\w))"
    r"|(?P<version>\bv\d+(?:\.\d+)*\b|(?<![\w.])\d+(?:\.\d+){2,}\b)"
    r"|(?P<always>\b24/7\b)"
    r"|(?P<number>(?<!\w)#\s?\w*\d\w*)"
    r"|(?P<user>(?<!\w)@\w+)"
    r"|(?P<file>\b[\w-]{1,80}\.(?:pdf|docx?|xlsx?|pptx?|csv|tsv|txt|md|json|ya?ml|xml|html?|css|jsx|tsx"
    r"|py|java|cpp|sh|exe|dll|zip|rar|tar|gz|png|jpe?g|gif|svg|bmp|mp[34]|avi|mov|wav|psd"
    r"|log|ini|cfg|conf|env|sql|db|apk|dmg|iso|bat|toml)\b)"
    r"|(?P<path>(?<!\w)(?:[a-z]:|~)?[\\/][\w.-]+(?:[\\/][\w.-]+)+)"
    r"|(?P<domain>\b(?:[a-z0-9-]{1,63}\.){1,4}(?:com|org|net|io|edu|gov|info|biz|app|dev|ai|eu|es|mx"
    r"|ar|cl|co|pe|uk|ca|de|fr|pt|br|au|jp|cn|ru)\b(?!\.\w))"
    r"|(?P<code>(?<![\w-])(?!(?:rs|inr|usd|eur)-)[a-z]{1,5}-\d{4,}[\w-]*|(?<![\w-])(?!rs-)[a-z]{1,2}-\d+[a-z]?(?![\w-])"
    r"|(?<!\w)(?=\w*_)(?=\w*[^\W_])\w+_\w+)",
    re.IGNORECASE,
)
_SIGNS = re.compile(r"[\s().#-]+")
_CASE_MATTERS = frozenset({"url", "path"})
_PHONE_DIGITS = 9


class Code(Struct, frozen=True, gc=False):
    """One code as it is compared; `start` and `end` are offsets into `Text.clean`."""

    kind: str
    value: str
    start: int
    end: int


def codes_in(clean: str) -> Iterator[Code]:
    """The codes of `clean` from left to right. Dates in digits are among them, kind "date"."""
    if not _TRIGGER.search(clean):
        return
    for match in _SPANS.finditer(clean):
        kind = match.lastgroup or ""
        written = match.group()
        if kind == "phone":
            if not _is_phone(written):
                continue
            written = _SIGNS.sub("", written)
        elif kind in ("number", "code"):
            written = _SIGNS.sub("", written)
        elif kind == "url":
            written = written.rstrip(".,;:!?)").removesuffix("/")
        elif kind == "placeholder":
            written = re.sub(r"[^\w]+", " ", written).strip()
        value = written if kind in _CASE_MATTERS else written.casefold()
        yield Code(kind, value, match.start(), match.end())


def _is_phone(written: str) -> bool:
    """Whether groups of digits make a phone number; 20000-25000 is a range."""
    groups = re.findall(r"\d+", written)
    marked = written[0] in "+(" or len(groups) > 2
    return marked and sum(map(len, groups)) >= _PHONE_DIGITS
