/* Any call at any time, with octets at random in every fact: what is answered is what the order of the calls says, and
 * nothing is touched but what the caller gave. Engine, texts and octets lie in memory of exactly their size, so that
 * valgrind and the address sanitizer see whoever reaches beside them.
 *
 *   random SEEDS      runs that many seeds; a failure names its seed, `random 1 SEED` runs that one again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdover.h"

enum { CALLS = 3000, KINDS = HOLDOVER_INPUT_KIND_RESYNC };

static uint64_t state;                                           /* of the generator: xorshift64* */
static uint64_t seed;
static enum { NEW, READY, OWES } expected;                       /* what the engine is after the calls so far */
static holdover_engine *engine;
static uint64_t now_us;
static unsigned long taken, refused, configured, established, answered; /* over all seeds: what was reached at all */

/* What the engine named last, so that a good part of the facts are about something that lives. */
static holdover_conn conn;
static holdover_probe probe;
static holdover_address_id address;
static holdover_bfd bfd;
static holdover_route_id route;

static void fail(const char *what, holdover_status status) {
    fprintf(stderr, "random.c: seed %" PRIu64 ": %s: %d\n", seed, what, (int)status);
    exit(1);
}

static uint64_t next(void) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545F4914F6CDD1Du;
}

static size_t below(size_t end) {
    return (size_t)(next() >> 33) % end;
}

static void fill(void *at, size_t len) {
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)at)[i] = (uint8_t)next();
    }
}

/* ---- texts and octets -------------------------------------------------------------------------------------------- */

/* An OPEN with hold time 9, of AS 65020, and a KEEPALIVE (RFC 4271 section 4). */
static const uint8_t OPEN[] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                               255, 0,   29,  1,   4,   0xFD, 0xFC, 0,  9,   192, 0,   2,   1,   0};
static const uint8_t KEEPALIVE[] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 19, 4};

/* Octets of their own allocation: an OPEN, a KEEPALIVE, the header of a message and something, anything. */
static uint8_t *octets(size_t *len) {
    static const uint8_t KIND_OF[] = {0, 0, 0, 1, 1, 1, 1, 2, 2, 3};
    size_t kind = KIND_OF[below(sizeof KIND_OF)];
    *len = kind == 0 ? sizeof OPEN : kind == 1 ? sizeof KEEPALIVE : below(kind == 2 ? 64 : 4200);
    uint8_t *all = malloc(*len + (*len == 0));
    if (all == NULL) {
        abort();
    }
    fill(all, *len);
    if (kind == 0) {
        memcpy(all, OPEN, *len);
    } else if (kind == 1) {
        memcpy(all, KEEPALIVE, *len);
    } else if (kind == 2 && *len >= 19) {
        memcpy(all, KEEPALIVE, 17);
        all[17] = (uint8_t)*len;
        all[18] = (uint8_t)below(6);
    }
    return all;
}

static const char *const LINES[] = {"router bgp 65010\n", "bgp router-id 192.0.2.2\n", "neighbor 192.0.2.1 remote-as 65020\n",
                                    "neighbor 192.0.2.1 bfd\n", "neighbor 192.0.2.9 remote-as 65020\n",
                                    "neighbor 192.0.2.9 passive\n", "address-family ipv4 unicast\n",
                                    "network 198.51.100.7/32\n", "exit-address-family\n", "exit\n", "failover web\n",
                                    "address 198.51.100.8/32\n", "check port tcp 198.51.100.8:80\n", "steer lab\n"};
static const char *const WORDS[] = {"show ", "summary", "neighbors ", "services", "routes", "running-config", "steer", "bfd",
                                    "drain ", "undrain ", "promote ", "force ", "web", "192.0.2.1", "?", "\xC3\xA4", "\xFF"};

/* Pieces at random, in memory of exactly their length. */
static char *text(const char *const *pieces, size_t count, size_t most, size_t *len) {
    char line[1024];
    *len = 0;
    for (size_t left = below(most); left > 0; left--) {
        const char *piece = pieces[below(count)];
        memcpy(line + *len, piece, strlen(piece));
        *len += strlen(piece);
    }
    char *all = malloc(*len + (*len == 0));
    if (all == NULL) {
        abort();
    }
    memcpy(all, line, *len);
    return all;
}

/* One that is taken over: the lines as they stand, in their order, some of the last ones left out. */
static char *good_text(size_t *len) {
    char *all = malloc(1024);
    if (all == NULL) {
        abort();
    }
    *len = 0;
    for (size_t i = 0, end = 3 + below(11); i < end; i++) {
        memcpy(all + *len, LINES[i], strlen(LINES[i]));
        *len += strlen(LINES[i]);
    }
    return all;
}

