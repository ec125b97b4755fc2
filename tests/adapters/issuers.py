"""Issuers of tokens as people have them, served over HTTPS on the loopback.

What each publishes, and what its tokens look like, is as its documentation has it:
https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
https://auth0.com/docs/secure/tokens/json-web-tokens/json-web-key-sets
https://learn.microsoft.com/en-us/entra/identity-platform/access-tokens
https://www.keycloak.org/securing-apps/oidc-layers
https://developers.google.com/identity/openid-connect/openid-connect
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.quota_authorizer.tokens import NOW, jwk, private_key, token

CONFIGURATION = "/.well-known/openid-configuration"


class Reply(NamedTuple):
    """What a server sends."""

    content: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = {}
    before: Callable[[BaseHTTPRequestHandler], None] = lambda _: None
    """Done before anything is sent."""
    pause: float = 0.0
    """Seconds between any two bytes of the content."""


@dataclass
class HttpsServer:
    """A web server. `replies` are its pages by their paths; what it is asked for is in `requests`."""

    address: str
    replies: dict[str, Reply] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    is_down: bool = False

    def serve(self, path: str, content: object) -> None:
        """Publish a document."""
        self.replies[path] = Reply(json.dumps(content).encode())

    def reply(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer a request."""
        self.requests.append(handler.path)
        if self.is_down:
            handler.close_connection = True
            return
        reply = self.replies.get(handler.path, Reply(b"not found", 404))
        with suppress(OSError):  # the client has gone: it was too slow, or too much
            reply.before(handler)
            handler.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.content)), **reply.headers}.items():
                handler.send_header(name, value)
            handler.end_headers()
            for part in [reply.content] if not reply.pause else [bytes([one]) for one in reply.content]:
                handler.wfile.write(part)
                handler.wfile.flush()
                time.sleep(reply.pause)


class Authority(NamedTuple):
    """Who vouches for a server on the loopback."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def authority(folder: Path) -> Authority:
    """A certificate of localhost, and who trusts it."""
    key = private_key("of the server")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    pem = folder / "localhost.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return Authority(server, ssl.create_default_context(cafile=str(pem)))


@contextmanager
def https_server(context: ssl.SSLContext | None, host: str = "localhost") -> Iterator[HttpsServer]:
    """A server of HTTPS (or, without a context, of plain HTTP) on the loopback."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            running.reply(self)

        def log_message(self, *_: Any) -> None:
            """The tests say what went wrong."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """A client that has gone is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    scheme = "http" if context is None else "https"
    running = HttpsServer(f"{scheme}://{host}:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()


class Shape(NamedTuple):
    """An issuer as one provider makes it."""

    name: str
    issuer: str
    """After the address of the server: what tokens have as `iss`."""
    keys_path: str
    own_keys: Callable[[], list[dict[str, object]]]
    header: Mapping[str, object]
    claims: Mapping[str, object]
    claim: str = "sub"
    keys_elsewhere: bool = False
    """Its keys are at another host."""

    @property
    def configuration_path(self) -> str:
        """Where it describes itself."""
        return f"{self.issuer.removesuffix('/')}{CONFIGURATION}"

    def publish(self, server: HttpsServer, keys_server: HttpsServer | None = None) -> str:
        """Let a server be this issuer: its name."""
        issuer = f"{server.address}{self.issuer}"
        keys_server = keys_server or server
        document = {
            "issuer": issuer,
            "authorization_endpoint": f"{server.address}/authorize",
            "jwks_uri": f"{keys_server.address}{self.keys_path}",
            "response_types_supported": ["code", "token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        server.serve(self.configuration_path, document)
        keys_server.serve(self.keys_path, {"keys": self.own_keys()})
        return issuer

    def token(self, issuer: str, key: str = "one", **claims: object) -> str:
        """A token that it makes."""
        header = {"kid": key, "typ": None, **self.header}
        return token(
            header,
            private_key(key),
            **{"iss": issuer, "aud": None, "exp": NOW + 3600, **self.claims, **claims},
        )

    @property
    def key_id(self) -> str:
        """Whose key its tokens prove."""
        return str({"sub": "a1b2c3", **self.claims}[self.claim])


def _certificate(name: str) -> dict[str, object]:
    return {"x5t": f"thumbprint-of-{name}", "x5c": [f"MIIC{name}"]}


COGNITO = Shape(
    "Cognito, an access token",
    "/eu-central-1_AbCdEf123",
    "/eu-central-1_AbCdEf123/.well-known/jwks.json",
    lambda: [jwk(private_key("of id tokens"), "of id tokens"), jwk(private_key("one"), "one")],
    {},
    {
        "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "client_id": "orders",
        "token_use": "access",
        "scope": "aws.cognito.signin.user.admin",
        "username": "jane",
        "version": 2,
    },
)
AUTH0 = Shape(
    "Auth0, whose issuer ends in a slash",
    "/",
    "/.well-known/jwks.json",
    lambda: [
        jwk(private_key("one"), "one", **_certificate("one")),
        jwk(private_key("two"), "two", **_certificate("two")),
    ],
    {"typ": "at+jwt"},
    {
        "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
        "aud": ["orders", "https://tenant.eu.auth0.com/userinfo"],
        "azp": "web",
    },
)
ENTRA = Shape(
    "Entra ID",
    "/9122040d-6c67-4c5b-b112-36a304b66dad/v2.0",
    "/9122040d-6c67-4c5b-b112-36a304b66dad/discovery/v2.0/keys",
    lambda: [
        jwk(private_key("one"), "one", alg=None, issuer="https://login.microsoftonline.com/{tenantid}/v2.0")
        | _certificate("one")
    ],
    {"typ": "JWT", "x5t": "thumbprint-of-one"},
    {
        "aud": "orders",
        "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
        "oid": "690222be-ff1a-4d56",
        "ver": "2.0",
    },
    claim="oid",
)
KEYCLOAK = Shape(
    "Keycloak, with a key for encryption beside it",
    "/realms/shop",
    "/realms/shop/protocol/openid-connect/certs",
    lambda: [
        jwk(private_key("of encryption"), "of encryption", use="enc", alg="RSA-OAEP", **_certificate("enc")),
        {"kty": "EC", "kid": "curve", "use": "sig", "alg": "ES256", "crv": "P-256", "x": "AQ", "y": "AQ"},
        jwk(private_key("one"), "one", **_certificate("one")),
    ],
    {"typ": "JWT"},
    {"sub": "f81d4fae-7dec-11d0", "aud": ["orders", "account"], "typ": "Bearer", "azp": "web", "acr": "1"},
)
GOOGLE = Shape(
    "Google, whose keys are at another host",
    "",
    "/oauth2/v3/certs",
    lambda: [jwk(private_key("one"), "one"), jwk(private_key("two"), "two")],
    {"typ": "JWT"},
    {"sub": "10769150350006150715113082367", "aud": "orders", "azp": "web", "email": "jane@example.com"},
    keys_elsewhere=True,
)
SHAPES = {shape.name: shape for shape in (COGNITO, AUTH0, ENTRA, KEYCLOAK, GOOGLE)}
