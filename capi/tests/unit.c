/* The library as a C program meets it: sizes, refusals, a configuration, a connection up to the OPEN, the console.
 * Run plain, under valgrind and under sanitizers by `cargo xtask capi`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdover.h"

_Static_assert(sizeof(holdover_engine) == HOLDOVER_ENGINE_SIZE, "the opaque type has the size that the header says");
_Static_assert(_Alignof(holdover_engine) == HOLDOVER_ENGINE_ALIGN, "and the alignment");
_Static_assert(sizeof(holdover_io_error) == 1 && sizeof(holdover_status) == 4, "enums have fixed widths");

static int failures;

#define CHECK(what) check((what) != 0, #what, __LINE__)

static void check(int good, const char *what, int line) {
    if (!good) {
        fprintf(stderr, "unit.c:%d: not so: %s\n", line, what);
        failures++;
    }
}

/* Text that callbacks collect. */
struct text {
    char octets[8192];
    size_t used;
    unsigned calls;
};

static int32_t append(void *context, const char *piece, size_t len) {
    struct text *text = context;
    if (len > sizeof text->octets - 1 - text->used) {
        return 1;
    }
    memcpy(text->octets + text->used, piece, len);
    text->used += len;
    text->octets[text->used] = '\0';
    text->calls++;
    return 0;
}

static void report(void *context, const holdover_diagnostic *said) {
    char place[32];
    int len = snprintf(place, sizeof place, "%u:%u ", (unsigned)said->line, (unsigned)said->column);
    if (said->severity == HOLDOVER_SEVERITY_ERROR) {
        append(context, place, (size_t)len);
        append(context, said->message.data, said->message.len);
        append(context, " / ", 3);
        append(context, said->hint.data, said->hint.len);
    }
}

static const char CONFIG[] = "router bgp 65010\n"
                             "bgp router-id 192.0.2.2\n"
                             "neighbor 192.0.2.1 remote-as 65020\n"
                             "address-family ipv4 unicast\n"
                             "network 198.51.100.7/32\n"
                             "exit-address-family\n"
                             "exit\n"
                             "failover web\n"
                             "address 198.51.100.8/32\n";

static holdover_engine *new_engine(void) {
    /* Exactly as large as it must be: valgrind sees whoever reaches behind it. */
    holdover_engine *engine = aligned_alloc(holdover_engine_align(), holdover_engine_size());
    if (engine != NULL) {
        memset(engine, 0, holdover_engine_size());
    }
    return engine;
}

static holdover_status configure(holdover_engine *engine, const char *config, struct text *said) {
    return holdover_configure_text(engine, 0, 0, config, strlen(config), report, said);
}

/* Polls to the end; keeps the last order of one kind. */
static unsigned drain(holdover_engine *engine, holdover_output_kind wanted, holdover_output *kept) {
    holdover_output order;
    unsigned count = 0;
    while (holdover_poll(engine, &order) == HOLDOVER_STATUS_OK) {
        if (order.kind == wanted) {
            *kept = order;
            count++;
        }
    }
    return count;
}

static holdover_input ipv4_address(uint8_t last, uint8_t length) {
    holdover_input input = {.kind = HOLDOVER_INPUT_KIND_ADDRESS};
    const uint8_t octets[4] = {192, 0, 2, last};
    input.u.address.link = 1;
    input.u.address.present = 1;
    input.u.address.address.length = length;
    input.u.address.address.address.family = HOLDOVER_FAMILY_IPV4;
    memcpy(input.u.address.address.address.octets, octets, sizeof octets);
    return input;
}

/* Tells a table of one entry whole. */
static void table(holdover_engine *engine, holdover_table what, const holdover_input *entry) {
    holdover_output order;
    holdover_input begin = {.kind = HOLDOVER_INPUT_KIND_RESYNC}, end;
    begin.u.resync.table = what;
    end = begin;
    end.u.resync.end = 1;
    const holdover_input *all[] = {&begin, entry, &end};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        CHECK(holdover_handle(engine, 0, all[i]) == HOLDOVER_STATUS_OK);
        drain(engine, HOLDOVER_OUTPUT_KIND_NONE, &order);
    }
}

