/* yutang: one binary, a table of subcommands. */
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <openssl/crypto.h>

#include "yutang/app/cmd.h"

static const struct yt_command commands[] = {
	{ "run", "[-c FILE] [--instance NAME] [--once] [--watch]", "the worker, in the foreground", yt_cmd_run },
	{ "init", "[-c FILE]", "creates or checks the topics; says what differs", yt_cmd_init },
	{ "check", "[-c FILE | --rules FILE]", "configuration and rules: all errors of all files; starts nothing", yt_cmd_check },
	{ "config", "[-c FILE] [--json]", "every key, its value and where it came from", yt_cmd_config },
	{ "feed", "[-c FILE] EVENTS.jsonl...", "JSON lines into the input topics, with progress", yt_cmd_feed },
	{ "eval", "EXPR [--vars FILE.json] [--zone ZONE]", "what an expression of the rule language is worth", yt_cmd_eval },
	{ "replay", "--rules FILE [--compare FILE] [--until INSTANT] [--code-key FILE] EVENTS.jsonl...", "the rules over recorded events, without any server", yt_cmd_replay },
	{ "explain", "--rules FILE --member FACTS.json [--now INSTANT] [--code-key FILE] [--json] EVENT.json",
	  "each rule, whether an event sets it off, and why not", yt_cmd_explain },
	{ "verify", "[-c FILE] [--repair]", "folds the changelog and compares it with Redis", yt_cmd_verify },
	{ "status", "[-c FILE] [--json]", "what the running daemon says of itself", yt_cmd_status },
	{ "dead-letters", "list | show | redrive [-c FILE] ...", "what could not be taken: lists it, shows it, puts it back on its topic", yt_cmd_dead_letters },
	{ "member", "[-c FILE] [--json] SHOP ID", "a member's facts and wallet, as Redis shows them", yt_cmd_member },
	{ "report", "[-c FILE] [--from DAY] [--until DAY] [--json] SHOP", "a shop's numbers by day, channel and cohort, as Redis shows them", yt_cmd_report },
};

static void usage(FILE *out)
{
	fprintf(out, "usage: yutang COMMAND [OPTIONS]\n\n");
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		fprintf(out, "  %-12s %s\n               %s\n", commands[i].name, commands[i].args, commands[i].help);
	fprintf(out, "\n  --version, --help\n\nThe configuration is " YT_CONF_DEFAULT_FILE " unless -c names another.\n");
}

static void version(void)
{
	printf("yutang " YT_VERSION "\n");
	printf("librdkafka %s\n", yt_kafka_version());
	printf("hiredis %d.%d.%d\n", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
	printf("libevent %s (built with %s)\n", event_get_version(), LIBEVENT_VERSION);
	printf("cJSON %s (built with %d.%d.%d)\n", cJSON_Version(), CJSON_VERSION_MAJOR, CJSON_VERSION_MINOR, CJSON_VERSION_PATCH);
	printf("%s\n", OpenSSL_version(OPENSSL_VERSION));
}

int main(int argc, char **argv)
{
	const char *names[sizeof commands / sizeof *commands];
	const char *near;

	yt_types_init();
	if (argc < 2) {
		usage(stderr);
		return YT_EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return YT_EXIT_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		version();
		return YT_EXIT_OK;
	}
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		names[i] = commands[i].name;
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 2, argv + 2);
	}
	near = yt_nearest(yt_str_z(argv[1]), names, sizeof names / sizeof *names);
	fprintf(stderr, "yutang: no command `%s`%s%s%s; `yutang --help` lists them\n", argv[1], near ? "; did you mean `" : "",
	        near ? near : "", near ? "`?" : "");
	return YT_EXIT_USAGE;
}
