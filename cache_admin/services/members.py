"""Who works in a tenant, and as what."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from cache_admin.errors import InvalidInput, NotAllowed
from cache_admin.models import Membership, Role, Tenant
from cache_admin.services.actor import Actor
from cache_admin.services.publishing import change
from cache_admin.services.validation import validated

_PASSWORD_BYTES = 12


@dataclass(frozen=True, slots=True)
class Joined:
    """A membership; `password` only when this made the account, and known only now."""

    membership: Membership
    password: str | None = field(default=None, repr=False)


def join(*, tenant: Tenant, actor: Actor, username: str, role: str) -> Joined:
    """Give `username` a place in the tenant, making the account if there is none.

    A new account gets a random password, to be changed after logging in. Raises InvalidInput, and
    what `set_member` raises.
    """
    with change(actor=actor, tenant=tenant):
        user = User.objects.filter(username=username).first()
        password = None
        if user is None:
            password = secrets.token_urlsafe(_PASSWORD_BYTES)
            user = User(username=username)
            user.set_password(password)
            validated(user).save()
        membership = set_member(tenant=tenant, actor=actor, user=user, role=role)
    return Joined(membership, password)


def set_member(*, tenant: Tenant, actor: Actor, user: User, role: str) -> Membership:
    """Give `user` a place in the tenant, or another role there.

    Raises InvalidInput for an unknown role, and NotAllowed when the tenant would lose its last
    owner.
    """
    with change(actor=actor, tenant=tenant) as journal:
        membership = Membership.objects.filter(tenant=tenant, user=user).first()
        before = {"role": membership.role} if membership else {}
        if membership is None:
            membership = Membership(tenant=tenant, user=user)
        elif role != Role.OWNER:
            _check_not_last_owner(membership)
        membership.role = role
        validated(membership).save()
        journal.record(
            "member.set",
            target=membership,
            before=before,
            after={"user": user.get_username(), "role": role},
        )
    return membership


def remove_member(*, tenant: Tenant, actor: Actor, username: str) -> None:
    """Take someone's place in the tenant; the account stays.

    Raises InvalidInput when there is no such member, and NotAllowed for the last owner.
    """
    with change(actor=actor, tenant=tenant) as journal:
        memberships = Membership.objects.filter(tenant=tenant).select_related("user")
        membership = memberships.filter(user__username=username).first()
        if membership is None:
            message = _("“%(name)s” is not a member of this tenant.") % {"name": username}
            raise InvalidInput(message, fields={"username": message})
        _check_not_last_owner(membership)
        before = {"user": username, "role": membership.role}
        journal.record("member.removed", target=membership, before=before)
        membership.delete()


def _check_not_last_owner(membership: Membership) -> None:
    owners = Membership.objects.filter(tenant=membership.tenant, role=Role.OWNER)
    if membership.role == Role.OWNER and not owners.exclude(pk=membership.pk).exists():
        message = _("“%(name)s” is the last owner; make someone else an owner first.") % {
            "name": membership.user.get_username()
        }
        raise NotAllowed(message)
