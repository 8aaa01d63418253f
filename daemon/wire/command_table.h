/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of commands, in the order of the help.  Included by those who define what they need of an
 * entry, so without a guard:
 *
 *	REQUEST(ID, ...)	the daemon answers it: answer_ID(), and cli_ID() asks for it
 *	COMMAND(ID, ...)	smc-ebpf does it alone: cli_ID()
 *
 * ... initialises struct command (wire/commands.h); the RULE and the like of results are described
 * in wire/protocol.h.
 */
/* clang-format off */
/* The filters of listings of connections, which server/filter.h reads. */
#define FILTER_ARGUMENTS \
		{ "side", ARGUMENT_TEXT, 0, "S", .complete = "connect accept", \
		  .help = "only this side: connect or accept" }, \
		{ "peer", ARGUMENT_TEXT, 0, "PREFIX", "peers", \
		  .check = check_prefix, \
		  .help = "only peers inside it, for example 10.1.2.0/24" }, \
		{ "port", ARGUMENT_NUMBER, 0, "N", "ports", .min = 0, .max = 65535, \
		  .help = "only this service port" }, \
		{ "rule", ARGUMENT_TEXT, 0, "NAME", \
		  .check = value_name, .complete = "@rules", \
		  .help = "only what this rule decided" }, \
		{ "mode", ARGUMENT_TEXT, 0, "MODE", .complete = "smc-r smc-d tcp", \
		  .help = "only smc-r, smc-d or tcp" }, \
		{ "cause", ARGUMENT_TEXT, 0, "CAUSE", \
		  .help = "only fallbacks with this cause: a word or a code" }

REQUEST(policy_add,
	.name = "policy-add",
	.access = ACCESS_CHANGE,
	.summary = "add a rule; it is in force when the command returns",
	.result = "changed generation rule warnings",
	.arguments = {
		{ "name", ARGUMENT_TEXT, ARGUMENT_REQUIRED | ARGUMENT_WORD, "NAME",
		  .check = value_name,
		  .help = "letters, digits, \".\", \"_\" and \"-\"" },
		{ "side", ARGUMENT_TEXT, 0, "S", .complete = "connect accept both",
		  .help = "connect, accept or both (default)" },
		{ "ports", ARGUMENT_TEXT, ARGUMENT_PARTS, "P", "port",
		  .help = "ports and ranges, for example 80,443,8000-9000\n(default: any)" },
		{ "peers", ARGUMENT_TEXT, ARGUMENT_PARTS, "C", "peer",
		  .help = "IPv4 and IPv6 prefixes, \"!\" before one excludes it\n(default: any)" },
		{ "action", ARGUMENT_TEXT, 0, "A", .complete = "allow deny auto",
		  .help = "allow (default), deny or auto" },
		{ "ttl", ARGUMENT_TEXT, 0, "T",
		  .help = "remove the rule after T, for example 90s, 15m, 2h or 7d" },
		{ "max-rate", ARGUMENT_TEXT, 0, "R",
		  .help = "limit of new SMC connections: 100/s, 30/m, 5/h,\nor \"100/s burst 20\"" },
		{ "max-connections", ARGUMENT_TEXT, 0, "N",
		  .help = "limit of SMC connections at a time, for example 100" },
		{ "max-memory", ARGUMENT_TEXT, 0, "SIZE",
		  .help = "limit of the memory of their buffers on this host,\nfor example 512M" },
		{ "max-rtt", ARGUMENT_TEXT, 0, "TIME",
		  .help = "limit of the round-trip time to the peer,\nfor example 500us or 2ms" },
		{ "replace", ARGUMENT_BOOLEAN,
		  .help = "change a rule of this name that has other content" },
		{ "runtime", ARGUMENT_BOOLEAN,
		  .help = "drop the rule when the daemon ends" },
	})

REQUEST(policy_del,
	.name = "policy-del",
	.access = ACCESS_CHANGE,
	.summary = "delete rules that were added by command, all or none",
	.result = "deleted generation",
	.arguments = {
		{ "names", ARGUMENT_TEXTS, ARGUMENT_REQUIRED | ARGUMENT_WORD, "NAME",
		  .check = value_name, .min = 1, .max = COMMAND_NAMES_MAX, .complete = "@added",
		  .help = "names of rules" },
	})

REQUEST(policy_list,
	.name = "policy-list",
	.access = ACCESS_READ,
	.summary = "the rules in force, with their counts",
	.result = "default generation rules")

