// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "listener/internal.h"

#define CONNECTIONS_MAX 32
#define CONNECTION_SECONDS 10
#define CONNECTION_MEMORY 16384u

static struct {
	struct MHD_Daemon *daemon;
	struct listener_counts *counts;
	struct history *history;
	bool names_matter; /* browsers of this host reach it */
	bool dead; /* the daemon does not answer */
} http;

/* How a request went: its class, as the library calls it. */
static char went_well, went_wrong;

/* ---- answers ---- */

static const struct {
	const char *name, *value;
} headers[] = {
	{ "Cache-Control", "no-store" },
	{ "Content-Security-Policy",
	  "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'" },
	{ "Referrer-Policy", "no-referrer" },
	{ "X-Content-Type-Options", "nosniff" },
};

/* Answer with @text, which is taken over. */
static enum MHD_Result answer(struct MHD_Connection *connection, unsigned int status,
			      const char *type, char *text, size_t size)
{
	struct MHD_Response *response =
		text ? MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE) : NULL;
	enum MHD_Result rc;

	if (!response) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, "Content-Type", type);
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
		MHD_add_response_header(response, headers[i].name, headers[i].value);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, "Allow", "GET, HEAD");
	rc = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return rc;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned int status,
			      const char *text)
{
	return answer(connection, status, "text/plain; charset=utf-8", strdup(text), strlen(text));
}

static enum MHD_Result give_up(struct MHD_Connection *connection)
{
	http.dead = true;
	return refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "smc-policyd does not answer\n");
}

/* ---- what there is ---- */

static enum MHD_Result answer_metrics(struct MHD_Connection *connection)
{
	const char *accept =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	bool wanted = accept && strstr(accept, "application/openmetrics-text");
	const json_t *metrics = ask_metrics(wanted ? OPENMETRICS : OPENMETRICS_PROMETHEUS);
	const char *text = json_string_value(json_object_get(metrics, "text"));

	if (!text)
		return give_up(connection);
	return answer(connection, MHD_HTTP_OK,
		      wanted ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
			     : "text/plain; version=0.0.4; charset=utf-8",
		      strdup(text), strlen(text));
}

static enum MHD_Result answer_page(struct MHD_Connection *connection)
{
	const json_t *metrics = ask_metrics(OPENMETRICS);
	size_t size;
	char *page;

	if (!metrics)
		return give_up(connection);
	page = page_write(http.history, metrics, &size);
	return answer(connection, MHD_HTTP_OK, "text/html; charset=utf-8", page, size);
}

/*
 * Whether @host is an address or localhost.  A page of somebody else in a browser of this host could
 * read what is here under a name of its own that it lets point to 127.0.0.1.
 */
static bool is_plain_host(const char *host)
{
	char name[INET6_ADDRSTRLEN + 2];
	unsigned char addr[16];
	size_t length = strcspn(host, host[0] == '[' ? "]" : ":");

	if (length >= sizeof(name))
		return false;
	memcpy(name, host, length);
	name[length] = '\0';
	if (name[0] == '[')
		return inet_pton(AF_INET6, name + 1, addr) == 1;
	return !strcmp(name, "localhost") || inet_pton(AF_INET, name, addr) == 1;
}

static enum MHD_Result dispatch(struct MHD_Connection *connection, const char *url,
				const char *method)
{
	const char *host =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);

	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
	if (http.names_matter && host && !is_plain_host(host))
		return refuse(
			connection, MHD_HTTP_FORBIDDEN,
			"ask by address, or as localhost; [metrics] allow-remote = yes allows "
			"other names\n");
	if (!strcmp(url, "/metrics"))
		return answer_metrics(connection);
	if (!strcmp(url, "/"))
		return answer_page(connection);
	return refuse(connection, MHD_HTTP_NOT_FOUND, "there are / and /metrics\n");
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **class)
{
	enum MHD_Result rc;

	(void)cls;
	(void)version;
	(void)upload;
	(void)upload_size;
	if (http.dead)
		return MHD_NO;
	rc = dispatch(connection, url, method);
	*class = rc == MHD_YES && !http.dead ? &went_well : &went_wrong;
	return rc;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **class,
			 enum MHD_RequestTerminationCode code)
{
	(void)cls;
	(void)connection;
	if (*class == &went_well && code == MHD_REQUEST_TERMINATED_COMPLETED_OK)
		http.counts->answered++;
	else if (*class)
		http.counts->failed++;
}

/* ---- running ---- */

static bool is_loopback_socket(void)
{
	struct sockaddr_storage addr = { 0 };
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&addr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&addr;
	socklen_t size = sizeof(addr);

	if (getsockname(LISTENER_FD_SOCKET, (struct sockaddr *)&addr, &size))
		return false;
	return (addr.ss_family == AF_INET && ntohl(v4->sin_addr.s_addr) >> 24 == 127) ||
	       (addr.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr));
}

int http_start(struct listener_counts *counts, struct history *history)
{
	http.counts = counts;
	http.history = history;
	http.names_matter = is_loopback_socket();
	http.daemon =
		MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, NULL,
				 MHD_OPTION_LISTEN_SOCKET, (MHD_socket)LISTENER_FD_SOCKET,
				 MHD_OPTION_CONNECTION_LIMIT, (unsigned int)CONNECTIONS_MAX,
				 MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)CONNECTION_SECONDS,
				 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
				 MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
	return http.daemon ? 0 : -EIO;
}

int http_fd(void)
{
	return MHD_get_daemon_info(http.daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int http_timeout(void)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(http.daemon, &ms) != MHD_YES)
		return -1;
	return ms > 60000 ? 60000 : (int)ms;
}

bool http_run(void)
{
	MHD_run(http.daemon);
	return !http.dead;
}
