/* Preloaded into an RDP client or server: writes the TLS secrets of every
 * connection to $LAB_KEYLOG in the NSS key-log format that tshark reads, and
 * pins the protocol version to $LAB_TLS ("1.2", "1.3"). FreeRDP 2 has switches
 * for neither on the server side. Logs come line by line, so that the lab can
 * see in them how far a peer has got. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((constructor)) static void unbuffer(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
}

static void write_line(const SSL *ssl, const char *line) {
    (void)ssl;
    const char *path = getenv("LAB_KEYLOG");
    FILE *out = path ? fopen(path, "a") : NULL;
    if (out) {
        fprintf(out, "%s\n", line);
        fclose(out);
    }
}

SSL *SSL_new(SSL_CTX *ctx) {
    static SSL *(*real)(SSL_CTX *);
    if (!real)
        real = (SSL *(*)(SSL_CTX *))dlsym(RTLD_NEXT, "SSL_new");
    SSL_CTX_set_keylog_callback(ctx, write_line);
    SSL *ssl = real(ctx);
    const char *pin = getenv("LAB_TLS");
    if (ssl && pin) {
        int version = strcmp(pin, "1.3") == 0   ? TLS1_3_VERSION
                      : strcmp(pin, "1.2") == 0 ? TLS1_2_VERSION
                      : strcmp(pin, "1.1") == 0 ? TLS1_1_VERSION
                                                : TLS1_VERSION;
        SSL_set_min_proto_version(ssl, version);
        SSL_set_max_proto_version(ssl, version);
        if (version < TLS1_2_VERSION) /* OpenSSL 3 allows the old ones at level 0 only */
            SSL_set_cipher_list(ssl, "DEFAULT:@SECLEVEL=0");
    }
    return ssl;
}

/* xrdp 0.9 knows no salted checksums (MS-RDPBCGR 5.3.6.1.1), and xfreerdp has no
 * switch for plain ones: with $LAB_PLAIN_MAC it is told here. */
int freerdp_connect(void **instance) {
    int (*real)(void **) = (int (*)(void **))dlsym(RTLD_NEXT, "freerdp_connect");
    int (*key)(const char *) =
        (int (*)(const char *))dlsym(RTLD_DEFAULT, "freerdp_settings_get_key_for_name");
    int (*set)(void *, int, int) =
        (int (*)(void *, int, int))dlsym(RTLD_DEFAULT, "freerdp_settings_set_bool");
    enum { SETTINGS = 18 }; /* its place among the pointers of struct rdp_freerdp */
    if (getenv("LAB_PLAIN_MAC") && key && set)
        set(instance[SETTINGS], key("FreeRDP_SaltedChecksum"), 0);
    return real(instance);
}
