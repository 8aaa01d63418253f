/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * smc-tool: what the tests need to make, see and configure SMC connections.
 *
 * Linked statically, so that the same binary runs in every guest.  Output is
 * lines of key=value; diagnostics go to stderr.  Exit status: 0 done, 1 failed,
 * 2 wrong usage.
 */
#ifndef SMC_TOOL_H
#define SMC_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>

#define EXIT_USAGE 2

/* ---- subcommands: argv[0] is the subcommand's name ---- */

int cmd_server(int argc, char **argv);
int cmd_client(int argc, char **argv);
int cmd_load(int argc, char **argv);
int cmd_refuse(int argc, char **argv);
int cmd_mix(int argc, char **argv);
int cmd_turns(int argc, char **argv);
int cmd_capture(int argc, char **argv);
int cmd_diag(int argc, char **argv);
int cmd_linkgroups(int argc, char **argv);
int cmd_fallback_stats(int argc, char **argv);
int cmd_handshake_stats(int argc, char **argv);
int cmd_ueid(int argc, char **argv);
int cmd_pnetid(int argc, char **argv);
int cmd_signal_server(int argc, char **argv);
int cmd_tsc(int argc, char **argv);
int cmd_await(int argc, char **argv);
int cmd_crowd(int argc, char **argv);
int cmd_obstacles(int argc, char **argv);

/* ---- tool-util.c ---- */

/* Print "smc-tool SUBCOMMAND: message" and end with EXIT_USAGE or EXIT_FAILURE. */
__attribute__((noreturn, format(printf, 1, 2))) void usage_error(const char *format, ...);
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);
/* As fail(), with the text of errno. */
__attribute__((noreturn, format(printf, 1, 2))) void fail_errno(const char *format, ...);

/* The file @path, empty, to be written line by line, so that others see each line at once. */
FILE *create_lines(const char *path);

/* The number in @text, or a usage error that names @option. */
unsigned long parse_number(const char *option, const char *text, unsigned long max);

/* CLOCK_MONOTONIC. */
uint64_t now_us(void);

/* Which kind of socket a connection is opened or accepted with. */
enum socket_kind {
	SOCKET_SMC, /* AF_SMC */
	SOCKET_IPPROTO_SMC, /* AF_INET*, IPPROTO_SMC: Linux 6.11 and later */
	SOCKET_TCP,
};

enum socket_kind parse_socket_kind(const char *text);

struct endpoint {
	struct sockaddr_storage addr;
	socklen_t len;
	enum socket_kind kind;
};

/* Fills @endpoint from an IPv4 or IPv6 address in text and a port. */
void endpoint_set(struct endpoint *endpoint, const char *address, unsigned long port);
/* A socket of the endpoint's kind and IP version; @flags as SOCK_NONBLOCK.  Never fails. */
int endpoint_socket(const struct endpoint *endpoint, int flags);
uint16_t sockaddr_port(const struct sockaddr_storage *addr);
void sockaddr_set_port(struct sockaddr_storage *addr, uint16_t port);
/* Binds to the unspecified address of the endpoint's IP version; a server may use it again. */
void bind_local_port(int fd, const struct endpoint *endpoint, uint16_t port);
uint16_t local_port(int fd);
ino_t socket_inode(int fd);
/* SO_ERROR, what became of a connect() that did not wait: an errno or 0. */
int socket_error(int fd);
/* Whether errno says that a socket does not take or have anything now. */
bool would_block(void);

/* Fills @data with bytes that depend on @seed only. */
void fill_pseudo_random(unsigned char *data, size_t len, uint64_t seed);

/* ---- tool-diag.c: smc_diag over netlink ---- */

/* One SMC socket as the kernel describes it. */
struct smc_state {
	ino_t inode;
	uint8_t state; /* enum smc_state of the kernel, as a number */
	uint8_t mode; /* SMC_DIAG_MODE_* */
	bool link_group; /* part of a link group (SMC-R) or using a device (SMC-D) */
	int family;
	char source[48];
	char destination[48];
	uint16_t source_port;
	uint16_t destination_port;
	uint32_t reason; /* SMC_CLC_DECL_* or errno of this side's fallback, else 0 */
	uint32_t peer_reason; /* what the peer declined with, else 0 */
};

/* Calls @visit for every AF_SMC socket of this network namespace; 0 or -1 with a message. */
int smc_diag_walk(void (*visit)(const struct smc_state *state, void *data), void *data);

/* What a connected socket turned into.  @state is NULL if smc_diag does not list the socket. */
const char *mode_name(enum socket_kind kind, const struct smc_state *state);
/* "mode=… reason=0x… peer_reason=0x… linkgroup=…", no newline. */
void print_mode(FILE *out, enum socket_kind kind, const struct smc_state *state);
/* Looks one socket up; false if it is not listed. */
bool smc_diag_find(ino_t inode, struct smc_state *state);

/* ---- tool-genl.c ---- */

/* Handshakes of this network namespace so far. */
struct handshake_stats {
	uint64_t client, server; /* that ended with SMC, -R or -D */
	uint64_t client_errors, server_errors; /* that broke the connection */
};

void handshake_stats_read(struct handshake_stats *stats);

#endif
