"""The shop's pages."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction
from django.http import HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from shop.mail import send_confirmation
from shop.models import Order

if TYPE_CHECKING:
    from django.http import HttpRequest


@csrf_exempt
@require_POST
def place_order(request: HttpRequest) -> HttpResponse:
    """Place an order; the confirmation is mailed once it is in the database."""
    with transaction.atomic():
        order = Order.objects.create(customer=request.POST["customer"], item=request.POST["item"])
        transaction.on_commit(partial(send_confirmation, order))
    return JsonResponse({"order": order.pk}, status=201)
