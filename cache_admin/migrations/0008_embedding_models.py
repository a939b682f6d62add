from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("cache_admin", "0007_invalidation_progress"),
    ]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="embedding_model",
            field=models.CharField(blank=True, default="", max_length=200, verbose_name="embedding model"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="runtimeinstance",
            name="embedding_models",
            field=models.JSONField(default=list),
        ),
    ]
