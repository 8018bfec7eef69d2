from django.apps import AppConfig


class DocportalConfig(AppConfig):
    name = "docportal"
