"""Reading request bodies without trusting them."""

from __future__ import annotations

from io import BytesIO
from typing import IO, TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from cache_admin.api.errors import PayloadTooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BODY_BYTES = 1_048_576


class BoundedJSONParser(JSONParser):
    """JSON of at most MAX_BODY_BYTES, which any object of ours fits into.

    Raises PayloadTooLarge, and ParseError for malformed or absurdly nested JSON.
    """

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = stream.read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            raise PayloadTooLarge
        try:
            return super().parse(BytesIO(body), media_type, parser_context)
        except RecursionError as error:
            raise ParseError(_("The JSON is nested too deeply.")) from error
