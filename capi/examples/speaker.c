/* A BGP speaker for a POSIX system: the engine, non-blocking TCP sockets and poll(2).
 *
 *   speaker FILE      reads a configuration in FRR's language, then questions and commands from standard input
 *                     (`show summary`, `drain web`); SIGTERM or SIGINT withdraws everything, then it ends.
 *
 * What it leaves out, and says so to the engine: BFD, health checks, TCP MD5, a table of routes, binding addresses (it
 * looks whether they are there: `ip address add 198.51.100.7/32 dev lo`). The daemon for Linux has all of it.
 *
 * To build it:  cc -std=c11 -I../include speaker.c libholdover_capi.a -o speaker
 */
#define _GNU_SOURCE /* accept4, IP_MINTTL */
#include <poll.h>

#include "holdover.h"
#include "host.h"

enum { CONNECTIONS = 2 * HOLDOVER_PEERS, ANSWERS = 2 * HOLDOVER_ROUTES + 4 * HOLDOVER_PEERS, STOP = 1 };
/* What poll(2) looks at: standard input, a listener for each family, and each connection's wire. */
enum { INPUT, LISTENERS, WIRES = LISTENERS + 2, ALL = WIRES + CONNECTIONS };

struct connection {
    holdover_conn name;
    enum { FREE, CONNECTING, OPEN, ENDING } state;
    size_t taken; /* of what is being sent: told when the wire takes more */
    bool asked;   /* AskFlushed is to be answered */
};

static holdover_engine engine; /* zero: a new one */
static struct connection connections[CONNECTIONS]; /* each in its place, by its name */
static struct pollfd polled[ALL];
static int accepted; /* the socket that is being told: it is adopted or refused at once */
static holdover_input answers[ANSWERS]; /* what is known at once: told in the next turn, never from inside an order */
static size_t answers_begin, answers_end;
static bool over;

static void answer(holdover_input input) {
    assert(answers_end - answers_begin < ANSWERS);
    answers[answers_end++ % ANSWERS] = input;
}

static struct connection *place(holdover_conn name) {
    return &connections[2 * name.peer + name.slot];
}

/* None: it has ended meanwhile, and the order is for nobody. Its Closed is on the way. */
static struct connection *find(holdover_conn name) {
    struct connection *conn = place(name);
    return conn->state != FREE && conn->name.generation == name.generation ? conn : NULL;
}

static struct pollfd *wire(const struct connection *conn) {
    return &polled[WIRES + (conn - connections)];
}

static void keep(int fd, holdover_conn name, int state) {
    struct connection *conn = place(name);
    assert(conn->state == FREE);
    *conn = (struct connection){.name = name, .state = state};
    *wire(conn) = (struct pollfd){.fd = fd, .events = state == CONNECTING ? POLLIN | POLLOUT : POLLIN};
}

/* The last fact about a connection; `away` closes its socket, or resets it. */
static void end(struct connection *conn, uint32_t kind, int error, int (*away)(int)) {
    answer((holdover_input){.kind = kind, .u.closed = {.conn = conn->name, .why = reason(error)}});
    away(wire(conn)->fd);
    *wire(conn) = (struct pollfd){.fd = -1};
    *conn = (struct connection){.state = FREE};
}

static void do_connect(const holdover_output_connect *order) {
    int fd = dial(order);
    if (fd >= 0) {
        keep(fd, order->conn, CONNECTING);
    } else {
        answer((holdover_input){.kind = HOLDOVER_INPUT_KIND_CONNECT_FAILED,
                                .u.connect_failed = {.conn = order->conn, .why = reason(errno)}});
    }
}

static void do_adopt(const holdover_output_adopt *order) {
    keep(accepted, order->conn, OPEN);
    if (!set_options(accepted, &order->options)) {
        end(find(order->conn), HOLDOVER_INPUT_KIND_CLOSED, errno, close);
    }
}

