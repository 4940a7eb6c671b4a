from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "tradeops.core"
    label = "core"
    verbose_name = "Machine room"

    def ready(self) -> None:
        from . import checks  # noqa: F401  (registers)
