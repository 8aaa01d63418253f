// SPDX-License-Identifier: GPL-2.0-or-later
/* What became of a connection, in words. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/connect.h"
#include "policy/causes.h"

#define NS_MAX 1000000000ull /* the most that a cost in [auto] can be */

static bool is_smc(const struct mode *mode)
{
	return mode->word && strcmp(mode->word, "tcp");
}

/* ---- the peer ---- */

/* Whether check serve answers. */
static bool describe_peer(const struct check_target *target, const struct connect_result *result,
			  struct check_report *report)
{
	const char *remedy =
		"run \"smc-ebpf check serve\" there, and let the firewall pass its port";

	if (result->tcp_error)
		check_add(report, "peer", CHECK_PROBLEM, remedy, "no TCP connection to %s: %s",
			  target->text, strerror(-result->tcp_error));
	else if (!result->talks)
		check_add(
			report, "peer", CHECK_PROBLEM,
			"run \"smc-ebpf check serve\" of the same release there and name its port",
			"what listens at %s is not check serve of this release", target->text);
	else
		check_add(report, "peer", CHECK_OK, NULL, "check serve answers at %s",
			  target->text);
	return !result->tcp_error && result->talks;
}

/* ---- mode ---- */

static void describe_code(const struct mode *mode, char *text, size_t size)
{
	char code[CAUSE_CODE_SIZE];

	if (!mode->code) {
		snprintf(text, size, "nothing known");
		return;
	}
	cause_format_code(mode->code, code);
	snprintf(text, size, "%s (%s)", cause_word(mode->code), code);
}

static void describe_fallback(const struct connect_result *result, const char *verdict,
			      struct check_report *report)
{
	bool wanted = verdict && !strcmp(verdict, "tcp");
	char here[80], there[80], remedy[80], code[CAUSE_CODE_SIZE];

	describe_code(&result->here, here, sizeof(here));
	describe_code(&result->there, there, sizeof(there));
	cause_format_code(result->here.code, code);
	snprintf(remedy, sizeof(remedy), "run \"smc-ebpf explain %s\"", code);
	check_add(report, "mode", wanted ? CHECK_WARNING : CHECK_PROBLEM, remedy,
		  "the connection fell back to TCP; cause here: %s, at the peer: %s",
		  wanted ? CAUSE_POLICY : here, there);
}

static void describe_mode(const struct connect_result *result, const char *verdict,
			  struct check_report *report)
{
	if (!result->here.word)
		check_add(report, "mode", CHECK_WARNING, "run \"modprobe smc_diag\"",
			  "smc_diag does not list the connection: its mode is not known");
	else if (!is_smc(&result->here))
		describe_fallback(result, verdict, report);
	else
		check_add(report, "mode", CHECK_OK, NULL, "%s here, %s at the peer",
			  result->here.word, result->there.word ? result->there.word : "not known");
}

/* ---- the option ---- */

static void describe_option(const struct connect_result *result, struct check_report *report)
{
	const char *path = "let the firewalls and load balancers on the path pass TCP option 254";

	if (result->syn_left == FACTS_NO)
		check_add(
			report, "option", CHECK_WARNING, "run \"smc-ebpf status\" here",
			"the SYN left this host without SMC's option: it was left out here, as by "
			"policy");
	else if (result->syn_left == FACTS_YES && result->syn_arrived == FACTS_NO)
		check_add(
			report, "option", CHECK_PROBLEM, path,
			"the SYN left this host with SMC's option and arrived without: it is taken "
			"out on the way there");
	else if (result->synack_left == FACTS_YES && result->synack_arrived == FACTS_NO)
		check_add(
			report, "option", CHECK_PROBLEM, path,
			"the SYN-ACK left the peer with SMC's option and arrived without: it is taken "
			"out on the way back, and the peer takes data for SMC's messages");
	else if (result->syn_arrived == FACTS_YES && result->synack_left == FACTS_NO)
		check_add(
			report, "option", CHECK_WARNING, "run \"smc-ebpf status\" there",
			"the SYN arrived with SMC's option and the peer answered without: it was left "
			"out there, as by policy");
	else if (result->syn_arrived == FACTS_NO && result->synack_arrived == FACTS_YES)
		check_add(
			report, "option", CHECK_PROBLEM, path,
			"the SYN arrived without SMC's option and the SYN-ACK with it: something on "
			"the way answers by itself");
	else if (result->syn_arrived == FACTS_YES && result->synack_arrived == FACTS_YES)
		check_add(report, "option", CHECK_OK, NULL,
			  "SMC's option arrived both ways: nothing took it out");
	else
		check_add(
			report, "option", CHECK_WARNING,
			"look whether a proxy or a translation with new sequence numbers is on the path",
			"SYN and SYN-ACK were not all seen: where the option was lost, if it was, is "
			"not known");
}

/* ---- policy, data, times ---- */

static void describe_policy(const struct check_target *target, const char *verdict,
			    const char *reason, struct check_report *report)
{
	if (!verdict)
		check_add(report, "policy", CHECK_OK, NULL,
			  "smc-policyd does not answer here, so no policy was asked");
	else if (!strcmp(verdict, "tcp"))
		check_add(report, "policy", CHECK_WARNING,
			  "add an allow rule if this peer and port should use SMC",
			  "this host's policy says tcp to %s: %s", target->text, reason);
	else
		check_add(report, "policy", CHECK_OK, NULL, "this host's policy says smc to %s: %s",
			  target->text, reason);
}

