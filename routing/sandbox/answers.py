"""Answers made up from the question: equal questions get equal bytes, others visibly differ."""

from __future__ import annotations

import hashlib
import re

_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_MAX_TOPIC_WORDS = 8

_STOP_WORD_LIST = (
    "a about am an and any are as at be been but by can could de del did do does el for from get "
    "give had has have help how i if in into is it its la las los me my need of on or our please "
    "que should so tell that the their them there these they this to us want was we were what "
    "when where which who why will with would y you your yours"
)
_STOP_WORDS = frozenset(_STOP_WORD_LIST.split())

_OPENINGS = (
    "Here is what to know about {topic}.",
    "Thank you for asking about {topic}.",
    "On {topic}, the short answer is that this takes only a few minutes.",
    "Regarding {topic}, these are the steps that apply to your case.",
    "Good question: {topic} comes up often, and it is easily settled.",
)
_STEPS = (
    "Sign in and open your account page, where the current state is shown at the top.",
    "Choose the entry concerned in the list and check the details before you go on.",
    "Open the settings menu and select the option that carries the same name.",
    "Have your reference number at hand; it stands in the confirmation message.",
    "Confirm the change and wait for the message that says it has gone through.",
    "If a form is shown, fill in the required fields and leave the others empty.",
    "Look at the dates and amounts once more, since they decide which rule applies.",
    "Keep the confirmation, as it names the person responsible and the next step.",
)
_DETAILS = (
    "The request on {topic} is normally handled within {number} working days.",
    "For {topic}, up to {number} entries can be handled in one go.",
    "Our team looks at requests on {topic} every {number} hours.",
    "In {number} of 100 cases on {topic}, no further document is needed.",
)
_CLOSINGS = (
    "If anything is unclear, reply here and a colleague will take over.",
    "Write to us again if the result is not what you expected.",
    "You can come back to this at any time under your request history.",
    "Let us know if you would like us to do it for you.",
)


def compose_answer(question: str, *, model: str, variant: int = 0) -> str:
    """A text of 40 to 120 words that quotes the topic words of `question`."""
    digest = hashlib.sha256(
        f"{model}\0{variant}\0{question}".encode("utf-8", "surrogatepass")
    ).digest()
    topic = _topic(question)
    steps = [_STEPS[(digest[1] + digest[2] * i) % len(_STEPS)] for i in range(2 + digest[3] % 3)]
    sentences = [
        _pick(_OPENINGS, digest[0]).format(topic=topic),
        *dict.fromkeys(steps),
        _pick(_DETAILS, digest[4]).format(topic=topic, number=2 + digest[5] % 90),
        _pick(_CLOSINGS, digest[6]),
        f"Reference {digest[7:11].hex().upper()}.",
    ]
    return " ".join(sentences)


def _topic(question: str) -> str:
    words = [word for word in _WORD.findall(question) if word.lower() not in _STOP_WORDS]
    return " ".join(word[:40] for word in words[:_MAX_TOPIC_WORDS]) or "your request"


def _pick(options: tuple[str, ...], number: int) -> str:
    return options[number % len(options)]
