/* Holdover: the engine of a BGP speaker that keeps an address answering, as a library without I/O.
 *
 * The engine decides; the caller owns the sockets, the clock and the addresses of its machine. The caller tells facts with
 * holdover_handle (octets came, a link went down, time has passed), takes orders with holdover_poll until there is none
 * (connect, send, bind), obeys them, and sleeps until holdover_deadline:
 *
 *     static holdover_engine engine;                          // all zero: a new engine
 *     holdover_start(&engine, now(), seed());
 *     ... tell links and addresses, each table whole ...
 *     holdover_configure_text(&engine, now(), can, text, len, report, NULL);
 *     drain();                                                // while (holdover_poll(...) == HOLDOVER_STATUS_OK) obey
 *     for (;;) {
 *         wait until something is ready, or holdover_deadline, or an answer is known;
 *         for each source that is ready, once: holdover_handle(&engine, now(), &what_it_says); drain();
 *         holdover_handle(&engine, now(), &tick); drain();    // bytes before clocks, and clocks every turn
 *     }
 *
 * Laws that hold for every caller:
 *
 * - One change (holdover_handle, holdover_command, holdover_configure_text), then holdover_poll until it answers
 *   HOLDOVER_STATUS_NONE. A change before that is answered with HOLDOVER_STATUS_ERROR_NOT_DRAINED.
 * - Orders that say so are answered by exactly one fact each. The answer is told in a later turn, never from inside an order. An
 *   answer that never comes is the engine's problem: it has timers.
 * - Names carry generations. A fact with a dead name is counted and ignored: the caller need not keep track.
 * - HOLDOVER_INPUT_KIND_SENT means: so many octets were taken, and more can be taken now.
 * - A graceful close shuts down writing, reads and throws away until the peer closes.
 *
 * Memory: nothing is allocated; everything is in holdover_engine. Text and octets in orders are the engine's, and stay until
 * the next call of holdover_poll, holdover_handle, holdover_command or holdover_configure_text with it.
 * Errors: every function that can be called wrongly answers a holdover_status and changes nothing then. In the descriptions
 * below, NULL means HOLDOVER_STATUS_ERROR_NULL, and so on.
 * Threads: one call at a time for each engine; nothing is shared between engines. A call that comes into another one is
 * answered with HOLDOVER_STATUS_ERROR_BUSY (where the processor can compare and swap a word).
 * Time: microseconds of one clock that never runs backwards.
 * Enums: their numbers stay; a later version may have more, and HOLDOVER_ABI changes when a program must be compiled anew.
 *
 * This file is made from capi/src by cbindgen. Licence: MIT or Apache-2.0.
 */

#ifndef HOLDOVER_H
#define HOLDOVER_H

#include <stddef.h>
#include <stdint.h>

/**
 * How many neighbors an engine has room for, those of listen ranges included.
 */
#define HOLDOVER_PEERS 4

/**
 * How many services (`failover` blocks).
 */
#define HOLDOVER_SERVICES 8

/**
 * How many routes: every `network`, `address`, `ip route` and `ip address` line is one.
 */
#define HOLDOVER_ROUTES 32

/**
 * How many rules: every line of a list and every clause of a route-map is one.
 */
#define HOLDOVER_RULES 64

/**
 * How many octets of names, descriptions, passwords and check targets.
 */
#define HOLDOVER_TEXT 2048

/**
 * How many octets of memory an engine is given, at most; holdover_engine_size() says what this library really needs. A
 * multiple of 8. The library does not compile when it needs more than this, or less by 2 KiB or more on a machine of
 * 64 bits: that is where to write another number after the capacities above were changed.
 */
#define HOLDOVER_ENGINE_SIZE 57344

/**
 * How the memory of an engine is aligned, in octets.
 */
#define HOLDOVER_ENGINE_ALIGN 8

/**
 * Counts changes of this interface that a program compiled with an older header would notice.
 */
#define HOLDOVER_ABI 1

/**
 * "There is nothing to wait for": later than any deadline.
 */
#define HOLDOVER_FOREVER UINT64_MAX

/**
 * The caller's machine runs `check … http` and `https`.
 */
#define HOLDOVER_CAN_HTTP 1

/**
 * It runs `check … tcp`.
 */
#define HOLDOVER_CAN_TCP (1 << 1)

/**
 * It runs `check … icmp`.
 */
#define HOLDOVER_CAN_ICMP (1 << 2)

/**
 * It runs `check … exec`.
 */
#define HOLDOVER_CAN_EXEC (1 << 3)

/**
 * It watches processes for `check … process`.
 */
#define HOLDOVER_CAN_PROCESS (1 << 4)

/**
 * It looks for files for `check … file`.
 */
#define HOLDOVER_CAN_FILE (1 << 5)

/**
 * Its checks can ask for the address of a name.
 */
#define HOLDOVER_CAN_NAMES (1 << 8)

/**
 * It signs TCP segments (RFC 2385), for `neighbor … password`.
 */
#define HOLDOVER_CAN_MD5 (1 << 9)

/**
 * It sends and receives BFD packets (RFC 5880).
 */
#define HOLDOVER_CAN_BFD (1 << 10)

/**
 * It has a table of routes that can be read and written.
 */
#define HOLDOVER_CAN_ROUTES (1 << 11)

/**
 * Routes with a gateway (`ip route PREFIX GATEWAY`) are the engine's to order: nobody else on this machine installs them.
 */
#define HOLDOVER_CAN_GATEWAYS (1 << 12)

/**
 * "All services", where a service is named by its place.
 */
#define HOLDOVER_ALL_SERVICES UINT16_MAX

/**
 * "No service", where a record speaks of none.
 */
#define HOLDOVER_NO_SERVICE UINT16_MAX

/**
 * What each function answers: 0 or more is good, less than 0 is an error. After an error nothing has changed, unless the
 * error says otherwise.
 */
enum holdover_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Done.
     */
    HOLDOVER_STATUS_OK = 0,
    /**
     * holdover_poll: there is no order left. holdover_record_text: there was no record yet. holdover_show: the line is a command; give it to holdover_command.
     */
    HOLDOVER_STATUS_NONE = 1,
    /**
     * A pointer that must lead somewhere is NULL.
     */
    HOLDOVER_STATUS_ERROR_NULL = -1,
    /**
     * A pointer is not aligned as its type is.
     */
    HOLDOVER_STATUS_ERROR_MISALIGNED = -2,
    /**
     * holdover_start: the memory is not all zero.
     */
    HOLDOVER_STATUS_ERROR_NOT_ZERO = -3,
    /**
     * holdover_start: this engine was started before.
     */
    HOLDOVER_STATUS_ERROR_STARTED = -4,
    /**
     * The engine was not started yet.
     */
    HOLDOVER_STATUS_ERROR_NOT_STARTED = -5,
    /**
     * holdover_poll was not called until it answered HOLDOVER_STATUS_NONE since the last change.
     */
    HOLDOVER_STATUS_ERROR_NOT_DRAINED = -6,
    /**
     * Another call is at work on this engine: another thread, an interrupt, or the callback that this call came from.
     */
    HOLDOVER_STATUS_ERROR_BUSY = -7,
    /**
     * The memory is no engine: something wrote over its first word, or it was not zero at first and was never started. What is
     * written elsewhere into an engine is not seen: it may end in the hook of holdover_on_halt, or go wrong in silence.
     */
    HOLDOVER_STATUS_ERROR_DAMAGED = -8,
    /**
     * A field of the input has a value that it cannot have: a kind, a family, a length, a number of an enum.
     */
    HOLDOVER_STATUS_ERROR_VALUE = -9,
    /**
     * A text is not UTF-8.
     */
    HOLDOVER_STATUS_ERROR_NOT_UTF8 = -10,
    /**
     * The configuration has errors; each was reported. The one before it stays in force.
     */
    HOLDOVER_STATUS_ERROR_CONFIGURATION = -11,
    /**
     * The line is not understood.
     */
    HOLDOVER_STATUS_ERROR_NOT_UNDERSTOOD = -12,
    /**
     * The line names a service or neighbor that is not there.
     */
    HOLDOVER_STATUS_ERROR_NOT_FOUND = -13,
    /**
     * The write callback said that it takes no more.
     */
    HOLDOVER_STATUS_ERROR_WRITE = -14,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum holdover_status holdover_status;
#else
typedef int32_t holdover_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What kind of order it is. The numbers stay.
 */
