"""What Granian serves: pages, API and webhooks."""

import multiprocessing
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradeops.settings")
# Whoever serves pages may not open the vault, also when no supervisor started it.
os.environ.setdefault("TRADEOPS_ROLE", "web")

django = get_wsgi_application()

from tradeops.front import Front  # noqa: E402  (after the settings)

application = Front(django)

server = multiprocessing.parent_process()
if server is not None and multiprocessing.current_process().name == "granian-worker":
    from signals.intake import respond, writer
    from signals.intake.report import worker
    from tradeops.core import configuration, heartbeat
    from tradeops.supervisor import leash
    from tradeops.supervisor.programs import WEB_KILL_SECONDS

    # The requests in hand are answered first, as far as their senders let them.
    leash.end_after_parent(server.pid or 0, seconds=WEB_KILL_SECONDS)
    configuration.keep()
    writer.start()
    respond.start()
    worker.start()
    heartbeat.start_thread("web")
