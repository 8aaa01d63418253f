
/* ---- uptime ---- */

static void print_uptime(const json_t *result)
{
	printf("up %lld\n", (long long)cli_number(result, "time"));
}

int cli_uptime(struct cli *cli)
{
	return cli_ask(cli, print_uptime);
}
