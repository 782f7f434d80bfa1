/* The drive loop on a board without an operating system: where a firmware begins. It needs no C library.
 *
 * The functions named board_ are what a board and its IP stack must bring. Here they are as empty as they can be (no link,
 * no socket, a clock that is counted), so that this file compiles, links and boots as it stands, and says on its serial
 * line what the engine does; every case of board_execute that is filled in brings a feature. `speaker.c` has them for POSIX
 * sockets. The addresses are those of Arm's mps2-an386, which QEMU has:
 *
 *   arm-none-eabi-gcc -std=c11 -mcpu=cortex-m4 -mthumb -Os -ffreestanding -nostdlib -nostartfiles \
 *       -I../include firmware.c libholdover_capi.a -lgcc -o firmware.elf \
 *       -Wl,--gc-sections -Wl,--section-start=.vectors=0 -Wl,-Ttext=0x40 -Wl,-Tdata=0x20000000 \
 *       -Wl,-e,reset -Wl,-u,vectors
 *   qemu-system-arm -M mps2-an386 -display none -serial stdio -kernel firmware.elf
 */
#include <stddef.h>
#include <stdint.h>

#include "holdover.h"

/* Where the text of the configuration lies: a region of flash that is replaced without the program. */
static const char CONFIG[] = "hostname board\n"
                             "router bgp 65010\n"
                             "bgp router-id 192.0.2.2\n"
                             "timers bgp 3 9\n"
                             "neighbor 192.0.2.1 remote-as 65020\n"
                             "address-family ipv4 unicast\n"
                             "network 198.51.100.7/32\n"
                             "exit-address-family\n";

static holdover_engine engine; /* zero: it lies in .bss */

/* One for each order that can be under way: an answer that were lost would hold up what it is about for ever. */
enum { ANSWERS = 2 * HOLDOVER_ROUTES + 4 * HOLDOVER_PEERS };
static holdover_input answers[ANSWERS]; /* what is known at once: told in the next turn, never from inside an order */
static size_t answers_count;
static int tables_are_told; /* ... and everything here begins as zero: nothing is to be copied from flash */

/* ---- what a board brings --------------------------------------------------------------------------------------- */

/* Microseconds since the start, from a timer: never backwards. */
static uint64_t board_now_us(void) {
    static uint64_t now;
    return now += 1000;
}

/* Another number at every boot and on every board: from a generator, an ADC's noise, a counter in flash. */
static uint64_t board_seed(void) {
    return 1;
}

/* Sleeps until an interrupt, at most until this time (HOLDOVER_FOREVER: for ever). */
static void board_wait(uint64_t deadline_us) {
    (void)deadline_us;
}

/* The next fact of this turn: octets that came, a socket that takes more, a link that went up. False: no more. */
static int board_next(holdover_input *input) {
    (void)input;
    return 0;
}

/* Entry `place` of the table of links or addresses, as holdover_input_link or holdover_input_address. False: no more. */
static int board_entry(uint8_t table, size_t place, holdover_input *input) {
    (void)table, (void)place, (void)input;
    return 0;
}

/* A word of the first CMSDK UART: data, state, control, interrupts, divisor of the clock. */
static volatile uint32_t *uart(size_t word) {
    return (volatile uint32_t *)0x40004000u + word;
}

static void board_start(void) {
    *uart(4) = 217; /* 25 MHz / 115,200 */
    *uart(2) = 1;   /* it sends */
}

/* One character to the serial line. */
static void board_put(char c) {
    while ((*uart(1) & 1) != 0) { /* what was put there before is on its way */
    }
    *uart(0) = (uint32_t)(unsigned char)c;
}

static void board_reset(const char *file, size_t len, uint32_t line) {
    (void)file, (void)len, (void)line; /* keep them in memory that a reset leaves alone */
    *(volatile uint32_t *)0xE000ED0Cu = 0x05FA0004u; /* Armv7-M: AIRCR.SYSRESETREQ */
    for (;;) {
    }
}

