"""Django's settings, all derived from `core.env`: what is configurable is named there, the rest is fixed here."""

from datetime import timedelta

import environ

from tradeops.core import env as environment
from tradeops.core import logs

ENV = environment.read()

# Identity and secrets -------------------------------------------------------------------------------------------
SECRET_KEY = ENV.secret_key
ENCRYPTION_KEYS = ENV.encryption_keys
DEBUG = ENV.debug
TRADING = ENV.trading
ALLOWED_HOSTS = list(ENV.allowed_hosts) or ["localhost", "127.0.0.1", "[::1]", ENV.host]
TRUSTED_PROXIES = ENV.trusted_proxies
CLIENT_ADDRESS_HEADER = ENV.client_address_header
PRODUCTION = ENV.kind == "production"

# Applications: the order is the import contract's, from the composition root down ------------------------------
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # its default one would put a site of its own in the place of ours
    "tradeops.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_q",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "tradeops.core.apps.CoreConfig",
    "accounts.apps.AccountsConfig",
    "relay.apps.RelayConfig",
    "signals.apps.SignalsConfig",
    "tradeops.apps.PortalConfig",
]
AUTH_USER_MODEL = "accounts.Operator"
ROOT_URLCONF = "tradeops.urls"
WEBHOOK_URLCONF = "signals.intake.urls"  # all that the short path looks at
WSGI_APPLICATION = "tradeops.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# `tradeops.core.middleware.ShortPath` answers /webhook* before the rest of this list runs.
MIDDLEWARE = [
    "tradeops.core.middleware.ShortPath",
    "tradeops.core.middleware.RequestIdMiddleware",
    "tradeops.gate.Gate",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [environment.ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# Database: SQLite on this machine, or PostgreSQL by DATABASE_URL (R3) ------------------------------------------
# Web requests give up early, so that a sender gets its 503 in time and sends again; workers wait.
_LOCK_SECONDS = 1.5 if ENV.role == "web" else 20
if ENV.database_url and not ENV.database_url.startswith("sqlite"):
    _database = environ.Env.db_url_config(ENV.database_url)
    _milliseconds = int(_LOCK_SECONDS * 1000)
    _database["OPTIONS"] = {
        **_database.get("OPTIONS", {}),
        "connect_timeout": 2,  # libpq rounds below 2 up to 2
        # A page costs about the same wherever it is read from: by default PostgreSQL takes four times as much for one
        # in an index's order, and then reads tables whole by plans that are kept while these grow. No statement here
        # is worth compiling.
        "options": f"-c lock_timeout={_milliseconds} -c statement_timeout={_milliseconds}"
        " -c random_page_cost=1.1 -c jit=off",
    }
else:
    _path = (
        environ.Env.db_url_config(ENV.database_url)["NAME"] if ENV.database_url else ENV.data_dir / "tradeops.sqlite3"
    )
    _database = {
        "ENGINE": "tradeops.core.sqlite",
        "NAME": str(_path),
        "OPTIONS": {
            "timeout": _LOCK_SECONDS,
            # A deferred transaction that reads and then writes ignores the busy time-out.
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000; "
            "PRAGMA busy_timeout=0;",  # `core.sqlite` waits instead
        },
        "TEST": {"NAME": str(ENV.data_dir / "test.sqlite3")},
    }
_database["CONN_MAX_AGE"] = 600  # 0 would open a connection for each broker poll
_database["CONN_HEALTH_CHECKS"] = _database["ENGINE"] != "tradeops.core.sqlite"
DATABASES = {"default": _database}

# Caches: Redis where there is one, else this process's memory; limits are shared by every process of the host ---
if ENV.redis_url:
    CACHES = {
        "default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": ENV.redis_url, "KEY_PREFIX": "tradeops"},
        "limits": {
            "BACKEND": "tradeops.core.limits.RedisCounters",
            "LOCATION": ENV.redis_url,
            "KEY_PREFIX": "tradeops-limits",
            "OPTIONS": {"SOCKET_TIMEOUT": 1, "SOCKET_CONNECT_TIMEOUT": 1},
        },
    }
else:
    CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "limits": {
            "BACKEND": "tradeops.core.limits.FileCounters",
            "LOCATION": str(ENV.data_dir / "limits.sqlite3"),
        },
    }
