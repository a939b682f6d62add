"""What happened: one row a call, and what the charts read."""

from __future__ import annotations

from django.db import models

from cache_admin.models.tenants import Tenant
from cache_admin.querysets import TenantOwnedQuerySet


class CallEvent(models.Model):
    """One finished call, as the runtime reported it (`routing.telemetry.events.Event`).

    Money is in nano-USD, latencies in microseconds. `margin` is how much closer the best entry was
    than the best with another answer, `guards` the names of those that vetoed a near entry. No
    prompt and no answer is kept here.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField()
    key_uid = models.CharField(max_length=16)
    protocol = models.CharField(max_length=16)
    policy = models.CharField(max_length=64, blank=True)
    endpoint = models.CharField(max_length=120, blank=True)
    user = models.CharField(max_length=200, blank=True)
    model_asked = models.CharField(max_length=120, blank=True)
    model_used = models.CharField(max_length=120, blank=True)
    provider = models.CharField(max_length=16, blank=True)
    layer = models.CharField(max_length=8)
    result = models.CharField(max_length=8)
    similarity = models.FloatField(null=True)
    margin = models.FloatField(null=True)
    guards = models.JSONField(default=list)
    entry = models.CharField(max_length=80, blank=True)
    reason = models.CharField(max_length=120, blank=True)
    arm = models.CharField(max_length=40, blank=True)
    stream = models.BooleanField(default=False)
    status = models.PositiveSmallIntegerField()
    error = models.CharField(max_length=64, blank=True)
    revision = models.PositiveBigIntegerField()
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cache_read_input_tokens = models.PositiveIntegerField(default=0)
    cache_write_5m_input_tokens = models.PositiveIntegerField(default=0)
    cache_write_1h_input_tokens = models.PositiveIntegerField(default=0)
    cost_nanousd = models.BigIntegerField(default=0)
    avoided_nanousd = models.JSONField(default=dict)
    total_us = models.PositiveBigIntegerField(default=0)
    lookup_us = models.PositiveBigIntegerField(default=0)
    embedding_us = models.PositiveBigIntegerField(default=0)
    provider_us = models.PositiveBigIntegerField(default=0)

    objects = TenantOwnedQuerySet["CallEvent"].as_manager()

    class Meta:
        indexes = [models.Index(fields=["tenant", "-at"], name="call_event_tenant_at")]

    def __str__(self) -> str:
        return str(self.id)


class HourlyRollup(models.Model):
    """Sums over one hour for one combination of what charts group by."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+", db_index=False)
    hour = models.DateTimeField()
    policy = models.CharField(max_length=64, blank=True)
    endpoint = models.CharField(max_length=120, blank=True)
    model = models.CharField(max_length=120, blank=True)
    layer = models.CharField(max_length=8)
    result = models.CharField(max_length=8)
    calls = models.PositiveBigIntegerField(default=0)
    errors = models.PositiveBigIntegerField(default=0)
    input_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    cache_read_input_tokens = models.PositiveBigIntegerField(default=0)
    cache_write_input_tokens = models.PositiveBigIntegerField(default=0)
    cost_nanousd = models.BigIntegerField(default=0)
    avoided_nanousd = models.BigIntegerField(default=0)
    total_us = models.PositiveBigIntegerField(default=0)

    objects = TenantOwnedQuerySet["HourlyRollup"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "hour", "policy", "endpoint", "model", "layer", "result"],
                name="hourly_rollup_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.hour:%Y-%m-%d %H}h {self.layer}"
