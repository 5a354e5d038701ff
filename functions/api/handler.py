"""Lambda handler of the curation API."""

import os

from scrapersky.importing import importing

with importing():
    from api.application import Application

application = Application(os.environ)
handler = application.handler