/* Takes text, now and then no more of it; whoever calls the engine from here is told that it is at work. */
static int32_t take(void *context, const char *piece, size_t len) {
    uint64_t deadline;
    (void)context;
    for (size_t i = 0; i < len; i++) {
        state ^= (uint8_t)piece[i]; /* every octet is read */
    }
    holdover_status status = holdover_deadline(engine, &deadline);
    if (status != HOLDOVER_STATUS_ERROR_BUSY) {
        fail("a call from a callback", status);
    }
    return below(200) == 0;
}

static void report(void *context, const holdover_diagnostic *said) {
    take(context, said->code.data, said->code.len);
    take(context, said->message.data, said->message.len);
    take(context, said->hint.data, said->hint.len);
}

/* ---- what is answered ------------------------------------------------------------------------------------------------ */

/* A call that changes the engine: only one that was started, and was polled to the end. */
static void changed(const char *what, holdover_status status) {
    if (expected == NEW ? status != HOLDOVER_STATUS_ERROR_NOT_STARTED
                        : expected == OWES && status != HOLDOVER_STATUS_ERROR_NOT_DRAINED) {
        fail(what, status);
    }
    if (expected != READY) {
        return;
    }
    switch (status) {
    case HOLDOVER_STATUS_OK: expected = OWES, taken++; break;
    case HOLDOVER_STATUS_ERROR_NULL:
    case HOLDOVER_STATUS_ERROR_MISALIGNED:
    case HOLDOVER_STATUS_ERROR_VALUE:
    case HOLDOVER_STATUS_ERROR_NOT_UTF8:
    case HOLDOVER_STATUS_ERROR_CONFIGURATION:
    case HOLDOVER_STATUS_ERROR_NOT_UNDERSTOOD:
    case HOLDOVER_STATUS_ERROR_NOT_FOUND: refused++; break;
    default: fail(what, status);
    }
}

/* A call that looks at the engine: only one that was started. */
static void looked(const char *what, holdover_status status) {
    if (expected == NEW && status != HOLDOVER_STATUS_ERROR_NOT_STARTED && status != HOLDOVER_STATUS_ERROR_NULL) {
        fail(what, status);
    }
    if (expected != NEW && (status == HOLDOVER_STATUS_ERROR_NOT_STARTED || status == HOLDOVER_STATUS_ERROR_NOT_DRAINED
                            || status == HOLDOVER_STATUS_ERROR_BUSY || status == HOLDOVER_STATUS_ERROR_DAMAGED)) {
        fail(what, status);
    }
}

/* ---- facts ------------------------------------------------------------------------------------------------------------ */

/* The machine as it is: without it the engine opens no connection. */
static void whole_table(holdover_input *input) {
    input->kind = HOLDOVER_INPUT_KIND_RESYNC;
    input->u.resync.table = (uint8_t)below(3);
    input->u.resync.end = (uint8_t)below(2);
}

static void own_address(holdover_input *input) {
    static const holdover_prefix OWN = {.address = {.family = HOLDOVER_FAMILY_IPV4, .octets = {192, 0, 2, 2}}, .length = 24};
    input->u.address.address = OWN;
    input->u.address.link = 1;
    input->u.address.present = below(8) != 0;
}

/* Gives a fact a name that lives, and numbers that may be. */
static void tame(holdover_input *input) {
    static const holdover_address PEER = {.family = HOLDOVER_FAMILY_IPV4, .octets = {192, 0, 2, 9}};
    switch (input->kind) {
    case HOLDOVER_INPUT_KIND_COMMAND:
        input->u.command.order = below(100) ? HOLDOVER_ORDER_WISH : (uint8_t)below(3);
        input->u.command.wish %= 6;
        input->u.command.service %= 3;
        break;
    case HOLDOVER_INPUT_KIND_CONNECTED:
        input->u.connected.conn = conn;
        input->u.connected.local.address = PEER;
        break;
    case HOLDOVER_INPUT_KIND_CONNECT_FAILED:
    case HOLDOVER_INPUT_KIND_CLOSED:
        input->u.closed.conn = conn;
        input->u.closed.why %= 12;
        break;
    case HOLDOVER_INPUT_KIND_ACCEPTED:
        input->u.accepted.listener &= 1;
        input->u.accepted.local.address = input->u.accepted.remote.address = PEER;
        break;
    case HOLDOVER_INPUT_KIND_RECEIVED: input->u.received.conn = conn; break;
    case HOLDOVER_INPUT_KIND_SENT:
        input->u.sent.conn = conn;
        input->u.sent.len = below(2) ? SIZE_MAX : below(64);
        break;
    case HOLDOVER_INPUT_KIND_FLUSHED: input->u.flushed.conn = conn; break;
    case HOLDOVER_INPUT_KIND_DATAGRAM:
        input->u.datagram.kind &= 1;
        input->u.datagram.local = input->u.datagram.remote = PEER;
        break;
    case HOLDOVER_INPUT_KIND_DATAGRAM_DONE:
        input->u.datagram_done.bfd = bfd;
        input->u.datagram_done.result = 0;
        break;
    case HOLDOVER_INPUT_KIND_PROBE_DONE:
    case HOLDOVER_INPUT_KIND_WATCH_CHANGED:
        input->u.probe_done.probe = probe;
        input->u.probe_done.verdict %= 17;
        break;
    case HOLDOVER_INPUT_KIND_LINK: input->u.link.link = 1 + (uint32_t)below(3); break;
    case HOLDOVER_INPUT_KIND_ADDRESS: own_address(input); break;
    case HOLDOVER_INPUT_KIND_ADDRESS_DONE:
        input->u.address_done.address = address;
        input->u.address_done.result %= 12;
        break;
    case HOLDOVER_INPUT_KIND_KERNEL_ROUTE: input->u.kernel_route.prefix.address = PEER; break;
    case HOLDOVER_INPUT_KIND_ROUTE_DONE: input->u.route_done.route = route; break;
    case HOLDOVER_INPUT_KIND_ROUTE_LOST: input->u.route_lost.route = route; break;
    default: whole_table(input); break;
    }
}

