#include "begin.h"

#include <stdio.h>

bool yt_begin(int argc, char **argv, const struct yt_option *table, const char *usage, int words_min, int words_max, int *n_words,
              struct yt_conf *c, int *exit_code)
{
	const char *file = YT_CONF_DEFAULT_FILE;

	*exit_code = YT_EXIT_USAGE;
	if (!yt_options(argc, argv, table, &file, n_words))
		return false;
	if (*n_words < words_min || *n_words > words_max) {
		if (*n_words > words_max)
			fprintf(stderr, "yutang: unexpected word `%s`\n", argv[words_max]);
		fprintf(stderr, "usage: yutang %s\n", usage);
		return false;
	}
	*exit_code = YT_EXIT_CONFIG;
	if (yt_app_conf(c, file))
		return true;
	yt_conf_deinit(c);
	return false;
}
