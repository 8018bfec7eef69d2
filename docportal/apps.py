from django.apps import AppConfig


class DocportalConfig(AppConfig):
    name = "docportal"

    def ready(self) -> None:
        from docportal import checks, roles

        checks.connect()
        roles.connect()
