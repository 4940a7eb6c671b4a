"""I1, each with and without its last slash. Anything else under /webhook/ is a source's name, known or not."""

from django.urls import re_path

from .report.views import ExecutionReport
from .views import Reachable, Webhook

webhook = Webhook.as_view()

urlpatterns = [
    re_path(r"^webhook/?$", webhook, name="webhook"),
    re_path(r"^webhook/tradingview/?$", webhook, name="webhook-tradingview"),
    re_path(r"^webhook/test/?$", Reachable.as_view(), name="webhook-test"),
    re_path(r"^webhook/execution/?$", ExecutionReport.as_view(), {"slug": "execution"}, name="webhook-execution"),
    re_path(r"^webhook/(?P<slug>[^/]+)/?$", webhook, name="webhook-source"),
    # Not greedy and to the end: a token may itself contain slashes, as base64 does.
    re_path(r"^webhook/(?P<slug>[^/]+)/(?P<token>.+?)/?$", webhook, name="webhook-source-token"),
]