enum holdover_output_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * There is no order.
     */
    HOLDOVER_OUTPUT_KIND_NONE = 0,
    /**
     * Open a TCP connection (RFC 4271 section 8). Answered by one Connected or ConnectFailed; or ended by Close, then Closed.
     */
    HOLDOVER_OUTPUT_KIND_CONNECT = 1,
    /**
     * Listen, from the first connection on with the keys that came since the last Unlisten or failed Listen. Answered by one
     * ListenDone. When it fails, its keys are forgotten: they are ordered again.
     */
    HOLDOVER_OUTPUT_KIND_LISTEN = 2,
    /**
     * Accept connections from there only with this key (RFC 2385), or without one. All keys of a listener come before its
     * Listen, while it is closed: set them on the socket before it listens, or somebody comes in without one meanwhile. When
     * they change, the listener is closed by Unlisten and opened with the new ones. Not answered: a key that cannot be set
     * keeps the peer out.
     */
    HOLDOVER_OUTPUT_KIND_LISTEN_KEY = 3,
    /**
     * Listen no more: close who has connected and was not told as Accepted yet, and forget the keys. Connections that were
     * adopted stay. Not answered.
     */
    HOLDOVER_OUTPUT_KIND_UNLISTEN = 4,
    /**
     * Keep the accepted socket under this name. Not answered.
     */
    HOLDOVER_OUTPUT_KIND_ADOPT = 5,
    /**
     * Close the accepted socket at once, with a reset. Not answered.
     */
    HOLDOVER_OUTPUT_KIND_REFUSE = 6,
    /**
     * Send these octets, as many as the wire takes. Answered by one Sent, when the wire takes more, or by Closed.
     */
    HOLDOVER_OUTPUT_KIND_SEND = 7,
    /**
     * Say when the peer's machine has acknowledged everything that was sent. Answered by one Flushed, or by Closed.
     */
    HOLDOVER_OUTPUT_KIND_ASK_FLUSHED = 8,
    /**
     * End the connection, or the attempt to make it. Answered by one Closed.
     */
    HOLDOVER_OUTPUT_KIND_CLOSE = 9,
    /**
     * Be ready for BFD packets between these addresses: TTL 255, from a port of its own between 49152 and 65535 (RFC 5881
     * section 4), and listening on the port of its kind. Answered by one DatagramDone.
     */
    HOLDOVER_OUTPUT_KIND_OPEN_DATAGRAM = 10,
    /**
     * Send one BFD packet. One that cannot be sent now is lost. Not answered.
     */
    HOLDOVER_OUTPUT_KIND_SEND_DATAGRAM = 11,
    /**
     * Forget the session. Not answered.
     */
    HOLDOVER_OUTPUT_KIND_CLOSE_DATAGRAM = 12,
    /**
     * Run a probe once, or start a watch. Answered by one ProbeDone; a watch, by WatchChanged as often as it changes.
     */
    HOLDOVER_OUTPUT_KIND_START_PROBE = 13,
    /**
     * Forget the probe or watch. Not answered.
     */
    HOLDOVER_OUTPUT_KIND_STOP_PROBE = 14,
    /**
     * Add an address to a link: without duplicate address detection (RFC 4862 section 5.4: another machine may have it too),
     * and never as the source of other traffic. Tell the neighbors where it is now (RFC 5227 section 2.3, RFC 4861 section
     * 7.2.6). Answered by one AddressDone.
     */
    HOLDOVER_OUTPUT_KIND_BIND = 15,
    /**
     * Remove an address that was bound by our order. Answered by one AddressDone.
     */
    HOLDOVER_OUTPUT_KIND_UNBIND = 16,
    /**
     * Install a route, in the place of an earlier one of that name. Answered by one RouteDone.
     */
    HOLDOVER_OUTPUT_KIND_INSTALL_ROUTE = 17,
    /**
     * Remove a route that was installed by our order. Answered by one RouteDone.
     */
    HOLDOVER_OUTPUT_KIND_REMOVE_ROUTE = 18,
    /**
     * Tell a table of the machine whole: Resync begin, every entry, Resync end.
     */
    HOLDOVER_OUTPUT_KIND_ASK_TABLE = 19,
    /**
     * Answers a command.
     */
    HOLDOVER_OUTPUT_KIND_ANSWER = 20,
    /**
     * Something worth knowing happened; holdover_record_text says it in a sentence.
     */
    HOLDOVER_OUTPUT_KIND_RECORD = 21,
    /**
     * `no preempt`: keep this of a service, in the place of what was kept of it before, where a crash and a loss of power leave
     * it (flash, a file that was synchronised); give it back at the next start as HOLDOVER_INPUT_KIND_KEPT. Soon; the loop need
     * not wait for it. Where nothing can be kept, each start is a first start: after a reset, a primary that had failed takes
     * over at once, in spite of `no preempt`. Not answered.
     */
    HOLDOVER_OUTPUT_KIND_KEEP = 22,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum holdover_output_kind holdover_output_kind;
#else
typedef uint32_t holdover_output_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How a connection ends.
 */
enum holdover_close
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Shut down writing, then read and throw away until the peer closes or an Abort is ordered. A close while something is
     * unread would send a reset and cost the peer our last NOTIFICATION.
     */
    HOLDOVER_CLOSE_GRACEFUL = 0,
    /**
     * At once, with a reset.
     */
    HOLDOVER_CLOSE_ABORT = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum holdover_close holdover_close;
#else
typedef uint8_t holdover_close;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Which port a BFD packet goes to.
 */
enum holdover_bfd_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * UDP 3784: the neighbor is on a connected subnet (RFC 5881 section 4).
     */
    HOLDOVER_BFD_KIND_SINGLE_HOP = 0,
    /**
     * UDP 4784: it is some hops away (RFC 5883 section 5).
     */
    HOLDOVER_BFD_KIND_MULTIHOP = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum holdover_bfd_kind holdover_bfd_kind;
#else
typedef uint8_t holdover_bfd_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a check asks.
 */
enum holdover_check
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing.
     */
    HOLDOVER_CHECK_NONE = 0,
    /**
     * Whether a URL answers as it should.
     */
    HOLDOVER_CHECK_HTTP = 1,
    /**
     * Whether a port takes connections.
     */
    HOLDOVER_CHECK_TCP = 2,
    /**
     * Whether an address answers to an echo request.
     */
    HOLDOVER_CHECK_ICMP = 3,
    /**
     * Whether a command exits with 0.
     */
    HOLDOVER_CHECK_EXEC = 4,
    /**
     * Whether a process lives: a watch.
     */
    HOLDOVER_CHECK_PROCESS = 5,
    /**
     * Whether a file exists.
     */
    HOLDOVER_CHECK_FILE = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum holdover_check holdover_check;
#else
typedef uint8_t holdover_check;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Where an installed route leads.
 */
enum holdover_route_how
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * To these next hops, in equal shares.
     */
    HOLDOVER_ROUTE_HOW_VIA = 0,
    /**
     * Nowhere, in silence.
     */
    HOLDOVER_ROUTE_HOW_BLACKHOLE = 1,
    /**
     * Nowhere, answered with "unreachable".
     */
    HOLDOVER_ROUTE_HOW_UNREACHABLE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum holdover_route_how holdover_route_how;
#else
typedef uint8_t holdover_route_how;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A table of the machine that is told whole now and then.
 */
enum holdover_table
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Links.
     */
    HOLDOVER_TABLE_LINKS = 0,
    /**
     * Addresses.
     */
    HOLDOVER_TABLE_ADDRESSES = 1,
    /**
     * Routes that are not ours.
     */
    HOLDOVER_TABLE_ROUTES = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum holdover_table holdover_table;
#else
typedef uint8_t holdover_table;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What became of a command.
 */
enum holdover_result
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * It is done, or under way.
     */
    HOLDOVER_RESULT_DONE = 0,
    /**
     * It was so already.
     */
    HOLDOVER_RESULT_UNCHANGED = 1,
    /**
     * There is no such service.
     */
    HOLDOVER_RESULT_NO_SUCH_SERVICE = 2,
    /**
     * The engine is stopping.
     */
    HOLDOVER_RESULT_STOPPING = 3,
    /**
     * A service that is to stand by has no standby attributes to do it with.
     */
    HOLDOVER_RESULT_NO_STANDBY = 4,
    /**
     * Nothing has changed: another command waits already, and one at a time may.
     */
    HOLDOVER_RESULT_BUSY = 5,
    /**
     * It is done, and some peers have not acknowledged everything in time.
     */
    HOLDOVER_RESULT_UNCONFIRMED = 6,
    /**
     * Another wish has taken the place of this one, which was waited for.
     */
    HOLDOVER_RESULT_REPLACED = 7,
    /**
     * A result that this header does not know.
     */
    HOLDOVER_RESULT_OTHER = 255,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum holdover_result holdover_result;
#else
typedef uint8_t holdover_result;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What happened. The numbers stay; a later version may have more.
 */
