/* The example shop: conf/example/day.jsonl through the core alone gives day.expected, both ways. */
#include "unit/core_world.h"

/* What an id cannot tell, test_example_day compares column by column. */
static void check_line(struct world *w, char *line, size_t *expected)
{
	char type[32], subject[32], rule[64], what[64], number[32], id[64];
	const struct world_output *o = NULL;

	if (sscanf(line, "%31s %31s %63s %63s %31s %63s", type, subject, rule, what, number, id) != 6)
		return;
	for (size_t k = 0; k < w->n_outputs; k++) {
		if (strcmp(w->outputs[k].id, id) == 0)
			o = &w->outputs[k];
	}
	CHECK_MSG(o, "missing: %s", line);
	(*expected)++;
	CHECK_STR(yt_outs[o->type].name.p, type);
	CHECK_STR(world_data(w, o, "rule"), rule);
}

TEST(day_of_the_example_gives_what_is_expected)
{
	char *rules = world_slurp("conf/example/rules.conf"), *day = world_slurp("conf/example/day.jsonl"), *want = world_slurp("conf/example/day.expected");
	char *key = world_slurp("conf/example/code.key");
	struct world w;
	size_t expected = 0;
	int dead = 0;

	world_init(&w, rules);
	memcpy(w.key, key, 32);
	w.now = 0;
	w.batch_size = 7;
	for (char *line = strtok(day, "\n"); line; line = strtok(NULL, "\n")) {
		struct yt_decoded decoded;
		char *time = strstr(line, "\"time\":\"");
		int64_t at = 0;

		CHECK(time && yt_time_parse(yt_str(time + 8, strcspn(time + 8, "\"")), &at));
		world_until(&w, at);
		yt_arena_reset(&w.scratch);
		w.text = yt_str_z(line);
		yt_event_decode(&w.scratch, w.text, NULL, 0, w.now, &decoded);
		dead += decoded.dead || world_decide(&w, decoded.event).result == YT_DEAD;
	}
	world_seal(&w);
	for (char *line = strtok(want, "\n"); line; line = strtok(NULL, "\n")) {
		if (*line != '#')
			check_line(&w, line, &expected);
	}
	CHECK_INT(w.n_outputs, expected);
	CHECK_INT(dead + w.n_late, 10); /* one waits in vain for whose order it is */
	world_deinit(&w);
	free(rules);
	free(day);
	free(want);
	free(key);
}

TEST_MAIN
{
	RUN(day_of_the_example_gives_what_is_expected);
}
