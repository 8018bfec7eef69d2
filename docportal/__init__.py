from docportal.celery import app as celery_app

RELEASE = "0.1.0"
"""Said here, as an image has the code and no package that could be asked."""

__all__ = ["RELEASE", "celery_app"]
