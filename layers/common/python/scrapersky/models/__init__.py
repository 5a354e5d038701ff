"""The tables: a file for each kind of record, and one for the status machine.

Importing this package maps every table, which takes a quarter of a tick's cold start. Ticks use SQL and the words of
:mod:`scrapersky.vocabulary`, and import it only when they need a record.
"""

from scrapersky.models.base import Base as Base
from scrapersky.models.change import Change as Change
from scrapersky.models.contact import Contact as Contact
from scrapersky.models.contact import ContactSource as ContactSource
from scrapersky.models.domain import Domain as Domain
from scrapersky.models.export import Export as Export
from scrapersky.models.host_lease import HostLease as HostLease
from scrapersky.models.idempotency_key import IdempotencyKey as IdempotencyKey
from scrapersky.models.label import Label as Label
from scrapersky.models.local_business import LocalBusiness as LocalBusiness
from scrapersky.models.mail_domain import MailDomain as MailDomain
from scrapersky.models.page import Page as Page
from scrapersky.models.paid_calls import PaidCalls as PaidCalls
from scrapersky.models.place import Place as Place
from scrapersky.models.place_search import PlaceFound as PlaceFound
from scrapersky.models.place_search import PlaceSearch as PlaceSearch
from scrapersky.models.sitemap import Sitemap as Sitemap
from scrapersky.models.sitemap_file import SitemapFile as SitemapFile
from scrapersky.models.status_machine import Attempt as Attempt
from scrapersky.models.status_machine import Erasure as Erasure
from scrapersky.models.status_machine import Pause as Pause
from scrapersky.models.status_machine import PendingAttemptCheck as PendingAttemptCheck
from scrapersky.models.status_machine import ServiceControl as ServiceControl
from scrapersky.models.status_machine import StatusEvent as StatusEvent
from scrapersky.models.suppression import Suppression as Suppression
