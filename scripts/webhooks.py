#!/usr/bin/env python3
"""Sends webhooks as Shopify, WooCommerce, Youzan, WeCom and a shop's own programs send and sign them.

    scripts/webhooks.py HOST:PORT SHOP.conf FILE...

sends the deliveries of the files, one a line, to the intake at HOST:PORT, in their order, each when the one before was answered 200.
SHOP.conf has the section `[shop "NAME"]` with the secrets that shop and senders agreed on (conf/example/shop.conf). A delivery is

    {"from": "shopify", "headers": {NAME: VALUE, ..}, "body": ..}

from shopify, woocommerce, youzan, wecom or events (any other sender: CloudEvents). The body is sent as it stands where it is a text, else
as JSON; what is of the signature (a header, WeCom's envelope and query) is added here.
"""

import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import struct
import sys
import time
import urllib.parse

SECONDS = 10    # the intake answers within 5
KEYS = {"shopify": "shopify_secret", "woocommerce": "woocommerce_secret", "youzan_id": "youzan_client_id", "youzan": "youzan_secret",
        "wecom_token": "wecom_token", "wecom_key": "wecom_aes_key", "wecom_corp": "wecom_corp_id", "events": "events_secret"}


class Refused(Exception):
    """A delivery that was not answered 200."""


# ---- signatures

def hmac64(secret, body):
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def wecom_encrypt(key, text, corp, noise=None):
    # Here, so that only who sends as WeCom does needs it.
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    secret = base64.b64decode(key + "=")
    plain = (noise or os.urandom(16)) + struct.pack(">I", len(text)) + text + corp.encode()
    pad = 32 - len(plain) % 32
    plain += bytes([pad]) * pad
    aes = Cipher(algorithms.AES(secret), modes.CBC(secret[:16])).encryptor()
    return base64.b64encode(aes.update(plain) + aes.finalize()).decode()


def wecom_sign(token, timestamp, nonce, encrypted):
    return hashlib.sha1("".join(sorted([token, timestamp, nonce, encrypted])).encode()).hexdigest()


def wecom_query(token, encrypted, **more):
    timestamp, nonce = "1403610513", "380320359"
    return urllib.parse.urlencode(dict(more, msg_signature=wecom_sign(token, timestamp, nonce, encrypted), timestamp=timestamp, nonce=nonce))


def wecom_body(encrypted, corp):
    return ("<xml><ToUserName><![CDATA[%s]]></ToUserName><AgentID><![CDATA[218]]></AgentID><Encrypt><![CDATA[%s]]></Encrypt></xml>"
            % (corp, encrypted)).encode()


def sign(shop, platform, which, body, headers, request):
    """Adds to the headers, or puts into the request, what the sender would have. `which`: the secret that holds now, the next, a wrong one, or none."""
    def secret(name):
        return shop[name][-1] if which == "next" else "another" if which == "wrong" else shop[name][0]

    if which == "none":
        return
    if platform == "shopify":
        headers.append(["X-Shopify-Hmac-Sha256", hmac64(secret("shopify"), body)])
    elif platform == "woocommerce":
        headers.append(["X-WC-Webhook-Signature", hmac64(secret("woocommerce"), body)])
    elif platform == "youzan":
        headers.append(["Event-Sign", hashlib.md5(shop["youzan_id"][0].encode() + body + secret("youzan").encode()).hexdigest()])
    elif platform == "wecom":
        corp = shop["wecom_corp"][0]
        encrypted = wecom_encrypt(shop["wecom_key"][-1 if which == "next" else 0], body, corp)
        request["body"] = wecom_body(encrypted, corp)
        request["query"] = wecom_query(secret("wecom_token"), encrypted)
    else:
        headers.append(["X-Yutang-Signature", "sha256=" + hmac.new(secret("events").encode(), body, hashlib.sha256).hexdigest()])


# ---- deliveries

def read_shop(path):
    """The first shop of a configuration: its name, and its secrets as sign() takes them."""
    with open(path, encoding="utf-8") as f:
        name, section = re.search(r'^\[shop "(.+?)"\]$(.*?)(?=^\[|\Z)', f.read(), re.M | re.S).groups()
    values = dict(re.findall(r"^(\w+) *= *(.*?) *$", section, re.M))
    return name, {k: [values[key]] for k, key in KEYS.items() if key in values}


def read_deliveries(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def request_of(shop, secrets, delivery):
    """Path, query, headers and body of a signed request."""
    platform, body = delivery["from"], delivery["body"]
    body = (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, separators=(",", ":"))).encode()
    headers = [[n, v] for n, v in delivery.get("headers", {}).items()]
    request = {"body": body, "query": ""}
    sign(secrets, platform, "now", body, headers, request)
    return "/events/" + shop if platform == "events" else "/hooks/%s/%s" % (shop, platform), request["query"], headers, request["body"]


def send_all(address, shop, secrets, deliveries, progress):
    """Over one connection. Calls progress(n) after each that was answered 200."""
    c = http.client.HTTPConnection(address, timeout=SECONDS)
    for n, delivery in enumerate(deliveries, 1):
        path, query, headers, body = request_of(shop, secrets, delivery)
        c.request("POST", path + ("?" + query if query else ""), body, dict(headers))
        answer = c.getresponse()
        text = answer.read().decode("utf-8", "replace").strip()
        if answer.status != 200:
            raise Refused("delivery %d, from %s, was answered %d: %s" % (n, delivery["from"], answer.status, text))
        progress(n)
    c.close()


def main():
    if len(sys.argv) < 4:
        print(__doc__.rstrip(), file=sys.stderr)
        return 64
    shop, secrets = read_shop(sys.argv[2])
    deliveries = [d for path in sys.argv[3:] for d in read_deliveries(path)]
    began = time.monotonic()
    try:
        send_all(sys.argv[1], shop, secrets, deliveries, lambda n: None)
    except (OSError, http.client.HTTPException, Refused) as e:
        print("webhooks: %s" % e, file=sys.stderr)
        return 1
    print("sent %d deliveries in %.1f s, each was answered 200" % (len(deliveries), time.monotonic() - began))
    return 0


if __name__ == "__main__":
    sys.exit(main())