static void tell(void) {
    size_t len, name_len;
    uint8_t *data = octets(&len);
    char *name = text(WORDS, sizeof WORDS / sizeof *WORDS, 4, &name_len);
    holdover_input *input = malloc(sizeof *input);
    if (input == NULL) {
        abort();
    }
    fill(input, sizeof *input);
    if (below(50) != 0) {
        static const uint32_t OFTEN[] = {HOLDOVER_INPUT_KIND_CONNECTED, HOLDOVER_INPUT_KIND_RECEIVED, HOLDOVER_INPUT_KIND_SENT};
        input->kind = below(2) ? OFTEN[below(3)] : 1 + (uint32_t)below(KINDS);
    }
    if (below(4) != 0) {
        tame(input);
    }
    /* A pointer is the caller's word: it leads somewhere, or is NULL. */
    if (input->kind == HOLDOVER_INPUT_KIND_RECEIVED) {
        input->u.received.bytes = (holdover_bytes){.data = below(50) ? data : NULL, .len = len};
    } else if (input->kind == HOLDOVER_INPUT_KIND_DATAGRAM) {
        input->u.datagram.bytes = (holdover_bytes){.data = below(50) ? data : NULL, .len = len};
    } else if (input->kind == HOLDOVER_INPUT_KIND_LINK) {
        input->u.link.name = (holdover_text){.data = below(50) ? name : NULL, .len = name_len};
    }
    changed("handle", holdover_handle(engine, now_us, below(100) ? input : NULL));
    free(input);
    free(name);
    free(data);
}

/* ---- the other calls --------------------------------------------------------------------------------------------------- */

static void hear(const holdover_output *order) {
    switch (order->kind) {
    case HOLDOVER_OUTPUT_KIND_CONNECT: conn = order->u.connect.conn; break;
    case HOLDOVER_OUTPUT_KIND_ADOPT: conn = order->u.adopt.conn; break;
    case HOLDOVER_OUTPUT_KIND_START_PROBE: probe = order->u.start_probe.probe; break;
    case HOLDOVER_OUTPUT_KIND_BIND: address = order->u.bind.address; break;
    case HOLDOVER_OUTPUT_KIND_OPEN_DATAGRAM: bfd = order->u.open_datagram.bfd; break;
    case HOLDOVER_OUTPUT_KIND_INSTALL_ROUTE: route = order->u.install_route.route; break;
    case HOLDOVER_OUTPUT_KIND_SEND:
        for (size_t i = 0; i < order->u.send.bytes.len; i++) {
            state ^= order->u.send.bytes.data[i];
        }
        break;
    case HOLDOVER_OUTPUT_KIND_ANSWER: answered++; break;
    case HOLDOVER_OUTPUT_KIND_RECORD:
        established += order->u.record.kind == HOLDOVER_RECORD_KIND_ESTABLISHED;
        looked("record", holdover_record_text(engine, take, NULL));
        break;
    default: break;
    }
}

