"""The same handler as one usually writes it: everything imported and every client created at module level."""

import json
import os
from typing import Any

import boto3
import requests
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from bs4 import BeautifulSoup  # type: ignore[import-not-found]
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from scrapersky.models import Domain
from scrapersky.settings import Settings, load
from scrapersky.vocabulary import Status

settings = load(Settings, os.environ)
logger = Logger(service="usual")
metrics = Metrics(namespace="Usual", service="usual")
processor = BatchProcessor(event_type=EventType.SQS)
queue = boto3.resource("sqs").Queue("https://sqs.eu-west-1.amazonaws.com/000000000000/messages")
secrets = boto3.client("secretsmanager")
web = requests.Session()
engine = create_engine(settings.database_url)


def handler(event: dict[str, Any], _: Any) -> dict[str, Any]:
    """Send the queued records (tick), or load each record, fetch its page and parse it (batch)."""
    with Session(engine) as session:
        if "Records" in event:
            ids = [json.loads(record["body"])["attempt_id"] for record in event["Records"]]
            found = session.scalars(select(Domain).where(Domain.id.in_(ids))).all()
            for domain in found:
                domain.title = BeautifulSoup(web.get(f"https://{domain.domain}/", timeout=20).text, "lxml").title.string
        else:
            due = select(Domain).where(Domain.status == Status.QUEUED).limit(50).with_for_update(skip_locked=True)
            found = session.scalars(due).all()
            for domain in found:
                queue.send_message(MessageBody=json.dumps({"attempt_id": domain.id}))
        session.commit()
    return {"records": len(found)}
