"""Lambda handler of the curation API."""

import os

from api.application import Application

application = Application(os.environ)
handler = application.handler
