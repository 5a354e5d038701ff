"""Deep scan: store the details of a Google place as a LocalBusiness."""

from urllib.parse import quote, urlencode

from sqlalchemy import Connection, case, func, update
from sqlalchemy.dialects.postgresql import insert

from scrapersky.errors import shorten
from scrapersky.models import LocalBusiness, Place
from scrapersky.runtime.context import JobContext
from scrapersky.runtime.outcomes import Done, Fail, Made, Outcome, Retry, Snooze
from scrapersky.runtime.places_api import ApiError, call_places, is_usable
from sitemap_scheduler.place_mapping import business_columns, place_columns

FIELD_MASK = (
    "id,displayName,formattedAddress,addressComponents,location,types,primaryType,businessStatus,nationalPhoneNumber,"
    "internationalPhoneNumber,websiteUri,rating,userRatingCount,priceLevel,regularOpeningHours,utcOffsetMinutes,"
    "timeZone,googleMapsUri,movedPlaceId"
)
"""The fields that are stored: billed as Enterprise. Photos are free but unused; reviews would cost more.

Source: https://developers.google.com/maps/documentation/places/web-service/place-details
"""


async def deep_scan_place(record: Place, ctx: JobContext) -> Outcome:
    """Request the details of the place and upsert its business. Fields that are absent in the answer keep their values.

    Done with ``scanned``, or ``moved`` if Google now knows the place by another id. Snoozes and pauses the workflow if
    the key is unusable.
    """
    place_pk, place_id = record.id, record.place_id
    common = {"place_id": place_id, "tenant": record.tenant, "label": record.label}
    if not is_usable(place_id):
        return Fail("no_such_place", f"{shorten(place_id)!r} is not a place id: valid are letters, digits, - and _")

    def refused(error: ApiError) -> Fail | None:
        if (error.http_status, error.status) == (404, "NOT_FOUND"):
            return Fail("place_not_found", f"Google no longer knows the place {place_id}. {error.reason}")
        if error.http_status == 400 and "place id" in error.message.lower():
            return Fail("no_such_place", f"{place_id!r} is not a place id. {error.reason}")
        return None

    language = urlencode({"languageCode": ctx.settings.places_language})
    details = await call_places(ctx, f"/v1/places/{quote(place_id, safe='')}?{language}", FIELD_MASK, refused)
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
                    "label": func.coalesce(
                        LocalBusiness.label, case((LocalBusiness.tenant == common["tenant"], common["label"]))
                    ),
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
