"""When two answers state the same, by invented answers of several sentences."""

from __future__ import annotations

import pytest

from routing.guards.statements import statements_differ
from routing.guards.text import READ_LIMIT

RETURNS = (
    "You can return any item within 30 days of delivery. Open your order, choose Return, and print"
    " the label. We refund the price to your card within 5 business days. Shipping of 4.99 euros is"
    " not refunded. For help call Acme Support."
)
RETURNS_TOLD_ANEW = (
    "Any item may be sent back within 30 days after delivery. Go to your order, select Return and"
    " print the label; the price is refunded to your card in 5 business days. The 4.99 euros for"
    " shipping are not refunded. If you need help, call Acme Support."
)

SAME = [
    pytest.param(RETURNS, RETURNS_TOLD_ANEW, id="told anew"),
    pytest.param(
        "1. Open Settings. 2. Tap Security. 3. Choose Change password.",
        "Open Settings, tap Security, then choose Change password.",
        id="numbered list",
    ),
    pytest.param(
        "1) Abre Ajustes.\n2) Pulsa Seguridad.",
        "Abre Ajustes y pulsa Seguridad.",
        id="numbered lines",
    ),
    pytest.param("The call takes 60 minutes.", "A call lasts 1 hour.", id="one span in two units"),
    pytest.param(
        "Puedes devolver el pedido en 30 días. El envío de 5 euros no se reembolsa.",
        "Tienes 30 días para devolver el pedido; el envío, 5 euros, no se reembolsa.",
        id="Spanish",
    ),
]

APART = [
    pytest.param(RETURNS, RETURNS.replace("30 days", "60 days"), id="another span"),
    pytest.param(RETURNS, RETURNS_TOLD_ANEW.replace("30", "14"), id="another span told anew"),
    pytest.param(RETURNS, RETURNS.replace("4.99", "9.99"), id="another amount"),
    pytest.param(RETURNS, RETURNS.replace(" within 5 business days", ""), id="span left out"),
    pytest.param(RETURNS, RETURNS.replace("not refunded", "refunded"), id="denial left out"),
    pytest.param(RETURNS, RETURNS.replace("Acme", "Globex"), id="another name"),
    pytest.param(
        "Dogs need a leash. You cannot bring birds. You cannot bring cats.",
        "Dogs need a leash. You cannot bring birds. You can bring cats.",
        id="one denial of two",
    ),
    pytest.param(
        "Booking can be cancelled online in your account at any time before you travel.",
        "Cancellations are possible online from the customer area; vouchers are up to 200 euros.",
        id="amount that a re-phrasing adds",
    ),
    pytest.param(
        "Call the Globex office in Lima for a new card; it is sent by post and is free of charge.",
        "Ask the office for a new card by phone; the card is posted to you free of charge.",
        id="name that a re-phrasing leaves out",
    ),
    pytest.param(
        "The tax form must be filed in the portal before the end of June.",
        "File your tax declaration for 2023 in the portal; the form is due before June ends.",
        id="year that a re-phrasing adds",
    ),
    pytest.param(
        "A room costs 50 euros for 2 nights and 80 euros for 3 nights.",
        "A room costs 80 euros for 2 nights and 50 euros for 3 nights.",
        id="amounts exchanged",
    ),
    pytest.param("Bring 2 forms.", "Bring the forms.", id="count of two"),
    pytest.param("It is on by default.", "It is off by default.", id="opposite"),
    pytest.param("We are open today.", "We are open.", id="day"),
    pytest.param("Call us tomorrow at noon.", "Llámanos mañana a mediodía.", id="another language"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_statements__same_facts__do_not_differ(one: str, other: str) -> None:
    assert statements_differ(one, other) == statements_differ(other, one) == ""


@pytest.mark.parametrize(("one", "other"), APART)
def test_statements__fact_on_one_side__differ(one: str, other: str) -> None:
    assert statements_differ(one, other)
    assert statements_differ(other, one)


def test_statements__longer_than_is_read__differ_unless_equal() -> None:
    long = "Open the list and tap Cancel. " * (READ_LIMIT // 20)

    assert statements_differ(long, f"{long}Not on Sundays.")
    assert statements_differ(long, long) == ""