enum holdover_record_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint16_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Something that this header has no number for.
     */
    HOLDOVER_RECORD_KIND_OTHER = 0,
    /**
     * Everything is withdrawn, said goodbye to and unbound.
     */
    HOLDOVER_RECORD_KIND_STOPPED = 1,
    /**
     * Some records did not fit and were lost.
     */
    HOLDOVER_RECORD_KIND_RECORDS_LOST = 2,
    /**
     * The engine took over a configuration.
     */
    HOLDOVER_RECORD_KIND_CONFIGURED = 3,
    /**
     * There is no BGP Identifier, and no address of this machine can serve as one yet.
     */
    HOLDOVER_RECORD_KIND_NO_ROUTER_ID = 4,
    /**
     * A connection's state changed (RFC 4271 section 8.2.2).
     */
    HOLDOVER_RECORD_KIND_STATE = 5,
    /**
     * A session is up.
     */
    HOLDOVER_RECORD_KIND_ESTABLISHED = 6,
    /**
     * A session that was up is down.
     */
    HOLDOVER_RECORD_KIND_SESSION_DOWN = 7,
    /**
     * An attempt at a session failed.
     */
    HOLDOVER_RECORD_KIND_ATTEMPT_FAILED = 8,
    /**
     * Two connections to one peer met; one was closed (RFC 4271 section 6.8).
     */
    HOLDOVER_RECORD_KIND_COLLISION = 9,
    /**
     * Somebody who is not expected connected to us.
     */
    HOLDOVER_RECORD_KIND_REFUSED = 10,
    /**
     * Listening failed.
     */
    HOLDOVER_RECORD_KIND_LISTEN_FAILED = 11,
    /**
     * A family that the configuration activates was not agreed on.
     */
    HOLDOVER_RECORD_KIND_FAMILY_NOT_AGREED = 12,
    /**
     * A peer is not told routes of a family: there is no next hop to tell it.
     */
    HOLDOVER_RECORD_KIND_NO_NEXT_HOP = 13,
    /**
     * The peer offers graceful restart (RFC 4724); we never ask for it.
     */
    HOLDOVER_RECORD_KIND_PEER_OFFERS_GRACEFUL_RESTART = 14,
    /**
     * A BFD session came up.
     */
    HOLDOVER_RECORD_KIND_BFD_UP = 15,
    /**
     * A BFD session that was up is down.
     */
    HOLDOVER_RECORD_KIND_BFD_DOWN = 16,
    /**
     * BFD packets can be neither sent nor received.
     */
    HOLDOVER_RECORD_KIND_BFD_FAILED = 17,
    /**
     * BFD was taken off a neighbor whose session is up.
     */
    HOLDOVER_RECORD_KIND_BFD_REMOVED = 18,
    /**
     * An UPDATE had an error that did not cost the session (RFC 7606).
     */
    HOLDOVER_RECORD_KIND_MALFORMED_UPDATE = 19,
    /**
     * The peer sent more prefixes than it may.
     */
    HOLDOVER_RECORD_KIND_MAXIMUM_PREFIX = 20,
    /**
     * A route is announced now, or is not any more.
     */
    HOLDOVER_RECORD_KIND_ANNOUNCED = 21,
    /**
     * What is announced for a service changed.
     */
    HOLDOVER_RECORD_KIND_POSTURE = 22,
    /**
     * What a check says of its service changed.
     */
    HOLDOVER_RECORD_KIND_CHECK = 23,
    /**
     * An address was bound.
     */
    HOLDOVER_RECORD_KIND_BOUND = 24,
    /**
     * An address that we bound was unbound.
     */
    HOLDOVER_RECORD_KIND_UNBOUND = 25,
    /**
     * An address was there already: it stays its owner's.
     */
    HOLDOVER_RECORD_KIND_ADOPTED = 26,
    /**
     * An adopted address was removed by somebody.
     */
    HOLDOVER_RECORD_KIND_ADDRESS_LOST = 27,
    /**
     * An address of ours was removed by a foreign hand and is being put back.
     */
    HOLDOVER_RECORD_KIND_PUT_BACK = 28,
    /**
     * It was removed too often: from now on it is put back after a pause of up to a minute.
     */
    HOLDOVER_RECORD_KIND_PUT_BACK_PAUSED = 29,
    /**
     * A configuration binds an address elsewhere: it stays as it is until the next start.
     */
    HOLDOVER_RECORD_KIND_BOUND_ELSEWHERE = 30,
    /**
     * An address could not be bound.
     */
    HOLDOVER_RECORD_KIND_BIND_FAILED = 31,
    /**
     * The link to bind an address on is not there.
     */
    HOLDOVER_RECORD_KIND_NO_SUCH_LINK = 32,
    /**
     * An address of an earlier run was found and removed.
     */
    HOLDOVER_RECORD_KIND_LEFTOVER_REMOVED = 33,
    /**
     * A route that could be redistributed is held back.
     */
    HOLDOVER_RECORD_KIND_HELD_BACK = 34,
    /**
     * A fixed capacity was reached; what did not fit is ignored.
     */
    HOLDOVER_RECORD_KIND_FULL = 35,
    /**
     * Other next hops were chosen for a prefix, or none is left.
     */
    HOLDOVER_RECORD_KIND_STEERED = 36,
    /**
     * A route could not be installed or removed.
     */
    HOLDOVER_RECORD_KIND_ROUTE_FAILED = 37,
    /**
     * An address of ours could not be removed.
     */
    HOLDOVER_RECORD_KIND_UNBIND_FAILED = 38,
    /**
     * Sessions with a peer end soon after they come up; the pauses between them grow.
     */
    HOLDOVER_RECORD_KIND_FLAPPING = 39,
    /**
     * After such sessions, there is one that lasts.
     */
    HOLDOVER_RECORD_KIND_FLAPPING_OVER = 40,
    /**
     * Somebody who was refused keeps connecting to us.
     */
    HOLDOVER_RECORD_KIND_REFUSED_OFTEN = 41,
    /**
     * No stranger has connected for a minute.
     */
    HOLDOVER_RECORD_KIND_STRANGERS_OVER = 42,
    /**
     * Listening, which had failed, works.
     */
    HOLDOVER_RECORD_KIND_LISTENS_AGAIN = 43,
    /**
     * Malformed UPDATEs keep coming.
     */
    HOLDOVER_RECORD_KIND_MALFORMED_OFTEN = 44,
    /**
     * A peer has had no session for 10 s.
     */
    HOLDOVER_RECORD_KIND_NO_SESSION = 45,
    /**
     * There is a next hop for routes of a family now: the peer is told them.
     */
    HOLDOVER_RECORD_KIND_NEXT_HOP_FOUND = 46,
    /**
     * Somebody took a route of ours out of the table, or put another one in its place.
     */
    HOLDOVER_RECORD_KIND_ROUTE_LOST = 47,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum holdover_record_kind holdover_record_kind;
#else
typedef uint16_t holdover_record_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How loudly a record should be told.
 */
enum holdover_level
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * For one who looks for a fault.
     */
    HOLDOVER_LEVEL_DEBUG = 0,
    /**
     * A change that an operator may want to read later.
     */
    HOLDOVER_LEVEL_INFO = 1,
    /**
     * Something is wrong and is coped with, or an operator should look when awake.
     */
    HOLDOVER_LEVEL_WARNING = 2,
    /**
     * Something does not work until somebody acts.
     */
    HOLDOVER_LEVEL_ERROR = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum holdover_level holdover_level;
#else
typedef uint8_t holdover_level;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What one run says of a service to the next, for `no preempt`.
 */
enum holdover_past
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing: it was not active, or the run ended in good order.
     */
    HOLDOVER_PAST_CLEAR = 0,
    /**
     * It was active. Given back, it says that the run did not end in good order.
     */
    HOLDOVER_PAST_ACTIVE = 1,
    /**
     * It was active and failed, and another machine may have taken over.
     */
    HOLDOVER_PAST_GAVE_WAY = 2,
    /**
     * Something was kept, and it cannot be read.
     */
    HOLDOVER_PAST_UNKNOWN = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum holdover_past holdover_past;
#else
typedef uint8_t holdover_past;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How bad it is what is said about a configuration.
 */
enum holdover_severity
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Accepted, without effect here; or worth knowing.
     */
    HOLDOVER_SEVERITY_NOTE = 0,
    /**
     * Accepted, and probably not what was meant.
     */
    HOLDOVER_SEVERITY_WARNING = 1,
    /**
     * Not accepted: the configuration as a whole is refused.
     */
    HOLDOVER_SEVERITY_ERROR = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum holdover_severity holdover_severity;
#else
typedef uint8_t holdover_severity;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The family of an address.
 */
enum holdover_family
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * No address: the other fields mean nothing.
     */
    HOLDOVER_FAMILY_NONE = 0,
    /**
     * IPv4: the first four octets count.
     */
    HOLDOVER_FAMILY_IPV4 = 4,
    /**
     * IPv6: all sixteen octets count.
     */
    HOLDOVER_FAMILY_IPV6 = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum holdover_family holdover_family;
#else
typedef uint8_t holdover_family;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Why the machine could not do something, or that it could.
 */
enum holdover_io_error
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing went wrong; of a connection that closed: an orderly end.
     */
    HOLDOVER_IO_ERROR_NONE = 0,
    /**
     * The peer refused the connection.
     */
    HOLDOVER_IO_ERROR_REFUSED = 1,
    /**
     * The peer reset an established connection.
     */
    HOLDOVER_IO_ERROR_RESET = 2,
    /**
     * No answer in time.
     */
    HOLDOVER_IO_ERROR_TIMED_OUT = 3,
    /**
     * No route to it, or its network or host is unreachable.
     */
    HOLDOVER_IO_ERROR_UNREACHABLE = 4,
    /**
     * Our own address is not there.
     */
    HOLDOVER_IO_ERROR_ADDRESS_UNAVAILABLE = 5,
    /**
     * The address or port is taken.
     */
    HOLDOVER_IO_ERROR_IN_USE = 6,
    /**
     * Permission denied.
     */
    HOLDOVER_IO_ERROR_DENIED = 7,
    /**
     * This machine lacks it (TCP MD5, for example).
     */
    HOLDOVER_IO_ERROR_UNSUPPORTED = 8,
    /**
     * No memory, no socket, a full table.
     */
    HOLDOVER_IO_ERROR_EXHAUSTED = 9,
    /**
     * Anything else.
     */
    HOLDOVER_IO_ERROR_OTHER = 10,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum holdover_io_error holdover_io_error;
