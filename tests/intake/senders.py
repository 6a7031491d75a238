"""The shop of the tests, and what its senders sign and encrypt with: scripts/webhooks.py, by Python's own libraries."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts"))
import webhooks  # noqa: E402
from webhooks import hmac64, wecom_encrypt, wecom_query, wecom_sign  # noqa: E402, F401

AES = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
AES_NEXT = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFE"
SHOP = {
    "shopify": ["hush", "hush next"], "woocommerce": ["a&b<c>", "second"], "youzan_id": ["client1"], "youzan": ["yz secret", "yz next"],
    "wecom_token": ["token1", "token2"], "wecom_key": [AES, AES_NEXT], "wecom_corp": ["ww1234567890abcdef"], "events": ["ev secret", "ev next"],
    "hash_key": "pepper",
}


def wecom_body(encrypted):
    return webhooks.wecom_body(encrypted, SHOP["wecom_corp"][0])


def sign(platform, which, body, headers, request):
    """Adds what the sender would have added. Secrets as the shop has them now or next, or another."""
    webhooks.sign(SHOP, platform, which, body, headers, request)