static void describe_data(const struct connect_result *result, struct check_report *report)
{
	if (result->data_error)
		check_add(
			report, "data", CHECK_PROBLEM,
			"see the items before, and add a deny rule for this peer until it is mended",
			"the connection was set up, but data did not get through: %s",
			strerror(-result->data_error));
	else if (!result->right)
		check_add(
			report, "data", CHECK_PROBLEM,
			"use no SMC to this peer: add a deny rule, and look for an RDMA driver or "
			"firmware to update",
			"data arrived changed");
	else
		check_add(report, "data", CHECK_OK, NULL, "all data arrived unchanged, both ways");
}

static void describe_times(const struct connect_result *result, struct check_report *report)
{
	const struct connect_times *smc = &result->smc, *tcp = &result->tcp;
	const char *kind = is_smc(&result->here) ? result->here.word : "SMC socket on TCP";

	if (smc->setup && tcp->setup)
		check_add(report, "setup", CHECK_OK, NULL,
			  "a connect takes %.1f us (%s) and %.1f us (TCP), medians",
			  (double)smc->setup / 1000, kind, (double)tcp->setup / 1000);
	if (smc->round_trip && tcp->round_trip)
		check_add(
			report, "round-trip", CHECK_OK, NULL,
			"a message of 64 bytes and its answer take %.1f us (%s) and %.1f us (TCP), "
			"medians",
			(double)smc->round_trip / 1000, kind, (double)tcp->round_trip / 1000);
	if (smc->kib && tcp->kib)
		check_add(
			report, "data-rate", CHECK_OK, NULL,
			"a KiB takes %.2f us (%s) and %.2f us (TCP), both ways at once, medians%s",
			(double)smc->kib / 1000, kind, (double)tcp->kib / 1000,
			result->soft ? "; in pieces of 512 bytes, because soft RoCE breaks "
				       "longer writes when the host is busy"
				     : "");
}

void connect_describe(const struct check_target *target, const struct connect_result *result,
		      const char *verdict, const char *reason, struct check_report *report)
{
	if (!describe_peer(target, result, report))
		return;
	describe_policy(target, verdict, reason, report);
	if (result->smc_error == -EAFNOSUPPORT) {
		check_add(report, "connect", CHECK_PROBLEM, "run \"smc-ebpf check basic\"",
			  "this kernel opens no SMC socket");
		return;
	}
	if (result->smc_error) {
		check_add(
			report, "connect", CHECK_PROBLEM,
			"run \"smc-ebpf check syn\" with the same target, which tells what is in the way",
			"a TCP connection is there, an SMC socket does not connect: %s",
			strerror(-result->smc_error));
		return;
	}
	describe_option(result, report);
	describe_mode(result, verdict, report);
	describe_data(result, report);
	describe_times(result, report);
}

/* ---- [auto] ---- */

static uint64_t difference(uint64_t more, uint64_t less)
{
	uint64_t ns = more > less ? more - less : 0;

	return ns > NS_MAX ? NS_MAX : ns;
}

/* A key with its value, and a comment if that is not what was measured. */
static void write_key(FILE *out, const char *key, uint64_t ns, bool measured, const char *otherwise)
{
	if (!measured)
		fprintf(out, "# %s\n", otherwise);
	fprintf(out, "%s = %" PRIu64 "%s\n", key, ns, ns ? "ns" : "");
}

/*
 * Costs as [auto] takes them: what pays for a set-up, and what a message is worth, must be 1 byte to
 * 4 GiB.
 */
static void fit_costs(uint64_t *setup, uint64_t *kib, uint64_t *message)
{
	uint64_t most = *setup > *message ? *setup : *message, least = most * 1024 / UINT32_MAX + 1;

	*kib = *kib < least ? least : *kib;
	least = *kib / 1024 + 1;
	*setup = *setup < least ? least : *setup;
	*message = *message < least ? 0 : *message;
}

/* A round trip is two messages. */
char *connect_auto_lines(const struct connect_result *result)
{
	const struct connect_times *smc = &result->smc, *tcp = &result->tcp;
	uint64_t setup = difference(smc->setup, tcp->setup), kib = difference(tcp->kib, smc->kib);
	uint64_t message = difference(tcp->round_trip, smc->round_trip) / 2;
	uint64_t costs[] = { setup, kib, message };
	char *text = NULL;
	size_t size;
	FILE *out;

	if (!is_smc(&result->here) || !smc->setup || !tcp->setup || !smc->kib || !tcp->kib)
		return NULL;
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	fit_costs(&costs[0], &costs[1], &costs[2]);
	fputs("[auto]\n", out);
	if (result->soft)
		fputs("# Data went in pieces of 512 bytes over soft RoCE: kib-gain is not that of a "
		      "NIC\n",
		      out);
	write_key(out, "setup-cost", costs[0], costs[0] == setup,
		  "SMC's set-up took no longer than TCP's");
	write_key(out, "kib-gain", costs[1], costs[1] == kib,
		  "SMC moved data no faster than TCP: bytes gain nothing here");
	write_key(out, "message-gain", costs[2], message && costs[2] == message,
		  "SMC answered no faster than TCP: messages gain nothing here");
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
