// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Listing SMC sockets.  An iterator over TCP sockets (bpf/list.bpf.c) shows those below SMC sockets with
 * what the policy told each; smc_diag adds what only SMC knows.  The two are joined by addresses.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "kernel/internal.h"
#include "kernel/listing.h"
#include "kernel/module.h"
#include "kernel/netns.h"
#include "kernel/smc_diag.h"

#include "list.skel.h"

#define READ_ROOM 65536u

struct job {
	struct kernel *kernel;
	listing_visit visit;
	void *arg;
	struct bpf_link *link;
	bool ask_diag;
	int rc;
};

void listing_close(struct kernel *kernel)
{
	list_bpf__destroy(kernel->list);
	kernel->list = NULL;
}

/* The iterator costs nothing while nobody reads it, so what is loaded once stays so. */
static int load_list(struct kernel *kernel, struct kernel_error *error)
{
	struct list_bpf *list;
	int rc;

	if (kernel->list)
		return 0;
	list = list_bpf__open();
	rc = list ? maps_share(kernel, list->obj, &list->rodata->connection_sets) : -errno;
	if (!rc)
		rc = kernel_load(list->skeleton, "list");
	if (!rc)
		rc = list_bpf__attach(list);
	if (rc) {
		list_bpf__destroy(list);
		return kernel_load_failed(error, rc, "list");
	}
	kernel->list = list;
	return 0;
}

/* ---- one namespace ---- */

/* All that the iterator writes into *@text, to be freed in any case; how many bytes into @size. */
static int read_all(struct bpf_link *link, char **text, size_t *size)
{
	autoclose int fd = bpf_iter_create(bpf_link__fd(link));
	size_t room = 0;
	ssize_t got;

	*text = NULL;
	*size = 0;
	if (fd < 0)
		return -errno;
	do {
		if (room - *size < READ_ROOM) {
			char *more = realloc(*text, 2 * room + READ_ROOM);

			if (!more)
				return -ENOMEM;
			*text = more;
			room = 2 * room + READ_ROOM;
		}
		got = read(fd, *text + *size, room - *size);
		if (got > 0)
			*size += (size_t)got;
	} while (got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN)));
	return got < 0 ? -errno : 0;
}

/* Ports first: of some sockets smc_diag tells nothing else. */
static int compare_listed(const void *a, const void *b)
{
	const struct smc_policy_listed *one = a, *other = b;

	if (one->local_port != other->local_port)
		return one->local_port < other->local_port ? -1 : 1;
	if (one->peer_port != other->peer_port)
		return one->peer_port < other->peer_port ? -1 : 1;
	return memcmp(one->peer, other->peer, sizeof(one->peer));
}

static bool has_ports(const struct smc_policy_listed *tcp, const struct listing_smc *smc)
{
	return tcp->local_port == smc->local_port && tcp->peer_port == smc->peer_port;
}

static bool is_told(const uint8_t addr[16])
{
	static const uint8_t none[16];

	return memcmp(addr, none, sizeof(none)) != 0;
}

/* Whether @tcp is the socket below @smc, as far as that tells. */
static bool is_below(const struct smc_policy_listed *tcp, const struct listing_smc *smc)
{
	return has_ports(tcp, smc) &&
	       (!is_told(smc->peer) || (!memcmp(tcp->peer, smc->peer, sizeof(tcp->peer)) &&
					!memcmp(tcp->local, smc->local, sizeof(tcp->local))));
}

/* The first of the @n @all, sorted, that does not come before the ports of @smc. */
static size_t first_with_ports(const struct smc_policy_listed *all, size_t n,
			       const struct listing_smc *smc)
{
	struct smc_policy_listed wanted = { .local_port = smc->local_port,
					    .peer_port = smc->peer_port };
	size_t from = 0;

	while (from < n) {
		size_t middle = from + (n - from) / 2;

		if (compare_listed(&all[middle], &wanted) < 0)
			from = middle + 1;
		else
			n = middle;
	}
	return from;
}

/* The TCP socket below @smc among the @n @all, or NULL: none, or it cannot be told which. */
static const struct smc_policy_listed *find_below(const struct smc_policy_listed *all, size_t n,
						  const struct listing_smc *smc)
{
	const struct smc_policy_listed *found = NULL;

	for (size_t i = first_with_ports(all, n, smc); i < n && has_ports(&all[i], smc); i++) {
		if (!is_below(&all[i], smc))
			continue;
		if (found)
			return NULL;
		found = &all[i];
	}
	return found;
}

/* Visit what is in @diag, with its TCP socket; @matched: those of the @n @all that have been. */
static void visit_smc(const struct job *job, const struct netns *netns, const struct smc_diag *diag,
		      const struct smc_policy_listed *all, size_t n, bool *matched)
{
	for (size_t i = 0; i < diag->n; i++) {
		struct listing listing = {
			.smc = &diag->items[i],
			.tcp = find_below(all, n, &diag->items[i]),
			.netns = netns->name,
		};

		if (listing.tcp)
			matched[listing.tcp - all] = true;
		job->visit(job->arg, &listing);
	}
}

static int list_netns(const struct job *job, const struct netns *netns, struct smc_diag *diag)
{
	autofree char *text = NULL;
	autofree bool *matched = NULL;
	struct smc_policy_listed *all;
	size_t size, n;
	int rc = read_all(job->link, &text, &size);

	if (rc)
		return rc;
	if (job->ask_diag)
		rc = smc_diag_read(diag);
	/* Without module smc_diag there is less to tell. */
	if (rc && rc != -ENOENT)
		return rc;
	all = (struct smc_policy_listed *)text;
	n = size / sizeof(*all);
	matched = calloc(n + 1, sizeof(*matched));
	if (!matched)
		return -ENOMEM;
	if (n)
		qsort(all, n, sizeof(*all), compare_listed);
	visit_smc(job, netns, diag, all, n, matched);
	for (size_t i = 0; i < n; i++) {
		struct listing listing = { .tcp = &all[i], .netns = netns->name };

		/* The kernel has TCP sockets for other ends too, which nobody was asked for. */
		if (!matched[i] && (all[i].known || all[i].told.asked))
			job->visit(job->arg, &listing);
	}
	return 0;
}

static void visit_netns(void *arg, struct netns *netns)
{
	struct smc_diag diag = { 0 };
	struct job *job = arg;
	int rc = list_netns(job, netns, &diag);

	free(diag.items);
	if (rc && !job->rc)
		job->rc = rc;
}

int kernel_list_connections(struct kernel *kernel, listing_visit visit, void *arg,
			    struct kernel_error *error)
{
	struct job job = { .kernel = kernel, .visit = visit, .arg = arg };
	int rc = load_list(kernel, error);

	if (rc)
		return rc;
	job.link = kernel->list->links.list_living;
	/* Asking would load module smc. */
	job.ask_diag = smc_state() == SMC_LOADED;
	rc = netns_for_each(visit_netns, &job, NULL);
	rc = rc ? rc : job.rc;
	return rc ? kernel_fail(error, rc, "cannot list SMC sockets: %s; try again", strerror(-rc))
		  : 0;
}

bool kernel_is_told_by(const struct kernel *kernel, const struct smc_policy_told *told,
		       uint32_t epoch)
{
	struct smc_policy_rule_state state;

	return !kernel_read_rule_state(kernel, told->slot, &state) && state.epoch == epoch;
}
