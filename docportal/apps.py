from django.apps import AppConfig


class DocportalConfig(AppConfig):
    name = "docportal"

    def ready(self) -> None:
        from docportal import accounts, checks, lockout, logs, roles, traces

        accounts.connect()
        checks.connect()
        lockout.connect()
        logs.connect()
        roles.connect()
        traces.connect()
