from tradeops.core.api import Router

from . import views

router = Router()
router.register("signals", views.SignalViewSet)
router.register("decisions", views.DecisionViewSet)
router.register("orders", views.OrderViewSet)
router.register("fills", views.FillViewSet)
router.register("executions", views.ExecutionViewSet)
router.register("positions", views.PositionViewSet)
router.register("strategies", views.StrategyViewSet)

urlpatterns = router.urls