RATELIMIT_USE_CACHE = "limits"
SILENCED_SYSTEM_CHECKS = [
    # Only says that the class is our own; `core.limits` explains why it is, and its tests that it counts exactly.
    "django_ratelimit.W001",
    # The proxy in front redirects to TLS; whether all subdomains are TLS too is for the domain's owner to say.
    "security.W008",
    "security.W005",
    "security.W021",
]

# How long the request log keeps refusals: strangers', and those of known sources.
REFUSED_KEPT = timedelta(hours=ENV.refused_kept_hours)
REFUSED_KNOWN_KEPT = timedelta(days=ENV.refused_known_kept_days)

# The thread that writes refused webhooks down once a second; off where something calls `request_log.flush` itself.
REQUEST_LOG_WRITER = True
# The same for the thread that writes automatic bans down; `firewall.bans.flush`.
FIREWALL_WRITER = True

# How long the answer to a source with `respond: delivery` waits for its endpoints (L6).
RESPOND_SECONDS = 2.0
# How many reports of one bridge are taken (L5); the next get 429 and a time to wait.
REPORTS_PER_MINUTE = 1200

# Background work: django-q2 on its ORM broker everywhere (the Redis broker loses what a killed worker held) -----
Q_CLUSTER = {
    "name": "tradeops",
    "cluster_name": "trade",
    "orm": "default",
    "broker_class": "tradeops.supervisor.broker.Broker",
    "workers": 3,  # two drains and one that tends accounts
    "queue_limit": 3,
    "timeout": 25,
    "retry": 60,
    "guard_cycle": 0.2,
    "save_limit": -1,
    "ack_failures": True,
    "max_attempts": 3,
    "catch_up": False,
    "recycle": 1000,
    "log_level": "WARNING",
    "scheduler": False,
    # What may wait on a stranger's server has its own cluster, so that it never holds a trade worker.
    "ALT_CLUSTERS": {
        "slow": {"workers": 1, "queue_limit": 1, "timeout": 110, "retry": 180, "scheduler": True},
        # Answers to operators where Telegram calls the portal; in no other mode does it run.
        "telegram": {"workers": 2, "queue_limit": 2, "timeout": 60, "retry": 90},
    },
}

# API -----------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "tradeops.core.drf.CursorPagination",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "tradeops.core.drf.exception_handler",
    "PAGE_SIZE": 50,
    "COERCE_DECIMAL_TO_STRING": True,
    "NUM_PROXIES": 0,
    "UNAUTHENTICATED_USER": None,
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=1),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "UPDATE_LAST_LOGIN": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "TradeOps API",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    # Several things have a status: each set of words gets its own name.
    "ENUM_NAME_OVERRIDES": {
        "SignalStatus": "signals.models.Signal.Status",
        "RelayStatus": "signals.models.Signal.Relay",
        "OrderStatus": "signals.models.Order.Status",
        "DeliveryStatus": "relay.models.Delivery.Status",
        "NotificationStatus": "relay.models.Notification.Status",
        "ReportStatus": "signals.models.BridgeReport.Status",
    },
}

# Kinds that a registry resolves: a new broker, notifier or engine is one file and one line here -----------------
BROKERS = {
    "paper": "signals.paper.broker.PaperBroker",
    "okx": "accounts.brokers.okx.OkxBroker",
    "alpaca": "accounts.brokers.alpaca.AlpacaBroker",
    "ccxt": "accounts.brokers.by_ccxt.broker_class",
}
NOTIFIERS = {
    "email": "relay.notify.email.EmailNotifier",
    "slack": "relay.notify.slack.SlackNotifier",
    "telegram": "relay.notify.telegram.TelegramNotifier",
    "webhook": "relay.notify.webhook.WebhookNotifier",
}
ENGINES = {
    "A": "signals.engines.traditional.TraditionalEngine",
    "B": "signals.engines.multi_agent.MultiAgentEngine",
}
# Engine B's agents, in the order in which they are shown.
AGENTS = {
    "trend": "signals.engines.agents.trend.TrendAgent",
    "momentum": "signals.engines.agents.momentum.MomentumAgent",
    "volatility": "signals.engines.agents.volatility.VolatilityAgent",
    "sentiment": "signals.engines.agents.sentiment.SentimentAgent",
    "forecast": "signals.engines.agents.forecast.ForecastAgent",
    "risk": "signals.engines.agents.risk.RiskAgent",
}
PRICE_SOURCES = {
    "message": "signals.market.message.MessagePrices",
    "simulated": "signals.market.simulated.SimulatedPrices",
    "venue": "signals.market.venue.VenuePrices",
    "yahoo": "signals.market.yahoo.YahooPrices",
}
BAR_SOURCES = {
    "simulated": "signals.market.candles.simulated.SimulatedBars",
    "stored": "signals.market.candles.stored.StoredBars",
    "venue": "signals.market.candles.venue.VenueBars",
    "yahoo": "signals.market.candles.yahoo.YahooBars",
}

