from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.language import detect_language

TOLD = [
    ("How do I cancel my order?", "en"),
    ("what's the delivery fee", "en"),
    ("the invoice isn\u2019t there", "en"),
    ("¿Cómo cancelo mi pedido?", "es"),
    ("como cambio la contraseña de mi cuenta", "es"),
    ("donde esta mi factura", "es"),
    ("Comment puis-je annuler ma commande ?", "fr"),
    ("Wie kann ich meine Bestellung stornieren?", "de"),
    ("Como faço para cancelar meu pedido?", "pt"),
    ("Come posso annullare il mio ordine?", "it"),
    ("Hoe kan ik mijn bestelling annuleren?", "nl"),
    ("Jak mogę anulować moje zamówienie?", "pl"),
    ("Как отменить заказ?", "ru"),
    ("Πώς ακυρώνω την παραγγελία μου;", "el"),
    ("כיצד אני מבטל את ההזמנה", "he"),
    ("كيف ألغي طلبي؟", "ar"),
    ("چگونه سفارش خود را لغو کنم؟", "fa"),
    ("मैं अपना ऑर्डर कैसे रद्द करूं?", "hi"),
    ("ฉันจะยกเลิกคำสั่งซื้อได้อย่างไร", "th"),
    ("如何取消订单", "zh"),
    ("注文をキャンセルするには", "ja"),
    ("주문을 취소하려면 어떻게 하나요", "ko"),
]


@pytest.mark.parametrize(("text", "language"), TOLD)
def test_detect_language__question_of_one_language__its_code(text: str, language: str) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize("text", ["", "???", "4711", "iPhone 15 Pro", "Kim", "wifi", "hotel"])
def test_detect_language__neutral_or_short_text__silent(text: str) -> None:
    assert detect_language(text) == ""


def test_detect_language__name_in_another_language__language_of_the_sentence() -> None:
    assert detect_language("What is the population of Los Angeles?") == "en"


def test_detect_language__foreign_word_asked_about__language_of_the_sentence() -> None:
    assert detect_language("How do you pronounce 你好 in a sentence?") == "en"


def test_detect_language__case_and_marks_differ__same_result() -> None:
    assert detect_language("WHERE IS MY ORDER") == detect_language("where is my order?!") == "en"


@given(st.text(max_size=300))
def test_detect_language__any_text__two_letters_or_silent(text: str) -> None:
    assert len(detect_language(text)) in (0, 2)