REQUEST(policy_show,
	.name = "policy-show",
	.access = ACCESS_READ,
	.summary = "everything about one rule",
	.result = "generation rule",
	.arguments = {
		{ "name", ARGUMENT_TEXT, ARGUMENT_REQUIRED | ARGUMENT_WORD, "NAME",
		  .check = value_name, .complete = "@rules",
		  .help = "name of a rule" },
	})

REQUEST(policy_test,
	.name = "policy-test",
	.access = ACCESS_READ,
	.summary = "ask the program in the kernel for a verdict",
	.result = "answers backend",
	.arguments = {
		{ "side", ARGUMENT_TEXT, ARGUMENT_LOCAL, "S", .complete = "connect accept",
		  .help = "connect or accept" },
		{ "peer", ARGUMENT_TEXT, ARGUMENT_LOCAL, "IP", "peers",
		  .help = "remote address" },
		{ "port", ARGUMENT_TEXT, ARGUMENT_LOCAL, "N", "ports",
		  .help = "service port: the remote one on the connect side,\nthe local one on the accept side" },
		{ "batch", ARGUMENT_TEXT, ARGUMENT_LOCAL, "FILE|-",
		  .help = "instead of the three: lines SIDE PEER PORT\n(\"-\": standard input); one JSON line each" },
		{ "queries", ARGUMENT_QUERIES, ARGUMENT_REQUIRED | ARGUMENT_SENT,
		  .min = 0, .max = PROTOCOL_QUERIES_MAX,
		  .help = "for example [\"connect\", \"192.0.2.7\", 443]" },
	})

COMMAND(policy_check,
	.name = "policy-check",
	.summary = "validate configuration files; needs no daemon and no root",
	.arguments = {
		{ "files", ARGUMENT_TEXTS, ARGUMENT_REQUIRED | ARGUMENT_WORD | ARGUMENT_LOCAL, "FILE",
		  .help = "read one over the other, in this order" },
		{ "strict", ARGUMENT_BOOLEAN, ARGUMENT_LOCAL,
		  .help = "exit status 1 for warnings too: rules that never decide" },
	})

REQUEST(policy_diff,
	.name = "policy-diff",
	.access = ACCESS_READ,
	.summary = "what a reload with FILEs would change, or a rollback",
	.result = "added changed default files removed",
	.arguments = {
		{ "generation", ARGUMENT_NUMBER, 0, "N",
		  .min = 0, .max = INT64_MAX, .complete = "@generations",
		  .help = "what policy rollback N would change, instead" },
		{ "files", ARGUMENT_TEXTS, ARGUMENT_WORD | ARGUMENT_LOCAL, "FILE",
		  .help = "read one over the other, in this order (default: what\nthe daemon reads)" },
	})

REQUEST(policy_history,
	.name = "policy-history",
	.access = ACCESS_READ,
	.summary = "the last 100 changes: when, by whom, what",
	.result = "changes generation")

REQUEST(policy_rollback,
	.name = "policy-rollback",
	.access = ACCESS_CHANGE,
	.summary = "put the rules by command of an earlier generation in force",
	.result = "added applied changed default files generation removed warnings",
	.arguments = {
		{ "generation", ARGUMENT_NUMBER, ARGUMENT_REQUIRED | ARGUMENT_WORD, "N",
		  .min = 0, .max = INT64_MAX, .complete = "@generations",
		  .help = "a generation of policy history, or the one before them" },
	})

REQUEST(policy_flush,
	.name = "policy-flush",
	.access = ACCESS_CHANGE,
	.summary = "delete every rule that was added by command",
	.result = "deleted generation")

REQUEST(policy_export,
	.name = "policy-export",
	.access = ACCESS_READ,
	.summary = "the policy in force as configuration text",
	.result = "text")

REQUEST(reload,
	.name = "reload",
	.access = ACCESS_CHANGE,
	.summary = "read the configuration files again",
	.result = "changed generation warnings")

REQUEST(suspend,
	.name = "suspend",
	.access = ACCESS_CHANGE,
	.summary = "make every new connection TCP, whatever the rules say",
	.result = "generation suspended warnings",
	.arguments = {
		{ "for", ARGUMENT_TEXT, 0, "T",
		  .check = check_duration,
		  .help = "end by itself after T, for example 90s, 15m, 2h or 7d\n(default: not before resume)" },
	})

REQUEST(resume,
	.name = "resume",
	.access = ACCESS_CHANGE,
	.summary = "end suspend: the policy decides again",
	.result = "changed generation")

