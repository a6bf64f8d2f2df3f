"""An OpenID provider on loopback with a real RSA key, and switches for malicious or broken behaviour."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa


@dataclass
class OpenIdProvider:
    """The provider's user and its misbehaviour, named by `fault`."""

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    fault: str = ""
    challenges: dict[str, tuple[str, str]] = field(default_factory=dict)
    key_id: str = "first"
    keys: dict[str, rsa.RSAPrivateKey] = field(default_factory=dict)

    def add_key(self, key_id: str) -> None:
        """Sign with a new key from now on."""
        self.key_id = key_id
        self.keys[key_id] = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def approve(self, sign_in_url: str) -> str:
        """The callback's query after the user agrees."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(sign_in_url).query).items()}
        assert query["code_challenge_method"] == "S256"
        assert query["response_type"] == "code"
        assert set(query["scope"].split()) == {"openid", "email", "profile"}
        code = f"code-{len(self.challenges)}"
        self.challenges[code] = (query["code_challenge"], query["nonce"])
        return f"code={code}&state={query['state']}"

    def answer(self, path: str, body: str) -> tuple[int, bytes]:
        """The answer to one request of ours."""
        if self.fault == "garbage":
            return 200, b"<html>"
        if path == "/.well-known/openid-configuration":
            document = {
                "issuer": "https://elsewhere.example" if self.fault == "other issuer" else self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": "http://far.example/token" if self.fault == "unsafe" else f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
            }
            return 200, json.dumps(document).encode()
        if path == "/jwks":
            return 200, json.dumps({"keys": [self._public(key_id) for key_id in self.keys]}).encode()
        if self.fault == "broken":
            return 500, b"{}"
        form = {name: values[0] for name, values in parse_qs(body).items()}
        challenge, nonce = self.challenges.pop(form["code"], ("", ""))
        proof = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if proof != challenge or form["client_secret"] != "our secret":
            return 400, b'{"error": "invalid_grant"}'
        return 200, json.dumps({"id_token": self._sign(nonce, form["client_id"])}).encode()

    def _public(self, key_id: str) -> dict[str, Any]:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.keys[key_id].public_key(), as_dict=True)
        return dict(public) | {"kid": key_id, "use": "sig"}

    def _sign(self, nonce: str, client_id: str) -> str:
        at = int(time.time())
        claims = {
            "iss": self.issuer, "aud": client_id, "iat": at, "exp": at + 300, "nonce": nonce, **self.claims,
        }  # fmt: skip
        wrong: dict[str, dict[str, Any]] = {
            "audience": {"aud": "another program"},
            "nonce": {"nonce": "of another sign-in"},
            "expired": {"exp": at - 3600},
            "token issuer": {"iss": "https://elsewhere.example"},
            "many audiences": {"aud": [client_id, "another program"], "azp": "another program"},
        }
        claims |= wrong.get(self.fault, {})
        headers = {"kid": self.key_id}
        if self.fault == "unsigned":
            return jwt.encode(claims, "", algorithm="none", headers=headers)
        if self.fault == "symmetric":
            return jwt.encode(claims, "our secret " * 4, algorithm="HS256", headers=headers)
        key = self.keys[self.key_id]
        if self.fault == "foreign key":
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        if self.fault == "unknown key":
            headers = {"kid": "nobody's"}
        return jwt.encode(claims, key, algorithm="RS256", headers=headers)


@contextmanager
def running_provider() -> Iterator[OpenIdProvider]:
    """The provider on a free port, until the block ends."""
    provider = OpenIdProvider()
    provider.add_key("first")

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            status, body = provider.answer(self.path, self.rfile.read(length).decode())
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer  # noqa: N815 - the library calls them by these names.

        def log_message(self, *_: Any) -> None:
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