#else
typedef uint8_t holdover_io_error;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a probe found.
 */
enum holdover_verdict
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The service is well.
     */
    HOLDOVER_VERDICT_PASS = 0,
    /**
     * It is not; nothing more is known.
     */
    HOLDOVER_VERDICT_FAIL = 1,
    /**
     * No answer in time.
     */
    HOLDOVER_VERDICT_TIMED_OUT = 2,
    /**
     * The connection was refused or reset.
     */
    HOLDOVER_VERDICT_REFUSED = 3,
    /**
     * There is no way to the host.
     */
    HOLDOVER_VERDICT_UNREACHABLE = 4,
    /**
     * An HTTP status that is not expected; `detail`: which.
     */
    HOLDOVER_VERDICT_BAD_STATUS = 5,
    /**
     * What came back is not what is expected.
     */
    HOLDOVER_VERDICT_BAD_BODY = 6,
    /**
     * The program ended badly; `detail`: its exit status.
     */
    HOLDOVER_VERDICT_EXIT_STATUS = 7,
    /**
     * A signal ended the program; `detail`: its number.
     */
    HOLDOVER_VERDICT_SIGNALLED = 8,
    /**
     * It could not be started.
     */
    HOLDOVER_VERDICT_NOT_STARTED = 9,
    /**
     * It may not be started, or looked at.
     */
    HOLDOVER_VERDICT_NOT_ALLOWED = 10,
    /**
     * What is asked for is not there.
     */
    HOLDOVER_VERDICT_MISSING = 11,
    /**
     * It is there, and is not to be.
     */
    HOLDOVER_VERDICT_PRESENT = 12,
    /**
     * TLS: a certificate that does not hold, or no agreement.
     */
    HOLDOVER_VERDICT_TLS = 13,
    /**
     * The name could not be resolved.
     */
    HOLDOVER_VERDICT_RESOLVE = 14,
    /**
     * This machine lacks what the check needs.
     */
    HOLDOVER_VERDICT_UNSUPPORTED = 15,
    /**
     * The probe could not be made, for want of memory or sockets of this machine: that says nothing about the service. The last
     * result stands, and the next probe is due 100 ms after this one began; without a result it counts as NotStarted. Do not
     * give it for ever: a service that has ended must be noticed.
     */
    HOLDOVER_VERDICT_NOT_RUN = 16,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum holdover_verdict holdover_verdict;
#else
typedef uint8_t holdover_verdict;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What kind of fact it is. The numbers stay.
 */
enum holdover_input_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Time has passed; also told once at the end of every turn. It has no part of its own.
     */
    HOLDOVER_INPUT_KIND_TICK = 1,
    /**
     * An operator's command; answered by one HOLDOVER_OUTPUT_KIND_ANSWER.
     */
    HOLDOVER_INPUT_KIND_COMMAND = 2,
    /**
     * Answers Connect: the connection is there.
     */
    HOLDOVER_INPUT_KIND_CONNECTED = 3,
    /**
     * Answers Connect: there will be no connection.
     */
    HOLDOVER_INPUT_KIND_CONNECT_FAILED = 4,
    /**
     * Somebody connected to a listener. Answered by exactly one Adopt or Refuse before holdover_poll has no order left.
     */
    HOLDOVER_INPUT_KIND_ACCEPTED = 5,
    /**
     * Answers Listen.
     */
    HOLDOVER_INPUT_KIND_LISTEN_DONE = 6,
    /**
     * Octets from the peer, in order.
     */
    HOLDOVER_INPUT_KIND_RECEIVED = 7,
    /**
     * Answers Send: the wire took so many octets, and takes more now.
     */
    HOLDOVER_INPUT_KIND_SENT = 8,
    /**
     * Answers AskFlushed: the peer's machine has acknowledged everything.
     */
    HOLDOVER_INPUT_KIND_FLUSHED = 9,
    /**
     * The connection is gone: answers Close, or comes by itself. The last fact about a connection.
     */
    HOLDOVER_INPUT_KIND_CLOSED = 10,
    /**
     * A BFD packet came.
     */
    HOLDOVER_INPUT_KIND_DATAGRAM = 11,
    /**
     * Answers OpenDatagram.
     */
    HOLDOVER_INPUT_KIND_DATAGRAM_DONE = 12,
    /**
     * Answers StartProbe.
     */
    HOLDOVER_INPUT_KIND_PROBE_DONE = 13,
    /**
     * A watched thing changed, or is what it is when the watch starts.
     */
    HOLDOVER_INPUT_KIND_WATCH_CHANGED = 14,
    /**
     * A link, as it is now.
     */
    HOLDOVER_INPUT_KIND_LINK = 15,
    /**
     * An address of this machine, as it is now.
     */
    HOLDOVER_INPUT_KIND_ADDRESS = 16,
    /**
     * Answers Bind and Unbind.
     */
    HOLDOVER_INPUT_KIND_ADDRESS_DONE = 17,
    /**
     * A route of this machine that is not ours, as it is now.
     */
    HOLDOVER_INPUT_KIND_KERNEL_ROUTE = 18,
    /**
     * Answers InstallRoute and RemoveRoute.
     */
    HOLDOVER_INPUT_KIND_ROUTE_DONE = 19,
    /**
     * A table is about to be told whole, or has been.
     */
    HOLDOVER_INPUT_KIND_RESYNC = 20,
    /**
     * What an earlier run was ordered to keep of a service; see HOLDOVER_OUTPUT_KIND_KEEP.
     */
    HOLDOVER_INPUT_KIND_KEPT = 21,
    /**
     * A route of ours is gone from this machine's table, or another one is in its place, and it was not our order.
     */
    HOLDOVER_INPUT_KIND_ROUTE_LOST = 22,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum holdover_input_kind holdover_input_kind;
#else
typedef uint32_t holdover_input_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What an operator tells the engine.
 */
enum holdover_order
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * What is wanted of a service from now on.
     */
    HOLDOVER_ORDER_WISH = 1,
    /**
     * Withdraw everything, say goodbye to every peer (RFC 4486, Administrative Shutdown), unbind what is ours. Answered
     * when all that is done.
     */
    HOLDOVER_ORDER_STOP = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum holdover_order holdover_order;
#else
typedef uint8_t holdover_order;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What is wanted of a service.
 */
enum holdover_wish
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing: the configuration and the evidence decide.
     */
    HOLDOVER_WISH_NONE = 0,
    /**
     * Hand over in peace: announce it as going away (RFC 8326), then withdraw it.
     */
    HOLDOVER_WISH_DRAIN = 1,
    /**
     * Act as a healthy primary, whatever the role.
     */
    HOLDOVER_WISH_PROMOTE = 2,
    /**
     * Stand by, whatever the role.
     */
    HOLDOVER_WISH_DEMOTE = 3,
    /**
     * Announce it although checks fail.
     */
    HOLDOVER_WISH_FORCE = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum holdover_wish holdover_wish;
#else
typedef uint8_t holdover_wish;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * An engine. What is inside is none of the caller's business, and may be different in the next version.
 *
 * All zero is a new engine: `static holdover_engine engine;` is one, and costs no flash. Where memory is given otherwise
 * (an arena, a linker section), holdover_engine_size() octets aligned to HOLDOVER_ENGINE_ALIGN are enough, set to zero and
 * cast to this type. There is nothing to free: an engine is over when its memory is used for something else. It is not
 * moved or copied while it is in use.
 */
typedef struct {
    /**
     * Nothing to read or write.
     */
    uint64_t opaque[7168];
} holdover_engine;

/**
 * A command: HOLDOVER_INPUT_KIND_COMMAND.
 */
typedef struct {
    /**
     * Named by the caller, to know the answer by.
     */
    uint32_t id;
    /**
     * One of holdover_order. Of Stop nothing below is read.
     */
    uint8_t order;
    /**
     * One of holdover_wish.
     */
    uint8_t wish;
    /**
     * Of which service, by its place in the configuration; HOLDOVER_ALL_SERVICES.
     */
    uint16_t service;
    /**
     * Not 0: answer only when every peer has acknowledged what it was told, or had its time to.
     */
    uint8_t wait;
} holdover_input_command;

/**
 * The name of a TCP connection, or of an attempt at one. Compare all three fields: a later connection in the same place
 * has another generation. There are at most 2 * HOLDOVER_PEERS at a time, so that `2 * peer + slot` is a place in a table.
 */
typedef struct {
    /**
     * Which peer, from 0.
     */
    uint16_t peer;
    /**
     * 0: we opened it; 1: the peer did.
     */
    uint8_t slot;
    /**
     * Which use of that place.
     */
    uint32_t generation;
} holdover_conn;

