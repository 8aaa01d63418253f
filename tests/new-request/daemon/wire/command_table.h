/* clang-format off */
REQUEST(uptime,
	.name = "uptime",
	.access = ACCESS_READ,
	.summary = "how long the daemon has been running",
	.result = "time",
	.arguments = {
		{ "unit", ARGUMENT_TEXT, 0, "U",
		  .help = "s for seconds (default) or h for hours" },
	})
/* clang-format on */
