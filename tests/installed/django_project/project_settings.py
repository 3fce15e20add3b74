"""A project with everything of Django that sends mail; it is copied to where Mailbus is installed."""

from __future__ import annotations

import os
from typing import Any

import django

# a project of Django 6.1 has MAILERS, or still the settings that it has deprecated
HAS_MAILERS = django.VERSION >= (6, 1) and "MAILERS" in os.environ["PROJECT"]
HAS_APPS = "APPS" in os.environ["PROJECT"]

BACKEND = "mailbus.django.EmailBackend"
if HAS_MAILERS:
    MAILERS: dict[str, dict[str, Any]] = {
        "default": {"BACKEND": BACKEND},
        "tagged": {"BACKEND": BACKEND, "OPTIONS": {"send_defaults": {"tags": ["mailer"]}}},
    }
else:
    EMAIL_BACKEND = BACKEND
MAILBUS = {"QUEUE_URL": os.environ["SEND_QUEUE_URL"]}
DEFAULT_FROM_EMAIL = "Shop <shop@example.com>"
SERVER_EMAIL = "server@example.com"
_PEOPLE = ("success+admins@simulator.amazonses.com", "success+managers@simulator.amazonses.com")
# strings since Django 6.0, pairs before
ADMINS: Any
MANAGERS: Any
ADMINS, MANAGERS = (
    ([person] for person in _PEOPLE)
    if django.VERSION >= (6, 0)
    else ([("Staff", person)] for person in _PEOPLE)
)

SECRET_KEY = "of nobody"  # noqa: S105 - see there
ALLOWED_HOSTS = ["testserver"]
ROOT_URLCONF = "project_urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
INSTALLED_APPS = [
    "mailbus.django",
    # has the texts of mails about passwords
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
if HAS_APPS:
    INSTALLED_APPS += ["anymail", "allauth", "allauth.account"]
    MIDDLEWARE += ["allauth.account.middleware.AccountMiddleware"]
    AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
    ACCOUNT_LOGIN_METHODS = {"email"}
    ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
    ACCOUNT_EMAIL_VERIFICATION = "mandatory"
LOGGING = {
    "version": 1,
    "filters": {"production": {"()": "django.utils.log.RequireDebugFalse"}},
    "handlers": {"admins": {"class": "django.utils.log.AdminEmailHandler", "filters": ["production"]}},
    "loggers": {"django.request": {"handlers": ["admins"], "level": "ERROR", "propagate": False}},
}
