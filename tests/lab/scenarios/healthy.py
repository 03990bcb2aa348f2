"""Sessions in which nothing is wrong, or nothing that matters."""

from . import FAILURES, scenario

_HEALTHY = dict(kind="healthy", stage="active", must_not=FAILURES)


def _nla(tls):
    def run(lab):
        lab.shadow(tls=tls)
        with lab.capture():
            lab.session(lab.xfreerdp(security="nla"))
    return run


def _xrdp(security, **options):
    def run(lab):
        lab.xrdp(security=security, **options)
        with lab.capture():
            lab.session(lab.xfreerdp(security=security))
    return run


scenario("healthy-nla-tls13", "xfreerdp logs on to freerdp-shadow with NLA over TLS 1.3 and "
         "leaves by closing the window", tls="1.3", **_HEALTHY)(_nla("1.3"))
scenario("healthy-nla-tls12", "xfreerdp logs on to freerdp-shadow with NLA over TLS 1.2 and "
         "leaves by closing the window", tls="1.2", **_HEALTHY)(_nla("1.2"))
scenario("healthy-tls-tls13", "xfreerdp reaches xrdp's login window over TLS 1.3 without NLA",
         tls="1.3", **_HEALTHY)(_xrdp("tls", tls="1.3"))
scenario("healthy-tls-tls12", "xfreerdp reaches xrdp's login window over TLS 1.2 without NLA",
         tls="1.2", **_HEALTHY)(_xrdp("tls", tls="1.2"))
scenario("healthy-standard", "xfreerdp reaches xrdp's login window with Standard RDP Security "
         "(encryption level none)", tls="none", **_HEALTHY)(_xrdp("rdp", crypt="none"))