static void poll(size_t most) {
    holdover_output *order = malloc(sizeof *order);
    if (order == NULL) {
        abort();
    }
    for (; most > 0; most--) {
        holdover_status status = holdover_poll(engine, order);
        looked("poll", status);
        if ((status == HOLDOVER_STATUS_OK) != (order->kind != HOLDOVER_OUTPUT_KIND_NONE)) {
            fail("poll and its order", status);
        }
        if (status != HOLDOVER_STATUS_OK) {
            expected = expected == OWES ? READY : expected;
            break;
        }
        if (expected != OWES) {
            fail("an order after the last one", status);
        }
        hear(order);
    }
    free(order);
}

static void configure(void) {
    size_t len;
    char *all = below(3) ? good_text(&len) : text(LINES, sizeof LINES / sizeof *LINES, 20, &len);
    uint32_t can = below(20) ? 0xF3F : (uint32_t)next();
    holdover_status status = holdover_configure_text(engine, now_us, can, all, len, below(4) ? report : NULL, NULL);
    changed("configure", status);
    configured += status == HOLDOVER_STATUS_OK;
    free(all);
}

static void talk(void) {
    size_t len;
    char *line = text(WORDS, sizeof WORDS / sizeof *WORDS, 5, &len);
    switch (below(3)) {
    case 0: looked("show", holdover_show(engine, now_us, line, len, below(20) ? take : NULL, NULL)); break;
    case 1: looked("help", holdover_help(engine, line, len, below(20) ? take : NULL, NULL)); break;
    default: changed("command", holdover_command(engine, now_us, 7, (uint8_t)below(2), line, len)); break;
    }
    free(line);
}

static void start(void) {
    holdover_status status = holdover_start(engine, now_us, next());
    if (status != (expected == NEW ? HOLDOVER_STATUS_OK : HOLDOVER_STATUS_ERROR_STARTED)) {
        fail("start", status);
    }
    expected = expected == NEW ? READY : expected;
}

static void call(void) {
    uint64_t deadline;
    size_t which = below(1000);
    now_us += below(4) ? below(100000) : 0;
    if (which < 550) {
        tell();
    } else if (which < 570) {
        poll(1);
    } else if (which < 940) {
        poll(SIZE_MAX);
    } else if (which < 944) {
        configure();
    } else if (which < 974) {
        talk();
    } else if (which < 990) {
        looked("deadline", holdover_deadline(engine, below(20) ? &deadline : NULL));
    } else if (which < 995) {
        start();
    } else {
        now_us -= below(2) ? now_us / 2 : 0; /* a clock that runs backwards is coped with */
    }
}

/* In most runs the engine knows its machine and has neighbors, so that there are connections to confuse. */
static void begin_well(void) {
    holdover_input input = {.kind = HOLDOVER_INPUT_KIND_RESYNC};
    input.u.resync.table = HOLDOVER_TABLE_ADDRESSES;
    changed("handle", holdover_handle(engine, now_us, &input));
    poll(SIZE_MAX);
    input.kind = HOLDOVER_INPUT_KIND_ADDRESS;
    own_address(&input);
    changed("handle", holdover_handle(engine, now_us, &input));
    poll(SIZE_MAX);
    input.kind = HOLDOVER_INPUT_KIND_RESYNC;
    input.u.resync.table = HOLDOVER_TABLE_ADDRESSES;
    input.u.resync.end = 1;
    changed("handle", holdover_handle(engine, now_us, &input));
    poll(SIZE_MAX);
    configure();
    poll(SIZE_MAX);
}

static void run(void) {
    static const char SUMMARY[] = "show summary";
    state = seed * 0x9E3779B97F4A7C15u + 1;
    now_us = below(2) ? 0 : next() >> 20;
    expected = NEW;
    engine = aligned_alloc(holdover_engine_align(), holdover_engine_size());
    if (engine == NULL) {
        abort();
    }
    memset(engine, 0, holdover_engine_size());
    if (below(8)) {
        start();
        begin_well();
    }
    for (size_t calls = 0; calls < CALLS; calls++) {
        call();
        if (below(2000) == 0) { /* begin anew */
            memset(engine, 0, holdover_engine_size());
            expected = NEW;
        }
    }
    looked("show at the end", holdover_show(engine, now_us, SUMMARY, sizeof SUMMARY - 1, take, NULL));
    free(engine);
}

int main(int count, char **words) {
    uint64_t seeds = count > 1 ? strtoull(words[1], NULL, 10) : 1;
    uint64_t first = count > 2 ? strtoull(words[2], NULL, 10) : 1;
    for (seed = first; seed < first + seeds; seed++) {
        run();
    }
    printf("random.c: %" PRIu64 " seeds: %lu facts and commands taken, %lu refused, %lu configurations, %lu sessions\n", seeds,
           taken, refused, configured, established);
    /* Each of these happens; otherwise the run has shown nothing. */
    return count <= 2 && (taken == 0 || refused == 0 || configured == 0 || established == 0 || answered == 0);
}