static void do_send(struct connection *conn, const holdover_bytes *bytes) {
    ssize_t taken = send(wire(conn)->fd, bytes->data, bytes->len, MSG_NOSIGNAL); /* an error is met in reading */
    conn->taken = taken < 0 ? 0 : (size_t)taken;
    wire(conn)->events = POLLIN | POLLOUT;
}

static void do_close(struct connection *conn, holdover_close how) {
    if (how == HOLDOVER_CLOSE_ABORT || conn->state == CONNECTING) {
        end(conn, HOLDOVER_INPUT_KIND_CLOSED, 0, abandon);
        return;
    }
    shutdown(wire(conn)->fd, SHUT_WR);
    wire(conn)->events = POLLIN;
    conn->state = ENDING; /* read and throw away until the peer closes */
    conn->asked = false;
}

static void do_listen(const holdover_output_listen *order) {
    int fd = listen_at(&order->local);
    polled[LISTENERS + order->listener] = (struct pollfd){.fd = fd, .events = POLLIN};
    answer((holdover_input){.kind = HOLDOVER_INPUT_KIND_LISTEN_DONE,
                            .u.listen_done = {.listener = order->listener, .result = reason(fd < 0 ? errno : 0)}});
}

/* An address is there, or it is not: then it is somebody else's to add. */
static void do_bind(const holdover_output_bind *order) {
    uint8_t result = reason(is_here(&order->prefix.address) ? 0 : EADDRNOTAVAIL);
    answer((holdover_input){.kind = HOLDOVER_INPUT_KIND_ADDRESS_DONE,
                            .u.address_done = {.address = order->address, .already = 1, .result = result}});
}

/* What this program has not, and did not claim: it is answered all the same. */
static void refuse_route(holdover_route_id route) {
    answer((holdover_input){.kind = HOLDOVER_INPUT_KIND_ROUTE_DONE,
                            .u.route_done = {.route = route, .result = HOLDOVER_IO_ERROR_UNSUPPORTED}});
}

static void refuse_probe(const holdover_output_start_probe *order) {
    bool watch = order->check == HOLDOVER_CHECK_PROCESS;
    answer((holdover_input){.kind = watch ? HOLDOVER_INPUT_KIND_WATCH_CHANGED : HOLDOVER_INPUT_KIND_PROBE_DONE,
                            .u.probe_done = {.probe = order->probe, .verdict = HOLDOVER_VERDICT_UNSUPPORTED}});
}

