/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control protocol between smc-ebpf and smc-policyd.
 *
 * A Unix stream socket.  Each message is a frame: its length in 4 bytes, most
 * significant first, then so many bytes of JSON, one object.  The client sends
 * requests, the daemon answers each with one response, in order.
 *
 * Request   {"protocol": 1, "command": NAME, "arguments": {...}}
 * Response  {"protocol": 1, "ok": true, "result": {...}}
 *           {"protocol": 1, "ok": false, "error": TEXT, "lines": [TEXT...]}
 *           error is one line with the way out; lines, where present, are the
 *           single errors of a configuration, "FILE:LINE: ..."
 *
 * A RULE is {"name", "side", "ports": [...], "peers": [...], "action",
 * "ttl": seconds|null, "expires": ISO 8601 time|null, "origin", "hits",
 * "allowed", "denied", "reasons": {REASON: count...}}; ports and peers are
 * strings as in the configuration, empty for any.  origin is "FILE:LINE",
 * "command" or "runtime".
 *
 * command        arguments                              result
 * policy-add     name, side, ports, peers, action, ttl  generation, changed (bool),
 *                (text as in the configuration, all     rule (RULE)
 *                but name optional), replace, runtime
 *                (bool)
 * policy-del     names [..] (all of them or none)       generation, deleted [..]
 * policy-list                                           generation, default, rules [RULE..]
 * policy-show    name                                   generation, rule (RULE)
 * policy-test    queries [[SIDE, PEER, PORT]..], at     backend, answers
 *                most PROTOCOL_QUERIES_MAX; PORT a      [[VERDICT, REASON, NAME|null,
 *                number                                 GENERATION]..]
 * policy-flush                                          generation, deleted [..]
 * policy-export                                         text
 * reload                                                generation, changed (bool)
 * status                                                see status.c
 * stats                                                 see status.c
 */
#ifndef SMC_POLICY_PROTOCOL_H
#define SMC_POLICY_PROTOCOL_H

#define PROTOCOL_VERSION 1
#define PROTOCOL_REQUEST_MAX (4u << 20) /* bytes of JSON in a request */
#define PROTOCOL_RESPONSE_MAX (1u << 30) /* bytes of JSON in a response */
#define PROTOCOL_HEADER 4 /* bytes of length before it */
#define PROTOCOL_QUERIES_MAX 2048

#endif
