from django.urls import re_path

from tradeops.core.api import Router

from . import analysis, state, trades, views

router = Router()
router.register("signals", views.SignalViewSet)
router.register("decisions", views.DecisionViewSet)
router.register("orders", views.OrderViewSet)
router.register("fills", views.FillViewSet)
router.register("executions", views.ExecutionViewSet)
router.register("positions", views.PositionViewSet)
router.register("trades", trades.TradeViewSet)
router.register("strategies", views.StrategyViewSet)
router.register("analysis", analysis.AnalysisViewSet)

urlpatterns = [
    re_path(r"^accounts/(?P<slug>[-\w]+)/state/?$", state.AccountState.as_view(), name="account-state"),
    *router.urls,
]
