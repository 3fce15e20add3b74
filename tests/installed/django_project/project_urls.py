"""The project's pages: those of `django.contrib.auth` and allauth, and one that fails."""

from __future__ import annotations

from typing import NoReturn

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path


def fail(_request: object) -> NoReturn:
    """Fail as a view with a bug does."""
    reason = "the view has a bug"
    raise ZeroDivisionError(reason)


urlpatterns: list[URLPattern | URLResolver] = [path("fail/", fail)]
if settings.HAS_APPS:
    urlpatterns.append(path("allauth/", include("allauth.urls")))
urlpatterns.append(path("accounts/", include("django.contrib.auth.urls")))
