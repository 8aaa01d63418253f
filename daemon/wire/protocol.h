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
 * wire/command_table.h lists the requests, their arguments and the fields of their results.  The
 * daemon refuses whatever is not there: other members, arguments, types and forms.  policy-del and
 * policy-flush delete all of the rules or none.
 *
 * policy-test has one answer for each query: [VERDICT, REASON, NAME|null, GENERATION].
 * explain has the members of such an answer by name, side, peer, port and default, and: why; candidates
 * [{name, action, side, prefix, range, origin, loses_by, why}..], the winner first, of matching rules;
 * steps [{name, state, text}..]; changes [{step, text, command}..]; learned {reason, decides, gain, service,
 * subnet, peer: CONTEXT|null}; breaker BREAKER|null; cooldown COOLDOWN.
 * "learned" of policy-show, of an auto rule only, is {services, top [CONTEXT..]}; auto-show has
 * services, peers and subnets [CONTEXT..], known {services, peers, subnets}, breakers [BREAKER..],
 * cooldown COOLDOWN, costs COSTS.  Rules of recommend are {name, side, ports, peers, action, connections,
 * worthwhile, bytes, messages, gain (set-ups), seconds, live, memory}; better has services for which a
 * rule would have done better than auto in the last lessons: {side, port, action, gain (set-ups), lessons}.
 *
 * metrics has in "text" all metrics, as the argument format says; the other members are what the page of
 * the listener shows: verdicts, default and others {smc, tcp}, rules [{name, smc, tcp}] that have series of
 * their own, others the rest of them, reasons {REASON: verdicts tcp}, services [CONTEXT..] that
 * gained most, degraded [TEXT..] as in status.  It is answered some ms later, not before a next turn of the
 * daemon's event loop.
 *
 * A RULE is {"name", "side", "ports": [...], "peers": [...], "action",
 * "ttl": seconds|null, "expires": ISO 8601 time|null, "origin", "hits",
 * "allowed", "denied", "reasons": {REASON: count...}, "max-rate": text|null,
 * "max-connections": number|null, "max-memory": bytes|null, "max-rtt":
 * microseconds|null}; ports, peers and max-rate are strings as in the
 * configuration, ports and peers empty for any, unless there is a peers-file.
 * "peers-file" is null or {"path", "peers": how many it adds to those, "digest": of
 * all peers of the rule, hexadecimal}.  origin is "FILE:LINE", "command" or "runtime".
 * "live" is the number of its SMC connections.  "never" is null, or of a rule that never decides
 * {"beaten_by": NAME|null}: a rule that beats it, null if its exceptions take out all of its peers.
 * Results with "warnings" have a text for each such rule: of policy-add those that concern the new
 * rule, else all in force; status has one more if differs of COSTS is true.  One more says that the policy
 * is suspended.  "suspended" is null or {"since": time|null, "until": time|null}.
 *
 * policy-history has "changes", the newest first: [{"generation", "time", "uid", "pid": numbers|null,
 * "way", "rules": how many changed, "text"}..].  policy-diff and policy-rollback with "generation" have
 * "added" and "removed" [NAME..] and "changed" [{"name", "fields": {KEY: {"from", "to"}}}..] of the rules by
 * command, from now to then, "files" {"added", "removed", "changed": [NAME..]}|null and "default"
 * {"from", "to"}|null; policy-rollback has "applied" too: whether that changed anything.
 *
 * A CONTEXT is {"side", "port", "reason", "gain", "connections", "worthwhile", "bytes",
 * "messages", "gained"}: what auto says to the next connection of a service, a subnet or a peer, what
 * that is expected to gain, how many came by and how many of these gained, their
 * bytes and messages, both ways, and their gain.  Gains are in set-ups, reals.  A service has "decides" too: the context
 * whose vote counts (service, service-rate, subnet, peer, peer-rate, always) or null, and "decisions",
 * {"gained", "lost", "smc_for_all", "tcp_for_all": 0, "lessons"}: what auto's answers gained and lost in
 * the last lessons, whatever the rules made of them, and what the same answer to all would have; a subnet
 * "subnet"; a peer "peer", "rtt": microseconds|null, "no_smc": {"code": "0x...",
 * "until": time|null, "times"}|null.
 *
 * A BREAKER is {"side", "prefix", "state", "votes", "evidence": {"syn", "timeout", "garbled",
 * "reset"}, "code": "0x..."|null, "since": time|null, "until": time|null, "backoff": seconds}; until
 * is when a probe may come.  COOLDOWN is {"until", "seconds", "code", "times"}|null.
 *
 * A connection of connections is {"side", "local", "local_port", "peer", "peer_port", "port", "mode":
 * "smc-r", "smc-d", "tcp", "state", "verdict", "reason", "rule", "cause", "code": "0x...", "peer_code",
 * "link_group", "device", "sent", "received", "uid", "inode", "netns", "cgroup"}; what is not known is
 * null.  port is the service port.  "lost" counts those that the tables in the kernel had no room for.
 *
 * "fallbacks" of stats is {"connections", "expected", "unexpected", "lately": {"unexpected", "connections",
 * "seconds"}, "causes": [{"cause", "code", "side", "rule", "expected": bool, "count"}..], "prefixes":
 * [{"side", "prefix", "expected", "unexpected", "code", "last"}..]}; "stages" is [{"name", "received",
 * "lost"}..].
 *
 * COSTS is {"setup_cost": microseconds as configured, real, "smc_setup": microseconds|null, "tcp_setup":
 * microseconds|null, "setups", "differs": bool}: how long clients of this host wait for SMC after TCP's
 * handshake, and for that, medians; from how many; and whether that is 3 times setup_cost or a third.
 *
 * After record the daemon goes on sending responses without requests, whenever connections
 * have closed: result {"rows": [[OPEN, CLOSE, SIDE, PEER, PORT, SENT, RECEIVED,
 * MESSAGES]..], "lost", "end": bool}.  OPEN and CLOSE are ns from start, which is CLOCK_MONOTONIC in ns; OPEN is
 * negative for those that were there before.
 * After monitor it goes on in the same way: result {"events": [EVENT..], "end": bool}.  smc-ebpf(8) lists the
 * members of an EVENT under JSON; an event "lost" counts those that the client or the ring buffer had no room
 * for.
 * lost of record counts connections since the response before for which there was no room, of this client or in
 * the ring buffer.  The client shuts its end down to end: then comes the last one, with end.
 */
#ifndef SMC_POLICY_PROTOCOL_H
#define SMC_POLICY_PROTOCOL_H

#define PROTOCOL_VERSION 1
#define PROTOCOL_REQUEST_MAX (4u << 20) /* bytes of JSON in a request */
#define PROTOCOL_RESPONSE_MAX (1u << 30) /* bytes of JSON in a response */
#define PROTOCOL_HEADER 4 /* bytes of length before it */
#define PROTOCOL_QUERIES_MAX 2048

#endif
