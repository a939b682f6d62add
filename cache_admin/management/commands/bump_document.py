from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cache_admin.errors import DomainError
from cache_admin.management.output import as_json, command_actor, refused, tenant_named
from cache_admin.models import Document
from cache_admin.services.documents import bump_document


class Command(BaseCommand):
    help = "Put a new version of a document in force; answers resting on the old are not served."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", help="short name of the tenant")
        parser.add_argument("document", help="short name of the document")
        parser.add_argument("--note", default="", help="why, for the history")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        documents = Document.objects.for_tenant(tenant_named(options["tenant"]))
        document = documents.filter(slug=options["document"]).first()
        if document is None:
            known = ", ".join(documents.values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"There is no document {options['document']!r}; known: {known}.")
        try:
            version = bump_document(
                document=document, actor=command_actor("bump_document"), note=options["note"]
            )
        except DomainError as error:
            raise refused(error) from error
        retired = version.retired_entries
        if options["json"]:
            result = {"document": document.slug, "version": version.number}
            self.stdout.write(as_json({**result, "retired_entries": retired}))
            return
        count = "an unknown number of" if retired is None else str(retired)
        self.stdout.write(
            f"{document.slug} is at version {version.number}; {count} entries retired"
        )
