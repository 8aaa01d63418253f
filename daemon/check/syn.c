// SPDX-License-Identifier: GPL-2.0-or-later
/* What the answers to SYNs of different kinds say about a path. */
#include <stdio.h>

#include "check/syn.h"

const char *const syn_path_words[PATHS] = {
	[PATH_SMC] = "smc",
	[PATH_PLAIN] = "plain",
	[PATH_DROPPED] = "dropped",
	[PATH_REPLAYED] = "replayed",
	[PATH_CONFLICTING] = "conflicting",
	[PATH_OVERLONG] = "overlong",
	[PATH_REJECTED] = "rejected",
	[PATH_CLOSED] = "closed",
	[PATH_SILENT] = "silent",
};

/* What was found, what it means and what to do. */
static const struct {
	enum check_state state;
	const char *text, *remedy;
} meanings[PATHS] = {
	[PATH_SMC] = { CHECK_OK,
		       "answers with SMC's option: the peer speaks SMC and nothing is in the way",
		       NULL },
	[PATH_PLAIN] = { CHECK_OK,
			 "answers a SYN with SMC's option like one without: the peer does not speak "
			 "SMC, or the path takes the option out; connections are plain TCP",
			 "if the peer should speak SMC, run \"smc-ebpf check basic\" there, and this from a host nearer to it" },
	[PATH_DROPPED] = { CHECK_PROBLEM,
			   "does not get SYNs with SMC's option, only those without: something drops "
			   "them, and each connection with the option waits in vain",
			   "let the firewall or load balancer on the path pass TCP option 254, or add a "
			   "deny rule for this peer" },
	[PATH_REPLAYED] = { CHECK_PROBLEM,
			    "sends back an option content that it cannot know: something copies "
			    "options from the SYN into the answer, so this host believes that the "
			    "peer speaks SMC and connections hang for seconds",
			    "add a deny rule for this peer, and have the device on the path repaired" },
	[PATH_CONFLICTING] = { CHECK_PROBLEM,
			       "answers with TCP option 254 and a content that was not asked for: "
			       "something else uses the same option on this path",
			       "find out who uses option 254 (a load balancer, experimental TCP Fast "
			       "Open) and give it another one, or add a deny rule for this peer" },
	[PATH_OVERLONG] = { CHECK_PROBLEM,
			    "does not answer a SYN rightly whose option space is full, which it is "
			    "when other options come beside SMC's: something on the path needs room "
			    "for an option of its own",
			    "switch off options that are not needed on the path (client addresses, "
			    "experimental TCP Fast Open), or add a deny rule for this peer" },
	[PATH_REJECTED] = { CHECK_PROBLEM,
			    "resets connections that ask for SMC and accepts others: something on the "
			    "path refuses the option",
			    "let the firewall or load balancer on the path pass TCP option 254, or add a "
			    "deny rule for this peer" },
	[PATH_CLOSED] = { CHECK_WARNING,
			  "resets every connection: nothing listens on this port, so the path was not "
			  "tested",
			  "name a port on which the peer listens" },
	[PATH_SILENT] = { CHECK_WARNING,
			  "does not answer at all: the peer is down, or a firewall drops everything "
			  "to this port, so the path was not tested",
			  "check address, route and firewall, then name a port that answers" },
};

/* Of a path on which a SYN with the option is not accepted. */
static enum syn_path judge_refused(enum syn_reply smc, enum syn_reply plain)
{
	if (plain == SYN_ACCEPTED)
		return smc == SYN_REFUSED ? PATH_REJECTED : PATH_DROPPED;
	if (smc == SYN_REFUSED)
		return PATH_CLOSED;
	return plain == SYN_REFUSED ? PATH_DROPPED : PATH_SILENT;
}

/*
 * A SYN without an option of its own asks for none, so whatever comes back with kind 254 was not sent.
 * A SYN that is full is answered rightly if it is answered as the one that is not.
 */
enum syn_path syn_judge(const struct syn_answer answers[SYN_KINDS])
{
	const struct syn_answer *smc = &answers[SYN_SMC], *full = &answers[SYN_FULL];
	bool conflict = false;

	if (smc->reply != SYN_ACCEPTED)
		return judge_refused(smc->reply, answers[SYN_PLAIN].reply);
	if (answers[SYN_UNKNOWN].sent_back)
		return PATH_REPLAYED;
	for (int kind = 0; kind < SYN_FULL; kind++)
		conflict |= answers[kind].other_back;
	if (conflict)
		return PATH_CONFLICTING;
	if (full->reply != SYN_ACCEPTED || full->sent_back != smc->sent_back || full->other_back)
		return PATH_OVERLONG;
	return smc->sent_back ? PATH_SMC : PATH_PLAIN;
}

static const char *const kind_words[SYN_KINDS] = {
	[SYN_SMC] = "with the option",
	[SYN_PLAIN] = "without",
	[SYN_UNKNOWN] = "unknown magic",
	[SYN_FULL] = "full",
};

/* "with the option: SYN-ACK with it, 0.3 ms" to @text. */
static int describe_answer(enum syn_kind kind, const struct syn_answer *answer, char *text,
			   size_t size)
{
	static const char *const replies[] = {
		[SYN_UNANSWERED] = "no answer",
		[SYN_ACCEPTED] = "SYN-ACK",
		[SYN_REFUSED] = "RST",
	};
	char time[40] = "";

	if (answer->reply == SYN_UNANSWERED)
		snprintf(time, sizeof(time), " to %u", answer->sent);
	else
		snprintf(time, sizeof(time), " in %u.%u ms", answer->rtt_us / 1000,
			 answer->rtt_us % 1000 / 100);
	return snprintf(text, size, "%s: %s%s%s%s", kind_words[kind], replies[answer->reply],
			answer->sent_back ? " with it" : "",
			answer->other_back ? " with another content" : "", time);
}

void syn_describe(const struct check_target *target, const struct syn_answer answers[SYN_KINDS],
		  enum syn_path path, struct check_report *report)
{
	char details[400] = "";
	size_t used = 0;

	for (int kind = 0; kind < SYN_KINDS; kind++) {
		if (!answers[kind].sent)
			continue;
		used += (size_t)snprintf(details + used, sizeof(details) - used, "%s",
					 used ? ", " : "");
		used += (size_t)describe_answer((enum syn_kind)kind, &answers[kind], details + used,
						sizeof(details) - used);
	}
	check_add(report, "path", meanings[path].state, meanings[path].remedy, "%s: %s %s (%s)",
		  syn_path_words[path], target->text, meanings[path].text, details);
}
