"""The guards that a policy may switch off, in words, each with questions it keeps apart."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from routing.snapshot import GuardName


@dataclass(frozen=True, slots=True)
class GuardText:
    """What a guard looks at; `one` and `other` are questions that it keeps apart."""

    guard: GuardName
    name: str
    explanation: str
    one: str = ""
    other: str = ""

    def __str__(self) -> str:
        return self.name


def guard_texts() -> tuple[GuardText, ...]:
    """Every such guard in the language of the page."""
    return (
        GuardText(
            GuardName.NUMBERS,
            _("Numbers"),
            _("Amounts, units, percentages and places in an order agree."),
            _("Can I return 2 items?"),
            _("Can I return 20 items?"),
        ),
        GuardText(
            GuardName.DATES,
            _("Dates and times"),
            _("Days, hours and lengths of time agree."),
            _("Can I cancel within 24 hours?"),
            _("Can I cancel within 48 hours?"),
        ),
        GuardText(
            GuardName.IDENTIFIERS,
            _("Numbers of orders and other codes"),
            _("Order numbers, versions, e-mail and web addresses agree."),
            _("Where is order A-1234?"),
            _("Where is order A-1243?"),
        ),
        GuardText(
            GuardName.ENTITIES,
            _("Names"),
            _("Names of people, places and things, and quoted words, agree."),
            _("Do you ship to Peru?"),
            _("Do you ship to Chile?"),
        ),
        GuardText(
            GuardName.NEGATION,
            _("Negation"),
            _("One does not deny what the other says."),
            _("Why was my card charged?"),
            _("Why was my card not charged?"),
        ),
        GuardText(
            GuardName.OPPOSITES,
            _("Opposites"),
            _("One does not ask for the reverse of the other. Your lexicon adds pairs."),
            _("How do I activate my card?"),
            _("How do I deactivate my card?"),
        ),
        GuardText(
            GuardName.QUESTION_TYPE,
            _("Kind of question"),
            _("Both ask who, when, where, why or how much."),
            _("When does the shop open?"),
            _("Where does the shop open?"),
        ),
        GuardText(
            GuardName.SLOTS,
            _("Words in the same place"),
            _("Where all else is equal, no word stands for another one. Your lexicon helps."),
            _("What does the pro account cost?"),
            _("What does the gold account cost?"),
        ),
        GuardText(
            GuardName.LANGUAGE,
            _("Language"),
            _("Both are in one language, so that nobody is answered in another."),
            _("Where is my parcel?"),
            _("¿Dónde está mi paquete?"),
        ),
        GuardText(
            GuardName.LENGTH,
            _("Length"),
            _("Neither is many times longer than the other and so says much more."),
        ),
    )
