from tradeops.core.api import Router

from . import views

router = Router()
router.register("endpoints", views.EndpointViewSet)
router.register("deliveries", views.DeliveryViewSet)

urlpatterns = router.urls
