/* What the speaker asks of a POSIX system, and what has nothing to do with the engine's loop: the clock, errors, signals,
 * addresses as the system writes them, its links and addresses, sockets and their options, a file, what is printed. */
#ifndef HOST_H
#define HOST_H

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "holdover.h"

enum { SECOND_US = 1000000 };

/* Tells the engine a fact. */
typedef void tell_function(const holdover_input *input);

static volatile sig_atomic_t signalled;
static void on_signal(int number) {
    signalled = number;
}

/* Whatever the engine refuses is a mistake of the program. */
static void check(holdover_status status) {
    assert(status >= 0);
}

static uint64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_US + (uint64_t)now.tv_nsec / 1000;
}

static uint8_t reason(int error) {
    switch (error) {
    case 0: return HOLDOVER_IO_ERROR_NONE;
    case ECONNREFUSED: return HOLDOVER_IO_ERROR_REFUSED;
    case ECONNRESET: case EPIPE: return HOLDOVER_IO_ERROR_RESET;
    case ETIMEDOUT: return HOLDOVER_IO_ERROR_TIMED_OUT;
    case ENETUNREACH: case EHOSTUNREACH: return HOLDOVER_IO_ERROR_UNREACHABLE;
    case EADDRNOTAVAIL: return HOLDOVER_IO_ERROR_ADDRESS_UNAVAILABLE;
    case EADDRINUSE: return HOLDOVER_IO_ERROR_IN_USE;
    case EACCES: case EPERM: return HOLDOVER_IO_ERROR_DENIED;
    case ENOPROTOOPT: case EOPNOTSUPP: return HOLDOVER_IO_ERROR_UNSUPPORTED;
    case EMFILE: case ENFILE: case ENOBUFS: case ENOMEM: return HOLDOVER_IO_ERROR_EXHAUSTED;
    default: return HOLDOVER_IO_ERROR_OTHER;
    }
}

static socklen_t to_system(const holdover_endpoint *end, struct sockaddr_storage *out) {
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(end->port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(end->port), .sin6_scope_id = end->link};
    bool four = end->address.family == HOLDOVER_FAMILY_IPV4;
    memcpy(&in.sin_addr, end->address.octets, sizeof in.sin_addr);
    memcpy(&in6.sin6_addr, end->address.octets, sizeof in6.sin6_addr);
    memcpy(out, four ? (void *)&in : (void *)&in6, four ? sizeof in : sizeof in6);
    return four ? sizeof in : sizeof in6;
}

static holdover_endpoint from_system(const struct sockaddr *from) {
    holdover_endpoint end = {0};
    const struct sockaddr_in *in = (const void *)from;
    const struct sockaddr_in6 *in6 = (const void *)from;
    if (from->sa_family == AF_INET) {
        memcpy(end.address.octets, &in->sin_addr, sizeof in->sin_addr);
        end.address.family = HOLDOVER_FAMILY_IPV4;
        end.port = ntohs(in->sin_port);
    } else if (from->sa_family == AF_INET6) {
        memcpy(end.address.octets, &in6->sin6_addr, sizeof in6->sin6_addr);
        end.address.family = HOLDOVER_FAMILY_IPV6;
        end.port = ntohs(in6->sin6_port);
        end.link = in6->sin6_scope_id;
    }
    return end;
}

static holdover_endpoint local_end(int fd) {
    struct sockaddr_storage storage = {0};
    socklen_t size = sizeof storage;
    getsockname(fd, (struct sockaddr *)&storage, &size);
    return from_system((struct sockaddr *)&storage);
}

static void tell_resync(tell_function *tell, uint8_t table, uint8_t end) {
    tell(&(holdover_input){.kind = HOLDOVER_INPUT_KIND_RESYNC, .u.resync = {.table = table, .end = end}});
}

static void tell_link(tell_function *tell, const struct ifaddrs *one, uint32_t link) {
    bool up = (one->ifa_flags & IFF_UP) != 0 && (one->ifa_flags & IFF_RUNNING) != 0;
    tell(&(holdover_input){.kind = HOLDOVER_INPUT_KIND_LINK,
                           .u.link = {.link = link, .name = {one->ifa_name, strlen(one->ifa_name)}, .up = up}});
}

static void tell_address(tell_function *tell, const struct ifaddrs *one, uint32_t link) {
    holdover_input input = {.kind = HOLDOVER_INPUT_KIND_ADDRESS, .u.address = {.link = link, .present = 1}};
    holdover_address mask = from_system(one->ifa_netmask).address;
    input.u.address.address.address = from_system(one->ifa_addr).address;
    for (size_t octet = 0; octet < sizeof mask.octets; octet++) {
        for (unsigned bits = mask.octets[octet]; bits != 0; bits &= bits - 1) {
            input.u.address.address.length++;
        }
    }
    tell(&input);
}

