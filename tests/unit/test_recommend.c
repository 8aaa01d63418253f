// SPDX-License-Identifier: GPL-2.0-or-later
/* Recommendations: which rules what was learned speaks for, and their text. */
#include "unit.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "estimate.h"
#include "policy/config.h"
#include "policy/recommend.h"

#define PORT 5432
#define CONTEXTS_MAX 256

static struct recommend_context contexts[CONTEXTS_MAX];
static size_t n_contexts;
static struct recommend_list list;

static int begin(void **state)
{
	(void)state;
	n_contexts = 0;
	return 0;
}

static int end(void **state)
{
	(void)state;
	recommend_clear(&list);
	return 0;
}

/* @worthwhile of @connections gain two set-ups each.  @bits as in struct smc_auto_key. */
static struct recommend_context *learned(uint16_t port, uint8_t bits, const char *address,
					 uint64_t connections, uint64_t worthwhile)
{
	struct recommend_context *one = &contexts[n_contexts++];

	*one = (struct recommend_context){
		.key = { .side = SMC_POLICY_CONNECT, .bits = bits, .port = port },
		.tally = {
			.connections = connections,
			.worthwhile = worthwhile,
			.bytes = worthwhile * 300 * 1024,
			.gain = worthwhile * 2 * SMC_AUTO_ONE,
		},
	};
	if (!address)
		return one;
	if (strchr(address, ':')) {
		assert_int_equal(inet_pton(AF_INET6, address, one->key.peer), 1);
	} else {
		one->key.peer[2] = htonl(0xffff);
		assert_int_equal(inet_pton(AF_INET, address, &one->key.peer[3]), 1);
	}
	return one;
}

static struct recommend_context *service(uint16_t port, uint64_t connections, uint64_t worthwhile)
{
	return learned(port, 0, NULL, connections, worthwhile);
}

static void propose(size_t wanted)
{
	assert_int_equal(recommend(contexts, n_contexts, &list), 0);
	assert_int_equal(list.n, wanted);
}

static void assert_peers(const struct recommendation *one, size_t n, const char *first)
{
	char text[VALUE_TEXT_SIZE] = "";

	assert_int_equal(one->n_peers, n);
	if (n)
		value_format_prefix(&one->peers[0], text);
	assert_string_equal(text, first);
}

static void nothing_is_proposed_from_nothing(void **state)
{
	(void)state;
	propose(0);
	assert_int_equal(list.services, 0);
}

static void few_connections_prove_nothing(void **state)
{
	(void)state;
	service(PORT, RECOMMEND_ENOUGH - 1, RECOMMEND_ENOUGH - 1);
	propose(0);
	assert_int_equal(list.services, 0);
	assert_int_equal(list.connections, RECOMMEND_ENOUGH - 1);
}

static void service_that_is_worth_it_is_allowed(void **state)
{
	(void)state;
	service(PORT, 100, 95);
	propose(1);
	assert_string_equal(list.items[0].name, "learned-connect-5432");
	assert_int_equal(list.items[0].action, SMC_POLICY_ALLOW);
	assert_peers(&list.items[0], 0, "");
	/* What the other five cost is taken off. */
	assert_int_equal(recommend_gain(&list.items[0]), (95 * 2 - 5) * SMC_AUTO_ONE);
}

static void service_that_never_is_is_denied(void **state)
{
	(void)state;
	service(PORT, 1000, 10);
	service(80, 99, 0);
	propose(1);
	assert_int_equal(list.items[0].action, SMC_POLICY_DENY);
	assert_int_equal(list.items[0].port, PORT);
	assert_int_equal(recommend_gain(&list.items[0]), (990 - 20) * SMC_AUTO_ONE);
	assert_int_equal(list.undecided, 1);
}

static void subnets_that_are_worth_it_are_named(void **state)
{
	(void)state;
	service(PORT, 400, 200);
	learned(PORT, SMC_AUTO_BITS_V4, "10.1.2.0", 100, 100);
	learned(PORT, SMC_AUTO_BITS_V6, "fd00:1::", 80, 80);
	learned(PORT, SMC_AUTO_BITS_V4, "10.1.3.0", 200, 2);
	learned(PORT, SMC_AUTO_BITS_PEER, "10.1.2.7", 50, 50);
	learned(PORT, SMC_AUTO_BITS_PEER, "10.1.3.9", 20, 20);
	propose(1);
	assert_int_equal(list.items[0].action, SMC_POLICY_ALLOW);
	/* The peer inside a subnet that is named need not be, the one outside must. */
	assert_peers(&list.items[0], 3, "10.1.2.0/24");
	assert_int_equal(list.items[0].tally.connections, 200);
}

static void peers_that_are_never_worth_it_are_taken_out_of_what_is_allowed(void **state)
{
	(void)state;
	service(PORT, 2000, 1850);
	learned(PORT, SMC_AUTO_BITS_V4, "10.1.2.0", 2000, 1850);
	learned(PORT, SMC_AUTO_BITS_PEER, "10.1.2.9", 150, 0);
	propose(2);
	assert_int_equal(list.items[0].action, SMC_POLICY_ALLOW);
	assert_int_equal(list.items[1].action, SMC_POLICY_DENY);
	assert_string_equal(list.items[1].name, "learned-connect-5432-deny");
	assert_peers(&list.items[1], 1, "10.1.2.9/32");
}

static void mixed_service_is_auto_if_it_can_be_told_apart(void **state)
{
	(void)state;
	service(PORT, 100, 20)->predictable = true;
	service(80, 100, 20);
	propose(1);
	assert_int_equal(list.items[0].action, SMC_POLICY_AUTO);
	assert_int_equal(list.items[0].port, PORT);
	assert_int_equal(list.undecided, 1);
}

