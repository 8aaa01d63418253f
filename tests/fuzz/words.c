// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The words of the command line, each on a line; after an empty line comes what is in the file "f":
 * configuration, trace or questions, as the words have it.  No daemon answers.
 */
#include "command.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	command_begin();
	return 0;
}

/* Of @text up to an empty line, which ends it, the rest. */
static char *cut_at_empty_line(char *text)
{
	char *end = strstr(text, "\n\n");

	if (!end)
		return text + strlen(text);
	*end = '\0';
	return end + 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	size_t length;
	char *text = input_until(&input, '\0', &length), *file = cut_at_empty_line(text);

	fuzz_dir_write("f", file, strlen(file));
	if (!strstr(file, "peers-file")) /* that may name any file of the host */
		command_run(text);
	fuzz_dir_empty();
	free(text);
	return 0;
}
