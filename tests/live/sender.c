/* sender INTERFACE CAPTURE RATE SECONDS: the frames of a classic pcap, over and
 * over, RATE of them a second, as long as SECONDS last. Prints how many went out
 * and in what time. A round opens the same connections anew. */
#define _GNU_SOURCE
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 32, HEADER = 24, RECORD = 16 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    double rate = atof(argv[3]), seconds = atof(argv[4]);
    FILE *file = fopen(argv[2], "rb");
    if (!file) return perror(argv[2]), 1;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *data = malloc(size);
    if (!data || fread(data, 1, size, file) != (size_t)size) return 1;
    struct iovec *frames = malloc(size / RECORD * sizeof *frames);
    size_t count = 0;
    for (long at = HEADER; at + RECORD <= size;) {
        uint32_t length = *(uint32_t *)(data + at + 8);
        frames[count++] = (struct iovec){data + at + RECORD, length};
        at += RECORD + length;
    }
    int out = socket(AF_PACKET, SOCK_RAW, 0);
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(argv[1])};
    if (out < 0 || bind(out, (struct sockaddr *)&to, sizeof to)) return perror(argv[1]), 1;
    /* No queue of the device between: what is sent is on the wire. */
    setsockopt(out, SOL_PACKET, PACKET_QDISC_BYPASS, &(int){1}, sizeof(int));
    struct mmsghdr batch[BATCH] = {0};
    double began = now(), took;
    uint64_t sent = 0;
    while ((took = now() - began) < seconds) {
        uint64_t due = took * rate;
        if (sent >= due) {
            usleep(200);
            continue;
        }
        int n = due - sent < BATCH ? due - sent : BATCH;
        for (int i = 0; i < n; i++) {
            batch[i].msg_hdr.msg_iov = &frames[(sent + i) % count];
            batch[i].msg_hdr.msg_iovlen = 1;
        }
        int done = sendmmsg(out, batch, n, 0);
        if (done > 0) sent += done;
    }
    printf("%llu %f\n", (unsigned long long)sent, took);
}
