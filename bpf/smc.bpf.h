/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SMC connections: which there are, what they carry, and what their ends tell of peers,
 * paths and this host.
 */
#ifndef SMC_POLICY_SMC_BPF_H
#define SMC_POLICY_SMC_BPF_H

#include "budget.bpf.h"
#include "core.h"
#include "path.bpf.h"
#include "seen.bpf.h"

/* Reasons of net/smc/smc_clc.h (SMC_CLC_DECL_*). */
#define DECL_MEM 0x01010000u
#define DECL_TIMEOUT_CL 0x02010000u /* RDMA link not confirmed */
#define DECL_TIMEOUT_AL 0x02020000u
#define DECL_CNFERR 0x03000000u /* first of those in configuration */
#define DECL_NOV2EXT 0x03030004u /* first of the differences between the ends */
#define DECL_MAXLINKERR 0x0303000bu /* last of them */
#define DECL_NOSMCD2DEV 0x03030007u /* but this one: no device */
#define DECL_MODEUNSUPP 0x03040000u
#define DECL_DIFFPREFIX 0x03070000u
#define DECL_VERSMISMAT 0x030c0000u
#define DECL_SYNCERR 0x04000000u
#define DECL_PEERDECL 0x05000000u
#define DECL_INTERR 0x09990000u

/* A peer must have shown so often in succession that it does not speak SMC. */
#define NO_SMC_TIMES 3

/*
 * And differ from this host for so many seconds: versions and UEIDs are set up on one host
 * after the other.
 */
#define MISMATCH_TIME 60

static __always_inline __u64 smc_policy_seconds(__u32 first, __u32 most, __u32 doublings)
{
	__u64 seconds = (__u64)first << (doublings < 24 ? doublings : 24);

	return (seconds < most ? seconds : most) * SMC_AUTO_SEC;
}

/*
 * Whether @code says that the two ends differ, so that it will be the same next time.  A missing
 * device or a declined proposal (for what reason the peer keeps to itself) may be mended here or
 * there any moment, and costs no more than the try.
 */
static __always_inline int smc_policy_is_mismatch(__u32 code)
{
	return code == SMC_POLICY_PEERNOSMC || code == DECL_MODEUNSUPP || code == DECL_DIFFPREFIX ||
	       code == DECL_VERSMISMAT ||
	       (code >= DECL_NOV2EXT && code <= DECL_MAXLINKERR && code != DECL_NOSMCD2DEV);
}

/*
 * The service of @connection at its peer does not speak SMC with us: @code tells why.  It is
 * noted in any case, and keeps the next ones on TCP if the ends differ.
 */
static __always_inline void smc_policy_no_smc(const struct smc_auto_connection *connection,
					      __u32 code, __u64 now)
{
	__u32 first = smc_policy_parameter(SMC_POLICY_PAR_PEER, 0);
	__u32 most = smc_policy_parameter(SMC_POLICY_PAR_PEER_MAX, 0);
	struct smc_auto_key key = smc_auto_peer_key(connection);
	struct smc_auto_peer *peer = smc_auto_make_peer(&key);
	__u32 seconds = (__u32)(now / SMC_AUTO_SEC);
	struct smc_policy_host *host = smc_policy_host_state();

	if (!peer)
		return;
	peer->no_smc_code = code;
	if (!smc_policy_is_mismatch(code))
		return;
	if (!peer->no_smc_times || !peer->no_smc_since)
		peer->no_smc_since = seconds;
	if (peer->no_smc_times < NO_SMC_TIMES - 1) {
		peer->no_smc_times++;
		return;
	}
	if (!first ||
	    (code != SMC_POLICY_PEERNOSMC && seconds - peer->no_smc_since < MISMATCH_TIME))
		return;
	peer->no_smc_times++;
	if (host)
		host->peers_known = 1;
	peer->no_smc_until =
		now + smc_policy_seconds(first, most, peer->no_smc_times - NO_SMC_TIMES);
}

