"""Deep scan: store the details of a Google place as a LocalBusiness."""

from sqlalchemy import Connection, func, update
from sqlalchemy.dialects.postgresql import insert

from scrapersky.errors import shorten
from scrapersky.models import LocalBusiness, Place
from scrapersky.runtime.context import JobContext
from scrapersky.runtime.outcomes import Done, Fail, Made, Outcome, Retry, Snooze
from scrapersky.runtime.paid_calls import UnusableKey, key_of
from sitemap_scheduler.place_mapping import business_columns, place_columns
from sitemap_scheduler.places_api import is_usable, place_details


async def deep_scan_place(record: Place, ctx: JobContext) -> Outcome:
    """Request the details of the place and upsert its business. Fields that are absent in the answer keep their values.

    Done with ``scanned``, or ``moved`` if Google now knows the place by another id. Snoozes and pauses the workflow if
    the key is unusable.
    """
    place_pk, place_id = record.id, record.place_id
    common = {"place_id": place_id, "tenant": record.tenant, "label": record.label}
    if not is_usable(place_id):
        return Fail("no_such_place", f"{shorten(place_id)!r} is not a place id: valid are letters, digits, - and _")
    try:
        key = await _key(ctx)
    except UnusableKey as error:
        return Snooze("places_key_invalid", str(error), after=ctx.settings.configuration_pause_seconds, pause=True)
    await ctx.spend("places")
    details = await place_details(ctx.web, ctx.settings, key, place_id)
    if isinstance(details, Retry | Snooze | Fail):
        return details
    business, place = business_columns(details), place_columns(details)

    def save(connection: Connection) -> Made:
        if place:
            connection.execute(update(Place).where(Place.id == place_pk).values(**place))
        statement = (
            insert(LocalBusiness)
            .values(**common, scanned_at=func.now(), **business)
            .on_conflict_do_update(
                index_elements=[LocalBusiness.place_id],
                set_={
                    **business,
                    "label": func.coalesce(LocalBusiness.label, common["label"]),
                    "scanned_at": func.now(),
                    "updated_at": func.now(),
                },
            )
            .returning(LocalBusiness.id)
        )
        return {"local_businesses": [connection.execute(statement).scalar_one()]}

    moved_to = place.get("moved_to_place_id")
    if moved_to and moved_to != place_id:
        return Done("moved", write=save, detail={"moved_to": moved_to})
    return Done("scanned", write=save)


async def _key(ctx: JobContext) -> str:
    """Return the API key. Raises UnusableKey for every reason that makes it unavailable: none is the place's fault."""
    name = ctx.settings.places_secret
    if not name:
        raise UnusableKey("PLACES_SECRET is not set; it must name the secret that holds the Google Places API key")
    try:
        return key_of(await ctx.secret(name), "PLACES_SECRET")
    except UnusableKey:
        raise
    except Exception as error:
        raise UnusableKey(f"the secret {name!r} could not be read: {type(error).__name__}") from None
