import cache_admin.models.base
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("cache_admin", "0004_event_margin_and_guards"),
    ]

    operations = [
        migrations.CreateModel(
            name='Lexicon',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=cache_admin.models.base.new_uid, editable=False, max_length=16, unique=True)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('opposites', models.JSONField(blank=True, default=list, verbose_name='opposites')),
                ('alike', models.JSONField(blank=True, default=list, verbose_name='alike')),
                ('apart', models.JSONField(blank=True, default=list, verbose_name='apart')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='NeverMergePair',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=cache_admin.models.base.new_uid, editable=False, max_length=16, unique=True)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('a', models.CharField(max_length=500, verbose_name='question')),
                ('b', models.CharField(max_length=500, verbose_name='other question')),
                ('digest', models.CharField(editable=False, max_length=64)),
                ('enabled', models.BooleanField(default=True, verbose_name='enabled')),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.AddField(
            model_name='lexicon',
            name='tenant',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='lexicon', to='cache_admin.tenant'),
        ),
        migrations.AddField(
            model_name='nevermergepair',
            name='tenant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='never_merge', to='cache_admin.tenant'),
        ),
        migrations.AddConstraint(
            model_name='nevermergepair',
            constraint=models.UniqueConstraint(fields=('tenant', 'digest'), name='never_merge_pair_once'),
        ),
        migrations.AddConstraint(
            model_name='nevermergepair',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('a', ''), _negated=True), models.Q(('b', ''), _negated=True)), name='never_merge_pair_not_empty'),
        ),
    ]
