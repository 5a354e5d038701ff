"""What gives a technology away: one line a detector. Our own list, of what a business's website is usually made of."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Where = Literal["generator", "script", "link", "html", "header", "cookie"]
"""A meta generator; an external script's address; any other address (stylesheets, images, links); the page's source;
``name: value`` of a response header; a cookie's name."""


@dataclass(frozen=True)
class Detector:
    """If ``expression`` is found in ``where``, the page is made with ``name``; its first group is the version.

    Where ``needs`` is not (casefolded, but in a page's source) the expression is not either, and that is seen much sooner.
    """

    category: str
    name: str
    where: Where
    expression: str
    needs: str

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The expression, compiled when a page first has what it needs: of most, none ever has."""
        # A page's source is long, and only a case-sensitive pattern that starts with letters is found fast: so what must
        # stand before them, a word's start, is asked for behind them.
        return re.compile(self.expression, re.NOFLAG if self.where == "html" else re.IGNORECASE | re.MULTILINE)


_VERSION = r"v?\.?(\d{1,4}(?:\.\d{1,6}){0,3}(?:-(?:alpha|beta|rc|dev|canary)[.\d]{0,8})?)"


def _lines(table: str) -> tuple[Detector, ...]:
    detectors = []
    for line in filter(None, map(str.strip, table.splitlines())):
        category, name, where, pattern = (cell.strip() for cell in line.split(" | "))
        expression = pattern.replace("VERSION", _VERSION)
        needs = literal_of(expression)
        needs = needs if where == "html" else needs.casefold()
        detectors.append(Detector(category, name, where, expression, needs))  # type: ignore[arg-type]
    return tuple(detectors)


_PART = re.compile(
    r"(?P<class>\[[^\]]*\]|\\[bBdDsSwWAZ]|[.^$])|(?P<repeat>\{\d[^}]*\}|[?*+])|(?P<group>[()|])|\\?(?P<letter>.)",
    re.DOTALL,
)


def literal_of(pattern: str) -> str:
    """The longest text that whatever ``pattern`` matches must contain; "" where there is none, as in ``a|b``."""
    runs, depth = [""], 0
    for part in _PART.finditer(pattern):
        group, letter = part["group"], part["letter"]
        if group == "|" and depth == 0:
            return ""
        if group in ("(", ")"):
            depth += 1 if group == "(" else -1
        if depth == 0 and letter is not None:
            runs[-1] += letter
            continue
        if depth == 0 and part["repeat"]:
            runs[-1] = runs[-1][:-1]  # it may be absent
        runs.append("")
    return max(runs, key=len)


# Patterns are searched in text of strangers: no unbounded repetition.
DETECTORS = _lines(r"""
cms | WordPress | generator | ^WordPress(?:\.com)?(?: VERSION)?
cms | WordPress | script | /wp-includes/js/(?:wp-emoji-release|wp-embed|wp-util)[\w.\-]{0,20}\?ver=VERSION
cms | WordPress | link | /wp-includes/css/dist/block-library/[\w.\-]{0,40}\?ver=VERSION
cms | WordPress | script | /wp-(?:content|includes)/
cms | WordPress | link | /wp-(?:content/(?:themes|plugins|uploads)|includes|json)/
cms | WordPress | header | ^link: .{0,300}rel="?https://api\.w\.org/
cms | WordPress | html | id=["']wp-block-library(?:-inline)?-css
cms | Joomla | generator | ^Joomla!?(?: VERSION)?
cms | Joomla | script | /media/(?:jui|system)/js/(?:core|jquery|mootools|caption)
cms | Joomla | html | class=["'][^"'>]{0,60}joomla-script-options
cms | Joomla | link | /media/vendor/joomla-custom-elements/
cms | Drupal | generator | ^Drupal(?: VERSION)?
cms | Drupal | header | ^x-generator: Drupal(?: VERSION)?
cms | Drupal | html | data-drupal-selector=
cms | Drupal | link | /sites/(?:default|all)/(?:files|themes|modules)/
cms | TYPO3 | generator | ^TYPO3(?: CMS)?(?: VERSION)?
cms | TYPO3 | link | /typo3(?:conf|temp)/
cms | TYPO3 | html | This website is powered by TYPO3
cms | TYPO3 | link | /fileadmin/(?:_processed_|user_upload|templates?)/
cms | Ghost | generator | ^Ghost(?: VERSION)?
cms | Craft CMS | header | ^x-powered-by: .{0,60}Craft CMS
cms | Contao | generator | ^Contao
cms | MODX | header | ^x-powered-by: MODX
cms | Umbraco | generator | ^Umbraco
cms | Sitecore | cookie | ^SC_ANALYTICS_GLOBAL_COOKIE$
cms | Concrete CMS | generator | ^concrete5?(?: cms)?(?: - VERSION)?
cms | HubSpot CMS | generator | ^HubSpot
cms | Adobe Experience Manager | link | /etc\.clientlibs/
cms | 1C-Bitrix | link | /bitrix/(?:js|templates|cache)/
cms | Neos | html | This website is powered by Neos
cms | Odoo | generator | ^Odoo
cms | Blogger | generator | ^blogger
site builder | Wix | generator | ^Wix\.com
site builder | Wix | script | //(?:static\.parastorage|static\.wixstatic)\.com/
site builder | Wix | header | ^x-wix-request-id:
site builder | Squarespace | generator | ^Squarespace
site builder | Squarespace | script | //(?:assets|static1?)\.squarespace\.com/
site builder | Squarespace | header | ^server: Squarespace
site builder | Webflow | generator | ^Webflow
site builder | Webflow | html | <html[^>]{0,500}data-wf-site=
site builder | Weebly | generator | ^Weebly
site builder | Weebly | script | //cdn\d?\.editmysite\.com/
site builder | GoDaddy Website Builder | generator | ^Starfield Technologies; Go Daddy Website Builder(?: VERSION)?
site builder | GoDaddy Website Builder | script | //img1\.wsimg\.com/blobby/
site builder | Jimdo | script | //assets\.jimstatic\.com/
site builder | Jimdo | generator | ^Jimdo
site builder | Jimdo | html | window\.__JIMDO
site builder | IONOS MyWebsite | script | //cdn\.(?:website-start|initial-website)\.(?:de|com)/
site builder | IONOS MyWebsite | generator | ^IONOS MyWebsite
site builder | Webnode | generator | ^Webnode
site builder | Webador | script | //assets\.jwwb\.nl/
site builder | Mobirise | generator | ^Mobirise(?: VERSION)?
site builder | Nicepage | generator | ^Nicepage(?: VERSION)?
site builder | Strikingly | script | //static-assets\.strikinglycdn\.com/
site builder | Hostinger Website Builder | generator | ^Hostinger Website Builder
site builder | HighLevel | script | //(?:stcdn|assets)\.(?:leadconnectorhq|cdn\.filesafe)\.(?:com|space)/
site builder | Duda | script | //(?:irp|static)[\w.\-]{0,30}(?:multiscreensite|cdn-website)\.com/
site builder | Tilda | script | //static\.tildacdn\.(?:com|pro|net)/
site builder | Framer | generator | ^Framer
site builder | Framer | script | //framerusercontent\.com/
site builder | Carrd | html | //carrd\.co/
site builder | Google Sites | script | //www\.gstatic\.com/_/atari/
site builder | Lovable | script | //cdn\.gpteng\.co/
page builder | Elementor | generator | ^Elementor(?: VERSION)?
page builder | Elementor | link | /plugins/elementor/assets/css/frontend[\w.\-]{0,40}\?ver=VERSION
page builder | Elementor | script | /plugins/elementor/assets/js/(?:frontend|webpack)[\w.\-]{0,40}\?ver=VERSION
page builder | Elementor | link | /plugins/elementor(?:-pro)?/
page builder | Elementor | html | class=["'][^"'>]{0,300}\belementor-(?:page|kit|section|widget|element)\b
page builder | Elementor | html | data-elementor-type=
page builder | Divi | generator | ^Divi(?: VERSION)?
page builder | Divi | link | /themes/Divi/
page builder | Divi | html | class=["'][^"'>]{0,300}\bet_divi_theme
page builder | WPBakery | generator | WPBakery Page Builder
page builder | WPBakery | link | /plugins/js_composer/
page builder | Beaver Builder | link | /plugins/(?:bb-plugin|beaver-builder-lite-version)/
page builder | Oxygen | link | /plugins/oxygen/
page builder | Bricks | link | /themes/bricks/
seo | Yoast SEO | html | <!-- This site is optimized with the Yoast SEO (?:Premium )?plugin VERSION
seo | Rank Math | html | <!-- Search Engine Optimization by Rank Math
seo | SEOPress | link | /plugins/wp-seopress
seo | Yoast SEO | html | class=["']yoast-schema-graph
seo | Rank Math | html | class=["']rank-math-schema
seo | All in One SEO | generator | ^All in One SEO(?: \(AIOSEO\))?(?: VERSION)?
e-commerce | WooCommerce | generator | ^WooCommerce(?: VERSION)?
e-commerce | WooCommerce | link | /plugins/woocommerce/assets/[\w./\-]{0,60}\?ver=VERSION
e-commerce | WooCommerce | link | /plugins/woocommerce/
e-commerce | WooCommerce | script | /plugins/woocommerce/
e-commerce | Shopify | script | //cdn\.shopify\.com/
e-commerce | Shopify | link | //cdn\.shopify\.com/
e-commerce | Shopify | header | ^x-shop(?:ify-stage|id):
e-commerce | Shopify | link | /cdn/shop/(?:t|files)/
e-commerce | Shopify | script | /cdn/shop(?:ifycloud)?/
e-commerce | Shopify | html | Shopify\.(?:shop|theme)\b
e-commerce | Magento | script | /static/version\d{1,15}/frontend/
e-commerce | Magento | html | <script[^>]{0,200}type=["']text/x-magento-init
e-commerce | Magento | script | /(?:skin/frontend/base|js/mage)/
e-commerce | PrestaShop | generator | ^PrestaShop(?: VERSION)?
e-commerce | PrestaShop | cookie | ^PrestaShop-
e-commerce | PrestaShop | html | var prestashop = \{
e-commerce | OpenCart | link | catalog/view/theme/
e-commerce | BigCommerce | script | //cdn\d{0,3}\.bigcommerce\.com/
e-commerce | Shopware | generator | ^Shopware(?: VERSION)?
e-commerce | Shopware | script | /theme/[0-9a-f]{32}/(?:js|all\.js)
e-commerce | Shopware | script | /js/storefront/storefront
e-commerce | JTL-Shop | generator | ^JTL-Shop
e-commerce | JTL-Shop | html | window\.jtl\b
e-commerce | OXID eShop | html | <!-- OXID eShop
e-commerce | Gambio | generator | Gambio GmbH
e-commerce | Shoptet | generator | ^Shoptet
e-commerce | Salesforce Commerce Cloud | script | /on/demandware\.static/
e-commerce | Ecwid | script | //app\.(?:ecwid|business\.shop)\.com/
framework | Next.js | script | /_next/static/
framework | Next.js | header | ^x-powered-by: Next\.js(?: VERSION)?
framework | Next.js | html | self\.__next_f\b
framework | Remix | html | window\.__remixContext
framework | Nuxt | script | /_nuxt/
framework | Nuxt | html | <div id=["']?__nuxt
framework | Gatsby | generator | ^Gatsby(?: VERSION)?
framework | Gatsby | html | <div id=["']?___gatsby
framework | Astro | generator | ^Astro(?: VERSION)?
framework | SvelteKit | link | /_app/immutable/
framework | Angular | html | <[\w\-]{1,40} [^>]{0,300}ng-version=["']VERSION
framework | React | html | <div[^>]{0,200}data-reactroot
framework | Vue.js | script | /vue(?:@VERSION)?(?:[./][\w./\-]{0,60})?(?:\.min)?\.js
framework | Laravel | cookie | ^laravel_session$
framework | Ruby on Rails | html | <meta[^>]{0,60}name=["']csrf-param["']
framework | ASP.NET | header | ^x-aspnet-version: VERSION
framework | ASP.NET | header | ^x-powered-by: ASP\.NET
framework | Django | html | name=["']csrfmiddlewaretoken["']
framework | Express | header | ^x-powered-by: Express
static site generator | Hugo | generator | ^Hugo(?: VERSION)?
static site generator | Jekyll | generator | ^Jekyll(?: VERSION)?
static site generator | Docusaurus | generator | ^Docusaurus(?: VERSION)?
static site generator | Eleventy | generator | ^Eleventy(?: VERSION)?
static site generator | MkDocs | generator | ^mkdocs(?:-VERSION)?
static site generator | Sphinx | script | /_static/(?:documentation_options|doctools)\.js
analytics | Google Analytics | script | //www\.google-analytics\.com/(?:analytics|ga|urchin)\.js
analytics | Google Analytics | script | //www\.googletagmanager\.com/gtag/js\?id=(?:G|UA)-
analytics | Google Analytics | html | gtag(?<=\bgtag)\(\s{0,5}["']config["']\s{0,5},\s{0,5}["'](?:G|UA)-
analytics | Google Tag Manager | script | //www\.googletagmanager\.com/gtm\.js
analytics | Google Tag Manager | html | //www\.googletagmanager\.com/(?:gtm\.js|ns\.html)
analytics | Meta Pixel | script | //connect\.facebook\.net/[\w\-]{0,10}/fbevents\.js
analytics | Meta Pixel | html | //connect\.facebook\.net/[\w\-]{0,10}/fbevents\.js
analytics | Meta Pixel | html | //www\.facebook\.com/tr\?id=
analytics | Hotjar | html | //static\.hotjar\.com/
analytics | Microsoft Clarity | html | //www\.clarity\.ms/tag/
analytics | Matomo | html | matomo(?<=\bmatomo)\.(?:js|php)\b
analytics | Matomo | html | piwik(?<=\bpiwik)\.(?:js|php)\b
analytics | Plausible | script | //plausible\.io/js/
analytics | Fathom | script | //cdn\.usefathom\.com/
analytics | Umami | script | //(?:cloud|analytics|eu)\.umami\.is/
analytics | etracker | script | //code\.etracker\.com/
analytics | Yandex Metrica | html | //mc\.yandex\.(?:ru|com)/
analytics | LinkedIn Insight | html | //snap\.licdn\.com/
analytics | TikTok Pixel | html | //analytics\.tiktok\.com/
analytics | Cloudflare Web Analytics | script | //static\.cloudflareinsights\.com/
advertising | Google AdSense | script | //pagead2\.googlesyndication\.com/
advertising | Google Ads | html | gtag(?<=\bgtag)\(\s{0,5}["']config["']\s{0,5},\s{0,5}["']AW-
marketing | HubSpot | script | //js[\w\-]{0,8}\.hs-(?:scripts|analytics)\.(?:com|net)/
marketing | Mailchimp | html | \.list-manage\.com/
marketing | Klaviyo | script | //static\.klaviyo\.com/
chat | Intercom | html | //widget\.intercom\.io/
chat | Tawk.to | html | //embed\.tawk\.to/
chat | Crisp | html | //client\.crisp\.chat/
chat | Zendesk | script | //static\.zdassets\.com/
booking | Calendly | html | //(?:assets\.)?calendly\.com/
security | reCAPTCHA | script | //www\.(?:google|recaptcha|gstatic)\.(?:com|net)/recaptcha/
security | hCaptcha | script | //(?:js\.)?hcaptcha\.com/
security | Cloudflare Turnstile | script | //challenges\.cloudflare\.com/turnstile/
consent | Cookiebot | script | //consent\.cookiebot\.com/
consent | OneTrust | script | //cdn\.cookielaw\.org/
consent | Usercentrics | script | //app\.(?:usercentrics\.eu|eu\.usercentrics)
consent | Borlabs Cookie | script | /plugins/borlabs-cookie/
consent | Complianz | script | /plugins/complianz-gdpr
consent | CookieYes | script | //cdn-cookieyes\.com/
consent | iubenda | script | //cdn\.iubenda\.com/
consent | CCM19 | script | /ccm19(?:\.js|/)
payment | Stripe | script | //js\.stripe\.com/
payment | PayPal | script | //www\.paypal(?:objects)?\.com/
library | jQuery | script | /jquery[.\-]VERSION(?:\.slim)?(?:\.min)?\.js
library | jQuery | script | /jquery/VERSION/jquery
library | jQuery | script | /jquery(?:\.slim)?(?:\.min)?\.js(?:\?ver=VERSION)?
library | Bootstrap | link | /bootstrap(?:@|/)VERSION/
library | Bootstrap | script | /bootstrap(?:@|/)VERSION/
library | Bootstrap | link | /bootstrap(?:\.bundle)?(?:\.min)?\.css(?:\?ver=VERSION)?
library | Bootstrap | script | /bootstrap(?:\.bundle)?(?:\.min)?\.js(?:\?ver=VERSION)?
library | Tailwind CSS | script | //cdn\.tailwindcss\.com
library | Alpine.js | script | /alpinejs(?:@VERSION)?
library | GSAP | script | /gsap/VERSION/
library | Swiper | script | /swiper(?:@VERSION)?
library | Font Awesome | link | /font-?awesome/VERSION/
library | Font Awesome | script | //kit\.fontawesome\.com/
fonts | Google Fonts | link | //fonts\.(?:googleapis|gstatic)\.com
maps | Google Maps | html | //(?:maps\.googleapis|www\.google)\.com/maps/(?:api/|embed)
video | YouTube embed | html | //www\.youtube(?:-nocookie)?\.com/embed/
cdn | Cloudflare | header | ^(?:cf-ray|cf-cache-status):
cdn | Cloudflare | header | ^server: cloudflare
cdn | Amazon CloudFront | header | ^x-amz-cf-id:
cdn | Fastly | header | ^x-served-by: cache-
cdn | Akamai | header | ^x-akamai-
cdn | jsDelivr | script | //cdn\.jsdelivr\.net/
cdn | cdnjs | script | //cdnjs\.cloudflare\.com/
hosting | GitHub Pages | header | ^(?:server: GitHub\.com|x-github-request-id:)
hosting | Netlify | header | ^(?:server: Netlify|x-nf-request-id:)
hosting | Vercel | header | ^(?:server: Vercel|x-vercel-id:)
hosting | WP Engine | header | ^x-powered-by: WP Engine
hosting | Kinsta | header | ^x-kinsta-cache:
cache | Varnish | header | ^(?:via: .{0,60}varnish|x-varnish:)
cache | LiteSpeed Cache | header | ^x-litespeed-cache:
cache | WP Rocket | html | This website is like a Rocket
server | nginx | header | ^server: nginx(?:/VERSION)?
server | Apache | header | ^server: Apache(?:/VERSION)?
server | LiteSpeed | header | ^server: LiteSpeed
server | Microsoft IIS | header | ^server: Microsoft-IIS(?:/VERSION)?
server | Caddy | header | ^server: Caddy
server | OpenResty | header | ^server: openresty(?:/VERSION)?
language | PHP | header | ^x-powered-by: .{0,40}PHP(?:/VERSION)?
language | PHP | cookie | ^PHPSESSID$
""")