static void execute(const holdover_output *order) {
    struct connection *conn;
    switch (order->kind) {
    case HOLDOVER_OUTPUT_KIND_CONNECT: do_connect(&order->u.connect); break;
    case HOLDOVER_OUTPUT_KIND_LISTEN: do_listen(&order->u.listen); break;
    case HOLDOVER_OUTPUT_KIND_UNLISTEN:
        close(polled[LISTENERS + order->u.unlisten.listener].fd);
        polled[LISTENERS + order->u.unlisten.listener] = (struct pollfd){.fd = -1};
        break;
    case HOLDOVER_OUTPUT_KIND_ADOPT: do_adopt(&order->u.adopt); break;
    case HOLDOVER_OUTPUT_KIND_REFUSE: abandon(accepted); break;
    case HOLDOVER_OUTPUT_KIND_SEND:
        if ((conn = find(order->u.send.conn)) != NULL) {
            do_send(conn, &order->u.send.bytes);
        }
        break;
    case HOLDOVER_OUTPUT_KIND_ASK_FLUSHED:
        if ((conn = find(order->u.ask_flushed.conn)) != NULL) {
            conn->asked = true;
        }
        break;
    case HOLDOVER_OUTPUT_KIND_CLOSE:
        if ((conn = find(order->u.close.conn)) != NULL) {
            do_close(conn, order->u.close.how);
        }
        break;
    case HOLDOVER_OUTPUT_KIND_BIND: do_bind(&order->u.bind); break;
    case HOLDOVER_OUTPUT_KIND_UNBIND: /* nothing was bound by us */
        answer((holdover_input){.kind = HOLDOVER_INPUT_KIND_ADDRESS_DONE,
                                .u.address_done = {.address = order->u.unbind.address, .already = 1}});
        break;
    case HOLDOVER_OUTPUT_KIND_INSTALL_ROUTE: refuse_route(order->u.install_route.route); break;
    case HOLDOVER_OUTPUT_KIND_REMOVE_ROUTE: refuse_route(order->u.remove_route.route); break;
    case HOLDOVER_OUTPUT_KIND_START_PROBE: refuse_probe(&order->u.start_probe); break;
    case HOLDOVER_OUTPUT_KIND_OPEN_DATAGRAM:
        answer((holdover_input){.kind = HOLDOVER_INPUT_KIND_DATAGRAM_DONE,
                                .u.datagram_done = {.bfd = order->u.open_datagram.bfd,
                                                    .result = HOLDOVER_IO_ERROR_UNSUPPORTED}});
        break;
    case HOLDOVER_OUTPUT_KIND_ANSWER:
        over = over || order->u.answer.id == STOP;
        printf("command %u: result %d\n", (unsigned)order->u.answer.id, (int)order->u.answer.result);
        break;
    case HOLDOVER_OUTPUT_KIND_RECORD:
        check(holdover_record_text(&engine, print, stdout));
        putchar('\n');
        break;
    case HOLDOVER_OUTPUT_KIND_ASK_TABLE: break; /* they are told every second */
    case HOLDOVER_OUTPUT_KIND_KEEP:             /* nothing is kept: each start is the first one */
    case HOLDOVER_OUTPUT_KIND_LISTEN_KEY:       /* not answered, and about what was refused */
    case HOLDOVER_OUTPUT_KIND_STOP_PROBE:
    case HOLDOVER_OUTPUT_KIND_SEND_DATAGRAM:
    case HOLDOVER_OUTPUT_KIND_CLOSE_DATAGRAM:
    case HOLDOVER_OUTPUT_KIND_NONE: break;
    }
}

static void drain(void) {
    holdover_output order;
    holdover_status status;
    while ((status = holdover_poll(&engine, &order)) == HOLDOVER_STATUS_OK) {
        execute(&order);
    }
    check(status);
}

static void tell(const holdover_input *input) {
    check(holdover_handle(&engine, now_us(), input));
    drain();
}

static void accept_one(uint8_t listener) {
    static uint32_t names;
    const struct pollfd *seen = &polled[LISTENERS + listener];
    holdover_input input = {.kind = HOLDOVER_INPUT_KIND_ACCEPTED, .u.accepted.listener = listener};
    input.u.accepted.socket = ++names;
    accepted = seen->revents != 0 ? accept_from(seen->fd, &input.u.accepted) : -1;
    if (accepted >= 0) {
        tell(&input);
    }
}

static void finish_connect(struct connection *conn) {
    int error = dialed(wire(conn)->fd);
    conn->state = OPEN;
    wire(conn)->events = POLLIN;
    if (error != 0) {
        end(conn, HOLDOVER_INPUT_KIND_CONNECT_FAILED, error, close);
    } else {
        tell(&(holdover_input){.kind = HOLDOVER_INPUT_KIND_CONNECTED,
                               .u.connected = {.conn = conn->name, .local = local_end(wire(conn)->fd)}});
    }
}

static void read_some(struct connection *conn) {
    static uint8_t buffer[4096];
    ssize_t count = recv(wire(conn)->fd, buffer, sizeof buffer, 0);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
        end(conn, HOLDOVER_INPUT_KIND_CLOSED, count == 0 ? 0 : errno, close);
    } else if (count > 0 && conn->state == OPEN) {
        tell(&(holdover_input){.kind = HOLDOVER_INPUT_KIND_RECEIVED,
                               .u.received = {.conn = conn->name, .bytes = {buffer, (size_t)count}}});
    }
}

