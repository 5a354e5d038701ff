"""One module per resource: its view, its filters, and its routes."""

from api.resources.contacts import CONTACTS
from api.resources.domains import DOMAINS
from api.resources.local_businesses import LOCAL_BUSINESSES
from api.resources.pages import PAGES
from api.resources.place_searches import PLACE_SEARCHES
from api.resources.places import PLACES
from api.resources.sitemap_files import SITEMAP_FILES
from api.resources.sitemaps import SITEMAPS

RESOURCES = (PLACE_SEARCHES, PLACES, LOCAL_BUSINESSES, DOMAINS, SITEMAPS, SITEMAP_FILES, PAGES, CONTACTS)
