from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import migrations

# Frozen by its name: later prices come in a file and a migration of their own.
_FILE = Path(__file__).resolve().parent.parent / "data" / "prices_2026_11_embeddings.json"


def add_prices(apps: Any, schema_editor: Any) -> None:
    content = json.loads(_FILE.read_text(encoding="utf-8"))
    model = apps.get_model("cache_admin", "ModelPrice")
    valid_from = datetime.fromisoformat(content["valid_from"])
    model.objects.bulk_create(
        [
            model(valid_from=valid_from, source=content["source"], **row)
            for row in content["prices"]
        ]
    )


def remove_prices(apps: Any, schema_editor: Any) -> None:
    content = json.loads(_FILE.read_text(encoding="utf-8"))
    apps.get_model("cache_admin", "ModelPrice").objects.filter(
        source=content["source"]
    ).delete()


class Migration(migrations.Migration):

    dependencies = [
        ("cache_admin", "0008_embedding_models"),
    ]

    operations = [
        migrations.RunPython(add_prices, remove_prices),
    ]