/* Each fact may end the connection, and give its place to another one, of which nothing was seen yet. */
static void look_at(struct connection *conn) {
    const struct pollfd *seen = wire(conn);
    if (conn->state == CONNECTING && seen->revents != 0) {
        finish_connect(conn);
        return;
    }
    if (conn->state == OPEN && (seen->events & seen->revents & POLLOUT) != 0) {
        wire(conn)->events = POLLIN;
        tell(&(holdover_input){.kind = HOLDOVER_INPUT_KIND_SENT, .u.sent = {.conn = conn->name, .len = conn->taken}});
    }
    if (conn->asked && is_flushed(seen->fd)) {
        conn->asked = false;
        tell(&(holdover_input){.kind = HOLDOVER_INPUT_KIND_FLUSHED, .u.flushed.conn = conn->name});
    }
    if ((seen->revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
        read_some(conn);
    }
}

static void hear_line(void) {
    static uint32_t commands = STOP;
    char line[256];
    if (fgets(line, sizeof line, stdin) == NULL) {
        polled[INPUT].fd = -1;
        return;
    }
    size_t len = strcspn(line, "\n");
    holdover_status status = holdover_show(&engine, now_us(), line, len, print, stdout);
    if (status == HOLDOVER_STATUS_NONE) {
        status = holdover_command(&engine, now_us(), ++commands, 0, line, len);
        drain();
    }
    if (status == HOLDOVER_STATUS_ERROR_NOT_FOUND) {
        puts("there is no such service or neighbor");
    }
}

/* How long to sleep, in milliseconds: at most a second, and 5 ms while nothing would wake us when all is acknowledged. */
static int patience(void) {
    uint64_t deadline, now = now_us(), most = SECOND_US;
    check(holdover_deadline(&engine, &deadline));
    for (size_t i = 0; i < CONNECTIONS; i++) {
        most = connections[i].asked ? 5000 : most;
    }
    uint64_t left = answers_begin != answers_end || deadline <= now ? 0 : deadline - now;
    return (int)(((left < most ? left : most) + 999) / 1000);
}

static void turn(void) {
    if (poll(polled, ALL, patience()) < 0) {
        return; /* a signal: the next turn hears it */
    }
    for (size_t until = answers_end; answers_begin != until;) { /* not what comes of them: that waits */
        tell(&answers[answers_begin++ % ANSWERS]);
    }
    for (size_t i = 0; i < CONNECTIONS; i++) {
        look_at(&connections[i]);
    }
    accept_one(0);
    accept_one(1);
    if (polled[INPUT].revents != 0) {
        hear_line();
    }
    tell(&(holdover_input){.kind = HOLDOVER_INPUT_KIND_TICK}); /* bytes before clocks, and clocks every turn */
}

int main(int count, char **words) {
    static char text[16384];
    ptrdiff_t len = count == 2 ? read_file(words[1], text, sizeof text) : -1;
    if (len < 0) {
        fputs("usage: speaker FILE\n", stderr);
        return 2;
    }
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    setvbuf(stdin, NULL, _IONBF, 0); /* poll(2) must see what was not read */
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < ALL; i++) {
        polled[i] = (struct pollfd){.fd = i == INPUT ? STDIN_FILENO : -1, .events = POLLIN};
    }
    check(holdover_start(&engine, now_us(), now_us() ^ (uint64_t)getpid() << 32));
    tell_tables(tell);
    bool usable = holdover_configure_text(&engine, now_us(), 0, text, (size_t)len, report, words[1]) == 0;
    drain();
    while (usable && !over) {
        turn();
        tell_tables(tell);
        if (signalled) {
            signalled = 0;
            tell(&(holdover_input){.kind = HOLDOVER_INPUT_KIND_COMMAND,
                                   .u.command = {.id = STOP, .order = HOLDOVER_ORDER_STOP}});
        }
    }
    return usable ? 0 : 1;
}
