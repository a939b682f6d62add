from decimal import Decimal

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    """Of rows to come; those that are there keep their margins."""

    dependencies = [
        ("cache_admin", "0011_role_texts"),
    ]

    operations = [
        migrations.AlterField(
            model_name="policy",
            name="min_margin",
            field=models.DecimalField(
                decimal_places=4,
                default=Decimal("0.05"),
                max_digits=5,
                validators=[
                    django.core.validators.MinValueValidator(Decimal("0")),
                    django.core.validators.MaxValueValidator(Decimal("1")),
                ],
                verbose_name="minimum margin",
            ),
        ),
    ]
