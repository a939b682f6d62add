"""Settings of the test suite: the real ones, with a private data directory and cheap passwords."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_SCRATCH = tempfile.TemporaryDirectory(prefix="reprise-tests-")
os.environ.setdefault("DATA_DIR", _SCRATCH.name)
os.environ.setdefault("SECRET_KEY", "a fixed key for the tests and for nothing else")
os.environ.setdefault("CREDENTIALS_KEY", "dGVzdHMtb25seS1rZXktZm9yLWZlcm5ldC0zMmJ5dGU=")
# Nothing listens there: a test that needs Redis takes the fixture that starts one.
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")

from controlplane.settings import *  # noqa: E402, F403
from controlplane.settings import DATA_DIR, DATABASES, STORAGES  # noqa: E402

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, not memory: some tests look at the database from another process.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage",
}
WHITENOISE_AUTOREFRESH = True
Path(DATA_DIR / "staticfiles").mkdir(parents=True, exist_ok=True)
SESSION_COOKIE_SECURE = False
CSRF_COOKIE_SECURE = False
