/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Causes of fallbacks: the codes that a kernel gives when an SMC socket goes on over TCP, in words,
 * with what to do about them.  The table is the only home of these words.
 *
 * The codes are those of net/smc/smc_clc.h (SMC_CLC_DECL_*), as smc_diag (struct smc_diag_fallback),
 * the statistics of fallbacks (SMC_NETLINK_GET_FBACK_STATS) and the tracepoint
 * smc_switch_to_fallback tell them.  A negative errno can be one too.
 */
#ifndef SMC_POLICY_CAUSES_H
#define SMC_POLICY_CAUSES_H

#include <stddef.h>
#include <stdint.h>

#define CAUSE_LINES 8 /* the most that a list below has */
#define CAUSE_CODE_SIZE 16 /* of a code as text */

/* The words that smc-policy finds itself, where the kernel's code alone does not tell. */
#define CAUSE_POLICY "policy" /* this host's verdict was tcp */
#define CAUSE_PEER_POLICY "peer-policy" /* the peer left the option out, but speaks SMC elsewhere */
#define CAUSE_UNKNOWN "unknown" /* a code that the table does not have */

/* Which kernels give the code. */
enum cause_origin {
	CAUSE_UPSTREAM, /* upstream's kernels, and others in the same sense */
	CAUSE_ALIBABA, /* only those of Alibaba Cloud Linux and Anolis OS */
	CAUSE_DIFFERS, /* several, in different senses: @differs tells them apart */
	CAUSE_ERRNO, /* any, as a negative errno */
	CAUSE_OURS, /* none: smc-policy finds it itself */
};

/* Where to look, as seen from the end that gives the code. */
enum cause_place {
	CAUSE_THIS_END,
	CAUSE_OTHER_END,
	CAUSE_BOTH_ENDS,
	CAUSE_PATH, /* what lies between the ends */
};

struct cause_remedy {
	const char *text; /* a sentence without its full stop */
	const char *command; /* what to type, capitals stand for values; NULL: nothing */
};

struct cause {
	uint32_t code; /* 0: the kernel has none for it, or it stands for more than one */
	const char *name; /* the constant, or of an errno its name; NULL: none */
	const char *other_name; /* what other kernels call the constant, NULL: the same */
	const char *word; /* stable, lower case with hyphens; codes with one answer share it */
	enum cause_origin origin;
	enum cause_place place;
	const char *text; /* what happened, a sentence */
	const char *differs; /* CAUSE_DIFFERS: what it means where, else NULL */
	const char *likely[CAUSE_LINES]; /* at least one, the likeliest first, up to a NULL */
	struct cause_remedy remedies[CAUSE_LINES]; /* at least one, up to one without text */
};

/* All causes: ours, then the kernel's by their codes, then errnos. */
extern const struct cause causes[];
extern const size_t causes_n;

#define cause_for_each(cause) for ((cause) = causes; (cause) < causes + causes_n; (cause)++)

/*
 * The cause of @code, in host byte order: of a negative errno at least what is true of every errno.
 * NULL: 0, which is no fallback, or a code that the table does not have.
 */
const struct cause *cause_by_code(uint32_t code);

/*
 * The cause that @text names: a code in hexadecimal with or without 0x or leading zeros
 * ("0x03010000", "3010000"), an errno ("-110", "ETIMEDOUT"), the constant with or without
 * SMC_CLC_DECL_, or our word.  Upper and lower case are alike.  Of a word that several causes share
 * it is the first; the others have the same @word.  NULL: there is none.
 */
const struct cause *cause_by_text(const char *text);

/* The word of @code, as of cause_by_code(); CAUSE_UNKNOWN where that has none. */
const char *cause_word(uint32_t code);

/* Write @code as all outputs have it, "0x03010000", to @text of CAUSE_CODE_SIZE bytes. */
void cause_format_code(uint32_t code, char *text);

/* The number that @text is of a code, in a form of cause_by_text(), into @code: 0 or -EINVAL. */
int cause_read_code(const char *text, uint32_t *code);

#endif
