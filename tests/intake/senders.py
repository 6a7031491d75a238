"""What the senders of webhooks sign and encrypt with, by Python's own libraries, and the shop of the tests."""
import base64
import hashlib
import hmac
import os
import struct
import urllib.parse

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

AES = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
AES_NEXT = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFE"
SHOP = {
    "shopify": ["hush", "hush next"], "woocommerce": ["a&b<c>", "second"], "youzan_id": ["client1"], "youzan": ["yz secret", "yz next"],
    "wecom_token": ["token1", "token2"], "wecom_key": [AES, AES_NEXT], "wecom_corp": ["ww1234567890abcdef"], "events": ["ev secret", "ev next"],
    "hash_key": "pepper",
}


def hmac64(secret, body):
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def wecom_encrypt(key, text, corp, noise=None):
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


def wecom_body(encrypted):
    return ("<xml><ToUserName><![CDATA[ww1234567890abcdef]]></ToUserName><AgentID><![CDATA[218]]></AgentID><Encrypt><![CDATA[%s]]></Encrypt></xml>"
            % encrypted).encode()


def sign(platform, which, body, headers, request):
    """Adds what the sender would have added. Secrets as the shop has them now or next, or another."""
    def secret(name):
        values = SHOP[name]
        return values[-1] if which == "next" else "another" if which == "wrong" else values[0]

    if which == "none":
        return
    if platform == "shopify":
        headers.append(["X-Shopify-Hmac-Sha256", hmac64(secret("shopify"), body)])
    elif platform == "woocommerce":
        headers.append(["X-WC-Webhook-Signature", hmac64(secret("woocommerce"), body)])
    elif platform == "youzan":
        headers.append(["Event-Sign", hashlib.md5(SHOP["youzan_id"][0].encode() + body + secret("youzan").encode()).hexdigest()])
    elif platform == "wecom":
        encrypted = wecom_encrypt(AES_NEXT if which == "next" else AES, body, SHOP["wecom_corp"][0])
        request["body"] = wecom_body(encrypted)
        request["query"] = wecom_query(secret("wecom_token"), encrypted)
    else:
        headers.append(["X-Yutang-Signature", "sha256=" + hmac.new(secret("events").encode(), body, hashlib.sha256).hexdigest()])
