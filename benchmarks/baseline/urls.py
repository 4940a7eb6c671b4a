import json

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from .models import Message


@csrf_exempt
def webhook(request: HttpRequest) -> JsonResponse:
    message = Message.objects.create(body=json.loads(request.body))
    return JsonResponse({"status": "ACCEPTED", "id": message.pk}, status=201)


def ready(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


urlpatterns = [path("webhook", webhook), path("health", ready)]
