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
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "holdover.h"
#include "host.h"

enum { CONNECTIONS = 2 * HOLDOVER_PEERS, ANSWERS = 64, STOP = 1 };

struct connection {
    int fd; /* -1: free */
    holdover_conn name;
    enum { CONNECTING, OPEN, ENDING } state;
    bool sending; /* a Send is to be answered when the wire takes more */
    size_t taken; /* ... with so many octets */
    bool asked;   /* AskFlushed is to be answered */
    bool fresh;   /* it came in this turn: what poll(2) saw was another one's */
};

static holdover_engine engine; /* zero: a new one */
static struct connection connections[CONNECTIONS];
static int listeners[2] = {-1, -1};
static int accepted = -1; /* the socket that is being told, until it is adopted or refused */
static holdover_input answers[ANSWERS]; /* what is known at once: told in the next turn, never from inside an order */
static size_t answers_count;
static bool over;
static volatile sig_atomic_t signalled;

static void on_signal(int number) {
    (void)number;
    signalled = 1;
}

/* Whatever the engine refuses is a mistake of this program. */
static void check(holdover_status status, const char *what) {
    if (status < 0) {
        fprintf(stderr, "speaker: %s: %d\n", what, (int)status);
        abort();
    }
}

static int32_t print(void *file, const char *text, size_t len) {
    return fwrite(text, 1, len, file) == len ? 0 : 1;
}

static void answer(holdover_input input) {
    check(answers_count < ANSWERS ? HOLDOVER_STATUS_OK : HOLDOVER_STATUS_ERROR_BUSY, "too many answers at once");
    answers[answers_count++] = input;
}

static void drain(void);

static void tell(const holdover_input *input) {
    check(holdover_handle(&engine, now_us(), input), "handle");
    drain();
}

/* ---- connections: each has its place, by its name ---------------------------------------------------------------- */

static struct connection *find(holdover_conn name) {
    struct connection *conn = &connections[2 * name.peer + name.slot];
    return conn->fd >= 0 && conn->name.generation == name.generation ? conn : NULL;
}

static void keep(int fd, holdover_conn name, int state) {
    struct connection *conn = &connections[2 * name.peer + name.slot];
    check(conn->fd < 0 ? HOLDOVER_STATUS_OK : HOLDOVER_STATUS_ERROR_BUSY, "a place that is taken");
    *conn = (struct connection){.fd = fd, .name = name, .state = state, .fresh = true};
}

/* The last fact about a connection, of whichever kind: the parts of ConnectFailed and Closed are one type. */
static void answer_end(holdover_conn name, uint32_t kind, int error) {
    holdover_input input = {.kind = kind};
    input.u.closed.conn = name;
    input.u.closed.why = reason(error);
    answer(input);
}

static void end(struct connection *conn, uint32_t kind, int error) {
    answer_end(conn->name, kind, error);
    close(conn->fd);
    conn->fd = -1;
}

/* ---- orders: those about a connection that has ended meanwhile are for nobody, its Closed is on the way ------------ */

static void do_connect(const holdover_output_connect *order) {
    int fd = dial(order);
    if (fd >= 0) {
        keep(fd, order->conn, CONNECTING);
    } else {
        answer_end(order->conn, HOLDOVER_INPUT_KIND_CONNECT_FAILED, errno);
    }
}

static void do_adopt(const holdover_output_adopt *order) {
    bool six = local_end(accepted).address.family == HOLDOVER_FAMILY_IPV6;
    keep(accepted, order->conn, OPEN);
    if (!set_options(accepted, six, &order->options)) {
        end(find(order->conn), HOLDOVER_INPUT_KIND_CLOSED, errno);
    }
    accepted = -1;
}

static void do_send(struct connection *conn, const holdover_bytes *bytes) {
    ssize_t taken = send(conn->fd, bytes->data, bytes->len, MSG_NOSIGNAL);
    if (taken < 0 && errno != EAGAIN && errno != EINTR) {
        end(conn, HOLDOVER_INPUT_KIND_CLOSED, errno);
        return;
    }
    conn->sending = true; /* answered when the wire takes more */
    conn->taken = taken < 0 ? 0 : (size_t)taken;
}

static void do_close(struct connection *conn, holdover_close how) {
    if (how == HOLDOVER_CLOSE_GRACEFUL && conn->state == OPEN) {
        shutdown(conn->fd, SHUT_WR);
        conn->state = ENDING; /* read and throw away until the peer closes */
        conn->sending = conn->asked = false;
        return;
    }
    answer_end(conn->name, HOLDOVER_INPUT_KIND_CLOSED, 0);
    abandon(conn->fd);
    conn->fd = -1;
}

