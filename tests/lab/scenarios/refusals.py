"""Servers that say no and clients that do not want: each in its own words."""

import time

import scripted
from scripted import NEGOTIATION_FAILURES

from . import scenario, without


def _refused(name, title, verdict, stage, run, **fields):
    fields = {**dict(kind="fault", must=[verdict], verdict=verdict, subject=0,
                     must_not=without(verdict)), **fields}
    scenario(name, title, stage=stage, **fields)(run)


# Negotiation.


def _real_refusal(start, security):
    def run(lab):
        start(lab)
        with lab.capture():
            lab.xfreerdp(security=security).wait(5)
            time.sleep(0.3)
    return run


_refused("refused-negotiation-hybrid-required", "a server that insists on NLA refuses a client that "
         "offers TLS only", "negotiation-refused", "x224",
         _real_refusal(lambda lab: lab.shadow(), "tls"), tls="none", negotiation=("failure", 5))
_refused("refused-negotiation-ssl-required", "a server that insists on TLS refuses a client that "
         "offers Standard RDP Security only", "negotiation-refused", "x224",
         _real_refusal(lambda lab: lab.shadow(security="tls"), "rdp"), tls="none",
         negotiation=("failure", 1))
_refused("refused-negotiation-no-certificate", "xrdp with TLS only and without a readable "
         "certificate refuses with failure code 3", "negotiation-refused", "x224",
         _real_refusal(lambda lab: lab.xrdp(security="tls", certificate=None), "tls"), tls="none",
         negotiation=("failure", 3))
_refused("refused-protocol-not-offered", "xrdp without a readable certificate, free to negotiate, "
         "selects Standard RDP Security, which the client did not offer", "protocol-not-offered",
         "x224", _real_refusal(lambda lab: lab.xrdp(security="negotiate", certificate=None), "tls"),
         tls="none", negotiation=("selected", 0))


def _scripted(script, security="nla"):
    def run(lab):
        lab.keep(scripted.Listener(lab.folder, script))
        with lab.capture():
            client = lab.xfreerdp(security=security)
            client.wait(6)
            # A second try that is still waiting ends here, and not with the capture.
            client.kill()
            time.sleep(0.3)
    return run


def _fail_with(code):
    def script(connection):
        connection.read_packet()
        connection.send(scripted.negotiation_failure(code))
        connection.wait_for_end(5)
        connection.close()
    return script


for _code, _name in NEGOTIATION_FAILURES.items():
    _refused(f"refused-negotiation-code-{_code}", f"a scripted server refuses with failure code "
             f"{_code}, {_name}", "negotiation-refused", "x224", _scripted(_fail_with(_code)),
             tls="none", server_ttl=128 if _code % 2 else 64, negotiation=("failure", _code))


# Credentials.


def _password(tls):
    def run(lab):
        lab.shadow(tls=tls)
        with lab.capture():
            lab.xfreerdp(security="nla", password="wrong").wait(6)
            time.sleep(0.3)
    return run


for _tls in ("1.2", "1.3"):
    _refused(f"refused-password-tls{_tls.replace('.', '')}", f"freerdp-shadow refuses a wrong "
             f"password in CredSSP over TLS {_tls}", "credentials-rejected", "credssp",
             _password(_tls), tls=_tls)


# Certificates.


def _certificate(kind, tls, ignore):
    def run(lab):
        lab.shadow(tls=tls, certificate=kind)
        with lab.capture():
            client = lab.xfreerdp(security="nla", certificate="ignore" if ignore else "deny")
            if ignore:
                lab.session(client)
            else:
                client.wait(5)
                time.sleep(0.3)
    return run


for _kind, _finding in (("expired", "expired-certificate"),
                        ("not-yet-valid", "certificate-not-yet-valid")):
    # TLS 1.2 shows the certificate; TLS 1.3 encrypts it, and only the client's leaving is left.
    _refused(f"refused-{_kind}-certificate-tls12", f"the client refuses a server certificate that "
             f"is {_kind.replace('-', ' ')}, over TLS 1.2", _finding, "tls",
             _certificate(_kind, "1.2", False), tls="1.2", certificate=_kind,
             must_not=without(_finding, "certificate-rejected"))
    _refused(f"refused-{_kind}-certificate-tls13", f"the client refuses a server certificate that "
             f"is {_kind.replace('-', ' ')}, over TLS 1.3, where nobody else can read it",
             "certificate-rejected", "tls", _certificate(_kind, "1.3", False), tls="1.3", certificate=_kind,
             cannot={"client": [_finding], "server": [_finding]})
    for _tls in ("1.2", "1.3"):
        scenario(f"ignored-{_kind}-certificate-tls{_tls.replace('.', '')}", f"the client does not "
                 f"mind a server certificate that is {_kind.replace('-', ' ')}, over TLS {_tls}",
                 "benign", stage="active", tls=_tls, certificate=_kind,
                 must=[_finding] if _tls == "1.2" else [],
                 must_not=without(*([_finding] if _tls == "1.2" else [])))(
            _certificate(_kind, _tls, True))