/**
 * An IP address, its octets in network order.
 */
typedef struct {
    /**
     * One of holdover_family.
     */
    uint8_t family;
    /**
     * The address; of IPv4 the first four, the rest zero.
     */
    uint8_t octets[16];
} holdover_address;

/**
 * One end of a TCP connection.
 */
typedef struct {
    /**
     * The address.
     */
    holdover_address address;
    /**
     * The port, in host order.
     */
    uint16_t port;
    /**
     * The link it is reached by; 0: whichever. An IPv6 link-local address needs one.
     */
    uint32_t link;
} holdover_endpoint;

/**
 * The connection is there: HOLDOVER_INPUT_KIND_CONNECTED.
 */
typedef struct {
    /**
     * The connection.
     */
    holdover_conn conn;
    /**
     * Our end of it.
     */
    holdover_endpoint local;
} holdover_input_connected;

/**
 * A connection that will not be, or is no more: HOLDOVER_INPUT_KIND_CONNECT_FAILED, HOLDOVER_INPUT_KIND_CLOSED.
 */
typedef struct {
    /**
     * The connection.
     */
    holdover_conn conn;
    /**
     * One of holdover_io_error; None: an orderly end.
     */
    uint8_t why;
} holdover_input_closed;

/**
 * Somebody connected: HOLDOVER_INPUT_KIND_ACCEPTED.
 */
typedef struct {
    /**
     * Named by the caller until it is adopted or refused.
     */
    uint32_t socket;
    /**
     * Where it came in.
     */
    uint8_t listener;
    /**
     * Our end.
     */
    holdover_endpoint local;
    /**
     * Its end.
     */
    holdover_endpoint remote;
} holdover_input_accepted;

/**
 * Whether it listens: HOLDOVER_INPUT_KIND_LISTEN_DONE.
 */
typedef struct {
    /**
     * The listener.
     */
    uint8_t listener;
    /**
     * One of holdover_io_error; None: it does.
     */
    uint8_t result;
} holdover_input_listen_done;

/**
 * Some octets. In an order they are the engine's, and stay until the next call that changes the engine; in an input they
 * are the caller's, and are read before the call returns.
 */
typedef struct {
    /**
     * The first; NULL: there are none.
     */
    const uint8_t *data;
    /**
     * How many.
     */
    size_t len;
} holdover_bytes;

/**
 * Octets from the peer: HOLDOVER_INPUT_KIND_RECEIVED.
 */
typedef struct {
    /**
     * The connection.
     */
    holdover_conn conn;
    /**
     * What came; at most 4096 octets a turn, so that nobody starves.
     */
    holdover_bytes bytes;
} holdover_input_received;

/**
 * The wire takes more: HOLDOVER_INPUT_KIND_SENT.
 */
typedef struct {
    /**
     * The connection.
     */
    holdover_conn conn;
    /**
     * How many octets were taken; the next Send offers the rest.
     */
    size_t len;
} holdover_input_sent;

/**
 * Everything is acknowledged: HOLDOVER_INPUT_KIND_FLUSHED.
 */
typedef struct {
    /**
     * The connection.
     */
    holdover_conn conn;
} holdover_input_flushed;

/**
 * A BFD packet: HOLDOVER_INPUT_KIND_DATAGRAM. Which session it belongs to is the engine's to find out (RFC 5880 section
 * 6.8.6).
 */
typedef struct {
    /**
     * One of holdover_bfd_kind: the port that it came to.
     */
    uint8_t kind;
    /**
     * The TTL or hop limit that it arrived with (RFC 5881 section 5 needs it).
     */
    uint8_t ttl;
    /**
     * The link that it came by.
     */
    uint32_t link;
    /**
     * Where it was sent to.
     */
    holdover_address local;
    /**
     * Who sent it.
     */
    holdover_address remote;
    /**
     * The payload; what is longer than 64 octets may be cut off.
     */
    holdover_bytes bytes;
} holdover_input_datagram;

/**
 * The name of a BFD session.
 */
typedef struct {
    /**
     * Which peer's, from 0.
     */
    uint16_t peer;
    /**
     * Which use of it.
     */
    uint16_t generation;
} holdover_bfd;

/**
 * Whether packets can be sent and received: HOLDOVER_INPUT_KIND_DATAGRAM_DONE.
 */
typedef struct {
    /**
     * The session.
     */
    holdover_bfd bfd;
    /**
     * One of holdover_io_error; None: they can.
     */
    uint8_t result;
} holdover_input_datagram_done;

/**
 * The name of a run of a check.
 */
typedef struct {
    /**
     * The check's place in the configuration.
     */
    uint16_t check;
    /**
     * Which run of it.
     */
    uint16_t generation;
} holdover_probe;

/**
 * What a probe found: HOLDOVER_INPUT_KIND_PROBE_DONE, HOLDOVER_INPUT_KIND_WATCH_CHANGED.
 */
typedef struct {
    /**
     * The probe.
     */
    holdover_probe probe;
    /**
     * One of holdover_verdict.
     */
    uint8_t verdict;
    /**
     * What the verdict says about this field; 0 otherwise.
     */
    uint16_t detail;
    /**
     * How long it took, in microseconds; of a watch it is not read.
     */
    uint64_t took_us;
} holdover_input_probe;

/**
 * Some text: UTF-8, not ended by a zero. Whose it is and how long it stays: as for holdover_bytes.
 */
typedef struct {
    /**
     * The first octet; NULL: there is none.
     */
    const char *data;
    /**
     * How many octets.
     */
    size_t len;
} holdover_text;

/**
 * A link: HOLDOVER_INPUT_KIND_LINK.
 */
typedef struct {
    /**
     * The caller's number of it; never 0.
     */
    uint32_t link;
    /**
     * Its name, as a configuration says it: `eth0`. One named `lo` is expected: addresses are bound on it unless their block says
     * `bind LINK`.
     */
    holdover_text name;
    /**
     * Not 0: it is up and has a carrier.
     */
    uint8_t up;
    /**
     * Not 0: it has gone from the machine.
     */
    uint8_t gone;
} holdover_input_link;

/**
 * An address and a length in bits: of a prefix, or of the subnet around an interface's address.
 */
typedef struct {
    /**
     * The address.
     */
    holdover_address address;
    /**
     * The length: 0 to 32, or to 128.
     */
    uint8_t length;
} holdover_prefix;

/**
 * An address of this machine: HOLDOVER_INPUT_KIND_ADDRESS.
 */
typedef struct {
    /**
     * The link that has it; never 0.
     */
    uint32_t link;
    /**
     * The address, with its host bits, and its subnet's length.
     */
    holdover_prefix address;
    /**
     * Not 0: it is there, and usable.
     */
    uint8_t present;
    /**
     * Not 0: it was bound by an earlier run of this program, and not unbound.
     */
    uint8_t ours;
} holdover_input_address;

/**
 * The name of an address that the engine binds.
 */
typedef struct {
    /**
     * Its place.
     */
    uint16_t index;
    /**
     * Which use of it.
     */
    uint16_t generation;
} holdover_address_id;

/**
 * What became of an address: HOLDOVER_INPUT_KIND_ADDRESS_DONE.
 */
typedef struct {
    /**
     * The address, named as in the order.
     */
    holdover_address_id address;
    /**
     * One of holdover_io_error; None: it is as ordered.
     */
    uint8_t result;
    /**
     * Not 0: it was so already; then the address is somebody else's and stays so.
     */
    uint8_t already;
} holdover_input_address_done;

/**
 * A route of this machine: HOLDOVER_INPUT_KIND_KERNEL_ROUTE.
 */
typedef struct {
    /**
     * Its prefix.
     */
    holdover_prefix prefix;
    /**
     * Not 0: it is there.
     */
    uint8_t present;
} holdover_input_kernel_route;

/**
 * The name of a route that the engine installs.
 */
typedef struct {
    /**
     * Its place.
     */
    uint32_t index;
    /**
     * Which use of it.
     */
    uint16_t generation;
} holdover_route_id;

/**
 * What became of a route: HOLDOVER_INPUT_KIND_ROUTE_DONE.
 */
typedef struct {
    /**
     * The route, named as in the order.
     */
    holdover_route_id route;
    /**
     * One of holdover_io_error; None: it is as ordered.
     */
    uint8_t result;
} holdover_input_route_done;

/**
 * A route that somebody else removed or replaced: HOLDOVER_INPUT_KIND_ROUTE_LOST.
 */
typedef struct {
    /**
     * The route, named as in the order that installed it.
     */
    holdover_route_id route;
} holdover_input_route_lost;

/**
 * The beginning or end of a table that is told whole: HOLDOVER_INPUT_KIND_RESYNC. What was not repeated in between is gone.
 */
typedef struct {
    /**
     * One of holdover_table.
     */
    uint8_t table;
    /**
     * 0: it begins; 1: it was told.
     */
    uint8_t end;
} holdover_input_resync;

/**
 * What was kept of a service: HOLDOVER_INPUT_KIND_KEPT. Told after the first configuration, before any other fact.
 */
