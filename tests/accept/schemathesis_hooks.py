"""Signs what schemathesis sends, as the Standard Webhooks specification words it."""

import base64
import hashlib
import hmac
import os
import time

import schemathesis
from requests.auth import AuthBase


class StandardWebhooks(AuthBase):
    """Signs the bytes that are sent, whatever they are."""

    def __call__(self, request):
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        moment = str(int(time.time()))
        key = base64.b64decode(os.environ["SIGNING_SECRET"].removeprefix("whsec_"))
        digest = hmac.new(key, f"msg_1.{moment}.".encode() + body, hashlib.sha256).digest()
        request.headers["webhook-id"] = "msg_1"
        request.headers["webhook-timestamp"] = moment
        request.headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
        return request


schemathesis.auth.set_from_requests(StandardWebhooks())