_refused("refused-untrusted-certificate-tls12", "the client refuses a valid self-signed certificate "
         "over TLS 1.2", "certificate-rejected", "tls", _certificate("valid", "1.2", False),
         tls="1.2", certificate="valid")
_refused("refused-untrusted-certificate-tls13", "the client refuses a valid self-signed certificate "
         "over TLS 1.3", "certificate-rejected", "tls", _certificate("valid", "1.3", False),
         tls="1.3", certificate="valid")


# The ClientHello.


def _hello_rejected(end):
    def script(connection):
        connection.read_packet()
        connection.send(scripted.connection_confirm(2))
        connection.read_record()
        end(connection)
    return script


_refused("refused-hello-fin", "a server without a usable certificate closes at the ClientHello with "
         "a FIN", "hello-rejected", "tls", _scripted(_hello_rejected(lambda c: c.close())))
_refused("refused-hello-rst", "a server without a usable certificate closes at the ClientHello with "
         "a RST", "hello-rejected", "tls", _scripted(_hello_rejected(lambda c: c.reset())),
         server_ttl=64)
_refused("refused-hello-alert", "a server answers the ClientHello with the fatal alert "
         "handshake_failure", "tls-alert", "tls",
         _scripted(_hello_rejected(lambda c: (c.send(bytes.fromhex("15030300020228")), c.close()))),
         must_not=without("tls-alert", "hello-rejected"))


def _version_mismatch(lab):
    lab.shadow(tls="1.3")
    with lab.capture():
        lab.xfreerdp(security="nla", tls="1.2").wait(5)
        time.sleep(0.3)


_refused("refused-tls-version", "a server of TLS 1.3 only refuses a client of TLS 1.2 only with an "
         "alert", "tls-alert", "tls", _version_mismatch, tls="unknown",
         must_not=without("tls-alert", "hello-rejected"))


# Something else on the port.


def _says(greeting, reads_first):
    def script(connection):
        if reads_first:
            connection.read_packet()
        connection.send(greeting)
        connection.wait_for_end(3)
        connection.close()
    return script


_refused("not-rdp-ssh", "an SSH server listens on the port", "not-rdp", "x224",
         _scripted(_says(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", False)), tls="none")
_refused("not-rdp-http", "a web server listens on the port and calls the Connection Request a bad "
         "request", "not-rdp", "x224",
         _scripted(_says(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", True)), tls="none")
_refused("not-rdp-vnc", "a VNC server listens on the port", "not-rdp", "x224",
         _scripted(_says(b"RFB 003.008\n", False)), tls="none")


@scenario("server-selects-standard", "the server does Standard RDP Security only and selects it "
          "though the client asked for TLS or NLA; the client goes along", "benign", tls="none",
          stage="active", negotiation=("selected", 0), must_not=without("protocol-not-offered"))
def _(lab):
    lab.xrdp(security="rdp", crypt="none")
    with lab.capture():
        lab.session(lab.xfreerdp())


def _fallback(code):
    """A front that refuses the first connection and hands the next ones to the real xrdp."""
    def run(lab):
        lab.xrdp(security="rdp", crypt="none", port=3390)
        refused = []

        def script(connection):
            if not refused:
                refused.append(connection)
                connection.read_packet()
                connection.send(scripted.negotiation_failure(code))
                connection.wait_for_end(5)
                connection.close()
            else:
                connection.relay(3390)
        lab.keep(scripted.Listener(lab.folder, script))
        with lab.capture():
            lab.session(lab.xfreerdp())
    return run


scenario("fallback-to-standard", "the server refuses TLS and NLA; the client's second try with "
         "Standard RDP Security reaches the desktop", "benign", tls="none", stage="active",
         must_not=without("negotiation-refused"))(_fallback(2))