/* ---- what is the same everywhere --------------------------------------------------------------------------------- */

static int32_t print(void *context, const char *text, size_t len) {
    (void)context;
    for (size_t i = 0; i < len; i++) {
        board_put(text[i]);
    }
    return 0;
}

static void report(void *context, const holdover_diagnostic *said) {
    print(context, said->message.data, said->message.len);
    print(context, "\n", 1);
}

static void answer(uint32_t kind, const holdover_input_part *part) {
    if (answers_count < ANSWERS) {
        answers[answers_count].kind = kind;
        answers[answers_count].u = *part;
        answers_count++;
    }
}

/* Obeys an order. What this board cannot is answered so: the engine copes, and says it. */
static void board_execute(const holdover_output *order) {
    holdover_input_part part;
    switch (order->kind) {
    case HOLDOVER_OUTPUT_KIND_CONNECT:
        part.connect_failed.conn = order->u.connect.conn;
        part.connect_failed.why = HOLDOVER_IO_ERROR_UNSUPPORTED;
        answer(HOLDOVER_INPUT_KIND_CONNECT_FAILED, &part);
        break;
    case HOLDOVER_OUTPUT_KIND_LISTEN:
        part.listen_done.listener = order->u.listen.listener;
        part.listen_done.result = HOLDOVER_IO_ERROR_UNSUPPORTED;
        answer(HOLDOVER_INPUT_KIND_LISTEN_DONE, &part);
        break;
    case HOLDOVER_OUTPUT_KIND_CLOSE:
        part.closed.conn = order->u.close.conn;
        part.closed.why = HOLDOVER_IO_ERROR_NONE;
        answer(HOLDOVER_INPUT_KIND_CLOSED, &part);
        break;
    case HOLDOVER_OUTPUT_KIND_OPEN_DATAGRAM:
        part.datagram_done.bfd = order->u.open_datagram.bfd;
        part.datagram_done.result = HOLDOVER_IO_ERROR_UNSUPPORTED;
        answer(HOLDOVER_INPUT_KIND_DATAGRAM_DONE, &part);
        break;
    case HOLDOVER_OUTPUT_KIND_BIND:
    case HOLDOVER_OUTPUT_KIND_UNBIND:
        part.address_done.address = order->u.bind.address;
        part.address_done.result = HOLDOVER_IO_ERROR_UNSUPPORTED;
        part.address_done.already = 0;
        answer(HOLDOVER_INPUT_KIND_ADDRESS_DONE, &part);
        break;
    case HOLDOVER_OUTPUT_KIND_ASK_TABLE:
        tables_are_told = 0;
        break;
    case HOLDOVER_OUTPUT_KIND_RECORD:
        holdover_record_text(&engine, print, NULL);
        print(NULL, "\n", 1);
        break;
    case HOLDOVER_OUTPUT_KIND_INSTALL_ROUTE:
    case HOLDOVER_OUTPUT_KIND_REMOVE_ROUTE:
        part.route_done.route = order->kind == HOLDOVER_OUTPUT_KIND_INSTALL_ROUTE ? order->u.install_route.route
                                                                                  : order->u.remove_route.route;
        part.route_done.result = HOLDOVER_IO_ERROR_UNSUPPORTED;
        answer(HOLDOVER_INPUT_KIND_ROUTE_DONE, &part);
        break;
    case HOLDOVER_OUTPUT_KIND_START_PROBE:
        part.probe_done.probe = order->u.start_probe.probe;
        part.probe_done.verdict = HOLDOVER_VERDICT_UNSUPPORTED;
        part.probe_done.detail = 0;
        part.probe_done.took_us = 0;
        /* a process is watched, not asked */
        answer(order->u.start_probe.check == HOLDOVER_CHECK_PROCESS ? HOLDOVER_INPUT_KIND_WATCH_CHANGED
                                                                    : HOLDOVER_INPUT_KIND_PROBE_DONE,
               &part);
        break;
    case HOLDOVER_OUTPUT_KIND_KEEP: /* in flash, and told as Kept after the next start: else each start is the first */
        break;
    case HOLDOVER_OUTPUT_KIND_ADOPT: /* about a connection or session that there never was */
    case HOLDOVER_OUTPUT_KIND_REFUSE:
    case HOLDOVER_OUTPUT_KIND_SEND:
    case HOLDOVER_OUTPUT_KIND_ASK_FLUSHED:
    case HOLDOVER_OUTPUT_KIND_SEND_DATAGRAM:
    case HOLDOVER_OUTPUT_KIND_CLOSE_DATAGRAM:
    case HOLDOVER_OUTPUT_KIND_UNLISTEN: /* not answered: this board listens to nobody, asks nothing, ordered nothing */
    case HOLDOVER_OUTPUT_KIND_LISTEN_KEY:
    case HOLDOVER_OUTPUT_KIND_STOP_PROBE:
    case HOLDOVER_OUTPUT_KIND_ANSWER:
    case HOLDOVER_OUTPUT_KIND_NONE:
        break;
    }
}

