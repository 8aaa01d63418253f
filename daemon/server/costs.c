// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <stdio.h>

#include "common/log.h"
#include "server/costs.h"
#include "server/server.h"

#define FACTOR 3 /* that the configured cost may be off by */
#define ENOUGH 20 /* set-ups, before there is a warning */

static json_t *report_us(uint32_t us)
{
	return us ? json_integer(us) : json_null();
}

/* Whether setup-cost is more than FACTOR times what is seen, or less than a FACTORth. */
static bool differs(const struct server *server, const struct smc_policy_host *host)
{
	uint64_t seen = host->smc_setup * 1000ULL;
	uint64_t configured = server->config.settings.setup_cost;

	return host->smc_setups >= ENOUGH &&
	       (seen > FACTOR * configured || configured > FACTOR * seen);
}

json_t *costs_report(const struct server *server)
{
	struct smc_policy_host host;

	kernel_read_host(server->kernel, &host);
	return json_pack("{s:f, s:o, s:o, s:I, s:b}", "setup_cost",
			 server->config.settings.setup_cost / 1000.0, "smc_setup",
			 report_us(host.smc_setup), "tcp_setup", report_us(host.tcp_setup),
			 "setups", (json_int_t)host.smc_setups, "differs", differs(server, &host));
}

void costs_warning(const struct server *server, char *text, size_t size)
{
	struct smc_policy_host host;

	text[0] = '\0';
	kernel_read_host(server->kernel, &host);
	if (differs(server, &host))
		snprintf(
			text, size,
			"[auto] setup-cost is %.6gus, but setting SMC up takes clients of this host "
			"%uus; set setup-cost, kib-gain and message-gain to what you measure",
			server->config.settings.setup_cost / 1000.0, host.smc_setup);
}

void costs_follow(struct server *server)
{
	char text[256];

	costs_warning(server, text, sizeof(text));
	if (text[0] && !server->costs_differ)
		log_warning("%s", text);
	server->costs_differ = text[0] != '\0';
}
