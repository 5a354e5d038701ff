"""At a stage that binds its callers to tenants, a caller reaches no record of another tenant by any route."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from api.application import Application
from api.resources import RESOURCES
from scrapersky.lists.filters import typed
from scrapersky.settings import Settings, SettingsError, load
from tests.api_server import event_of
from tests.integration.api import Answer, Api
from tests.integration.lambda_context import LambdaContext

pytestmark = pytest.mark.usefixtures("invariants_hold")

ACCOUNT = "arn:aws:iam::000000000000"
OWN = f"{ACCOUNT}:user/ada"
OTHER = "arn:aws:sts::000000000000:assumed-role/other/session-1"
OPERATOR = f"{ACCOUNT}:user/operator"
TENANTS = f"{OWN}=acme,{ACCOUNT}:role/team/other=other,{OPERATOR}=*"
SECRET = "SECRET"
"""A text of the other tenant's records that no request has."""

OTHERS = f"""
INSERT INTO domains (tenant, label, domain, title, email_addresses, phone_numbers, http_status, last_scan, is_wordpress,
    curation_status)
VALUES ('other', 'hidden', 'hidden.example', '{SECRET}', '{{{SECRET}@x.example}}', '{{+1}}', 418, '2026-01-01', true, 'Maybe');
INSERT INTO places (tenant, label, place_id, name, search_query, curation_status)
VALUES ('other', 'hidden', 'hidden', 'hidden {SECRET}', 'hidden', 'Maybe');
INSERT INTO local_businesses (tenant, label, place_id, business_name, city, country, main_category, phone, domain_id,
    curation_status)
VALUES ('other', 'hidden', 'hidden', 'hidden {SECRET}', 'Hidden', 'DE', 'hidden', '+1', 1, 'Maybe');
INSERT INTO sitemaps (tenant, label, domain_id, report, curation_status)
VALUES ('other', 'hidden', 1, '["{SECRET}"]', 'Maybe');
INSERT INTO sitemap_files (tenant, label, domain_id, sitemap_id, url, sitemap_type, discovery_method, is_valid, http_status,
    etag, curation_status)
VALUES ('other', 'hidden', 1, 1, 'https://hidden.example/map.xml', 'sitemap', 'manual', true, 418, '{SECRET}', 'Maybe');
INSERT INTO pages (tenant, label, domain_id, sitemap_file_id, url, page_type, path_depth, lead_source, title, curation_status)
VALUES ('other', 'hidden', 1, 1, 'https://hidden.example/a', 'contact', 1, 'manual', '{SECRET}', 'Maybe');
INSERT INTO contacts (tenant, label, domain_id, kind, value, category, email_check_result, curation_status, gone_at)
VALUES ('other', 'hidden', 1, 'email', 'hidden@hidden.example', '{SECRET}', 'valid', 'Maybe', now());
INSERT INTO contact_sources (contact_id, page_id, url, found_in, context)
VALUES (1, 1, 'https://hidden.example/a', 'text', '{SECRET}');
INSERT INTO place_searches (tenant, label, text, area, curation_status)
VALUES ('other', 'hidden', 'hidden', '{SECRET}', 'Maybe');
INSERT INTO exports (tenant, object_key, resource, format, filters, bom)
VALUES ('other', '{SECRET}', 'contacts', 'csv', '{{}}', false);
INSERT INTO changes (tenant, domain_id, field, old, new) VALUES ('other', 1, 'title', '{SECRET}', '{SECRET}');
INSERT INTO labels (tenant, label, tables) VALUES ('other', 'hidden', '{{domains}}');
"""
OWNS = (
    re.sub(r"(?<=[ (])1(?=[,)])", "2", OTHERS)
    .replace("'other'", "'acme'")
    .replace("hidden", "shown")
    .replace(SECRET, "OWN")
)
"""The same records for the tenant of ``own``, of the second domain."""
TABLES = ("exports", "changes", "labels", *(resource.name for resource in RESOURCES))
VALUES = {
    "created_after": "2000-01-01T00:00:00Z", "created_before": "2090-01-01T00:00:00Z", "search": "hidden",
    "host": "hidden.example", "domain": "hidden.example", "has_email": "true", "has_phone": "true", "gone": "true",
    "checked": "valid", "seen_since": "2000-01-01T00:00:00Z", "last_scan_before": "2090-01-01T00:00:00Z",
}  # fmt: skip
"""Values of filters that are no columns. No filter by an error: the records have none."""


@dataclass
class Bound:
    """The API of a stage that binds its callers: ``own`` is bound to acme, ``other`` to other, ``operator`` to all."""

    own: Api
    other: Api
    operator: Api