typedef struct {
    /**
     * The service's name, as HOLDOVER_OUTPUT_KIND_KEEP gave it; empty: every service, when what was kept cannot be read.
     */
    holdover_text service;
    /**
     * One of holdover_past.
     */
    uint8_t past;
} holdover_input_kept;

/**
 * The part of a fact that its kind names.
 */
typedef union {
    /**
     * HOLDOVER_INPUT_KIND_COMMAND.
     */
    holdover_input_command command;
    /**
     * HOLDOVER_INPUT_KIND_CONNECTED.
     */
    holdover_input_connected connected;
    /**
     * HOLDOVER_INPUT_KIND_CONNECT_FAILED.
     */
    holdover_input_closed connect_failed;
    /**
     * HOLDOVER_INPUT_KIND_ACCEPTED.
     */
    holdover_input_accepted accepted;
    /**
     * HOLDOVER_INPUT_KIND_LISTEN_DONE.
     */
    holdover_input_listen_done listen_done;
    /**
     * HOLDOVER_INPUT_KIND_RECEIVED.
     */
    holdover_input_received received;
    /**
     * HOLDOVER_INPUT_KIND_SENT.
     */
    holdover_input_sent sent;
    /**
     * HOLDOVER_INPUT_KIND_FLUSHED.
     */
    holdover_input_flushed flushed;
    /**
     * HOLDOVER_INPUT_KIND_CLOSED.
     */
    holdover_input_closed closed;
    /**
     * HOLDOVER_INPUT_KIND_DATAGRAM.
     */
    holdover_input_datagram datagram;
    /**
     * HOLDOVER_INPUT_KIND_DATAGRAM_DONE.
     */
    holdover_input_datagram_done datagram_done;
    /**
     * HOLDOVER_INPUT_KIND_PROBE_DONE.
     */
    holdover_input_probe probe_done;
    /**
     * HOLDOVER_INPUT_KIND_WATCH_CHANGED.
     */
    holdover_input_probe watch_changed;
    /**
     * HOLDOVER_INPUT_KIND_LINK.
     */
    holdover_input_link link;
    /**
     * HOLDOVER_INPUT_KIND_ADDRESS.
     */
    holdover_input_address address;
    /**
     * HOLDOVER_INPUT_KIND_ADDRESS_DONE.
     */
    holdover_input_address_done address_done;
    /**
     * HOLDOVER_INPUT_KIND_KERNEL_ROUTE.
     */
    holdover_input_kernel_route kernel_route;
    /**
     * HOLDOVER_INPUT_KIND_ROUTE_DONE.
     */
    holdover_input_route_done route_done;
    /**
     * HOLDOVER_INPUT_KIND_ROUTE_LOST.
     */
    holdover_input_route_lost route_lost;
    /**
     * HOLDOVER_INPUT_KIND_RESYNC.
     */
    holdover_input_resync resync;
    /**
     * HOLDOVER_INPUT_KIND_KEPT.
     */
    holdover_input_kept kept;
} holdover_input_part;

/**
 * One fact. All of it may be zero before the kind and its part are written.
 */
typedef struct {
    /**
     * One of holdover_input_kind.
     */
    uint32_t kind;
    /**
     * The part that the kind names; Tick has none.
     */
    holdover_input_part u;
} holdover_input;

/**
 * What must hold on a socket before its first packet.
 */
typedef struct {
    /**
     * The TCP MD5 key (RFC 2385), at most 80 octets; data is NULL: none. A secret: keep it out of logs.
     */
    holdover_bytes key;
    /**
     * The TTL or hop limit to send with.
     */
    uint8_t ttl;
    /**
     * The least TTL or hop limit to accept (RFC 5082); 0: any.
     */
    uint8_t min_ttl;
} holdover_tcp_options;

/**
 * HOLDOVER_OUTPUT_KIND_CONNECT.
 */
typedef struct {
    /**
     * Its name from now on.
     */
    holdover_conn conn;
    /**
     * Our address; of family None: whichever.
     */
    holdover_address local;
    /**
     * The link it must leave by; 0: whichever.
     */
    uint32_t via;
    /**
     * The peer.
     */
    holdover_endpoint remote;
    /**
     * What must hold before the first packet.
     */
    holdover_tcp_options options;
} holdover_output_connect;

/**
 * HOLDOVER_OUTPUT_KIND_LISTEN.
 */
typedef struct {
    /**
     * Its name: 0 for IPv4, 1 for IPv6.
     */
    uint8_t listener;
    /**
     * Where; an address of zeros means every one of its family.
     */
    holdover_endpoint local;
} holdover_output_listen;

/**
 * HOLDOVER_OUTPUT_KIND_LISTEN_KEY.
 */
typedef struct {
    /**
     * The listener.
     */
    uint8_t listener;
    /**
     * Whose connections.
     */
    holdover_prefix remote;
    /**
     * The key; data is NULL: none from now on.
     */
    holdover_bytes key;
} holdover_output_listen_key;

/**
 * HOLDOVER_OUTPUT_KIND_UNLISTEN.
 */
typedef struct {
    /**
     * The listener.
     */
    uint8_t listener;
} holdover_output_unlisten;

/**
 * HOLDOVER_OUTPUT_KIND_ADOPT.
 */
typedef struct {
    /**
     * As named by Accepted.
     */
    uint32_t socket;
    /**
     * Its name from now on.
     */
    holdover_conn conn;
    /**
     * What must hold from now on.
     */
    holdover_tcp_options options;
} holdover_output_adopt;

/**
 * HOLDOVER_OUTPUT_KIND_REFUSE.
 */
typedef struct {
    /**
     * As named by Accepted.
     */
    uint32_t socket;
} holdover_output_refuse;

/**
 * HOLDOVER_OUTPUT_KIND_SEND.
 */
typedef struct {
    /**
     * The connection.
     */
    holdover_conn conn;
    /**
     * What to send; at least one octet.
     */
    holdover_bytes bytes;
} holdover_output_send;

/**
 * HOLDOVER_OUTPUT_KIND_ASK_FLUSHED.
 */
typedef struct {
    /**
     * The connection.
     */
    holdover_conn conn;
} holdover_output_ask_flushed;

/**
 * HOLDOVER_OUTPUT_KIND_CLOSE.
 */
typedef struct {
    /**
     * The connection.
     */
    holdover_conn conn;
    /**
     * In which manner.
     */
    holdover_close how;
} holdover_output_close;

/**
 * HOLDOVER_OUTPUT_KIND_OPEN_DATAGRAM.
 */
typedef struct {
    /**
     * Its name from now on.
     */
    holdover_bfd bfd;
    /**
     * Which port.
     */
    holdover_bfd_kind kind;
    /**
     * Our address.
     */
    holdover_address local;
    /**
     * The peer's.
     */
    holdover_address remote;
    /**
     * The link it must leave by; 0: whichever.
     */
    uint32_t via;
} holdover_output_open_datagram;

/**
 * HOLDOVER_OUTPUT_KIND_SEND_DATAGRAM.
 */
typedef struct {
    /**
     * The session.
     */
    holdover_bfd bfd;
    /**
     * The packet.
     */
    holdover_bytes bytes;
} holdover_output_send_datagram;

/**
 * HOLDOVER_OUTPUT_KIND_CLOSE_DATAGRAM.
 */
typedef struct {
    /**
     * The session.
     */
    holdover_bfd bfd;
} holdover_output_close_datagram;

/**
 * HOLDOVER_OUTPUT_KIND_START_PROBE.
 */
typedef struct {
    /**
     * Its name.
     */
    holdover_probe probe;
    /**
     * What it does.
     */
    holdover_check check;
    /**
     * 1: the target is an address of the service itself, so only this machine may answer: never ask the network.
     */
    uint8_t own;
    /**
     * Where to, if an address stands in the configuration: of Tcp with its port, of Icmp with port 0. Else of family None.
     */
    holdover_endpoint target;
    /**
     * What it asks, as it stands in the configuration.
     */
    holdover_text text;
    /**
     * The name of the service.
     */
    holdover_text service;
    /**
     * The name of the check.
     */
    holdover_text name;
    /**
     * Whose rights a command runs with; empty: the program's own.
     */
    holdover_text user;
    /**
     * When to give up, in microseconds from now; then the answer is a verdict of TimedOut.
     */
    uint64_t timeout_us;
} holdover_output_start_probe;

/**
 * HOLDOVER_OUTPUT_KIND_STOP_PROBE.
 */
typedef struct {
    /**
     * Its name.
     */
    holdover_probe probe;
} holdover_output_stop_probe;

/**
 * HOLDOVER_OUTPUT_KIND_BIND.
 */
typedef struct {
    /**
     * Its name.
     */
    holdover_address_id address;
    /**
     * The link.
     */
    uint32_t link;
    /**
     * The address and the length to bind it with.
     */
    holdover_prefix prefix;
    /**
     * Its label, where addresses have one (IPv4 on Linux); may be empty.
     */
    holdover_text label;
} holdover_output_bind;

/**
 * HOLDOVER_OUTPUT_KIND_UNBIND.
 */
typedef struct {
    /**
     * Its name.
     */
    holdover_address_id address;
    /**
     * The link.
     */
    uint32_t link;
    /**
     * The address, as it was bound.
     */
    holdover_prefix prefix;
} holdover_output_unbind;