static void sizes(void) {
    CHECK(holdover_abi() == HOLDOVER_ABI);
    CHECK(holdover_engine_size() <= HOLDOVER_ENGINE_SIZE);
    CHECK(holdover_engine_align() == HOLDOVER_ENGINE_ALIGN);
}

static void wrong_calls(void) {
    holdover_engine *engine = new_engine();
    holdover_output order;
    holdover_input tick = {.kind = HOLDOVER_INPUT_KIND_TICK}, none = {0};
    uint64_t deadline;
    CHECK(holdover_poll(engine, &order) == HOLDOVER_STATUS_ERROR_NOT_STARTED);
    CHECK(order.kind == HOLDOVER_OUTPUT_KIND_NONE);
    CHECK(holdover_handle(engine, 0, &tick) == HOLDOVER_STATUS_ERROR_NOT_STARTED);
    CHECK(holdover_start(NULL, 0, 1) == HOLDOVER_STATUS_ERROR_NULL);
    CHECK(holdover_start(engine, 0, 1) == HOLDOVER_STATUS_OK);
    CHECK(holdover_start(engine, 0, 1) == HOLDOVER_STATUS_ERROR_STARTED);
    CHECK(holdover_handle(engine, 0, &none) == HOLDOVER_STATUS_ERROR_VALUE);
    CHECK(holdover_handle(engine, 0, NULL) == HOLDOVER_STATUS_ERROR_NULL);
    CHECK(holdover_handle(engine, 0, &tick) == HOLDOVER_STATUS_OK);
    CHECK(holdover_handle(engine, 0, &tick) == HOLDOVER_STATUS_ERROR_NOT_DRAINED);
    CHECK(holdover_deadline(engine, &deadline) == HOLDOVER_STATUS_OK);
    drain(engine, HOLDOVER_OUTPUT_KIND_NONE, &order);
    CHECK(holdover_handle(engine, 0, &tick) == HOLDOVER_STATUS_OK);
    memset(engine, 0xFF, holdover_engine_size());
    CHECK(holdover_poll(engine, &order) == HOLDOVER_STATUS_ERROR_DAMAGED);
    free(engine);
}

static void a_configuration(void) {
    holdover_engine *engine = new_engine();
    struct text said = {0};
    CHECK(holdover_start(engine, 0, 1) == HOLDOVER_STATUS_OK);
    CHECK(configure(engine, "router bgp 65010\nneighbor 192.0.2.1 remote-sa 1\n", &said)
          == HOLDOVER_STATUS_ERROR_CONFIGURATION);
    CHECK(strncmp(said.octets, "2:20 ", 5) == 0);
    CHECK(strstr(said.octets, "/ did you mean `remote-as`?") != NULL);
    if (failures > 0) {
        fprintf(stderr, "said: %s\n", said.octets);
    }
    said.used = 0;
    CHECK(configure(engine, CONFIG, &said) == HOLDOVER_STATUS_OK && said.used == 0);
    free(engine);
}