@pytest.fixture
def bound(environment: dict[str, str], connection: Connection) -> Iterator[Bound]:
    application = Application({**environment, "API_TENANTS": TENANTS, "EXPORT_BUCKET": "exports"})
    connection.exec_driver_sql(OTHERS)
    yield Bound(Api(application, OWN), Api(application, OTHER), Api(application, OPERATOR))
    application.dependencies.database.engine.dispose()


def snapshot(connection: Connection) -> dict[str, list[str]]:
    """Return all that the other tenant has."""
    return {
        table: list(
            connection.execute(text(f"SELECT to_jsonb(t)::text FROM {table} AS t WHERE tenant = 'other'")).scalars()
        )
        for table in TABLES
    }


def filters_of(connection: Connection, resource: Any, tenant: str = "other") -> dict[str, str]:
    """Return each filter of a resource with a value that finds the tenant's record."""
    one = text(f"SELECT to_jsonb(t) FROM {resource.name} AS t WHERE tenant = :tenant")
    row = connection.execute(one, {"tenant": tenant}).scalar_one()
    found = {}
    word = "hidden" if tenant == "other" else "shown"
    values = {name: value.replace("hidden", word) for name, value in VALUES.items()}
    for name in resource.filters.model_fields:
        value = values.get(name, row.get(name))
        if value is not None:
            found[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return found


ORDERS = {"/domains": "domain", "/contacts": "-last_seen", "/local-businesses": "reviews_count"}


def path_of(resource: Any) -> str:
    return "/" + str(resource.name).replace("_", "-")


def each(connection: Connection) -> Iterator[tuple[Any, str, dict[str, str]]]:
    for resource in RESOURCES:
        yield resource, path_of(resource), filters_of(connection, resource)


def test_no_listing_filter_count_or_cursor_shows_a_record_of_another_tenant(
    bound: Bound, connection: Connection
) -> None:
    for resource, path, filters in each(connection):
        orders = [ORDERS[path]] if path in ORDERS else []
        queries = [{name: value} for name, value in filters.items()] + [
            filters,
            {},
            *({"order": one} for one in orders),
        ]
        for query in queries:
            seen = bound.other.get(path, count="true", **query)
            assert (seen.json["count"], len(seen.json["items"])) == (1, 1), (path, query)
            hidden = bound.own.get(path, count="true", **query)
            assert (hidden.json["items"], hidden.json["count"], hidden.json["next"]) == ([], 0, None), (path, query)
        assert bound.own.get(path, cursor=f"{resource.name}.0").json["items"] == []
        assert bound.own.get(f"{path}/1").status == 404
        assert bound.other.get(f"{path}/1").status == 200


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_caller_asks_for_only_its_tenants_records_are_listed_counted_and_changed(
    bound: Bound, connection: Connection, data: st.DataObject
) -> None:
    if connection.exec_driver_sql("SELECT count(*) FROM domains").scalar_one() == 1:
        connection.exec_driver_sql(OWNS)
    before = snapshot(connection)
    resource = data.draw(st.sampled_from(RESOURCES), "resource")
    both = [filters_of(connection, resource, tenant) for tenant in ("acme", "other")]
    names = data.draw(st.sets(st.sampled_from(sorted(both[0]))), "filters")
    chosen = {name: data.draw(st.sampled_from(both))[name] for name in sorted(names)}
    path, api = path_of(resource), data.draw(st.sampled_from([bound.own, bound.other]))
    tenant = "acme" if api is bound.own else "other"
    order = data.draw(st.sampled_from(["id", "-id", ORDERS.get(path, "id")]), "order")
    cursor = data.draw(st.sampled_from([{}, {"cursor": f"{resource.name}.{data.draw(st.integers(0, 3))}"}]))
    answer = api.get(path, count="true", order=order, **chosen, **(cursor if order.endswith("id") else {}))
    assert answer.status == 200, answer.json
    assert [one["tenant"] for one in answer.json["items"]] in ([], [tenant])
    assert answer.json["count"] <= 1
    given_filter = typed(resource.filters, chosen)
    which = {"filter": given_filter} if given_filter else {"ids": [1, 2]}
    verb = data.draw(st.sampled_from(["curation", "requeue", "cancel"]))
    workflow = {"workflow": next(iter(resource.workflows))} if len(resource.workflows) > 1 else {}
    extra = {"curation_status": "Archived"} if verb == "curation" else {**workflow, "reason": "x"}
    moved = bound.own.post(f"{path}/{verb}", {**which, **extra})
    assert moved.status == 200, moved.json
    assert snapshot(connection) == before


def test_no_decision_or_move_reaches_a_record_of_another_tenant(bound: Bound, connection: Connection) -> None:
    before = snapshot(connection)
    for resource, path, filters in each(connection):
        typed = {name: value for name, value in filters.items() if name in ("label", "tenant", "curation_status")}
        workflows: list[dict[str, str]] = [{"workflow": name} for name in resource.workflows]
        chosen: list[dict[str, Any]] = [{"ids": [1]}, *({"filter": {name: value}} for name, value in typed.items())]
        for which in chosen:
            for dry_run in (True, False):
                body = {**which, "curation_status": "Selected", "dry_run": dry_run}
                answer = bound.own.post(f"{path}/curation", body)
                assert answer.json["counts"] in ({}, {"refused": 1}), (path, body, answer.json)
                for verb in ("requeue", "cancel"):
                    for workflow in workflows if len(workflows) > 1 else [{}]:
                        body = {**which, **workflow, "reason": "mine", "dry_run": dry_run}
                        answer = bound.own.post(f"{path}/{verb}", body)
                        assert (answer.json["count"], answer.json["examples"]) == (0, []), (path, body)
    assert snapshot(connection) == before
    assert bound.other.post("/domains/requeue", {"ids": [1], "reason": "x", "workflow": "metadata"}).json["count"] == 1


ROWS: dict[str, dict[str, Any]] = {
    "/domains": {"domain": "hidden.example"},
    "/places": {"place_id": "hidden"},
    "/local-businesses": {"place_id": "hidden"},
    "/sitemaps": {"domain_id": 1},
    "/sitemap-files": {"domain_id": 1, "url": "https://hidden.example/map.xml"},
    "/pages": {"domain": "hidden.example", "url": "https://hidden.example/a"},
}


def test_adding_changes_and_shows_no_record_of_another_tenant(bound: Bound, connection: Connection) -> None:
    before = snapshot(connection)
    for path, row in ROWS.items():
        given = {**row, "label": "mine", "curation_status": "Selected"}
        answer = bound.own.post(path, given)
        assert (answer.status, "id" in answer.json) == (409, False), path
        table = path.strip("/").replace("-", "_")
        bulk = {"domains": [row["domain"]], "label": "mine"} if path == "/domains" else {table: [given]}
        (result,) = bound.own.post(f"{path}/bulk", bulk).json["results"]
        assert (result["result"], "id" in result) == ("refused", False), path
        if path != "/sitemaps":
            file = f"{','.join(row)}\n{','.join(map(str, row.values()))}\n"
            (result,) = bound.own.send("POST", f"{path}/csv", file, headers={"content-type": "text/csv"}).json[
                "results"
            ]
            assert (result["result"], "id" in result) == ("refused", False), path
    assert snapshot(connection) == before


def test_a_record_has_the_tenant_of_its_caller(bound: Bound, connection: Connection) -> None:
    assert bound.own.post("/domains", {"domain": "a.example"}).status == 201
    assert bound.own.post("/domains", {"domain": "b.example", "tenant": "other"}).status == 409
    assert bound.operator.post("/places", {"place_id": "x", "tenant": "acme"}).status == 201
    assert bound.own.post("/pages", {"domain": "a.example", "url": "https://a.example/"}).status == 201
    assert bound.own.post("/exports", {"resource": "contacts"}).status == 201
    for table in ("domains", "places", "pages", "exports"):
        tenants = connection.execute(text(f"SELECT tenant FROM {table} ORDER BY id")).scalars().all()
        assert tenants[-1] == "acme", table
    filters = connection.execute(text("SELECT filters FROM exports ORDER BY id DESC LIMIT 1")).scalar_one()
    assert filters == {"tenant": "acme"}


def test_labels_exports_and_changes_are_those_of_the_callers_tenant(bound: Bound) -> None:
    assert bound.own.get("/labels/hidden").status == 404
    assert bound.other.get("/labels/hidden").json["workflows"]["metadata"]["New"] == 1
    bound.own.post("/domains", {"domain": "a.example", "label": "hidden"})
    for api in (bound.own, bound.other):
        assert api.get("/labels/hidden").json["workflows"]["metadata"]["New"] == 1
    assert (bound.own.get("/exports/1").status, bound.other.get("/exports/1").status) == (404, 200)
    assert bound.own.post("/exports", {"resource": "domains", "filter": {"tenant": "other"}}).status == 409
    assert bound.own.get("/changes", domain="hidden.example").json["items"] == []
    assert len(bound.other.get("/changes", domain="hidden.example").json["items"]) == 1


def test_every_route_is_bound(bound: Bound, connection: Connection) -> None:
    """Each route that exists answers a stranger with 403, and the caller of a tenant without the other's secret."""
    app = bound.own.application.app  # type: ignore[union-attr]
    stranger = Api(bound.own.application, f"{ACCOUNT}:user/eve")
    before = snapshot(connection)
    tried = 0
    for route in (*app._static_routes, *app._dynamic_routes):
        if route.path == "/openapi.json" or route.path.startswith("/console"):
            continue
        path = route.path.replace("<record_id>", "1").replace("<label>", "hidden")
        route_key = next(
            (f"POST {one}{{proxy+}}" for one in ("/dev-tools/", "/data-protection/") if path.startswith(one)), None
        )
        for body in BODIES:
            for api in (stranger, bound.own):
                answer = send(api, route.method, path, body, route_key)
                assert SECRET not in json.dumps(answer.json), (route.method, path, body)
                if answer.status not in (415, 422):
                    forbidden = api is stranger or route_key is not None
                    assert (answer.status == 403) == forbidden, (route.method, path, body, answer.json)
                    tried += 1
    assert tried > 200
    assert snapshot(connection) == before


def test_the_console_is_closed_to_the_callers_of_one_tenant(bound: Bound) -> None:
    app = bound.own.application.app  # type: ignore[union-attr]
    routes = [one for one in (*app._static_routes, *app._dynamic_routes) if one.path.startswith("/console/")]
    headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Sec-Fetch-Site", "same-origin")]
    statuses = {}
    for route in routes:
        path = route.path.replace("<name>", "metadata").replace("<table>", "domains").replace("<number>", "1")
        event = event_of(route.method, path, headers, b"ids=1&reason=x&confirmed=1", OWN)
        statuses[f"{route.method} {path}"] = bound.own.application.handler(event, LambdaContext())["statusCode"]
    assert statuses.pop("GET /console/") == 303
    assert len(statuses) > 20
    assert set(statuses.values()) == {403}, statuses


BODIES: list[dict[str, Any]] = [
    {}, {"ids": [1], "reason": "x"}, {"ids": [1], "reason": "x", "workflow": "metadata"},
    {"ids": [1], "curation_status": "Selected"}, {"filter": {"label": "hidden"}, "curation_status": "Archived"},
    {"filter": {"label": "hidden"}, "reason": "x"}, {"filter": {"tenant": "other"}, "reason": "x", "workflow": "metadata"},
    {"workflow": "metadata"}, {"workflow": "metadata", "record": 1}, {"workflow": "metadata", "records": [1], "reason": "x"},
    {"email": "hidden@hidden.example"}, {"email": "hidden@hidden.example", "reason": "x"},
    {"domain": "hidden.example", "reason": "x"}, {"resource": "contacts"}, {"place_id": "hidden"},
    {"domains": ["hidden.example"]}, {"places": [{"place_id": "hidden"}]}, {"pages": [{"domain_id": 1, "url": "https://hidden.example/a"}]},
    {"local_businesses": [{"place_id": "hidden"}]}, {"sitemaps": [{"domain_id": 1}]}, {"domain_id": 1},
    {"sitemap_files": [{"domain_id": 1, "url": "https://hidden.example/map.xml"}]},
    {"domain_id": 1, "url": "https://hidden.example/map.xml"}, {"hashes": ["a" * 64], "kind": "email", "reason": "x"},
]  # fmt: skip


def send(api: Api, method: str, path: str, body: dict[str, Any], route_key: str | None) -> Answer:
    if method == "GET":
        return api.get(path)
    media_type = "text/csv" if path.endswith("/csv") else "application/json"
    content = "domain,place_id,url,text,area\nhidden.example,hidden,https://hidden.example/a,hidden,Town\n"
    given = content if media_type == "text/csv" else json.dumps(body)
    return api.send(method, path, given, headers={"content-type": media_type}, route_key=route_key)


def status_of(application: Application, claims: dict[str, Any], path: str) -> int:
    """Return the status of the answer to a GET with a token of these claims."""
    event = event_of("GET", path, [], b"", OWN)
    event["requestContext"]["authorizer"] = {"jwt": {"claims": claims}}
    return int(application.handler(event, LambdaContext())["statusCode"])


@pytest.mark.parametrize(
    ("claims", "status"),
    [({"sub": "x", "org": "other"}, 200), ({"sub": "x", "org": "acme"}, 404), ({"sub": "x"}, 403), ({"org": ""}, 403)],
)
def test_a_claim_of_the_token_names_the_tenant(
    environment: dict[str, str], connection: Connection, claims: dict[str, Any], status: int
) -> None:
    application = Application({**environment, "API_TENANT_CLAIM": "org"})
    connection.exec_driver_sql(OTHERS)
    assert status_of(application, claims, "/domains/1") == status
    application.dependencies.database.engine.dispose()


def test_the_table_of_roles_is_validated() -> None:
    assert load(Settings, {"API_TENANTS": TENANTS}).tenants[OWN] == "acme"
    with pytest.raises(SettingsError, match="API_TENANTS='ada=acme'"):
        load(Settings, {"API_TENANTS": "ada=acme"})