static void execute(const holdover_output *order) {
    holdover_input input = {0};
    struct connection *conn;
    switch (order->kind) {
    case HOLDOVER_OUTPUT_KIND_CONNECT: do_connect(&order->u.connect); break;
    case HOLDOVER_OUTPUT_KIND_LISTEN:
        input.kind = HOLDOVER_INPUT_KIND_LISTEN_DONE;
        input.u.listen_done.listener = order->u.listen.listener;
        listeners[order->u.listen.listener] = listen_at(&order->u.listen.local);
        input.u.listen_done.result = reason(listeners[order->u.listen.listener] < 0 ? errno : 0);
        answer(input);
        break;
    case HOLDOVER_OUTPUT_KIND_UNLISTEN:
        close(listeners[order->u.unlisten.listener]);
        listeners[order->u.unlisten.listener] = -1;
        break;
    case HOLDOVER_OUTPUT_KIND_ADOPT: do_adopt(&order->u.adopt); break;
    case HOLDOVER_OUTPUT_KIND_REFUSE:
        abandon(accepted);
        accepted = -1;
        break;
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
    case HOLDOVER_OUTPUT_KIND_BIND: /* it is there, or it is not: then it is somebody else's to add */
        input.kind = HOLDOVER_INPUT_KIND_ADDRESS_DONE;
        input.u.address_done.address = order->u.bind.address;
        input.u.address_done.already = 1;
        input.u.address_done.result = reason(is_here(&order->u.bind.prefix.address) ? 0 : EADDRNOTAVAIL);
        answer(input);
        break;
    case HOLDOVER_OUTPUT_KIND_ANSWER:
        over = over || order->u.answer.id == STOP;
        printf("command %u: result %d\n", (unsigned)order->u.answer.id, (int)order->u.answer.result);
        break;
    case HOLDOVER_OUTPUT_KIND_RECORD:
        check(holdover_record_text(&engine, print, stdout), "record");
        putchar('\n');
        break;
    default: break; /* the tables are told every second; keys, probes, BFD and routes it knows that we have not */
    }
}

static void drain(void) {
    holdover_output order;
    holdover_status status;
    while ((status = holdover_poll(&engine, &order)) == HOLDOVER_STATUS_OK) {
        execute(&order);
    }
    check(status, "poll");
}

/* ---- a turn: each source that is ready once, then the clock ------------------------------------------------------- */

static void accept_one(size_t listener) {
    static uint32_t names;
    holdover_input input = {.kind = HOLDOVER_INPUT_KIND_ACCEPTED};
    accepted = accept_from(listeners[listener], &input.u.accepted);
    if (accepted >= 0) {
        input.u.accepted.socket = ++names;
        input.u.accepted.listener = (uint8_t)listener;
        tell(&input);
    }
}

static void finish_connect(struct connection *conn) {
    holdover_input input = {.kind = HOLDOVER_INPUT_KIND_CONNECTED};
    int error = dialed(conn->fd);
    if (error != 0) {
        end(conn, HOLDOVER_INPUT_KIND_CONNECT_FAILED, error);
        return;
    }
    conn->state = OPEN;
    input.u.connected.conn = conn->name;
    input.u.connected.local = local_end(conn->fd);
    tell(&input);
}

static void read_some(struct connection *conn) {
    static uint8_t buffer[4096];
    ssize_t count = recv(conn->fd, buffer, sizeof buffer, 0);
    holdover_input input = {.kind = HOLDOVER_INPUT_KIND_RECEIVED};
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
        end(conn, HOLDOVER_INPUT_KIND_CLOSED, count == 0 ? 0 : errno);
    } else if (count > 0 && conn->state == OPEN) {
        input.u.received.conn = conn->name;
        input.u.received.bytes = (holdover_bytes){.data = buffer, .len = (size_t)count};
        tell(&input);
    }
}

static bool is_still(const struct connection *conn, int fd) {
    return conn->fd == fd && !conn->fresh;
}

/* Each fact may end the connection, and give its place to another one. */
static void look_at(struct connection *conn, int fd, short events) {
    holdover_input input = {.kind = HOLDOVER_INPUT_KIND_SENT};
    if (is_still(conn, fd) && conn->state == CONNECTING && events != 0) {
        finish_connect(conn);
        return;
    }
    if (is_still(conn, fd) && conn->sending && (events & POLLOUT) != 0) {
        conn->sending = false;
        input.u.sent.conn = conn->name;
        input.u.sent.len = conn->taken;
        tell(&input);
    }
    if (is_still(conn, fd) && conn->asked && is_flushed(fd)) {
        conn->asked = false;
        input = (holdover_input){.kind = HOLDOVER_INPUT_KIND_FLUSHED};
        input.u.flushed.conn = conn->name;
        tell(&input);
    }
    if (is_still(conn, fd) && (events & (POLLIN | POLLHUP | POLLERR)) != 0) {
        read_some(conn);
    }
}

