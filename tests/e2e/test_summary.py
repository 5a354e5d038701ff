"""The end of a run: its summary, the report and the leads say what the manifests of the shipped sites expect."""

import json
import re
from urllib.parse import urlsplit

import pytest

from scrapersky.web.hosts import normalise_host
from scripts.commands.run.internet import shipped
from tests.e2e.conftest import Running

CHECKS = {"busy": "mx", "silent": "dns_timeout"}


@pytest.mark.timeout(900)
def test_the_summary_the_report_and_the_leads_are_true(running_shipped: Running) -> None:
    assert running_shipped.quiet
    printed, report, leads = running_shipped.printed, running_shipped.report, running_shipped.leads
    by_domain = {site["domain"]: site for site in report["domains"]}
    for site in shipped.read():
        found = by_domain[site.domain]
        errors = {workflow for workflow, status in found["statuses"].items() if status == "Error"}
        assert (site.name, found["pages"], errors) == (
            site.name,
            site.manifest.expect.pages,
            set(site.manifest.expect.errors),
        )
        emails = {one["value"] for one in found["contacts"] if one["kind"] == "email"}
        assert emails >= set(site.manifest.expect.emails), site.name
        for email, path in site.manifest.expect.emails.items():
            of_email = [one for one in found["contacts"] if one["value"] == email]
            assert path in {urlsplit(one["source"]).path for one in of_email}, (email, path)
            assert f"{email}  (" in printed
            assert f",email,{of_email[0]['category']},{email}," in leads
            assert CHECKS.get(site.manifest.mail, site.manifest.mail) in {
                one["check_reason"] for one in found["contacts"] if one["value"] == email
            }
        for email in site.manifest.expect.withheld:
            assert email not in printed + leads + json.dumps(report), email
        for place, (workflow, code) in enumerate(site.manifest.expect.errors.items()):
            assert place or found["error"].startswith(f"{workflow}: {code}: ")
            assert f"{workflow} · {code}" in printed
            assert normalise_host(site.domain) in printed
    assert re.search(r"letters@village-herald.example  \([a-z-]+; invalid: nxdomain; mailto, ", printed)
    for workflow, codes in report["outcomes"].items():
        for code, number in codes.items():
            assert f"{number} {code}" in printed, (workflow, code)
    assert f"{report['totals']['pages']} pages" in printed
