// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/trust.h"

static bool trust_part(const char *part, bool sticky, char *why)
{
	mode_t others = S_IWOTH;
	struct stat st;

	if (lstat(part, &st)) {
		snprintf(why, TRUST_WHY_SIZE, "cannot look at %.300s: %s", part, strerror(errno));
		return false;
	}
	if (st.st_uid && st.st_uid != geteuid()) {
		snprintf(why, TRUST_WHY_SIZE,
			 "%.200s belongs to user %u, who could replace what is in it; run \"chown "
			 "root %.200s\", or choose another place",
			 part, st.st_uid, part);
		return false;
	}
	if (st.st_gid)
		others |= S_IWGRP;
	if (!(st.st_mode & others) || (sticky && st.st_mode & S_ISVTX))
		return true;
	snprintf(why, TRUST_WHY_SIZE,
		 "%.200s can be written by others (mode %04o, group %u), who could replace what is "
		 "in it; run \"chmod go-w %.200s\", or choose another place",
		 part, st.st_mode & 07777, st.st_gid, part);
	return false;
}

bool trust_path(const char *path, bool shared, char *why)
{
	autofree char *whole = realpath(path, NULL);
	char part[PATH_MAX];
	size_t length;

	if (!whole) {
		snprintf(why, TRUST_WHY_SIZE, "cannot look at %.300s: %s", path, strerror(errno));
		return false;
	}
	length = strlen(whole);
	for (size_t i = 1; i < length; i++) {
		if (whole[i] != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)i, whole);
		if (!trust_part(part, true, why))
			return false;
	}
	return trust_part("/", true, why) && trust_part(whole, shared, why);
}