/* A line from standard input; false at its end. */
static bool hear_line(void) {
    static uint32_t commands = STOP;
    char line[256];
    if (fgets(line, sizeof line, stdin) == NULL) {
        return false;
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
    return true;
}

/* How long to sleep, in milliseconds: at most a second, and 5 ms while nothing would wake us when all is acknowledged. */
static int patience(void) {
    uint64_t deadline, now = now_us(), most = SECOND_US;
    check(holdover_deadline(&engine, &deadline), "deadline");
    for (size_t i = 0; i < CONNECTIONS; i++) {
        most = connections[i].fd >= 0 && connections[i].asked ? 5000 : most;
    }
    uint64_t left = answers_count > 0 || deadline <= now ? 0 : deadline - now;
    return (int)(((left < most ? left : most) + 999) / 1000);
}

static void turn(bool *has_input) {
    struct pollfd all[3 + CONNECTIONS] = {{.fd = *has_input ? STDIN_FILENO : -1, .events = POLLIN}};
    for (size_t i = 0; i < 2; i++) {
        all[1 + i] = (struct pollfd){.fd = listeners[i], .events = POLLIN};
    }
    for (size_t i = 0; i < CONNECTIONS; i++) {
        connections[i].fresh = false;
        bool writes = connections[i].sending || connections[i].state == CONNECTING;
        all[3 + i] = (struct pollfd){.fd = connections[i].fd, .events = writes ? POLLIN | POLLOUT : POLLIN};
    }
    if (poll(all, 3 + CONNECTIONS, patience()) < 0) {
        return; /* a signal: the next turn hears it */
    }
    holdover_input known[ANSWERS];
    size_t count = answers_count;
    memcpy(known, answers, count * sizeof *known);
    answers_count = 0;
    for (size_t i = 0; i < count; i++) {
        tell(&known[i]);
    }
    for (size_t i = 0; i < CONNECTIONS; i++) {
        if (all[3 + i].fd >= 0) {
            look_at(&connections[i], all[3 + i].fd, all[3 + i].revents);
        }
    }
    for (size_t i = 0; i < 2; i++) {
        if (all[1 + i].revents != 0 && listeners[i] == all[1 + i].fd) {
            accept_one(i);
        }
    }
    if (all[0].revents != 0) {
        *has_input = hear_line();
    }
    tell(&(holdover_input){.kind = HOLDOVER_INPUT_KIND_TICK}); /* bytes before clocks, and clocks every turn */
}

/* ---- the program -------------------------------------------------------------------------------------------------- */

static void report(void *file, const holdover_diagnostic *said) {
    static const char *const WORDS[] = {"note", "warning", "error"};
    fprintf(stderr, "%s:%u:%u: %s: %.*s%s%.*s\n", (const char *)file, (unsigned)said->line, (unsigned)said->column,
            WORDS[said->severity], (int)said->message.len, said->message.data, said->hint.len > 0 ? "; " : "",
            (int)said->hint.len, said->hint.data);
}

int main(int count, char **words) {
    static char text[16384];
    struct sigaction action = {.sa_handler = on_signal};
    ptrdiff_t len = count == 2 ? read_file(words[1], text, sizeof text) : -1;
    if (len < 0) {
        fputs("usage: speaker FILE\n", stderr);
        return 2;
    }
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    setvbuf(stdin, NULL, _IONBF, 0); /* poll(2) must see what was not read */
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        connections[i].fd = -1;
    }
    check(holdover_start(&engine, now_us(), now_us() ^ (uint64_t)getpid() << 32), "start");
    tell_tables(tell);
    if (holdover_configure_text(&engine, now_us(), 0, text, (size_t)len, report, words[1]) != HOLDOVER_STATUS_OK) {
        return 1;
    }
    drain();
    bool has_input = true, stopping = false;
    for (uint64_t told = now_us(); !over;) {
        turn(&has_input);
        if (signalled && !stopping) {
            holdover_input input = {.kind = HOLDOVER_INPUT_KIND_COMMAND};
            input.u.command.id = STOP;
            input.u.command.order = HOLDOVER_ORDER_STOP;
            stopping = true;
            tell(&input);
        }
        if (now_us() - told >= SECOND_US) {
            told = now_us();
            tell_tables(tell);
        }
    }
    return 0;
}
