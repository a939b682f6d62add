import cache_admin.models.base
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("cache_admin", "0005_never_merge_and_lexicon"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='EventRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=cache_admin.models.base.new_uid, editable=False, max_length=16, unique=True)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('event', models.CharField(max_length=120, verbose_name='event')),
                ('tag', models.CharField(max_length=120, verbose_name='tag')),
                ('enabled', models.BooleanField(default=True, verbose_name='enabled')),
            ],
            options={
                'ordering': ['event', 'tag'],
            },
        ),
        migrations.CreateModel(
            name='EventSecret',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=cache_admin.models.base.new_uid, editable=False, max_length=16, unique=True)),
                ('secret', models.TextField(editable=False)),
                ('hint', models.CharField(editable=False, max_length=8)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='Invalidation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=cache_admin.models.base.new_uid, editable=False, max_length=16, unique=True)),
                ('kind', models.CharField(choices=[('entry', 'one entry'), ('tag', 'everything with a tag'), ('user', 'everything of a user'), ('policy', 'everything of a policy'), ('tenant', 'everything of the tenant'), ('document', 'everything that rests on a document')], max_length=8, verbose_name='what')),
                ('target', models.CharField(max_length=200, verbose_name='which')),
                ('subject', models.CharField(blank=True, editable=False, max_length=200)),
                ('note', models.CharField(blank=True, max_length=500, verbose_name='note')),
                ('requested_label', models.CharField(editable=False, max_length=150)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('state', models.CharField(choices=[('pending', 'waiting'), ('running', 'running'), ('done', 'done'), ('failed', 'failed')], default='pending', max_length=8)),
                ('progress_done', models.PositiveBigIntegerField(default=0)),
                ('progress_total', models.PositiveBigIntegerField(blank=True, null=True)),
                ('removed_entries', models.PositiveBigIntegerField(blank=True, null=True)),
                ('removed_index_keys', models.PositiveBigIntegerField(blank=True, null=True)),
                ('blanked_events', models.PositiveBigIntegerField(blank=True, null=True)),
                ('residual_keys', models.PositiveBigIntegerField(blank=True, null=True)),
                ('duration_ms', models.PositiveBigIntegerField(blank=True, null=True)),
                ('error', models.CharField(blank=True, max_length=500)),
            ],
            options={
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='TenantLimits',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=cache_admin.models.base.new_uid, editable=False, max_length=16, unique=True)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('max_entries', models.PositiveBigIntegerField(default=0, verbose_name='most entries')),
                ('max_bytes', models.PositiveBigIntegerField(default=0, verbose_name='most memory')),
                ('eviction', models.CharField(choices=[('lru', 'those served longest ago'), ('lfu', 'those served least often')], default='lru', max_length=4, verbose_name='what goes first')),
            ],
            options={
                'verbose_name_plural': 'tenant limits',
            },
        ),
        migrations.AddField(
            model_name='tenant',
            name='generation',
            field=models.PositiveIntegerField(default=1, editable=False),
        ),
        migrations.AddConstraint(
            model_name='tenant',
            constraint=models.CheckConstraint(condition=models.Q(('generation__gte', 1)), name='tenant_generation_positive'),
        ),
        migrations.AddField(
            model_name='eventrule',
            name='tenant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='event_rules', to='cache_admin.tenant'),
        ),
        migrations.AddField(
            model_name='eventsecret',
            name='created_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='eventsecret',
            name='tenant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='event_secrets', to='cache_admin.tenant'),
        ),
        migrations.AddField(
            model_name='invalidation',
            name='requested_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='invalidation',
            name='tenant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='invalidations', to='cache_admin.tenant'),
        ),
        migrations.AddField(
            model_name='tenantlimits',
            name='tenant',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='limits', to='cache_admin.tenant'),
        ),
        migrations.AddConstraint(
            model_name='eventrule',
            constraint=models.UniqueConstraint(fields=('tenant', 'event', 'tag'), name='event_rule_once'),
        ),
        migrations.AddConstraint(
            model_name='eventrule',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('event', ''), _negated=True), models.Q(('tag', ''), _negated=True)), name='event_rule_not_empty'),
        ),
        migrations.AddIndex(
            model_name='invalidation',
            index=models.Index(fields=['tenant', '-id'], name='invalidation_tenant_newest'),
        ),
        migrations.AddConstraint(
            model_name='invalidation',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['entry', 'tag', 'user', 'policy', 'tenant', 'document'])), name='invalidation_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='invalidation',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['pending', 'running', 'done', 'failed'])), name='invalidation_state_known'),
        ),
        migrations.AddConstraint(
            model_name='tenantlimits',
            constraint=models.CheckConstraint(condition=models.Q(('eviction__in', ['lru', 'lfu'])), name='tenant_limits_eviction_known'),
        ),
    ]
