// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "server/history.h"
#include "server/report.h"
#include "server/state.h"

#define SIZE_MOST (4u << 20) /* of all entries: what undoes the oldest is dropped */
#define UNDO_MOST (1u << 20) /* bytes of rules in one entry */
#define FILES_MOST 1000 /* rules of files in one entry */
#define NAMES_LENGTH 100 /* of the text: more names are counted */

/* ---- the list ---- */

void history_clear(struct history *history)
{
	for (size_t i = 0; i < history->n; i++)
		free(history->entries[i]);
	*history = (struct history){ 0 };
}

/* Put @entry, taken over, in the place of entry @i. */
static void replace(struct history *history, size_t i, char *entry)
{
	history->size += strlen(entry);
	history->size -= strlen(history->entries[i]);
	free(history->entries[i]);
	history->entries[i] = entry;
}

/* Drop what undoes entry @i. */
static void shorten(struct history *history, size_t i)
{
	autojson json_t *entry = json_loads(history->entries[i], 0, NULL);
	char *text;

	if (!json_is_array(json_object_get(entry, "undo")))
		return;
	json_object_set_new(entry, "undo", json_null());
	json_object_del(entry, "runtime");
	text = json_dumps(entry, JSON_COMPACT);
	if (text)
		replace(history, i, text);
}

void history_add(struct history *history, char *entry)
{
	if (!entry)
		return;
	if (history->n == HISTORY_MAX) {
		history->size -= strlen(history->entries[0]);
		free(history->entries[0]);
		history->n--;
		memmove(history->entries, history->entries + 1,
			history->n * sizeof(*history->entries));
	}
	history->entries[history->n++] = entry;
	history->size += strlen(entry);
	for (size_t i = 0; i < history->n && history->size > SIZE_MOST; i++)
		shorten(history, i);
}

void history_take(struct history *history, const json_t *entry)
{
	if (json_is_integer(json_object_get(entry, "generation")) &&
	    json_is_integer(json_object_get(entry, "time")) &&
	    json_is_string(json_object_get(entry, "way")) &&
	    json_is_string(json_object_get(entry, "text")))
		history_add(history, json_dumps(entry, JSON_COMPACT));
}

json_t *history_entries(const struct history *history)
{
	json_t *list = json_array();

	for (size_t i = 0; i < history->n; i++)
		json_array_append_new(list, json_loads(history->entries[i], 0, NULL));
	return list;
}

static json_t *copy_member(const json_t *entry, const char *key)
{
	json_t *value = json_object_get(entry, key);

	return value ? json_incref(value) : json_null();
}

json_t *history_report(const struct history *history)
{
	json_t *list = json_array();

	for (size_t i = history->n; i-- > 0;) {
		autojson json_t *entry = json_loads(history->entries[i], 0, NULL);
		json_int_t us = json_integer_value(json_object_get(entry, "time"));

		json_array_append_new(
			list,
			json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "generation",
				  copy_member(entry, "generation"), "time",
				  report_time((uint64_t)us / 1000000), "uid",
				  copy_member(entry, "uid"), "pid", copy_member(entry, "pid"),
				  "way", copy_member(entry, "way"), "rules",
				  copy_member(entry, "rules"), "text", copy_member(entry, "text")));
	}
	return list;
}

/* ---- an entry ---- */

void history_begin(struct history_draft *draft)
{
	*draft = (struct history_draft){ .undo = json_array(), .files = json_array() };
}

void history_drop(struct history_draft *draft)
{
	json_decref(draft->undo);
	json_decref(draft->files);
	json_decref(draft->runtime);
	*draft = (struct history_draft){ 0 };
}

void history_remark(struct history_draft *draft, const char *format, ...)
{
	size_t used = strlen(draft->text);
	va_list args;

	if (used)
		used += (size_t)snprintf(draft->text + used, sizeof(draft->text) - used, " ");
	va_start(args, format);
	if (used < sizeof(draft->text))
		vsnprintf(draft->text + used, sizeof(draft->text) - used, format, args);
	va_end(args);
}

