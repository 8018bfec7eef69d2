"""The settings of docportal, with which each process also meets the faults of a drill."""

from docportal.settings import *  # noqa: F403
from docportal.settings import INSTALLED_APPS

INSTALLED_APPS = ["tests.drill", *INSTALLED_APPS]
