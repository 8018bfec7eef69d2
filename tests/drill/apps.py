from django.apps import AppConfig
from django.conf import settings

from tests.drill.faults import watch


class DrillConfig(AppConfig):
    name = "tests.drill"
    label = "drill"

    def ready(self) -> None:
        watch(settings.DOCPORTAL_HOME)