REQUEST(status,
	.name = "status",
	.access = ACCESS_READ,
	.summary = "what enforces, generation, limits, what is degraded",
	.result = "backend daemon default degraded enforcing generation hooks kernel learned limits netns rules summary suspended warnings")

REQUEST(stats,
	.name = "stats",
	.access = ACCESS_READ,
	.summary = "counts of verdicts by reason and rule",
	.result = "default fallbacks generation module reasons retired rules stages verdicts")

REQUEST(monitor,
	.name = "monitor",
	.access = ACCESS_READ,
	.summary = "decisions, fallbacks and closes as they happen, until Ctrl-C",
	.result = "generation",
	.stream = "end events",
	.arguments = {
		FILTER_ARGUMENTS,
		{ "seconds", ARGUMENT_NUMBER, ARGUMENT_LOCAL, "N",
		  .min = 1, .max = 10LL * 365 * 86400,
		  .help = "end after N seconds" },
	})

REQUEST(connections,
	.name = "connections",
	.access = ACCESS_READ,
	.summary = "SMC sockets: how they run, who decided, why they fell back",
	.result = "connections lost",
	.arguments = {
		FILTER_ARGUMENTS,
	})

REQUEST(metrics,
	.name = "metrics",
	.access = ACCESS_READ,
	.summary = "counts and states as text for Prometheus",
	.result = "backend default degraded enforcing fallbacks generation open others reasons rules rules_total services suspended text verdicts",
	.arguments = {
		{ "format", ARGUMENT_TEXT, 0, "F",
		  .help = "openmetrics (default), or prometheus: the older text format" },
	})

REQUEST(explain,
	.name = "explain",
	.access = ACCESS_READ,
	.summary = "what a fallback means, or why a connection gets its verdict",
	.result = "backend breaker candidates changes cooldown default generation learned matching peer port reason rule side steps verdict why",
	.arguments = {
		{ "cause", ARGUMENT_TEXT, ARGUMENT_WORD | ARGUMENT_LOCAL, "CAUSE|all",
		  .help = "a code (0x03010000), its name (PEERNOSMC) or a word (peer)\n"
			  "of a fallback; needs no daemon and no root" },
		{ "side", ARGUMENT_TEXT, ARGUMENT_LOCAL, "S",
		  .help = "connect or accept" },
		{ "peer", ARGUMENT_TEXT, ARGUMENT_LOCAL, "IP", "peers",
		  .help = "remote address" },
		{ "port", ARGUMENT_TEXT, ARGUMENT_LOCAL, "N", "ports",
		  .help = "service port, as of policy test" },
		{ "queries", ARGUMENT_QUERIES, ARGUMENT_REQUIRED | ARGUMENT_SENT,
		  .min = 1, .max = 1,
		  .help = "for example [\"connect\", \"192.0.2.7\", 443]" },
	})

COMMAND(top,
	.name = "top",
	.summary = "services and rules, live: connections, bytes, gain",
	.arguments = {
		{ "interval", ARGUMENT_TEXT, ARGUMENT_LOCAL, "T",
		  .check = check_interval,
		  .help = "time between two readings, at least 100ms (default: 2s)" },
		{ "side", ARGUMENT_TEXT, ARGUMENT_LOCAL, "S", .complete = "connect accept",
		  .help = "only services of this side: connect or accept" },
		{ "peer", ARGUMENT_TEXT, ARGUMENT_LOCAL, "PREFIX",
		  .check = check_prefix,
		  .help = "count for services only what these peers did, for example\n10.1.2.0/24" },
		{ "port", ARGUMENT_TEXT, ARGUMENT_LOCAL, "P", "ports",
		  .help = "only services on these ports, for example 80,8000-8999" },
		{ "rule", ARGUMENT_TEXT, ARGUMENT_LOCAL, "NAME",
		  .check = value_name, .complete = "@rules",
		  .help = "only this rule, and the services on its side and ports" },
	})

REQUEST(auto_show,
	.name = "auto-show",
	.access = ACCESS_READ,
	.summary = "what is learned, and what keeps SMC off",
	.result = "breakers cooldown costs known lost lost_by peers services smc_connections subnets",
	.arguments = {
		{ "prefix", ARGUMENT_TEXT, ARGUMENT_WORD, "PREFIX",
		  .check = check_prefix,
		  .help = "only what concerns this peer or prefix, for example\n10.1.2.0/24" },
		{ "all", ARGUMENT_BOOLEAN, ARGUMENT_LOCAL,
		  .help = "all peers and subnets, not only the 20 of each that gained\nmost" },
		{ "most", ARGUMENT_NUMBER, ARGUMENT_SENT,
		  .min = 0, .max = UINT32_MAX,
		  .help = "how many peers, and how many subnets, are wanted" },
	})

