"""Verifies events as an application in Python would: a line of JSON for each, `{"secret", "headers", "body"}`, and the verdict."""

import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError

for line in sys.stdin:
    event = json.loads(line)
    try:
        Webhook(event["secret"]).verify(event["body"], event["headers"], json_parse=False)
        print("signed", flush=True)
    except WebhookVerificationError as error:
        print(error, flush=True)
