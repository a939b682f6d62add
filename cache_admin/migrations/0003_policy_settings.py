import django.core.validators
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("cache_admin", "0002_default_prices"),
    ]

    operations = [
        migrations.AddField(
            model_name='policy',
            name='context_attachments',
            field=models.BooleanField(default=True, verbose_name='attachments'),
        ),
        migrations.AddField(
            model_name='policy',
            name='context_conversation',
            field=models.CharField(choices=[('none', 'nothing: only the last question counts'), ('fingerprint', 'all earlier turns must be equal'), ('last_turns', 'the last few turns must be equal')], default='fingerprint', max_length=12, verbose_name='conversation'),
        ),
        migrations.AddField(
            model_name='policy',
            name='context_language',
            field=models.BooleanField(default=True, verbose_name='language'),
        ),
        migrations.AddField(
            model_name='policy',
            name='context_last_turns',
            field=models.PositiveSmallIntegerField(default=2, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(50)], verbose_name='turns that count'),
        ),
        migrations.AddField(
            model_name='policy',
            name='context_parameters',
            field=models.BooleanField(default=True, verbose_name='parameters'),
        ),
        migrations.AddField(
            model_name='policy',
            name='context_response_format',
            field=models.BooleanField(default=True, verbose_name='response format'),
        ),
        migrations.AddField(
            model_name='policy',
            name='context_system_prompt',
            field=models.BooleanField(default=True, verbose_name='system prompt'),
        ),
        migrations.AddField(
            model_name='policy',
            name='context_tools',
            field=models.BooleanField(default=True, verbose_name='tools'),
        ),
        migrations.AddField(
            model_name='policy',
            name='disabled_guards',
            field=models.JSONField(blank=True, default=list, verbose_name='guards switched off'),
        ),
        migrations.AddField(
            model_name='policy',
            name='faqs',
            field=models.BooleanField(default=True, verbose_name='FAQs first'),
        ),
        migrations.AddField(
            model_name='policy',
            name='generation',
            field=models.PositiveIntegerField(default=1, editable=False),
        ),
        migrations.AddField(
            model_name='policy',
            name='jitter',
            field=models.DecimalField(decimal_places=4, default=Decimal('0'), max_digits=5, validators=[django.core.validators.MinValueValidator(Decimal('0')), django.core.validators.MaxValueValidator(Decimal('0.5'))], verbose_name='jitter'),
        ),
        migrations.AddField(
            model_name='policy',
            name='learned',
            field=models.JSONField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='policy',
            name='single_flight',
            field=models.BooleanField(default=True, verbose_name='single flight'),
        ),
        migrations.AddField(
            model_name='policy',
            name='stale_if_error_seconds',
            field=models.PositiveIntegerField(default=0, verbose_name='stale on errors'),
        ),
        migrations.AddField(
            model_name='policy',
            name='stale_seconds',
            field=models.PositiveIntegerField(default=0, verbose_name='stale while renewing'),
        ),
        migrations.AddField(
            model_name='policy',
            name='store_finish_abandoned',
            field=models.BooleanField(default=False, verbose_name='finish abandoned streams'),
        ),
        migrations.AddField(
            model_name='policy',
            name='store_max_chars',
            field=models.PositiveIntegerField(default=100000, validators=[django.core.validators.MinValueValidator(1)], verbose_name='longest answer'),
        ),
        migrations.AddField(
            model_name='policy',
            name='store_min_chars',
            field=models.PositiveIntegerField(default=1, verbose_name='shortest answer'),
        ),
        migrations.AddField(
            model_name='policy',
            name='store_personal_data',
            field=models.CharField(choices=[('keep', 'stored like any other'), ('user_scope_only', 'stored only where answers stay with one user'), ('refuse', 'never stored')], default='user_scope_only', max_length=16, verbose_name='personal data'),
        ),
        migrations.AddField(
            model_name='policy',
            name='store_refusals',
            field=models.BooleanField(default=False, verbose_name='refusals'),
        ),
        migrations.AddField(
            model_name='policy',
            name='store_tool_calls',
            field=models.BooleanField(default=False, verbose_name='tool calls'),
        ),
        migrations.AddField(
            model_name='policy',
            name='store_valid_json',
            field=models.BooleanField(default=True, verbose_name='valid JSON only'),
        ),
        migrations.AddField(
            model_name='policy',
            name='store_volatile',
            field=models.CharField(choices=[('ignore', 'treated like any other'), ('route', 'left to the policy of the right content class'), ('refuse', 'never cached')], default='route', max_length=8, verbose_name='volatile questions'),
        ),
        migrations.AddConstraint(
            model_name='policy',
            constraint=models.CheckConstraint(condition=models.Q(('generation__gte', 1)), name='policy_generation_positive'),
        ),
        migrations.AddConstraint(
            model_name='policy',
            constraint=models.CheckConstraint(condition=models.Q(('context_conversation__in', ['none', 'fingerprint', 'last_turns'])), name='policy_conversation_known'),
        ),
        migrations.AddConstraint(
            model_name='policy',
            constraint=models.CheckConstraint(condition=models.Q(('context_last_turns__gte', 1), ('context_last_turns__lte', 50)), name='policy_last_turns_range'),
        ),
        migrations.AddConstraint(
            model_name='policy',
            constraint=models.CheckConstraint(condition=models.Q(('store_max_chars__gte', 1), ('store_min_chars__lte', models.F('store_max_chars'))), name='policy_store_chars_range', violation_error_message='The shortest answer is longer than the longest.'),
        ),
        migrations.AddConstraint(
            model_name='policy',
            constraint=models.CheckConstraint(condition=models.Q(('store_personal_data__in', ['keep', 'user_scope_only', 'refuse'])), name='policy_personal_data_known'),
        ),
        migrations.AddConstraint(
            model_name='policy',
            constraint=models.CheckConstraint(condition=models.Q(('store_volatile__in', ['ignore', 'route', 'refuse'])), name='policy_volatile_known'),
        ),
        migrations.AddConstraint(
            model_name='policy',
            constraint=models.CheckConstraint(condition=models.Q(('jitter__gte', 0), ('jitter__lte', Decimal('0.5'))), name='policy_jitter_range'),
        ),
    ]
