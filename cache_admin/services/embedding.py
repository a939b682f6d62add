"""Which embedding models a tenant may be given."""

from __future__ import annotations

from django.utils.translation import gettext as _

from cache_admin.errors import InvalidInput
from cache_admin.models import Policy, Tenant
from cache_admin.services.actor import Actor
from routing.embedding_models import known_model, parse_model_name
from routing.errors import ConfigError


def checked_model(name: str, *, actor: Actor, tenant: Tenant) -> str:
    """`name` without spaces around it, empty for the runtimes' own model.

    A model that is not among the known ones is loaded from wherever it lies into every runtime, so
    only whoever runs the installation may name one. None may take the place of the one that a
    learned check knows: by another's similarities it would let wrong answers through. Raises
    InvalidInput.
    """
    name = name.strip()
    if name == tenant.embedding_model:
        return name
    _require_nothing_learned(tenant)
    if not name:
        return name
    try:
        parsed = parse_model_name(name)
    except ConfigError as error:
        raise _refusal(
            _(
                "This is no embedding model. Give a sentence-transformers name, a directory of the "
                "runtimes, or openai:<model>, with @<dimensions> for shorter vectors."
            )
        ) from error
    if parsed.provider == "local" and name != _known_name(name) and not _runs_installation(actor):
        raise _refusal(
            _("Only whoever runs this installation may name a model that is not in the list.")
        )
    return name


def _require_nothing_learned(tenant: Tenant) -> None:
    learned = Policy.objects.for_tenant(tenant).filter(learned__isnull=False)
    if names := ", ".join(learned.values_list("name", flat=True)):
        message = _(
            "What these policies have learned holds for the present model only. Forget it there "
            "first: %(names)s."
        )
        raise _refusal(message % {"names": names})


def _known_name(name: str) -> str:
    known = known_model(name)
    return known.name if known else ""


def _runs_installation(actor: Actor) -> bool:
    if actor.is_key:
        return False
    return actor.user is None or actor.user.is_superuser


def _refusal(message: str) -> InvalidInput:
    return InvalidInput(message, fields={"embedding_model": message})
