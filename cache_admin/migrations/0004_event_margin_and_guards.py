from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("cache_admin", "0003_policy_settings"),
    ]

    operations = [
        migrations.AddField(
            model_name='callevent',
            name='guards',
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name='callevent',
            name='margin',
            field=models.FloatField(null=True),
        ),
    ]