/**
 * A next hop of a route.
 */
typedef struct {
    /**
     * The gateway; it may be of another family than the prefix (RFC 8950).
     */
    holdover_address address;
    /**
     * The link it is on; 0: whichever.
     */
    uint32_t link;
} holdover_next_hop;

/**
 * HOLDOVER_OUTPUT_KIND_INSTALL_ROUTE.
 */
typedef struct {
    /**
     * Its name.
     */
    holdover_route_id route;
    /**
     * The prefix.
     */
    holdover_prefix prefix;
    /**
     * Where it leads.
     */
    holdover_route_how how;
    /**
     * How many next hops: of Via at least one, else 0.
     */
    uint8_t next_hops_count;
    /**
     * The next hops.
     */
    holdover_next_hop next_hops[HOLDOVER_PEERS];
} holdover_output_install_route;

/**
 * HOLDOVER_OUTPUT_KIND_REMOVE_ROUTE.
 */
typedef struct {
    /**
     * Its name.
     */
    holdover_route_id route;
    /**
     * The prefix.
     */
    holdover_prefix prefix;
} holdover_output_remove_route;

/**
 * HOLDOVER_OUTPUT_KIND_ASK_TABLE.
 */
typedef struct {
    /**
     * Which one.
     */
    holdover_table table;
} holdover_output_ask_table;

/**
 * HOLDOVER_OUTPUT_KIND_ANSWER.
 */
typedef struct {
    /**
     * As named by the command.
     */
    uint32_t id;
    /**
     * What became of it.
     */
    holdover_result result;
    /**
     * Of Unconfirmed: which peers; bit 0 is the first.
     */
    uint64_t peers;
} holdover_output_answer;

/**
 * Something that happened: HOLDOVER_OUTPUT_KIND_RECORD.
 */
typedef struct {
    /**
     * What.
     */
    holdover_record_kind kind;
    /**
     * How loudly to tell it.
     */
    holdover_level level;
    /**
     * The service it speaks of, by its place in the configuration; HOLDOVER_NO_SERVICE.
     */
    uint16_t service;
    /**
     * The peer, address or prefix it speaks of; of a peer the length is that of a single address. Family None: of none.
     */
    holdover_prefix about;
} holdover_record;

/**
 * HOLDOVER_OUTPUT_KIND_KEEP.
 */
typedef struct {
    /**
     * The service's name.
     */
    holdover_text service;
    /**
     * What to keep; Clear: nothing, what was kept of it may be erased.
     */
    holdover_past past;
} holdover_output_keep;

/**
 * The part of an order that its kind names.
 */
typedef union {
    /**
     * HOLDOVER_OUTPUT_KIND_CONNECT.
     */
    holdover_output_connect connect;
    /**
     * HOLDOVER_OUTPUT_KIND_LISTEN.
     */
    holdover_output_listen listen;
    /**
     * HOLDOVER_OUTPUT_KIND_LISTEN_KEY.
     */
    holdover_output_listen_key listen_key;
    /**
     * HOLDOVER_OUTPUT_KIND_UNLISTEN.
     */
    holdover_output_unlisten unlisten;
    /**
     * HOLDOVER_OUTPUT_KIND_ADOPT.
     */
    holdover_output_adopt adopt;
    /**
     * HOLDOVER_OUTPUT_KIND_REFUSE.
     */
    holdover_output_refuse refuse;
    /**
     * HOLDOVER_OUTPUT_KIND_SEND.
     */
    holdover_output_send send;
    /**
     * HOLDOVER_OUTPUT_KIND_ASK_FLUSHED.
     */
    holdover_output_ask_flushed ask_flushed;
    /**
     * HOLDOVER_OUTPUT_KIND_CLOSE.
     */
    holdover_output_close close;
    /**
     * HOLDOVER_OUTPUT_KIND_OPEN_DATAGRAM.
     */
    holdover_output_open_datagram open_datagram;
    /**
     * HOLDOVER_OUTPUT_KIND_SEND_DATAGRAM.
     */
    holdover_output_send_datagram send_datagram;
    /**
     * HOLDOVER_OUTPUT_KIND_CLOSE_DATAGRAM.
     */
    holdover_output_close_datagram close_datagram;
    /**
     * HOLDOVER_OUTPUT_KIND_START_PROBE.
     */
    holdover_output_start_probe start_probe;
    /**
     * HOLDOVER_OUTPUT_KIND_STOP_PROBE.
     */
    holdover_output_stop_probe stop_probe;
    /**
     * HOLDOVER_OUTPUT_KIND_BIND.
     */
    holdover_output_bind bind;
    /**
     * HOLDOVER_OUTPUT_KIND_UNBIND.
     */
    holdover_output_unbind unbind;
    /**
     * HOLDOVER_OUTPUT_KIND_INSTALL_ROUTE.
     */
    holdover_output_install_route install_route;
    /**
     * HOLDOVER_OUTPUT_KIND_REMOVE_ROUTE.
     */
    holdover_output_remove_route remove_route;
    /**
     * HOLDOVER_OUTPUT_KIND_ASK_TABLE.
     */
    holdover_output_ask_table ask_table;
    /**
     * HOLDOVER_OUTPUT_KIND_ANSWER.
     */
    holdover_output_answer answer;
    /**
     * HOLDOVER_OUTPUT_KIND_RECORD.
     */
    holdover_record record;
    /**
     * HOLDOVER_OUTPUT_KIND_KEEP.
     */
    holdover_output_keep keep;
} holdover_output_part;

/**
 * One order.
 */
typedef struct {
    /**
     * What kind it is.
     */
    holdover_output_kind kind;
    /**
     * The part that the kind names; no other one holds anything.
     */
    holdover_output_part u;
} holdover_output;

/**
 * One thing to say about a configuration.
 */
typedef struct {
    /**
     * How bad it is.
     */
    holdover_severity severity;
    /**
     * The line, counted from 1; 0: the configuration as a whole.
     */
    uint32_t line;
    /**
     * The column in characters, counted from 1; 0: the line as a whole.
     */
    uint32_t column;
    /**
     * A stable name of what is wrong: `unknown-statement`.
     */
    holdover_text code;
    /**
     * What is wrong, in a sentence; cut off after some hundred octets.
     */
    holdover_text message;
    /**
     * What may help, as a part of a sentence; may be empty.
     */
    holdover_text hint;
} holdover_diagnostic;

/**
 * Is told one thing about a configuration. Everything that the diagnostic points to stays only until the callback returns.
 * The callback calls no function of this library with the same engine (it would be answered HOLDOVER_STATUS_ERROR_BUSY),
 * and does not leave by longjmp.
 */
typedef void (*holdover_report)(void *context, const holdover_diagnostic *diagnostic);

/**
 * Takes a piece of what a function writes. Answers 0 to go on; anything else ends the writing, and the function answers
 * HOLDOVER_STATUS_ERROR_WRITE. The text is UTF-8, is not ended by a zero, and stays only until the callback returns. The
 * callback calls no function of this library with the same engine (it would be answered HOLDOVER_STATUS_ERROR_BUSY), and
 * does not leave by longjmp.
 */
typedef int32_t (*holdover_write)(void *context, const char *text, size_t len);

/**
 * Is told that the library has found a fault of its own, and where in its source. It does not return: it resets the
 * machine, or ends the process. Nothing of this library may be called any more.
 */
typedef void (*holdover_halt)(const char *file, size_t file_len, uint32_t line);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The HOLDOVER_ABI that this library was built with. A program that loads it apart from its header compares the two first.
 *
 * Threads: any, at any time.
 */
uint32_t holdover_abi(void);

/**
 * How many octets of memory an engine needs: at most HOLDOVER_ENGINE_SIZE.
 *
 * Threads: any, at any time.
 */
size_t holdover_engine_size(void);

/**
 * How that memory is aligned, in octets: at most HOLDOVER_ENGINE_ALIGN.
 *
 * Threads: any, at any time.
 */
size_t holdover_engine_align(void);

/**
 * Turns zero memory into an engine, starts its clock and seeds its jitter. The first call to each engine.
 *
 * - engine: holdover_engine_size() octets, aligned, all zero. They stay the caller's.
 * - now_us: the time, in microseconds since whenever the caller likes, of a clock that never runs backwards. Every later
 *   call is told the time of the same clock; a time that lies before an earlier one counts as that one.
 * - seed: another one at every boot and on every machine. It spreads timers (RFC 4271 section 10, RFC 5880 section 6.8.7)
 *   and names BFD sessions; it guards no secret.
 *
 * Errors: NULL, MISALIGNED; NOT_ZERO: the memory was used before (set it to zero to begin anew); STARTED; BUSY.
 * Time: it reads the memory once, 56 KiB.
 * Threads: one at a time for each engine, as for all functions below; engines know nothing of each other. A call that
 * comes in between (an interrupt, another thread) is answered with BUSY and does nothing.
 *
 * Not checked, and the caller's to see to:
 * `engine` is NULL or leads to that much memory.
 */
holdover_status holdover_start(holdover_engine *engine,
                               uint64_t now_us,
                               uint64_t seed);

