// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loses the first SYN-ACK of every handshake over IPv6 that reaches an interface, so
 * that the client sends its SYN again and the server its SYN-ACK:
 *
 *	tc qdisc add dev eth0 clsact
 *	tc filter add dev eth0 ingress bpf direct-action object-file lose.bpf.o section classifier
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct ports {
	__be16 source, dest;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct ports);
	__type(value, __u8);
} lost SEC(".maps");

struct packet {
	struct ethhdr eth;
	struct ipv6hdr ip6;
	struct tcphdr tcp;
} __attribute__((packed));

SEC("classifier")
int lose_first_synack(struct __sk_buff *skb)
{
	struct packet packet;
	struct ports ports;
	__u8 one = 1;

	if (skb->protocol != bpf_htons(ETH_P_IPV6) ||
	    bpf_skb_load_bytes(skb, 0, &packet, sizeof(packet)) ||
	    packet.ip6.nexthdr != IPPROTO_TCP || !packet.tcp.syn || !packet.tcp.ack)
		return TC_ACT_OK;
	ports.source = packet.tcp.source;
	ports.dest = packet.tcp.dest;
	return bpf_map_update_elem(&lost, &ports, &one, BPF_NOEXIST) ? TC_ACT_OK : TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "GPL";