static void service_whose_connections_live_on_is_auto(void **state)
{
	struct recommend_context *one;

	(void)state;
	one = service(PORT, 0, 0);
	one->predictable = true;
	one->expected = 2 * SMC_AUTO_ONE;
	service(80, 0, 0)->expected = -SMC_AUTO_ONE;
	propose(1);
	assert_int_equal(list.items[0].action, SMC_POLICY_AUTO);
	list.items[0].live = 7;
	assert_int_equal(recommend_gain(&list.items[0]), 14 * SMC_AUTO_ONE);
}

static void most_comes_first_and_what_is_denied_last(void **state)
{
	(void)state;
	service(1, 5000, 0);
	service(2, 100, 100);
	service(3, 200, 200);
	service(4, 6000, 0);
	propose(4);
	assert_int_equal(list.items[0].port, 3);
	assert_int_equal(list.items[1].port, 2);
	assert_int_equal(list.items[2].port, 4);
	assert_int_equal(list.items[3].port, 1);
}

static void rules_against_services_are_few(void **state)
{
	(void)state;
	for (uint16_t port = 1; port <= 50; port++)
		service(port, 100u + port, 0);
	propose(20);
	assert_int_equal(list.items[0].port, 50);
}

static void peer_without_its_service_proves_nothing(void **state)
{
	(void)state;
	learned(PORT, SMC_AUTO_BITS_PEER, "10.1.2.7", 500, 500);
	propose(0);
}

static void rule_that_did_better_than_auto_is_named(void **state)
{
	static const struct {
		int64_t decided, always; /* set-ups */
		uint32_t lessons;
		int action; /* -1: none is better */
	} cases[] = {
		{ 50, 100, 400, SMC_POLICY_ALLOW },
		{ -20, 100, 400, SMC_POLICY_ALLOW },
		{ -20, -300, 400, SMC_POLICY_DENY },
		{ 92, 100, 400, -1 }, /* it is no ten set-ups */
		{ 950, 1000, 400, -1 }, /* and no tenth */
		{ 50, 100, 49, -1 }, /* too few lessons */
		{ 50, -300, 400, -1 },
		{ -9, -300, 400, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct recommend_context *one;

		n_contexts = 0;
		one = service(PORT, 400, 200);
		one->decided = cases[i].decided * SMC_AUTO_ONE;
		one->always = cases[i].always * SMC_AUTO_ONE;
		one->lessons = cases[i].lessons;
		assert_int_equal(recommend(contexts, n_contexts, &list), 0);
		assert_int_equal(list.n_better, cases[i].action >= 0);
		if (list.n_better)
			assert_int_equal(list.better[0].action, cases[i].action);
		recommend_clear(&list);
	}
}

static void text_is_the_configuration_it_stands_for(void **state)
{
	struct recommend_units units = { .setup_cost = 100000, .connection_memory = 131072 };
	struct policy_errors errors = { 0 };
	struct policy_config config;
	const struct policy_rule *rule;
	char *text;

	(void)state;
	struct recommend_context *one = service(PORT, 400, 200);

	one->always = 300 * SMC_AUTO_ONE;
	one->decided = 200 * SMC_AUTO_ONE;
	one->lessons = 400;
	learned(PORT, SMC_AUTO_BITS_V4, "10.1.2.0", 100, 100)->tally.messages = 7000;
	learned(PORT, SMC_AUTO_BITS_PEER, "fd00:1::5", 80, 80);
	service(80, 1000, 0);
	propose(2);
	list.items[0].live = 4;
	text = recommend_text(&list, &units);
	assert_non_null(text);
	assert_non_null(strstr(text, "# 180 connections, 100.0 % of them worth SMC, 52.7 MiB\n"
				     "# in 7000 messages\n"
				     "# SMC gains as much as 360.0 set-ups, 36.0 ms of this host\n"
				     "# each takes 128.0 KiB of memory; 4 live now: 512.0 KiB\n"
				     "[rule learned-connect-5432]\n"));
	assert_non_null(
		strstr(text, "\n# connect 5432: allow for all would have gained 100.0 set-ups more "
			     "than auto in the last 400 lessons\n"));
	policy_config_init(&config);
	assert_int_equal(policy_config_parse(&config, "text", text, strlen(text), &errors), 0);
	assert_int_equal(config.policy.n_rules, 2);
	rule = policy_find(&config.policy, "learned-connect-5432");
	assert_non_null(rule);
	assert_int_equal(rule->side, SMC_POLICY_CONNECT);
	assert_int_equal(rule->n_peers, 2);
	assert_int_equal(rule->action, SMC_POLICY_ALLOW);
	rule = policy_find(&config.policy, "learned-connect-80");
	assert_non_null(rule);
	assert_int_equal(rule->action, SMC_POLICY_DENY);
	policy_config_clear(&config);
	policy_errors_clear(&errors);
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(nothing_is_proposed_from_nothing),
		TEST(few_connections_prove_nothing),
		TEST(service_that_is_worth_it_is_allowed),
		TEST(service_that_never_is_is_denied),
		TEST(subnets_that_are_worth_it_are_named),
		TEST(peers_that_are_never_worth_it_are_taken_out_of_what_is_allowed),
		TEST(mixed_service_is_auto_if_it_can_be_told_apart),
		TEST(service_whose_connections_live_on_is_auto),
		TEST(most_comes_first_and_what_is_denied_last),
		TEST(rules_against_services_are_few),
		TEST(peer_without_its_service_proves_nothing),
		TEST(rule_that_did_better_than_auto_is_named),
		TEST(text_is_the_configuration_it_stands_for),
	};

	return cmocka_run_group_tests_name("recommend", tests, NULL, NULL);
}
