/* The daemon's configuration: one table of sections and keys, from which loading, defaults, `yutang config`, the sample file and
 * docs/configuration.md follow. Strict: every error of the file in one run, with line and suggestion. */
#ifndef YT_APP_CONF_H
#define YT_APP_CONF_H

#include "yutang/base/ini.h"
#include "yutang/base/log.h"
#include "yutang/engine/engine.h"
#include "yutang/intake/intake.h"
#include "yutang/io/kafka.h"

enum {
	YT_CONF_BYTES_MAX = 256 * 1024,   /* of the file */
	YT_CONF_SECRET_BYTES_MAX = 16384, /* of a file with a secret: a PEM key fits */
	YT_CONF_PROPERTIES_MAX = 256,     /* of [kafka] */
	YT_CODE_KEY_BYTES = 32,
};

#define YT_CONF_DEFAULT_FILE "/etc/yutang/yutang.conf"

enum yt_conf_kind {
	YT_CK_TEXT,     /* as written */
	YT_CK_NAME,     /* 1 to 64 of A-Z a-z 0-9 . _ - */
	YT_CK_PREFIX,   /* of keys or topics: the same characters and `:` for keys, may be empty for topics */
	YT_CK_TOPICS,   /* a comma list of topic names without prefix */
	YT_CK_FILE,     /* relative to the folder of the configuration file */
	YT_CK_INT,
	YT_CK_DURATION, /* milliseconds */
	YT_CK_BOOL,     /* yes, no */
	YT_CK_CHOICE,
	YT_CK_LISTEN,   /* HOST:PORT, a literal address */
	YT_CK_SHOP_PAIR, /* of a shop, text, also `KEY_file`, and `KEY_next_file` while it is exchanged; offset: in struct yt_intake_shop */
	YT_CK_SHOP_KEY, /* the same without a second value */
	YT_CK_REDIS_URL
};

/* A row of the table. */
struct yt_conf_key {
	const char *section, *key;
	enum yt_conf_kind kind;
	bool secret;          /* prints as `***`, or with its secret part masked */
	const char *since;    /* version that has it; NULL: a later one, refused by name until then */
	const char *value;    /* default, as it would be written; NULL: none, the key may be left out */
	const char *example;  /* for the sample file where there is no default */
	int64_t min, max;     /* INT, and DURATION in ms */
	const char *choices;  /* CHOICE: words in the order of the enum, parted by blanks */
	size_t offset;        /* of the value in struct yt_conf */
	const char *doc;      /* one or two sentences */
};
extern const struct yt_conf_key yt_conf_keys[];
extern const size_t yt_conf_n_keys;
enum { YT_CONF_KEYS_MAX = 64 };

struct yt_conf_section {
	const char *name;
	const char *since; /* as above */
	bool optional;     /* its absence switches its part off */
	const char *named; /* it stands there once for each name, such as this one; NULL: once, without */
	bool asked_for;    /* in the sample file it is a comment */
	const char *doc;
};
extern const struct yt_conf_section yt_conf_sections[];
extern const size_t yt_conf_n_sections;

/* One `[shop "NAME"]`; its secrets are read already. */
struct yt_conf_shop {
	struct yt_intake_shop intake;
	int line;
	struct yt_conf_shop_key *keys; /* in file order */
	size_t n_keys;
	struct yt_conf_shop *next;
};

/* Where a value comes from. */
struct yt_conf_origin {
	int line;           /* of the file; 0: not from there */
	const char *option; /* of the command line; NULL and line 0: default */
};

/* All texts live in the arena. Files are absolute, or relative to the working directory as the configuration file was. */
struct yt_conf {
	struct yt_arena arena;
	const char *file;   /* as given */
	const char *folder; /* of the file, with its `/` at the end; empty: the working directory */
	struct {
		bool on;
		struct yt_kafka_prop *props; /* word for word, `NAME_file` already read */
		int *lines;
		bool *from_file; /* value read from a file that was named */
		size_t n;
	} kafka;
	struct {
		const char *prefix;
		const char *in[YT_INPUTS_MAX]; /* without prefix and without `internal` */
		int n_in;
		int64_t partitions, output_partitions, replication;
		const char *in_text;
	} topics;
	struct {
		bool on;
		const char *url, *password_file, *prefix; /* password_file NULL: none */
		bool orders;
		int64_t interval_ms;
	} redis;
	struct {
		bool on;
		const char *group, *instance, *rules;
		const char *code_key_file; /* NULL: coupons carry no codes */
		const char *dir;           /* NULL: crashes are not counted */
		int clock;                 /* enum yt_clock */
	} worker;
	struct {
		bool on;
		const char *listen;
		const char *token_file; /* NULL: none */
	} http;
	struct {
		bool on;
		const char *listen;
		const char *spool; /* NULL: none */
	} intake;
	struct yt_conf_shop *shops; /* in file order */
	struct {
		int format, level; /* enum yt_log_format, enum yt_log_level */
	} logging;
	struct yt_conf_origin origin[YT_CONF_KEYS_MAX]; /* by row of the table */
};

void yt_conf_init(struct yt_conf *c);
void yt_conf_deinit(struct yt_conf *c);
/* Reads and judges the file; problems are added to p (whose file name is what the messages show). 0 when there was no error. Secrets that
 * [kafka] and [shop] name by file are read; the other files are not touched. */
int yt_conf_load(struct yt_conf *c, const char *file, struct yt_problems *p);
/* The same over bytes; file tells the folder. */
int yt_conf_parse(struct yt_conf *c, const char *file, struct yt_str bytes, struct yt_problems *p);
/* A value of the command line over that of the file. option as the user writes it: `--instance`. */
int yt_conf_override(struct yt_conf *c, const char *section, const char *key, const char *value, const char *option,
                     struct yt_problems *p);
/* The files that the values name: there, readable, and of the right size. For `check` and the start of `run`. Warns where others may read a secret. */
int yt_conf_check_files(const struct yt_conf *c, struct yt_problems *p);
/* `yutang config`: every key with its value and where it came from, secrets as `***`; is a configuration file itself. */
void yt_conf_print(const struct yt_conf *c, struct yt_buf *out);
/* The same for programs: {"file","keys":[{"section","key","value","from"}],"off":[sections that are absent]}; value and from are texts, null: not set. */
void yt_conf_print_json(const struct yt_conf *c, struct yt_buf *out);
/* The row of the table, or -1. */
int yt_conf_find(const char *section, const char *key);

/* The key of coupon codes: a file of exactly 32 bytes (a line feed behind them is left out). */
int yt_code_key_read(const char *file, unsigned char key[YT_CODE_KEY_BYTES], struct yt_err *err);
/* A secret: the whole file without line feeds at its end. In the arena. */
int yt_secret_read(struct yt_arena *a, const char *file, const char **out, struct yt_err *err);

/* What the Kafka and Redis adapters take, borrowed from c. `internal` is added to the inputs. */
void yt_conf_kafka(const struct yt_conf *c, struct yt_kafka_conf *out);
struct yt_redis_conf;
void yt_conf_redis(const struct yt_conf *c, struct yt_redis_conf *out);

#endif