/* Tells links and addresses whole, at most once a second; what is not repeated is gone. */
static void tell_tables(tell_function *tell) {
    static uint64_t next;
    struct ifaddrs *all = NULL;
    if (now_us() < next || getifaddrs(&all) != 0) {
        return;
    }
    next = now_us() + SECOND_US;
    for (uint8_t table = HOLDOVER_TABLE_LINKS; table <= HOLDOVER_TABLE_ADDRESSES; table++) {
        tell_resync(tell, table, 0);
        for (struct ifaddrs *one = all; one != NULL; one = one->ifa_next) {
            uint32_t link = if_nametoindex(one->ifa_name);
            int family = one->ifa_addr == NULL ? AF_UNSPEC : one->ifa_addr->sa_family;
            if (link != 0 && table == HOLDOVER_TABLE_LINKS && family == AF_PACKET) {
                tell_link(tell, one, link);
            }
            if (link != 0 && table == HOLDOVER_TABLE_ADDRESSES && (family == AF_INET || family == AF_INET6)) {
                tell_address(tell, one, link);
            }
        }
        tell_resync(tell, table, 1);
    }
    freeifaddrs(all);
}

static bool is_here(const holdover_address *address) {
    struct ifaddrs *all = NULL;
    bool found = false;
    getifaddrs(&all); /* when it fails there are none */
    for (struct ifaddrs *one = all; one != NULL && !found; one = one->ifa_next) {
        holdover_address here = one->ifa_addr == NULL ? *address : from_system(one->ifa_addr).address;
        found = one->ifa_addr != NULL && memcmp(&here, address, sizeof here) == 0;
    }
    freeifaddrs(all);
    return found;
}

/* What must hold before the first packet. A key is never ordered: the engine was told that this machine has none. */
static bool set_options(int fd, const holdover_tcp_options *options) {
    bool six = local_end(fd).address.family == HOLDOVER_FAMILY_IPV6;
    int level = six ? IPPROTO_IPV6 : IPPROTO_IP, one = 1, ttl = options->ttl, least = options->min_ttl;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return setsockopt(fd, level, six ? IPV6_UNICAST_HOPS : IP_TTL, &ttl, sizeof ttl) == 0
           && (least == 0 || setsockopt(fd, level, six ? IPV6_MINHOPCOUNT : IP_MINTTL, &least, sizeof least) == 0);
}

/* Closes with a reset. */
static int abandon(int fd) {
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return close(fd);
}

/* Closes, if there is something, and leaves errno as it was; -1, so that it can be returned. */
static int given_up(int fd) {
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* A socket on its way to the peer; -1 and errno: there is none. */
static int dial(const holdover_output_connect *order) {
    struct sockaddr_storage to, from;
    holdover_endpoint local = {.address = order->local, .link = order->via};
    socklen_t to_size = to_system(&order->remote, &to), from_size = to_system(&local, &from);
    int fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && set_options(fd, &order->options)
        && (local.address.family == HOLDOVER_FAMILY_NONE || bind(fd, (struct sockaddr *)&from, from_size) == 0)
        && (connect(fd, (struct sockaddr *)&to, to_size) == 0 || errno == EINPROGRESS)) {
        return fd;
    }
    return given_up(fd);
}

/* What became of it: 0 or an error. */
static int dialed(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

/* Whether the peer's machine has acknowledged all that was sent. */
static bool is_flushed(int fd) {
    int unacknowledged = 0;
    return ioctl(fd, TIOCOUTQ, &unacknowledged) == 0 && unacknowledged == 0;
}

/* A listening socket; -1 and errno: there is none. */
static int listen_at(const holdover_endpoint *local) {
    struct sockaddr_storage at;
    socklen_t size = to_system(local, &at);
    int one = 1, fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0
        && (at.ss_family == AF_INET || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) == 0)
        && bind(fd, (struct sockaddr *)&at, size) == 0 && listen(fd, 16) == 0) {
        return fd;
    }
    return given_up(fd);
}

/* Somebody who connected, with both ends; -1: nobody. */
static int accept_from(int listener, holdover_input_accepted *said) {
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    int fd = accept4(listener, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        said->local = local_end(fd);
        said->remote = from_system((struct sockaddr *)&peer);
    }
    return fd;
}

static int32_t print(void *file, const char *text, size_t len) {
    return fwrite(text, 1, len, file) == len ? 0 : 1;
}

static void report(void *file, const holdover_diagnostic *said) {
    static const char *const WORDS[] = {"note", "warning", "error"};
    fprintf(stderr, "%s:%u:%u: %s: %.*s%s%.*s\n", (const char *)file, (unsigned)said->line, (unsigned)said->column,
            WORDS[said->severity], (int)said->message.len, said->message.data, said->hint.len > 0 ? "; " : "",
            (int)said->hint.len, said->hint.data);
}

/* A file; how many octets, or -1. */
static ptrdiff_t read_file(const char *path, char *text, size_t most) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    size_t len = fread(text, 1, most, file);
    fclose(file);
    return (ptrdiff_t)len;
}

#endif
