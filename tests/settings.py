"""The settings of the test suite: the real ones, over a throw-away data directory and nobody's `.env`.

pytest-django reads the settings before it reads any conftest.py, so the environment is prepared here.
"""

import os
import secrets
import tempfile

# Each worker of pytest-xdist has its own directory; tests/conftest.py removes it.
os.environ["TRADEOPS_DATA_DIR"] = tempfile.mkdtemp(prefix="tradeops-tests-")
os.environ["TRADEOPS_ENV"] = "embedded"
os.environ["TRADEOPS_TRADING"] = "paper"
os.environ["TELEGRAM_BOT_TOKEN"] = f"1:{secrets.token_hex(20)}"
os.environ["TELEGRAM_COMMANDS"] = "off"  # no test's portal goes to Telegram
# Set but empty is "not set", and shadows what a developer's `.env` says.
for _name in (
    "TRADEOPS_SECRET_KEY",
    "TRADEOPS_ENCRYPTION_KEYS",
    "TRADEOPS_DEMO",
    "TRADEOPS_ROLE",
    "TRADEOPS_VAULT_KEY",
    "TRADEOPS_VAULT_PUBLIC_KEY",
    "TRADEOPS_ALLOWED_HOSTS",
    "TRADEOPS_TRUSTED_PROXIES",
    "TRADEOPS_CLIENT_ADDRESS_HEADER",
    "TRADEOPS_PUBLIC_URL",
    "TELEGRAM_API_URL",
    "SLACK_WEBHOOK_URL",
    "ALERT_EMAIL",
    "EMAIL_URL",
    "TRADEOPS_DEADMAN_URL",
    "HOST",
    "PORT",
    "DEBUG",
):
    os.environ[_name] = ""
for _name in ("DATABASE_URL", "REDIS_URL"):
    os.environ.setdefault(_name, "")

from tradeops.settings import *  # noqa: E402, F403
from tradeops.settings import CACHES, STATIC_ROOT, STORAGES  # noqa: E402

STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # whitenoise warns where there is none
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

FIREWALL_WRITER = False
REQUEST_LOG_WRITER = False  # a thread would write outside of the test's transaction

# On a shared Redis every worker keeps to keys of its own.
_RUN = f"test-{os.environ.get('PYTEST_XDIST_TESTRUNUID', os.getpid())}-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
CACHES = {alias: {**cache, "KEY_PREFIX": f"{_RUN}-{alias}"} for alias, cache in CACHES.items()}

# The programs that tests start read the real settings, in this environment.
os.environ["DJANGO_SETTINGS_MODULE"] = "tradeops.settings"