REQUEST(auto_forget,
	.name = "auto-forget",
	.access = ACCESS_CHANGE,
	.summary = "forget what is learned, and breakers",
	.result = "breakers peers services subnets",
	.arguments = {
		{ "prefix", ARGUMENT_TEXT, ARGUMENT_WORD, "PREFIX",
		  .check = check_prefix,
		  .help = "only peers, subnets and breakers inside it, for example\n10.1.2.0/24 (default: all, services and the cool-down too)" },
	})

REQUEST(recommend,
	.name = "recommend",
	.access = ACCESS_READ,
	.summary = "rules proposed from what was learned, with their evidence",
	.result = "better connection_memory connections rules services text undecided")

REQUEST(record,
	.name = "record",
	.access = ACCESS_READ,
	.summary = "write a trace of this host's connections, until Ctrl-C",
	.result = "start",
	.stream = "end lost rows",
	.arguments = {
		{ "file", ARGUMENT_TEXT, ARGUMENT_REQUIRED | ARGUMENT_WORD | ARGUMENT_LOCAL, "FILE|-",
		  .help = "written when the recording ends (\"-\": standard output)" },
		{ "seconds", ARGUMENT_NUMBER, ARGUMENT_LOCAL, "N",
		  .min = 1, .max = 10LL * 365 * 86400,
		  .help = "end after N seconds" },
		{ "force", ARGUMENT_BOOLEAN, ARGUMENT_LOCAL,
		  .help = "replace FILE if it exists" },
	})

COMMAND(simulate,
	.name = "simulate",
	.summary = "replay a recorded trace; needs no daemon and no root",
	.arguments = {
		{ "trace", ARGUMENT_TEXT, ARGUMENT_REQUIRED | ARGUMENT_WORD | ARGUMENT_LOCAL, "TRACE",
		  .help = "CSV (\"-\": standard input): the header\n"
			  "open,close,side,peer,port,sent,received\n"
			  "and a row for each connection, sorted by open: seconds,\n"
			  "seconds, connect or accept, remote address, service port,\n"
			  "bytes, bytes; then ,messages in the header, and messages\n"
			  "both ways in the rows, if they are known" },
		{ "verdicts", ARGUMENT_TEXT, ARGUMENT_LOCAL, "FILE",
		  .help = "write a line for each row: smc or tcp, reason, rule" },
		{ "config", ARGUMENT_TEXT, ARGUMENT_LOCAL, "FILE",
		  .help = "policy (default: auto for everything, no rules)" },
	})

COMMAND(check_basic,
	.name = "check-basic",
	.summary = "whether this host can speak SMC, and what keeps it from it")

COMMAND(check_syn,
	.name = "check-syn",
	.summary = "send SYNs with and without SMC's option; needs root",
	.arguments = {
		{ "target", ARGUMENT_TEXT, ARGUMENT_REQUIRED | ARGUMENT_WORD | ARGUMENT_LOCAL, "HOST:PORT",
		  .help = "where the peer listens, for example 192.0.2.1:443 or\n"
			  "[2001:db8::1]:443" },
	})

COMMAND(check_connect,
	.name = "check-connect",
	.summary = "SMC connections to \"check serve\" on a peer; needs root",
	.arguments = {
		{ "target", ARGUMENT_TEXT, ARGUMENT_REQUIRED | ARGUMENT_WORD | ARGUMENT_LOCAL, "HOST:PORT",
		  .help = "where it listens, for example 192.0.2.1:18254" },
	})

COMMAND(check_serve,
	.name = "check-serve",
	.summary = "the other end of \"check connect\", until Ctrl-C; needs root",
	.arguments = {
		{ "port", ARGUMENT_NUMBER, ARGUMENT_LOCAL, "N",
		  .min = 1, .max = UINT16_MAX,
		  .help = "listen there (default: 18254)" },
		{ "seconds", ARGUMENT_NUMBER, ARGUMENT_LOCAL, "N",
		  .min = 1, .max = 10LL * 365 * 86400,
		  .help = "end after N seconds" },
	})
#undef FILTER_ARGUMENTS
/* clang-format on */
