/* How the commands that need the configuration and no other words begin. */
#ifndef YT_APP_BEGIN_H
#define YT_APP_BEGIN_H

#include "yutang/app/cmd.h"

/* Options, then the configuration; problems are printed. False: *exit_code says how to end, and there is nothing to deinit.
 * usage: the command and its arguments, without `yutang`. words: how many may stand beside the options, at least. */
bool yt_begin(int argc, char **argv, const struct yt_option *table, const char *usage, int words_min, int words_max, int *n_words,
              struct yt_conf *c, int *exit_code);

#endif
