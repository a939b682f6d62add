"""What the runtime can raise.

RepriseError is never raised itself::

    RepriseError
    ├── ConfigError            a setting is missing or malformed (refuse to start)
    ├── SnapshotError          a snapshot is refused; the last good one stays in force
    │   ├── SnapshotSchemaError    written for another schema version, or malformed
    │   └── SnapshotDigestError    the body does not match its digest
    ├── CallError              the app's call is wrong; answered 4xx in the API's own error shape
    ├── CacheUnavailable       Redis or the embedder failed or ran out of budget; the call goes on
    │   └── EntryUnreadable        Redis answered, with an entry that cannot be read
    ├── ProviderError          the provider refused, failed or timed out
    └── LabelledDataError      a file of labelled questions cannot be read or used
"""

from __future__ import annotations


class RepriseError(Exception):
    """Base of everything raised on purpose."""


class ConfigError(RepriseError):
    """A setting is missing or malformed. The message names it and the remedy."""


class SnapshotError(RepriseError):
    """A snapshot cannot be used."""


class SnapshotSchemaError(SnapshotError):
    """The snapshot is malformed or of a schema version this runtime does not speak."""


class SnapshotDigestError(SnapshotError):
    """The snapshot's body is not the one its digest names."""


class CallError(RepriseError):
    """The application's call cannot be served as it is.

    `status` is the HTTP status, `code` a stable machine word, `param` the offending field.
    `retry_after_seconds`: when the same call may succeed; None when it never will.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str,
        param: str | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.param = param
        self.retry_after_seconds = retry_after_seconds


class CacheUnavailable(RepriseError):
    """A cache stage failed; `stage` says which. The call goes on without the cache."""

    def __init__(self, stage: str, reason: str) -> None:
        super().__init__(f"{stage}: {reason}")
        self.stage = stage
        self.reason = reason


class EntryUnreadable(CacheUnavailable):
    """What Redis holds is damaged or of another release. Redis itself is well."""


class ProviderError(RepriseError):
    """The provider did not answer; `status` and `body` are what the app is given."""

    def __init__(self, message: str, *, status: int, code: str, body: bytes | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.body = body


class LabelledDataError(RepriseError):
    """A file of labelled questions cannot be used. The message names the file and the line."""