/**
 * Tells the engine a fact. Call holdover_poll afterwards until it answers HOLDOVER_STATUS_NONE.
 *
 * - now_us: the time, as for holdover_start.
 * - input: what happened. Only the part that its kind names is read. What it points to is read before the call returns.
 *
 * A fact about something that is no more (a connection of an earlier generation) is counted and ignored: it is no error
 * here. Whatever a network sends, the engine copes with (RFC 7606).
 *
 * Errors: NULL, MISALIGNED (also of the input); NOT_STARTED; NOT_DRAINED; VALUE, NOT_UTF8: the engine was not told; BUSY;
 * DAMAGED.
 *
 * Not checked, and the caller's to see to:
 * `engine` and `input` are NULL or lead to what their types say; so do the pointers in the input.
 */
holdover_status holdover_handle(holdover_engine *engine,
                                uint64_t now_us,
                                const holdover_input *input);

/**
 * Gives the next order. To be called until there is none, after each call that changes the engine; the caller obeys each
 * order at once, or keeps what it needs of it.
 *
 * - output: is given the order: its kind and the part that the kind names. What it points to is the engine's, and stays
 *   until the next call of holdover_poll, holdover_handle, holdover_command or holdover_configure_text with this engine.
 *   With anything but HOLDOVER_STATUS_OK its kind is HOLDOVER_OUTPUT_KIND_NONE.
 *
 * Answers HOLDOVER_STATUS_OK, or HOLDOVER_STATUS_NONE when there is no order left.
 * Errors: NULL, MISALIGNED (also of the output); NOT_STARTED; BUSY; DAMAGED.
 *
 * Not checked, and the caller's to see to:
 * `engine` and `output` are NULL or lead to what their types say.
 */
holdover_status holdover_poll(holdover_engine *engine,
                              holdover_output *output);

/**
 * Says when the engine wants to be called at the latest, with HOLDOVER_INPUT_KIND_TICK if there is no other fact.
 *
 * - deadline_us: is given the time, in microseconds of the caller's clock; HOLDOVER_FOREVER: there is nothing to wait for.
 *   A time in the past means: at once, there is work left.
 *
 * Errors: NULL, MISALIGNED (also of the deadline); NOT_STARTED; BUSY; DAMAGED.
 *
 * Not checked, and the caller's to see to:
 * `engine` and `deadline_us` are NULL or lead to what their types say.
 */
holdover_status holdover_deadline(holdover_engine *engine,
                                  uint64_t *deadline_us);

/**
 * Reads a configuration in FRR's language and puts it in force: the first one, or another one while sessions are up. Those
 * whose peer is told nothing new by it stay up. Call holdover_poll afterwards until it answers HOLDOVER_STATUS_NONE, and
 * look at holdover_deadline: a long configuration is taken over some routes a turn.
 *
 * - now_us: the time, as for holdover_start.
 * - can: what the caller's machine can do: the sum of the HOLDOVER_CAN_ bits. A statement that it cannot obey is an error in
 *   the text, never silence.
 * - text, len: the text: UTF-8, lines ended by LF or CR LF. It stays the caller's and is read before the call returns.
 * - report, context: is told everything there is to say, line after line; NULL: nobody is.
 *
 * Tell the engine its links and addresses whole (HOLDOVER_INPUT_KIND_RESYNC, LINK, ADDRESS), before or after: until the end
 * of the addresses was told it opens no connection, because it does not know which peers are on a connected subnet.
 *
 * Errors: NULL (a text of some octets that is NULL); MISALIGNED; NOT_STARTED; NOT_DRAINED; VALUE: a bit of `can` that means
 * nothing, a length that no text has; CONFIGURATION: the text has errors, the configuration before it stays in force, and
 * nothing need be polled; BUSY; DAMAGED.
 *
 * Not checked, and the caller's to see to:
 * `engine` is NULL or leads to what its type says, `text` to `len` octets; `report` is NULL or a function of that type.
 */
holdover_status holdover_configure_text(holdover_engine *engine,
                                        uint64_t now_us,
                                        uint32_t can,
                                        const char *text,
                                        size_t len,
                                        holdover_report report,
                                        void *context);

/**
 * Writes the sentence of the record that holdover_poll gave last: what a log wants, without a line end.
 *
 * - write, context: is given the text in pieces.
 *
 * Answers HOLDOVER_STATUS_OK, or HOLDOVER_STATUS_NONE: no record was given yet; nothing was written.
 * Errors: NULL (also of the callback); MISALIGNED; NOT_STARTED; WRITE; BUSY; DAMAGED.
 *
 * Not checked, and the caller's to see to:
 * `engine` is NULL or leads to what its type says; `write` is NULL or a function of that type.
 */
holdover_status holdover_record_text(holdover_engine *engine, holdover_write write, void *context);

/**
 * Answers a question of an operator, as `holdover show` does: `show summary`, `show neighbors [ADDRESS]`, `show services`,
 * `show routes`, `show steer`, `show bfd`, `show running-config` (passwords hidden); words may be abbreviated, and FRR's
 * forms are understood.
 *
 * - now_us: the time, as for holdover_start; ages are counted from it.
 * - line, len: the line: UTF-8, without its end. It stays the caller's.
 * - write, context: is given the answer in pieces, lines ended by LF. Of a line that is not understood it is given the
 *   reason.
 *
 * Answers HOLDOVER_STATUS_OK, or HOLDOVER_STATUS_NONE: the line is a command, for holdover_command; nothing was written.
 * Errors: NULL (also of the callback); MISALIGNED; NOT_STARTED; NOT_UTF8; VALUE: a length that no text has;
 * NOT_UNDERSTOOD; NOT_FOUND: there is no such neighbor; WRITE; BUSY; DAMAGED.
 *
 * Not checked, and the caller's to see to:
 * `engine` is NULL or leads to what its type says, `line` to `len` octets; `write` is NULL or a function of that type.
 */
holdover_status holdover_show(holdover_engine *engine,
                              uint64_t now_us,
                              const char *line,
                              size_t len,
                              holdover_write write,
                              void *context);

/**
 * Writes what can stand next on a line that is being typed, and what it does: the answer to `?`.
 *
 * - line, len: the line so far: UTF-8. It stays the caller's.
 * - write, context: is given the answer in pieces, lines ended by LF.
 *
 * Errors: as for holdover_show, but a line is never misunderstood.
 *
 * Not checked, and the caller's to see to:
 * `engine` is NULL or leads to what its type says, `line` to `len` octets; `write` is NULL or a function of that type.
 */
holdover_status holdover_help(holdover_engine *engine,
                              const char *line,
                              size_t len,
                              holdover_write write,
                              void *context);

/**
 * Obeys an operator's line: `drain [SERVICE]`, `undrain [SERVICE]`, `promote SERVICE`, `demote SERVICE`, `force SERVICE`.
 * Call holdover_poll afterwards until it answers HOLDOVER_STATUS_NONE; one HOLDOVER_OUTPUT_KIND_ANSWER says what became of
 * it. (To stop, tell HOLDOVER_INPUT_KIND_COMMAND with HOLDOVER_ORDER_STOP.)
 *
 * - now_us: the time, as for holdover_start.
 * - id: named by the caller, to know the answer by.
 * - wait: not 0: answer only when every peer has acknowledged what it was told, or had its time to.
 * - line, len: the line: UTF-8, without its end. It stays the caller's.
 *
 * Errors: NULL; MISALIGNED; NOT_STARTED; NOT_DRAINED; NOT_UTF8; VALUE: a length that no text has; NOT_UNDERSTOOD: it is
 * nothing of these (perhaps a question, for holdover_show); NOT_FOUND: there is no such service; BUSY; DAMAGED.
 *
 * Not checked, and the caller's to see to:
 * `engine` is NULL or leads to what its type says, `line` to `len` octets.
 */
holdover_status holdover_command(holdover_engine *engine,
                                 uint64_t now_us,
                                 uint32_t id,
                                 uint8_t wait,
                                 const char *line,
                                 size_t len);

/**
 * Says what to do when the library finds a fault of its own: an assertion that failed. This is for the watchdog's log; no
 * input and no wrong call is known to lead there.
 *
 * - hook: is called then, with the file and the line; NULL: none. Without one, or when it returns, a process ends with
 *   abort(), and a machine without an operating system executes an undefined instruction (Arm: a HardFault), or stands still
 *   where there is none.
 *
 * It holds for all engines. Threads: any, at any time.
 */
void holdover_on_halt(holdover_halt hook);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* HOLDOVER_H */

/* The memory that the header gives is the memory that the library was built for. */
#ifdef __cplusplus
static_assert(sizeof(holdover_engine) == HOLDOVER_ENGINE_SIZE, "the size of an engine");
static_assert(alignof(holdover_engine) <= HOLDOVER_ENGINE_ALIGN, "the alignment of an engine");
#else
_Static_assert(sizeof(holdover_engine) == HOLDOVER_ENGINE_SIZE, "the size of an engine");
_Static_assert(_Alignof(holdover_engine) <= HOLDOVER_ENGINE_ALIGN, "the alignment of an engine");
#endif