static void a_connection(void) {
    holdover_engine *engine = new_engine();
    struct text said = {0};
    holdover_output order;
    holdover_input input = {.kind = HOLDOVER_INPUT_KIND_LINK};
    CHECK(holdover_start(engine, 0, 1) == HOLDOVER_STATUS_OK);
    input.u.link.link = 1;
    input.u.link.name.data = "eth0";
    input.u.link.name.len = 4;
    input.u.link.up = 1;
    table(engine, HOLDOVER_TABLE_LINKS, &input);
    input = ipv4_address(2, 24);
    table(engine, HOLDOVER_TABLE_ADDRESSES, &input);
    CHECK(configure(engine, CONFIG, &said) == HOLDOVER_STATUS_OK);
    unsigned connects = drain(engine, HOLDOVER_OUTPUT_KIND_CONNECT, &order);
    for (uint64_t turn = 1; connects == 0 && turn < 20; turn++) {
        input = (holdover_input){.kind = HOLDOVER_INPUT_KIND_TICK};
        CHECK(holdover_handle(engine, turn * 100000, &input) == HOLDOVER_STATUS_OK);
        connects = drain(engine, HOLDOVER_OUTPUT_KIND_CONNECT, &order);
    }
    CHECK(connects == 1);
    if (connects == 0) { /* whatever comes now would be about nothing */
        free(engine);
        return;
    }
    CHECK(order.u.connect.remote.port == 179 && order.u.connect.options.ttl == 1);
    holdover_conn conn = order.u.connect.conn;
    input = (holdover_input){.kind = HOLDOVER_INPUT_KIND_CONNECTED};
    input.u.connected.conn = conn;
    input.u.connected.local.address = ipv4_address(2, 24).u.address.address.address;
    input.u.connected.local.port = 50000;
    CHECK(holdover_handle(engine, 2000000, &input) == HOLDOVER_STATUS_OK);
    CHECK(holdover_poll(engine, &order) == HOLDOVER_STATUS_OK);
    while (order.kind != HOLDOVER_OUTPUT_KIND_SEND && holdover_poll(engine, &order) == HOLDOVER_STATUS_OK) {
    }
    CHECK(order.kind == HOLDOVER_OUTPUT_KIND_SEND);
    /* An OPEN (RFC 4271 section 4.2): sixteen ones, a length, type 1, version 4. */
    CHECK(order.u.send.bytes.len > 29 && order.u.send.bytes.data[15] == 0xFF);
    CHECK(order.u.send.bytes.data[18] == 1 && order.u.send.bytes.data[19] == 4);
    free(engine);
}

static void a_console(void) {
    holdover_engine *engine = new_engine();
    struct text said = {0};
    holdover_output order;
    const char show[] = "show summary", drain_web[] = "drain web";
    CHECK(holdover_start(engine, 0, 1) == HOLDOVER_STATUS_OK);
    CHECK(configure(engine, CONFIG, &said) == HOLDOVER_STATUS_OK);
    unsigned records = 0;
    while (holdover_poll(engine, &order) == HOLDOVER_STATUS_OK) {
        if (order.kind == HOLDOVER_OUTPUT_KIND_RECORD) {
            CHECK(holdover_record_text(engine, append, &said) == HOLDOVER_STATUS_OK);
            records += order.u.record.kind == HOLDOVER_RECORD_KIND_CONFIGURED;
        }
    }
    CHECK(records == 1 && strstr(said.octets, "configured: AS 65010") != NULL);
    said.used = 0;
    CHECK(holdover_show(engine, 0, show, strlen(show), append, &said) == HOLDOVER_STATUS_OK);
    CHECK(strstr(said.octets, "192.0.2.1") != NULL);
    CHECK(holdover_show(engine, 0, drain_web, strlen(drain_web), append, &said) == HOLDOVER_STATUS_NONE);
    CHECK(holdover_command(engine, 0, 7, 0, drain_web, strlen(drain_web)) == HOLDOVER_STATUS_OK);
    CHECK(drain(engine, HOLDOVER_OUTPUT_KIND_ANSWER, &order) == 1);
    CHECK(order.u.answer.id == 7 && order.u.answer.result == HOLDOVER_RESULT_DONE);
    said.used = 0;
    CHECK(holdover_help(engine, "show ", 5, append, &said) == HOLDOVER_STATUS_OK);
    CHECK(strstr(said.octets, "running-config") != NULL);
    free(engine);
}

int main(void) {
    sizes();
    wrong_calls();
    a_configuration();
    a_connection();
    a_console();
    printf("unit.c: %s\n", failures == 0 ? "all is so" : "NOT ALL IS SO");
    return failures != 0;
}
