from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps

from cache_admin.models import ModelPrice

pytestmark = pytest.mark.django_db

default_prices_migration = import_module("cache_admin.migrations.0002_default_prices")
embedding_prices_migration = import_module("cache_admin.migrations.0009_embedding_prices")


def test_default_prices__forwards__every_kind_of_token_priced(default_prices: None) -> None:
    price = ModelPrice.objects.get(model="claude-haiku-4-5")

    assert (
        price.input_nanousd,
        price.output_nanousd,
        price.cache_read_nanousd,
        price.cache_write_5m_nanousd,
        price.cache_write_1h_nanousd,
    ) == (1_000_000_000, 5_000_000_000, 100_000_000, 1_250_000_000, 2_000_000_000)


def test_default_prices__source__named_on_every_row(default_prices: None) -> None:
    assert not ModelPrice.objects.filter(source="").exists()


def test_default_prices__backwards__only_its_own_rows_go(default_prices: None) -> None:
    own = ModelPrice.objects.get(model="gpt-4o")
    own.pk, own.source, own.model = None, "an operator", "gpt-4o-special"
    own.save()

    default_prices_migration.remove_prices(apps, None)

    left = ModelPrice.objects.exclude(model__startswith="text-embedding-")
    assert list(left.values_list("model", flat=True)) == ["gpt-4o-special"]


def test_embedding_prices__there_and_back__only_its_own_rows(default_prices: None) -> None:
    before = set(ModelPrice.objects.exclude(model__startswith="text-embedding-"))

    embedding_prices_migration.remove_prices(apps, None)
    assert set(ModelPrice.objects.all()) == before
    embedding_prices_migration.add_prices(apps, None)

    assert ModelPrice.objects.get(model="text-embedding-3-small").input_nanousd == 20_000_000