HISTORY_SOURCES = {
    "simulated": "signals.market.history.simulated.SimulatedHistory",
    "venue": "signals.market.history.venue.VenueHistory",
    "yahoo": "signals.market.history.yahoo.YahooHistory",
}
FORECASTS = {
    "modelscope": "signals.forecast.modelscope.ModelScopeForecasts",
    "neural": "signals.forecast.neural.NeuralForecasts",
    "statistical": "signals.forecast.statistical.StatisticalForecasts",
}
SENTIMENTS = {
    "http": "signals.sentiment.http.HttpSentiment",
    "lexicon": "signals.sentiment.lexicon.LexiconSentiment",
}
# Asked instead of Yahoo itself: a proxy of one's own.
YAHOO_URL = ENV.yahoo_url
YAHOO_CACHE = ENV.data_dir / "yfinance"
MODELSCOPE_URL, MODELSCOPE_API_TOKEN = ENV.modelscope_url, ENV.modelscope_token
SENTIMENT_URL = ENV.sentiment_url

TELEGRAM_BOT_TOKEN = ENV.telegram_bot_token
TELEGRAM_COMMANDS = ENV.telegram_commands
TELEGRAM_API_URL = ENV.telegram_api_url or "https://api.telegram.org"
SLACK_WEBHOOK_URL = ENV.slack_webhook_url
ALERT_EMAIL = ENV.alert_email
EMAIL_HOST = ""
if ENV.email_url:
    # smtps is TLS from the first byte (RFC 8314); the library takes it for STARTTLS.
    _mail = environ.Env.email_url_config(ENV.email_url.replace("smtps://", "smtp+ssl://", 1))
    EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.get("EMAIL_USE_TLS", False), _mail.get("EMAIL_USE_SSL", False)
    EMAIL_HOST = _mail["EMAIL_HOST"]
    EMAIL_PORT = _mail["EMAIL_PORT"] or (465 if EMAIL_USE_SSL else 587 if EMAIL_USE_TLS else 25)
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_USER"] or "", _mail["EMAIL_HOST_PASSWORD"] or ""
    DEFAULT_FROM_EMAIL = EMAIL_HOST_USER if "@" in EMAIL_HOST_USER else ALERT_EMAIL or f"tradeops@{EMAIL_HOST}"
# Critical alerts that nobody has acknowledged: how often they are told again, and when others are told too (N2).
ALARM_REPEAT = timedelta(minutes=ENV.alert_repeat_minutes)
ALARM_ESCALATE = timedelta(minutes=ENV.alert_escalate_minutes)
# Called each minute while the portal is well: who watches it from outside sounds the alarm when the calls stop.
DEADMAN_URL = ENV.deadman_url

# Pages, cookies, headers ---------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = ENV.data_dir / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# Compressing is most of the first start: only what is served, and no source maps.
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ["map", "png", "jpg", "gif", "webp", "woff", "woff2", "gz", "br"]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
SESSION_COOKIE_AGE = 24 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SECURE_SSL_REDIRECT = False  # the proxy in front does it; a redirect here would break senders
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
CSRF_TRUSTED_ORIGINS = [ENV.public_url] if ENV.public_url else []
# unfold's Alpine evaluates expressions: 'unsafe-eval'; it and Django's admin write a few inline styles and scripts.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'", "'unsafe-eval'", "'unsafe-inline'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

# Language, time, logs ------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
FORMAT_MODULE_PATH = ["tradeops.core.formats"]
USE_TZ = True
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGGING_CONFIG = None
logs.configure()

from tradeops.unfold import UNFOLD  # noqa: E402, F401  (the admin's look: menu, colours, dashboard)
