"""Self-signed server certificates with chosen validity, made once per lab run."""

import pathlib
import subprocess
import tempfile
from dataclasses import dataclass

_VALIDITY = {           # first and last day, as openssl ca wants them
    "valid": ("20260101000000Z", "20460101000000Z"),
    "expired": ("20240101000000Z", "20250101000000Z"),
    "not-yet-valid": ("20400101000000Z", "20460101000000Z"),
}
_keeper = tempfile.TemporaryDirectory(prefix="rdplab-certificates-")
_folder = pathlib.Path(_keeper.name)


@dataclass
class Certificate:
    certificate: pathlib.Path
    key: pathlib.Path


def make(kind):
    """A certificate of one of the kinds above; "large" has many names and fills two segments."""
    made = Certificate(_folder / f"{kind}.crt", _folder / f"{kind}.key")
    if made.certificate.exists():
        return made
    first, last = _VALIDITY.get(kind, _VALIDITY["valid"])
    names = ["labserver"] + [f"labserver-{n:03d}.example.test" for n in range(60)] * (kind == "large")
    work = _folder / kind
    work.mkdir()
    (work / "index.txt").touch()
    (work / "openssl.cnf").write_text(f"""
[ca]
default_ca = lab
[lab]
database = {work}/index.txt
rand_serial = yes
new_certs_dir = {work}
default_md = sha256
policy = any
x509_extensions = leaf
[any]
commonName = supplied
[leaf]
subjectAltName = {",".join("DNS:" + name for name in names)}
extendedKeyUsage = serverAuth
[req]
distinguished_name = name
[name]
""")
    _openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=labserver",
             "-config", work / "openssl.cnf", "-keyout", made.key, "-out", work / "request.csr")
    _openssl("ca", "-selfsign", "-batch", "-notext", "-config", work / "openssl.cnf",
             "-keyfile", made.key, "-in", work / "request.csr", "-out", made.certificate,
             "-startdate", first, "-enddate", last)
    return made


def _openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