static void drain(void) {
    holdover_output order;
    while (holdover_poll(&engine, &order) == HOLDOVER_STATUS_OK) {
        board_execute(&order);
    }
}

static void tell(const holdover_input *input) {
    holdover_handle(&engine, board_now_us(), input);
    drain();
}

/* Links and addresses, whole: before that the engine opens no connection. */
static void tell_tables(void) {
    holdover_input input = {0};
    for (uint8_t table = HOLDOVER_TABLE_LINKS; table <= HOLDOVER_TABLE_ADDRESSES; table++) {
        input.kind = HOLDOVER_INPUT_KIND_RESYNC;
        input.u.resync.table = table;
        input.u.resync.end = 0;
        tell(&input);
        for (size_t place = 0; board_entry(table, place, &input); place++) {
            tell(&input);
        }
        input.kind = HOLDOVER_INPUT_KIND_RESYNC;
        input.u.resync.table = table;
        input.u.resync.end = 1;
        tell(&input);
    }
}

static void turn(void) {
    uint64_t deadline = 0;
    holdover_input input;
    if (!tables_are_told) {
        tables_are_told = 1;
        tell_tables();
    }
    if (answers_count == 0) {
        holdover_deadline(&engine, &deadline);
        board_wait(deadline);
    }
    for (size_t i = answers_count; i > 0; i--) { /* each once; what is known meanwhile is for the next turn */
        input = answers[0];
        answers_count--;
        for (size_t j = 0; j < answers_count; j++) {
            answers[j] = answers[j + 1];
        }
        tell(&input);
    }
    while (board_next(&input)) {
        tell(&input);
    }
    input.kind = HOLDOVER_INPUT_KIND_TICK; /* bytes before clocks, and clocks every turn */
    tell(&input);
}

void reset(void);

void reset(void) {
    board_start();
    holdover_on_halt(board_reset);
    holdover_start(&engine, board_now_us(), board_seed());
    holdover_configure_text(&engine, board_now_us(), 0, CONFIG, sizeof CONFIG - 1, report, NULL);
    drain();
    for (;;) {
        turn();
    }
}

/* What an Armv7-M reads first: where the stack ends (128 KiB of memory), where to begin, where to go after a fault. A board
 * whose memory is not zero after a reset clears .bss before anything else. */
static void fault(void) {
    board_reset("", 0, 0);
}

struct vectors {
    uint32_t stack;
    void (*to[15])(void);
};

extern const struct vectors vectors;

__attribute__((section(".vectors"), used)) const struct vectors vectors = {
    .stack = 0x20020000u,
    .to = {reset, fault, fault, fault, fault, fault},
};
