
/* ---- uptime ---- */

json_t *answer_uptime(struct request *request)
{
	uint64_t seconds = (uint64_t)time(NULL) - request->server->started / 1000000;
	const char *unit = text_argument(request, "unit");

	if (unit && strcmp(unit, "s") && strcmp(unit, "h")) {
		kernel_fail(&request->error, -EINVAL, "unit \"%.64s\" is unknown; use s or h",
			    unit);
		return NULL;
	}
	return json_pack("{s:I}", "time",
			 (json_int_t)(unit && *unit == 'h' ? seconds / 3600 : seconds));
}
