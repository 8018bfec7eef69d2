"""Every setting of docportal, read from the environment once, at start.

One variable per backing service. Each has an embedded default, so that a laptop with nothing
installed runs the whole product, and each takes the address of a real service in production.
Impossible combinations are reported by `manage.py check` (docportal/checks.py) with a hint.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from docportal import RELEASE as RELEASE
from docportal.csp import DIRECTIVES
from docportal.databases import configured
from docportal.environment import Environment
from docportal.home import broker_of_files, kept_secret_key
from docportal.logs import log_configuration
from docportal.schedule import SCHEDULE

# Read as numpy is loaded: its threads would keep every core busy while they wait for the next
# product, which was more than half of what a search and the precedents of a question took.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

env = Environment(os.environ)

BASE_DIR = Path(__file__).resolve().parent.parent

# --- This installation -------------------------------------------------------------------------
# The database, files, index and run files of one installation. Two homes never touch each other.
DOCPORTAL_HOME = Path(env.str("DOCPORTAL_HOME", default=str(BASE_DIR / "var"))).absolute()
# Base models, converted by `make setup`; read-only afterwards and shared by all homes.
MODELS_DIR = Path(env.str("MODELS_DIR", default=str(BASE_DIR / "models"))).absolute()

DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

SECRET_KEY = env.str("SECRET_KEY", default="") or kept_secret_key(DOCPORTAL_HOME)

# --- Backing services --------------------------------------------------------------------------
DATABASES = {"default": configured(env.str("DATABASE_URL", default=""), home=DOCPORTAL_HOME)}

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="") or "filesystem://"
if CELERY_BROKER_URL == "filesystem://":
    CELERY_BROKER_TRANSPORT_OPTIONS = broker_of_files(DOCPORTAL_HOME)
elif CELERY_BROKER_URL.startswith(("redis://", "rediss://")):
    # Without them whoever uploads waits for as long as Redis hangs. A worker that waits for a
    # message asks anew each second, so they do not cut it off.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5.0, "socket_connect_timeout": 5.0}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# In memory: a schedule of intervals has nothing to remember, and a file could be torn.
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"
# A run occupies its worker for minutes, so uploads must not wait behind it.
CELERY_TASK_ROUTES = {"training.tasks.advance_runs": {"queue": "training"}}
CELERY_BEAT_SCHEDULE = SCHEDULE

# The answering model: any OpenAI-compatible server. Empty: the one that `manage.py up` starts.
LLM_URL = env.str("LLM_URL", default="").rstrip("/")
LLM_MODEL = env.str("LLM_MODEL", default="docportal-reader")
LLM_API_KEY = env.str("LLM_API_KEY", default="none")
LLM_TIMEOUT = env.float("LLM_TIMEOUT", default=30.0)
# Embeddings: any OpenAI-compatible /v1/embeddings. Empty: the one that `manage.py up` starts.
EMBEDDINGS_URL = env.str("EMBEDDINGS_URL", default="").rstrip("/")
EMBEDDINGS_API_KEY = env.str("EMBEDDINGS_API_KEY", default="none")
EMBEDDINGS_MODEL = env.str("EMBEDDINGS_MODEL", default="all-minilm-l6-v2")
EMBEDDINGS_DIMENSION = env.int("EMBEDDINGS_DIMENSION", default=384)
# Tells which questions ask the same in other words: `/v1/embeddings` of the same server. Empty: no
# pair is a precedent.
PARAPHRASE_MODEL = env.get_value("PARAPHRASE_MODEL", default="docportal-paraphrase-4")
# Says which sentence answers a question: `/v1/rerank` of the same server.
RERANKER_MODEL = env.str("RERANKER_MODEL", default="docportal-reranker")

# US dollars for a million tokens, to say what answers cost and save. The defaults are OpenAI's list
# price of gpt-4o-mini since July 2024; whoever has servers of their own divides their cost.
PRICE_PER_MILLION_TOKENS = {
    "prompt": env.float("PRICE_PROMPT_TOKENS", default=0.15),
    "completion": env.float("PRICE_COMPLETION_TOKENS", default=0.6),
}

# What `benchmark` reads passages with as the untuned model: a folder of MODELS_DIR. Where LLM_URL
# names a server, that is its base model, LLM_MODEL.
UNTUNED_MODEL = env.str("UNTUNED_MODEL", default="smollm2-135m-instruct")

# The model that writes pairs from passages: any OpenAI-compatible server. Empty: none.
TEACHER_URL = env.str("TEACHER_URL", default="")
TEACHER_MODEL = env.str("TEACHER_MODEL", default="")
TEACHER_API_KEY = env.str("TEACHER_API_KEY", default="none")
TEACHER_TIMEOUT = env.float("TEACHER_TIMEOUT", default=120.0)
# Ask it once more whether each answer follows from its passage.
TEACHER_JUDGES = env.bool("TEACHER_JUDGES", default=False)

MEDIA_ROOT = env.str("MEDIA_ROOT", default="") or str(DOCPORTAL_HOME / "files")
INDEX_DIR = DOCPORTAL_HOME / "index"
RUN_DIR = DOCPORTAL_HOME / "run"

# --- Sources of documents ----------------------------------------------------------------------
# What collections may follow: folders of this machine and what lies below, and beginnings of
# addresses. Whoever may add a source can read all of it through the portal. Empty: nothing.
SOURCE_ROOTS = env.list("SOURCE_ROOTS", default=[])
SOURCE_URLS = env.list("SOURCE_URLS", default=[])
# A file of git-credential-store(1) with names and tokens for those addresses; it is only read.
SOURCE_CREDENTIALS = env.str("SOURCE_CREDENTIALS", default="")
if SOURCE_CREDENTIALS:
    SOURCE_CREDENTIALS = str(Path(SOURCE_CREDENTIALS).absolute())
SOURCES_DIR = DOCPORTAL_HOME / "sources"

# --- Training ----------------------------------------------------------------------------------
# Frozen datasets, runs with their checkpoints, and the tuned models. Several machines share them.
DATASETS_DIR = DOCPORTAL_HOME / "datasets"
RUNS_DIR = DOCPORTAL_HOME / "runs"
TUNED_DIR = Path(env.str("TUNED_DIR", default="") or DOCPORTAL_HOME / "tuned").absolute()
# Where the company's model server sees TUNED_DIR/adapters; empty: under the same path.
VLLM_ADAPTERS_DIR = env.str("VLLM_ADAPTERS_DIR", default="")
# Tuned versions whose files are kept, beside the one that serves and the one before it.
TUNED_VERSIONS_KEPT = env.int("TUNED_VERSIONS_KEPT", default=5)
# What a company's own training starts from: a folder of MODELS_DIR.
BASE_MODEL = env.str("BASE_MODEL", default="docportal-reader")
# peft: on the CPU or any GPU. unsloth: on one GPU, with an interpreter of its own.
TRAINER = env.str("TRAINER", default="peft")
# The interpreter of that environment, and whether it has to do without a GPU.
UNSLOTH_PYTHON = env.str("UNSLOTH_PYTHON", default="")
UNSLOTH_FORCE_CPU = env.bool("UNSLOTH_FORCE_CPU", default=False)
# Where runs may train, each place one at a time: cpu, cuda:0, … Empty: all GPUs, else the CPU.
TRAINING_DEVICES = env.list("TRAINING_DEVICES", default=[])
# Pairs of these origins are taught without a review, if the document bears them out.
PAIRS_APPROVED_ON_ARRIVAL = env.list(
    "PAIRS_APPROVED_ON_ARRIVAL", default=["imported", "written", "mined"]
)
# Weights and sizes by name, such as `closed=0.85,refusal=0.15`; empty: those of
# training/mixture.py.
DATASET_MIXTURE = env.str("DATASET_MIXTURE", default="")
# How many test questions are also answered from passages: each costs about a second.
EVALUATION_RAG_QUESTIONS = env.int("EVALUATION_RAG_QUESTIONS", default=80)
# What a model may not fall short of to pass its gate: shares, and differences of shares.
GATE_EXACT_MATCH = env.float("GATE_EXACT_MATCH", default=0.5)
GATE_HALLUCINATION = env.float("GATE_HALLUCINATION", default=0.1)
GATE_OVER_REFUSAL = env.float("GATE_OVER_REFUSAL", default=0.05)
GATE_LOSS = env.float("GATE_LOSS", default=0.01)
GATE_DOMAIN_LOSS = env.float("GATE_DOMAIN_LOSS", default=0.05)
GATE_SLOWER = env.float("GATE_SLOWER", default=0.1)
# Rows of the base model's own answers, as JSON lines; asked for by `replay` of the mixture.
DATASET_REPLAY = env.str("DATASET_REPLAY", default="")

# --- Routing -----------------------------------------------------------------------------------
# The share of wrong answers among those that a tuned model shows unread; what is certified is a
# bound on it, so with fewer than 72 questions without an error nothing is.
ROUTER_TARGET_ERROR = env.float("ROUTER_TARGET_ERROR", default=0.05)

# --- Limits ------------------------------------------------------------------------------------
UPLOAD_MAX_BYTES = env.int("UPLOAD_MAX_MB", default=50) * 1024 * 1024
# Of all files of one upload: as much as an archive may expand to.
UPLOAD_MAX_TOTAL_BYTES = env.int("UPLOAD_MAX_TOTAL_MB", default=200) * 1024 * 1024
UPLOAD_MAX_EXPANDED_BYTES = 200 * 1024 * 1024
UPLOAD_MAX_ZIP_RATIO = 100
PARSE_CPU_SECONDS = env.int("PARSE_CPU_SECONDS", default=60)
PARSE_MEMORY_BYTES = env.int("PARSE_MEMORY_MB", default=1536) * 1024 * 1024
QUESTION_MAX_CHARACTERS = 2000
# Of one web process; further questions are told to come again.
ANSWERS_AT_ONCE = env.int("ANSWERS_AT_ONCE", default=8)
ANSWERS_WAITING = env.int("ANSWERS_WAITING", default=24)
# Of one web process: pages of one person that are kept up to date; 0: as many as come.
STREAMS_A_PERSON = env.int("STREAMS_A_PERSON", default=32)
# Requests a minute to the API by one token or session; 0: as many as come.
API_RATE = env.int("API_RATE", default=300)
# Hosts, also of the own network, that webhooks may be sent to, by http as well.
WEBHOOK_ALLOWED_HOSTS = env.list("WEBHOOK_ALLOWED_HOSTS", default=[])
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 2000

# --- Django ------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "django_htmx",
    "template_partials",
    "ninja",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "axes",
    "csp",
    "docportal",
    "training",
    "router",
    "ingestion",
]

MIDDLEWARE = [
    "docportal.traces.TraceMiddleware",
    "docportal.logs.RequestIdMiddleware",
    # Before whitenoise, so that they hold for its files as well.
    "django.middleware.security.SecurityMiddleware",
    "docportal.headers.HeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "docportal.login.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "axes.middleware.AxesMiddleware",
    "docportal.error_pages.FormsAloneMiddleware",
    "docportal.one_thread.OneThreadMiddleware",
]

ROOT_URLCONF = "docportal.urls"
ASGI_APPLICATION = "docportal.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "docportal.User"

TEMPLATES = [
    {
        "BACKEND": "docportal.templating.Templates",
        # By which template_partials finds it.
        "NAME": "django",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Served straight from the source folders: `collectstatic` is a step for images, not for laptops.
WHITENOISE_USE_FINDERS = env.bool("WHITENOISE_USE_FINDERS", default=True)
STATIC_ROOT = None if WHITENOISE_USE_FINDERS else BASE_DIR / "staticfiles"

LANGUAGE_CODE = "en"
USE_TZ = True
TIME_ZONE = "UTC"

# --- Accounts ----------------------------------------------------------------------------------
# allauth's is Django's own, which hashes a password once also for a name that does not exist.
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "docportal.accounts.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "docportal.accounts.SocialAccountAdapter"
# django-axes counts what fails, for all processes; allauth only how fast one address comes at all.
ACCOUNT_RATE_LIMITS = {"login_failed": None}
SOCIALACCOUNT_ONLY = False
# OpenID Connect: the three values that an identity provider hands out.
OIDC_SERVER_URL = env.str("OIDC_SERVER_URL", default="")
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {}
if OIDC_SERVER_URL:
    SOCIALACCOUNT_PROVIDERS["openid_connect"] = {
        "APPS": [
            {
                "provider_id": "company",
                "name": env.str("OIDC_NAME", default="Company account"),
                "client_id": env.str("OIDC_CLIENT_ID"),
                "secret": env.str("OIDC_CLIENT_SECRET"),
                "settings": {"server_url": OIDC_SERVER_URL},
            }
        ]
    }
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# Wrong passwords for one name from one address, and how long it has to wait then (lockout.py).
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
# Whoever tries on meanwhile is not let in later for it.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_USERNAME_CALLABLE = "docportal.lockout.name_of"
AXES_CLIENT_IP_CALLABLE = "docportal.addresses.client_address"
AXES_LOCKOUT_CALLABLE = "docportal.lockout.told"
# Who logged in when and from where is not kept.
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False

# --- Browser security --------------------------------------------------------------------------
HTTPS = env.bool("HTTPS", default=False)
# So many proxies of one's own stand before the portal: by them is known who is locked out.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
# Asked on the machine itself, before the proxy that ends TLS.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
X_FRAME_OPTIONS = "DENY"
# Pages hand scripts the token in an attribute (templates/base.html); no script reads the cookie.
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "docportal.error_pages.forged"
CONTENT_SECURITY_POLICY = {"DIRECTIVES": DIRECTIVES}

# --- Figures -----------------------------------------------------------------------------------
# Whoever sends it gets /metrics; without it only this machine does.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# --- Traces ------------------------------------------------------------------------------------
# Where spans are sent by OTLP over HTTP; empty: none are made. The library's own variables, such as
# OTEL_EXPORTER_OTLP_HEADERS and OTEL_TRACES_SAMPLER, are read by the library (ingestion/spans.py).
OTEL_EXPORTER_OTLP_ENDPOINT = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default="")
OTEL_SERVICE_NAME = env.str("OTEL_SERVICE_NAME", default="docportal")

# --- Logs --------------------------------------------------------------------------------------
# text, or json: an object a line, with the ids of request and job (docportal/logs.py).
LOG_FORMAT = env.str("LOG_FORMAT", default="text")
LOGGING = log_configuration(LOG_FORMAT, env.str("LOG_LEVEL", default="WARNING"))