void history_name(struct history_draft *draft, char mark, const char *name)
{
	draft->rules++;
	if (strlen(draft->text) + strlen(name) > NAMES_LENGTH)
		return;
	draft->named++;
	history_remark(draft, "%c%s", mark, name);
}

/* What brings @before back under @name. */
static void add_undo(struct history_draft *draft, const char *name,
		     const struct policy_rule *before)
{
	json_t *item;

	if (before)
		draft->size += before->n_peers * 8 + before->n_ports * 6 + 256;
	if (!draft->undo || draft->size > UNDO_MOST) {
		json_decref(draft->undo);
		draft->undo = NULL;
		return;
	}
	item = json_pack("{s:s}", "name", name);
	if (before)
		json_object_set_new(item, "rule", state_rule_to_json(before));
	if (before && before->origin == POLICY_ORIGIN_RUNTIME)
		json_object_set_new(item, "runtime", json_true());
	json_array_append_new(draft->undo, item);
}

void history_rule(struct history_draft *draft, const char *name, const struct policy_rule *before,
		  const struct policy_rule *after)
{
	add_undo(draft, name, before);
	if (before && after && policy_rule_equal(before, after))
		history_remark(draft, "%s again", name);
	else
		history_name(draft, !before ? '+' : after ? '~' : '-', name);
	if (after && after->origin == POLICY_ORIGIN_RUNTIME) {
		json_decref(draft->runtime);
		draft->runtime = state_rule_to_json(after);
	}
}

static json_t *digest_json(const uint64_t *digest)
{
	char text[17];

	if (!digest)
		return json_null();
	snprintf(text, sizeof(text), "%016" PRIx64, *digest);
	return json_string(text);
}

void history_file(struct history_draft *draft, const char *name, const uint64_t *before,
		  const uint64_t *after)
{
	history_name(draft, !before ? '+' : after ? '~' : '-', name);
	if (draft->files && json_array_size(draft->files) < FILES_MOST)
		json_array_append_new(
			draft->files,
			json_pack("[s, o, o]", name, digest_json(before), digest_json(after)));
	else
		history_forget_files(draft);
}

void history_forget_files(struct history_draft *draft)
{
	json_decref(draft->files);
	draft->files = NULL;
}

static json_t *finish(struct history_draft *draft, uint64_t generation, const struct author *author)
{
	size_t more = draft->rules - draft->named;
	json_t *json;

	if (draft->default_before != draft->default_after)
		history_remark(draft, "default %s",
			       word_name(&words_action, (unsigned int)draft->default_after));
	if (more)
		history_remark(draft, "and %zu more", more);
	json = json_pack("{s:I, s:I, s:s, s:I, s:o, s:o, s:o}", "generation",
			 (json_int_t)generation, "time", (json_int_t)clock_us(CLOCK_REALTIME),
			 "way", author->way[0] ? author->way : "?", "rules",
			 (json_int_t)draft->rules, "text", json_text(draft->text), "undo",
			 draft->undo ? json_incref(draft->undo) : json_null(), "files",
			 draft->files ? json_incref(draft->files) : json_null());
	if (author->known) {
		json_object_set_new(json, "uid", json_integer(author->uid));
		json_object_set_new(json, "pid", json_integer(author->pid));
	}
	if (draft->default_before != draft->default_after)
		json_object_set_new(
			json, "default",
			json_pack("[i, i]", draft->default_before, draft->default_after));
	if (draft->runtime && draft->undo)
		json_object_set(json, "runtime", draft->runtime);
	return json;
}

char *history_end(struct history_draft *draft, uint64_t generation, const struct author *author)
{
	autojson json_t *json = finish(draft, generation, author);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	if (!text)
		log_warning("out of memory: generation %" PRIu64 " is not in the history",
			    generation);
	history_drop(draft);
	return text;
}
