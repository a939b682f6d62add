"""The two databases that every test here runs on are really two."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from cache_admin.models import Policy

pytestmark = pytest.mark.django_db


def test_validators__integer_field__those_of_the_database_in_use() -> None:
    field = Policy._meta.get_field("priority")
    _least, most = connection.ops.integer_field_range("IntegerField")

    field.run_validators(most)
    with pytest.raises(ValidationError):
        field.run_validators(most + 1)
