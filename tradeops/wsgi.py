"""What Granian serves: pages, API and webhooks."""

import multiprocessing
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradeops.settings")

django = get_wsgi_application()

from tradeops.front import Front  # noqa: E402  (after the settings)

application = Front(django)

if multiprocessing.current_process().name == "granian-worker":
    import signal

    from signals.intake import respond, writer
    from signals.intake.report import worker
    from tradeops.core import configuration, heartbeat
    from tradeops.supervisor import leash

    leash.die_with_parent(os.getppid(), signal.SIGTERM)  # the requests in hand are answered first
    configuration.keep()
    writer.start()
    respond.start()
    worker.start()
    heartbeat.start_thread("web")
