/* The subcommands of `yutang`, and what they share. Each returns an exit code (base/err.h) and prints its own errors. */
#ifndef YT_APP_CMD_H
#define YT_APP_CMD_H

#include "yutang/app/conf.h"
#include "yutang/rules/ruleset.h"

#define YT_VERSION "0.1.0"

struct yt_command {
	const char *name, *args, *help;
	int (*run)(int argc, char **argv);
};

int yt_cmd_run(int argc, char **argv);
int yt_cmd_init(int argc, char **argv);
int yt_cmd_check(int argc, char **argv);
int yt_cmd_config(int argc, char **argv);
int yt_cmd_feed(int argc, char **argv);
int yt_cmd_replay(int argc, char **argv);
int yt_cmd_verify(int argc, char **argv);
int yt_cmd_status(int argc, char **argv);
int yt_cmd_member(int argc, char **argv);
int yt_cmd_report(int argc, char **argv);
int yt_cmd_dead_letters(int argc, char **argv);
int yt_cmd_eval(int argc, char **argv);
int yt_cmd_explain(int argc, char **argv);

/* --- options */

struct yt_option {
	const char *name;   /* `--until`; NULL ends the table */
	const char **value; /* NULL: a flag */
	bool *flag;
};
/* `-c FILE` and `--config FILE` are known to each command that has a conf_file. Options may stand before or after the other words; those are moved to the front
 * of argv, and *n_words says how many there are. False: said on stderr, exit 64. */
bool yt_options(int argc, char **argv, const struct yt_option *table, const char **conf_file, int *n_words);

/* --- files */

/* The whole file into the arena; false and err (INPUT) where it can't be read or is larger. */
bool yt_file_read(struct yt_arena *a, const char *path, size_t max, struct yt_str *out, struct yt_err *err);
/* Loads and judges; prints the problems. False: exit 78. */
bool yt_app_conf(struct yt_conf *c, const char *file);
/* The bytes of one of the system's time zone files: a yt_zone_loader. */
bool yt_zone_load(void *ctx, struct yt_arena *a, const char *name, struct yt_str *tzif);
/* The rule file, with the system's time zones; problems are added to p. NULL where there is an error. */
struct yt_ruleset *yt_app_rules(struct yt_arena *a, const char *file, struct yt_problems *p);
/* The same, and prints what was found. */
const struct yt_ruleset *yt_app_rules_said(struct yt_arena *a, const char *file);
/* Prints what was found. Returns the number of errors. */
int yt_app_say(const struct yt_problems *p);
/* Whether it is a name that a shop can have; else it is said on stderr. */
bool yt_app_shop_said(const char *shop);
/* One line on stderr; returns the exit code of the error. */
int yt_app_fail(const struct yt_err *err);

/* --- JSON lines of input events, as feed and replay read them */

struct yt_line {
	struct yt_str value;     /* the line */
	const char *topic;       /* without prefix: where feed puts it */
	struct yt_str key;       /* record key; empty where the line does not tell */
	int64_t time;            /* envelope time; INT64_MIN */
	const struct yt_event *event; /* NULL: it is none that can be taken */
};
/* Judges one line in the arena. What is no event goes to the first input, without key: the daemon makes it a dead letter. */
void yt_line_place(struct yt_arena *a, struct yt_str value, const char *const *inputs, int n_inputs, struct yt_line *out);

/* Walks the lines of a file of any length; empty ones are left out. fn returns false to stop. False and err where it can't be read. */
bool yt_lines_each(const char *path, bool (*fn)(void *ctx, struct yt_str line, long number), void *ctx, struct yt_err *err);

#endif
