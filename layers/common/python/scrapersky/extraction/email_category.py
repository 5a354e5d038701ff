"""The category of an e-mail address: whom it reaches."""

import re
from pathlib import Path

from scrapersky.vocabulary import EmailCategory

DISPOSABLE = frozenset(
    line
    for line in Path(__file__).with_name("disposable_domains.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
)

FREE_WORDS = frozenset(
    str.split(
        "gmail googlemail yahoo ymail rocketmail hotmail outlook live msn aol icloud gmx protonmail proton zoho yandex "
        "tutanota posteo mailbox fastmail mailo"
    )
)
"""The first label of providers that have many top-level domains."""

FREE_DOMAINS = frozenset(
    str.split(
        "web.de t-online.de freenet.de arcor.de online.de vodafone.de magenta.de email.de mail.de mailbox.org posteo.de "
        "me.com mac.com mail.com email.com inbox.com usa.net comcast.net verizon.net att.net sbcglobal.net bellsouth.net "
        "cox.net charter.net earthlink.net btinternet.com btopenworld.com sky.com talktalk.net virginmedia.com ntlworld.com "
        "orange.fr wanadoo.fr free.fr laposte.net sfr.fr neuf.fr libero.it virgilio.it alice.it tin.it tiscali.it "
        "telefonica.net terra.es terra.com.br uol.com.br bol.com.br ig.com.br sapo.pt bluewin.ch hispeed.ch sunrise.ch "
        "aon.at chello.at a1.net kpnmail.nl ziggo.nl planet.nl home.nl hetnet.nl xs4all.nl skynet.be telenet.be wp.pl o2.pl "
        "onet.pl interia.pl poczta.fm seznam.cz centrum.cz email.cz atlas.cz azet.sk zoznam.sk freemail.hu citromail.hu "
        "mail.ru bk.ru list.ru inbox.ru rambler.ru ukr.net i.ua abv.bg telia.com bredband.net online.no bigpond.com "
        "optusnet.com.au xtra.co.nz rediffmail.com qq.com 163.com 126.com sina.com foxmail.com naver.com daum.net hanmail.net"
    )
)

NO_REPLY = re.compile(
    r"(?:no|do-?not|dont|nicht)[-_.]?(?:reply|answer|antworten|response|responder)|noreply.*|mailer-daemon"
)

ROLE_WORDS = frozenset(
    str.split(
        "info infos information contact contacts contactus kontakt contacto contactos contatto contatti contato mail email "
        "e-mail post office buero sekretariat secretariat secretaria segreteria admin administration administrator "
        "administracion verwaltung webmaster web hostmaster postmaster hello hallo hola hi bonjour ciao welcome team staff "
        "sales sale vertrieb verkauf ventas vendas vendite commercial comercial commerciale shop store boutique order orders "
        "bestellung pedidos ordini commande support help helpdesk service services kundenservice kundendienst customerservice "
        "customercare customer care client clients cliente clientes soporte suporte assistenza sav booking bookings buchung "
        "reservation reservations reservas prenotazioni rezeption reception empfang front frontdesk concierge appointments "
        "termin termine marketing press presse prensa stampa media pr news newsletter redaktion editor editorial jobs job "
        "career careers karriere bewerbung recruiting recruitment hr personal empleo rrhh legal privacy datenschutz dpo dsb "
        "gdpr rgpd privacidad lopd abuse security billing accounts accounting accountancy buchhaltung rechnung invoice "
        "invoices contabilidad finance finanzen facturacion payments partner partners affiliate affiliates business "
        "enquiries enquiry inquiries inquiry anfrage feedback general central zentrale praxis kanzlei studio gallery galerie "
        "museum hotel restaurant events event veranstaltung school schule escuela kita church parish pfarramt gemeinde "
        "rathaus library bibliothek management direction direccion geschaeftsleitung gf ceo owner director it tech technik "
        "webshop export import einkauf purchasing compras acquisti logistics logistik versand warehouse werkstatt garage "
        "membership members mitglieder donate donations spenden volunteer volunteers workshop workshops training academy "
        "wholesale dispatch quote quotes claims desk letters recogidas"
    )
)

_SEPARATOR = re.compile(r"[._\-+]")
_NAME = re.compile(r"[a-z]{1,20}[._-][a-z]{2,25}(?:[._-][a-z]{2,25})?|[a-z]\.?[a-z]\.[a-z]{2,25}")


def email_category(address: str, site: str = "") -> EmailCategory:
    """Return the category of ``address`` (lower case). ``site`` is the host of the website, whose own name is a role.

    In this order: no-reply, disposable, free, role, personal (a first and a last name), other.
    """
    name, _, host = address.partition("@")
    bare = name.partition("+")[0]
    if NO_REPLY.fullmatch(bare):
        return EmailCategory.NO_REPLY
    if any(ending in DISPOSABLE for ending in _endings(host)):
        return EmailCategory.DISPOSABLE
    if host in FREE_DOMAINS or host.partition(".")[0] in FREE_WORDS:
        return EmailCategory.FREE
    words = [word for word in _SEPARATOR.split(bare) if word]
    own = {host.partition(".")[0], site.partition(".")[0]}
    if bare in ROLE_WORDS or bare in own or any(word.rstrip("0123456789") in ROLE_WORDS for word in words):
        return EmailCategory.ROLE
    return EmailCategory.PERSONAL if _NAME.fullmatch(bare) else EmailCategory.OTHER


def _endings(host: str) -> list[str]:
    """Return ``host`` and the domains above it: the list has registered domains, and mail has subdomains."""
    labels = host.split(".")
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]
