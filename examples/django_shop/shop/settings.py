"""The shop's settings, for Django 5.2 to 6.1."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import django

# The stage's name is all that the shop needs to know; `mailbus env` sets the variable.
MAILBUS = {"STAGE": os.environ.get("MAILBUS_STAGE", "local"), "SEND_DEFAULTS": {"tags": ["shop"]}}
if django.VERSION >= (6, 1):
    MAILERS: dict[str, dict[str, Any]] = {"default": {"BACKEND": "mailbus.django.EmailBackend"}}
else:
    EMAIL_BACKEND = "mailbus.django.EmailBackend"
DEFAULT_FROM_EMAIL = "Shop <shop@example.com>"
# the queue that a rule of the event bus sends the shop's events to
MAIL_EVENTS_QUEUE_URL = os.environ.get("MAIL_EVENTS_QUEUE_URL", "")

SECRET_KEY = os.environ.get("SECRET_KEY", "only for a laptop")
DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "testserver"]
ROOT_URLCONF = "shop.urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(__file__).parents[1] / "shop.sqlite3"}
}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    # for Mailbus's checks
    "mailbus.django",
    "shop",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
