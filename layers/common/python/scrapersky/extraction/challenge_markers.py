"""Markers of bot challenges and of parked domains.

``…_SOURCES`` are searched in the page's source (case-sensitive), ``…_TEXTS`` in its visible text in lower case. A text
must be a phrase that a business would not use about itself.
"""

import re

CHALLENGE_SOURCES = (
    "window._cf_chl_opt",
    "geo.captcha-delivery.com",
    "ct.captcha-delivery.com",
    'id="px-captcha"',
    "/.well-known/sgcaptcha/",
    "sucuri_cloudproxy_js",
    "window.gokuProps",
    "/.well-known/ddos-guard/",
    "/.within.website/x/cmd/anubis/",
    "/__qrator/",
    "Incapsula incident ID",
)
CHALLENGE_SENSORS = ("/_Incapsula_Resource?", "window._pxAppId", "token.awswaf.com", "/cdn-cgi/challenge-platform/")
"""Scripts that also watch ordinary pages: markers only on a page without any text, or with an error status."""

CHALLENGE_TEXTS = (
    "checking your browser before",
    "verify you are human",
    "verifying you are human",
    "verify that you are not a robot",
    "please complete the security check",
    "pardon our interruption",
    "attention required! | cloudflare",
    "enable javascript and cookies to continue",
    "making sure you're not a bot",
    "vercel security checkpoint",
    "ddos protection by cloudflare",
    "unusual traffic from your computer",
    "while your request is being verified",
    "verifying that you are not a robot",
    "confirm you are a human",
    "confirm that you are human",
    "bot verification",
    "human verification",
    "you don't have permission to access",
)

PARKING_HOSTS = tuple(
    str.split(
        "sedoparking.com sedo.com hugedomains.com dan.com afternic.com parkingcrew.net bodis.com above.com "
        "parklogic.com domainmarket.com undeveloped.com buydomains.com brandbucket.com squadhelp.com atom.com "
        "sav.com spaceship.com sedo.de dynadot.com domaineasy.com namebright.com parking.godaddy.com "
        "forsale.godaddy.com"
    )
)
PARKING_SOURCES = (
    "data-adblockkey=",
    "sedoparking.com",
    "parkingcrew.net",
    "parklogic.com",
    "d1lxhc4jvstzrp.cloudfront.net",
    "img1.wsimg.com/parking-lander",
    "window.LANDER_SYSTEM",
    "bodis.com/",
    "cdn.hugedomains.com",
    "afternic.com/forsale",
    "dan.com/buy-domain",
    "sedo.com/search/details",
)
PARKED_TEXTS = (
    "domain is for sale",
    "domain name is for sale",
    "this domain is parked",
    "domain is parked",
    "parked free, courtesy of",
    "this domain may be for sale",
    "buy this domain",
    "domain has been registered",
    "domain has expired",
    "domain parking",
    "diese domain steht zum verkauf",
    "diese domain ist geparkt",
    "este dominio está a la venta",
    "ce domaine est à vendre",
    "account suspended",
    "this account has been suspended",
    "welcome to nginx",
    "apache2 ubuntu default page",
    "apache2 debian default page",
    "apache http server test page",
    "test page for the apache http server",
    "test page for the nginx http server",
    "iis windows server",
    "this is the default web page for this server",
    "default web site page",
    "web server's default page",
    "domain default page",
    "future home of something quite cool",
    "apache is functioning normally",
    "domaine a bien été créé",
    "nom de domaine a été enregistré",
    "registered at namecheap.com",
    "parked domain name on",
    "you are all set to go! all you have to do now is upload your website",
    "store is currently unavailable",
    "website expired",
    "diese domain ist reserviert",
    "domain wurde registriert",
    "diese domain wurde soeben freigeschaltet",
    "questo dominio è in vendita",
    "esta página está estacionada",
    "домен припаркован",
    "домен продается",
    "お名前.comで取得されています",
)

FOR_SALE = re.compile(
    r"\b[\w\-]{1,63}\.[a-z]{2,10} (?:is|may be) for sale\b"
    r"|\bdomain \S{4,80} (?:steht zum verkauf|ist zu verkaufen|is for sale)\b"
)
"""Names the domain itself (in lower case)."""

PLACEHOLDER_PAGES = frozenset(("it works!", "hello world", "hello world!", "index of /"))
"""The whole visible text of servers' and beginners' placeholder pages."""
