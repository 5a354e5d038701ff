"""Lambda handler of the curation API."""

import os
from functools import partial

from api.application import Application
from api.in_time import InTime

handler = InTime(partial(Application, os.environ)).handler