static __always_inline void smc_policy_speaks_smc(const struct smc_auto_connection *connection)
{
	struct smc_auto_key key = smc_auto_peer_key(connection);
	struct smc_auto_peer *peer = bpf_map_lookup_elem(&auto_peers, &key);

	if (!peer || !peer->no_smc_times)
		return;
	peer->no_smc_times = 0;
	peer->no_smc_until = 0;
	peer->no_smc_code = 0;
}

/* This host lacks something: no SMC for a while, twice as long if that was not long enough. */
static __always_inline void smc_policy_cool_down(__u32 code, __u64 now)
{
	__u32 first = smc_policy_parameter(SMC_POLICY_PAR_COOLDOWN, 0);
	__u32 most = smc_policy_parameter(SMC_POLICY_PAR_COOLDOWN_MAX, 0);
	struct smc_policy_host *host = smc_policy_host_state();
	__u64 last;

	if (!host || !first || now < host->cooldown_until)
		return;
	last = host->cooldown * SMC_AUTO_SEC;
	if (!last || now - host->cooldown_until > last)
		host->cooldown = first;
	else
		host->cooldown = host->cooldown * 2 < most ? host->cooldown * 2 : most;
	host->cooldown_until = now + host->cooldown * SMC_AUTO_SEC;
	host->cooldown_code = code;
	host->cooldown_times++;
}

/* ---- what a set-up costs ---- */

/*
 * @median after one more @sample: a step of a sixteenth towards it.  Where as many are larger as are
 * smaller it stays, whatever single ones are like.
 */
static __always_inline __u32 smc_policy_towards(__u32 median, __u32 sample)
{
	__u32 step = median / 16 + 1;

	if (!median)
		return sample;
	return sample > median ? median + step : sample < median ? median - step : median;
}

/* TCP's handshake took this client @us, and now SMC's begins. */
static __always_inline void smc_policy_measure_tcp(__u32 us)
{
	struct smc_policy_host *host = smc_policy_host_state();

	if (host && us)
		host->tcp_setup = smc_policy_towards(host->tcp_setup, us);
}

/*
 * SMC's handshake, on TCP socket @tp of a client, has ended before @now: data is about to flow.  The
 * program may have waited before it wrote, so what counts is the last packet on the TCP connection, which
 * carried the last CLC message or acknowledged it.  Confirming the first link of a link group comes
 * after that, by RDMA, and is left out.
 */
static __always_inline void smc_policy_measure_smc(const struct smc_policy_smc *smc,
						   struct tcp_sock *tp, __u64 now)
{
	struct smc_policy_host *host = smc_policy_host_state();
	__u64 last = 0;

	if (bpf_core_field_exists(tp->tcp_mstamp))
		last = BPF_CORE_READ(tp, tcp_mstamp) * 1000;
	if (!host || smc->side != SMC_POLICY_CONNECT || last <= smc->begun || last > now)
		return;
	host->smc_setup = smc_policy_towards(host->smc_setup, (__u32)((last - smc->begun) / 1000));
	host->smc_setups++;
}

/* ---- a connection's life ---- */

/*
 * Both ends have shown the option, this one @syns_resent times more than once.  @told: what it was told,
 * NULL: nobody knows.
 */
static __always_inline void smc_policy_begin(const struct smc_auto_connection *connection,
					     __u64 cookie, const struct smc_policy_told *told,
					     __u32 syns_resent, __u64 now)
{
	struct smc_policy_smc smc = {
		.begun = now,
		.side = connection->side,
		.port = connection->port,
		.peer = { connection->peer[0], connection->peer[1], connection->peer[2],
			  connection->peer[3] },
		.syns_resent = syns_resent,
	};
	struct smc_policy_smc *noted;
	long rc;

	if (told)
		smc.told = *told;
	rc = bpf_map_update_elem(&smc_connections, &cookie, &smc, BPF_NOEXIST);
	count_connection(rc);
	note_speaker(smc.peer, now);
	if (rc)
		return;
	noted = bpf_map_lookup_elem(&smc_connections, &cookie);
	if (noted)
		smc_policy_add_live(noted);
}

