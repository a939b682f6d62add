"""What every view under a tenant starts from."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth import get_user_model
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.views import APIView

from cache_admin.api.access import tenant_for
from cache_admin.api.errors import LengthRequired
from cache_admin.errors import InvalidInput
from cache_admin.models import Role, Tenant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.contrib.auth.models import User
    from rest_framework.request import Request
    from rest_framework.serializers import Serializer


class ApiView(APIView):
    """A view of the API. It speaks of itself in the schema and not by OPTIONS."""

    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if "Transfer-Encoding" in request.headers and "Content-Length" not in request.headers:
            raise LengthRequired


class TenantView(ApiView):
    """A view of one tenant, which stands in `self.tenant` by the time a method runs.

    Reading takes a viewer, everything else `write_role`: the highest unless a view says less.
    """

    write_role: ClassVar[Role] = Role.OWNER
    tenant: Tenant

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        method = str(request.method)
        if method.lower() not in self.http_method_names or not hasattr(self, method.lower()):
            self.http_method_not_allowed(request)
        role = Role.VIEWER if method in SAFE_METHODS else self.write_role
        self.tenant = tenant_for(request, kwargs["slug"], role=role)


def parsed(serializer: Serializer[Any]) -> dict[str, Any]:
    """The input that `serializer` was given. Raises ValidationError naming the fields at fault."""
    serializer.is_valid(raise_exception=True)
    values: dict[str, Any] = serializer.validated_data
    return values


@contextmanager
def nested_faults(*groups: str) -> Iterator[None]:
    """Name what the services refuse as the API does: ``store.max_chars`` for ``store_max_chars``.

    `groups` are the objects within the object that stand as columns of one name's beginning.
    """
    try:
        yield
    except InvalidInput as error:
        fields = {_nested(name, groups): text for name, text in error.fields.items()}
        raise InvalidInput(error.message, code=error.code, fields=fields) from error


def _nested(name: str, groups: Iterable[str]) -> str:
    for group in groups:
        if name.startswith(f"{group}_"):
            return f"{group}.{name.removeprefix(f'{group}_')}"
    return name


def person_named(username: str | None, *, tenant: Tenant | None = None) -> User | None:
    """The account `username`, among the members of `tenant` when given.

    Raises ValidationError for `owner`; None stands for nobody.
    """
    if username is None:
        return None
    people = get_user_model().objects.filter(is_active=True)
    if tenant is not None:
        people = people.filter(memberships__tenant=tenant)
    person = people.filter(username=username).first()
    if person is None:
        raise ValidationError({"owner": _("Nobody of this name works here.")})
    return person
