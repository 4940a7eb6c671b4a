"""What Granian serves: pages, API and webhooks."""

import multiprocessing
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradeops.settings")

application = get_wsgi_application()

if multiprocessing.current_process().name == "granian-worker":
    import signal

    from tradeops.core import heartbeat
    from tradeops.supervisor import leash

    leash.die_with_parent(os.getppid(), signal.SIGTERM)  # the requests in hand are answered first
    heartbeat.start_thread("web")
