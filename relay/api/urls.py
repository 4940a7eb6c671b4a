from tradeops.core.api import Router

from . import events, views

router = Router()
router.register("endpoints", views.EndpointViewSet)
router.register("deliveries", views.DeliveryViewSet)
router.register("events", events.EventViewSet, basename="event")

urlpatterns = router.urls