static __always_inline struct smc_auto_connection
smc_policy_connection_of(const struct smc_policy_smc *smc)
{
	return (struct smc_auto_connection){
		.peer = { smc->peer[0], smc->peer[1], smc->peer[2], smc->peer[3] },
		.port = smc->port,
		.side = smc->side,
	};
}

/* Longer than that, an end has waited in vain: for 6 s (CLC_WAIT_TIME, net/smc/smc_clc.h). */
#define WAITED (5 * SMC_AUTO_SEC)

/*
 * Whether messages of a handshake that ended with @code after @age were lost.  A peer that waits for
 * ours in vain declines, and may do so before this end has waited for as long.
 */
static __always_inline int smc_policy_timed_out(__u32 code, __u64 age)
{
	return code == DECL_TIMEOUT_CL || code == DECL_TIMEOUT_AL ||
	       (code == DECL_PEERDECL && age > WAITED);
}

/* It goes on as TCP because of @code. */
static __always_inline void smc_policy_fall_back(struct smc_policy_smc *smc, __u32 code, __u64 now)
{
	struct smc_auto_connection connection = smc_policy_connection_of(smc);

	if (smc->flags & SMC_POLICY_SMC_FALLBACK)
		return;
	smc->flags |= SMC_POLICY_SMC_FALLBACK;
	smc->code = code;
	smc_policy_drop_live(smc);
	count_fallback((__u64)smc->peer[1] << 32 | smc->peer[0],
		       (__u64)smc->peer[3] << 32 | smc->peer[2],
		       fallback_what(&smc->told, smc->side, 1), code, now);
	if (code == DECL_MEM || code >> 16 == DECL_INTERR >> 16)
		smc_policy_cool_down(code, now);
	else if (smc_policy_timed_out(code, now - smc->begun))
		smc_policy_path_vote(smc->side, smc->peer, smc->begun, SMC_POLICY_EVIDENCE_TIMEOUT,
				     code, now);
	else if ((__s32)code < 0 || code == DECL_SYNCERR)
		smc_policy_path_vote(smc->side, smc->peer, smc->begun, SMC_POLICY_EVIDENCE_GARBLED,
				     code, now);
	else if (code >> 24 == DECL_CNFERR >> 24 || code == DECL_PEERDECL)
		smc_policy_no_smc(&connection, code, now);
}

/* SMC carries data: that is what all this is for. */
static __always_inline void smc_policy_prove(struct smc_policy_smc *smc, __u64 now)
{
	struct smc_auto_connection connection = smc_policy_connection_of(smc);

	if (smc->flags & SMC_POLICY_SMC_PROVEN)
		return;
	smc->flags |= SMC_POLICY_SMC_PROVEN;
	smc_policy_path_praise(smc->side, smc->peer, smc->begun, now);
	smc_policy_speaks_smc(&connection);
}

/* Whether all of @smc has been seen: its falling back too, if it did. */
static __always_inline int smc_policy_seen_whole(const struct smc_policy_smc *smc)
{
	const struct smc_policy_host *host = smc_policy_host_state();

	return host && smc->begun >= host->judged_from;
}

/*
 * How the CLC handshake of a connection went that has carried nothing and did not fall
 * back, as far as was seen: connect() may have failed, and no tracepoint tells that
 * (net/smc/af_smc.c, __smc_connect).  It went well if the client has sent two @messages, proposal
 * and confirm, and the server got both.  @received: bytes that came by TCP.
 */
static __always_inline void smc_policy_judge_end(const struct smc_policy_smc *smc, __s32 messages,
						 __u64 received, __u64 age, __u64 now)
{
	__u32 evidence = SMC_POLICY_EVIDENCE_RESET;

	if (!smc_policy_seen_whole(smc))
		return;
	if (messages >= 2) {
		smc_policy_path_praise(smc->side, smc->peer, smc->begun, now);
		return;
	}
	if (received)
		evidence = SMC_POLICY_EVIDENCE_GARBLED;
	else if (age > WAITED)
		evidence = SMC_POLICY_EVIDENCE_TIMEOUT;
	smc_policy_path_vote(smc->side, smc->peer, smc->begun, evidence, 0, now);
}

#endif
