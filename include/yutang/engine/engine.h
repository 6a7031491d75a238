/* The engine: shards, batches, timers, restore. It drives the core over the ports and knows no library of the outside world.
 * One thread. Data flows one way: record -> event -> decision -> sealed batch -> log -> view. */
#ifndef YT_ENGINE_ENGINE_H
#define YT_ENGINE_ENGINE_H

#include <stdatomic.h>

#include "yutang/core/decide.h"
#include "yutang/engine/log.h"
#include "yutang/engine/view.h"

enum yt_clock { YT_CLOCK_WALL, YT_CLOCK_EVENT };

enum {
	YT_CRASH_DEATHS = 3,  /* I9: a record on which the process died so often is a dead letter */
	YT_CRASHES_MAX = 64,  /* records kept: a process dies on one at a time, and one that was passed is forgotten */
};

/* A record on which this process died, by where it lies on its input. */
struct yt_crash {
	int input, shard;
	int64_t offset;
	int deaths;
	const char *by;                    /* what it died by last; static */
	char log_id[YT_LOG_ID_BYTES + 1];  /* of the log that the offset belongs to */
};

struct yt_crashes {
	struct yt_crash v[YT_CRASHES_MAX]; /* in the order of their first deaths */
	int n;
};

/* The record that is being decoded or decided, written by the engine's thread alone. A signal handler on that thread may read it at any time;
 * another thread too, and what it read is one record where `place` is the same before and after. */
struct yt_at {
	char log_id[YT_LOG_ID_BYTES + 1]; /* set before the first record */
	_Atomic uint32_t place;           /* 0: none; else 1 + input * YT_PARTITIONS_MAX + shard */
	_Atomic int64_t offset;
};

struct yt_engine_conf {
	int partitions;
	int n_inputs;                        /* `internal` among them, last */
	struct yt_str topics[YT_INPUTS_MAX]; /* full names, for checkpoints and dead letters */
	struct yt_str transactional_id;
	enum yt_clock clock;
	bool accept_offsets;                 /* run --accept-offsets */
	uint32_t first_start;                /* bit per input that was added: start at the group's offset */
	const unsigned char *code_key;       /* 32 bytes or NULL */
	int64_t view_interval_ms;
	bool view_orders;                    /* orders are shown, too */
	int64_t hold_after_input_ms;         /* how long an input without fetched records is waited for; 500 */
	int64_t (*mono_ms)(void);            /* the monotonic clock, by which a batch is old; NULL: none gets old */
	const struct yt_crashes *crashes;    /* may be NULL; the host may take entries out between turns */
};

/* Where an expression of a rule can stand. */
enum yt_rule_key { YT_RULE_KEY_WHEN, YT_RULE_KEY_AFTER, YT_RULE_KEY_STILL, YT_RULE_KEY_PARAM, YT_RULE_KEY__COUNT };
extern const char *const yt_rule_keys[YT_RULE_KEY__COUNT];

/* Evaluations of a rule's expressions that failed, by its name: one that is in two sets of rules, one after the other, counts on. */
struct yt_rule_errors {
	struct yt_str rule;
	bool has[YT_RULE_KEY__COUNT]; /* a set of this process has such an expression */
	uint64_t n[YT_RULE_KEY__COUNT];
	char name[];
};

/* Counters since the start; read by metrics and status. */
struct yt_engine_stats {
	uint64_t events[YT_TYPE__COUNT][YT_RESULT__COUNT]; /* by type and enum yt_result */
	uint64_t dead[YT_DEAD__COUNT];
	uint64_t outputs[YT_OUT_TYPE__COUNT];
	uint64_t records, forwarded, sent, timers, passed_over; /* passed_over: an input was not waited for any longer */
	uint64_t batches, aborted, lost, restored_shards, restored_records, reused_shards;
	uint64_t view_jobs, view_stale, view_resets;
	const struct yt_rule_errors *const *rule_errors;
	size_t n_rule_errors;
	int64_t timers_held_ms; /* how long the longest due timer waits for its inputs' ends; 0 */
};

struct yt_engine;

/* What the engine tells its host. All optional. */
struct yt_engine_up {
	void *ctx;
	/* Each output after its commit; for `run --watch`, replay, tests. */
	void (*on_output)(void *ctx, int shard, const struct yt_output *out);
	/* rec NULL: of a record that was parked, and lies further back. */
	void (*on_dead)(void *ctx, enum yt_dead reason, const char *detail, const struct yt_record *rec);
	/* A set that was replaced is not read any more: its owner may free it. */
	void (*on_rules_done)(void *ctx, const struct yt_ruleset *rules);
	/* The end: err->exit is the exit code. */
	void (*on_fatal)(void *ctx, const struct yt_err *err);
};

/* Everything handed in must outlive the engine, rules until they are replaced. view may be NULL. */
struct yt_engine *yt_engine_new(const struct yt_engine_conf *conf, const struct yt_ruleset *rules, struct yt_log *log,
                                struct yt_view *view, const struct yt_engine_up *up);
void yt_engine_free(struct yt_engine *e);

/* The tables that the ports call; ctx is the engine. */
extern const struct yt_log_up yt_engine_log_up;
extern const struct yt_view_up yt_engine_view_up;

/* One turn of the pipeline: polls the ports, decides what is there, commits. wall_ms and mono_ms are the clocks now. Returns true where
 * more can be done at once; else *wait_ms says when to come again at the latest. */
bool yt_engine_turn(struct yt_engine *e, int64_t wall_ms, int64_t mono_ms, int64_t *wait_ms);

/* The rules from the next batch on; `rules` stays the caller's and lives until on_rules_done names it. They are newer than those before, or those
 * before decide nothing: yt_engine_all_held. A batch in flight ends with the rules it was decided by. Not from inside a call of yt_engine_up. */
void yt_engine_reload(struct yt_engine *e, const struct yt_ruleset *rules);
/* There are shards, and each waits for rules that it has seen and we have not. */
bool yt_engine_all_held(const struct yt_engine *e);

/* SIGTERM: decide nothing new, finish what is in flight. yt_engine_drained says when. */
void yt_engine_drain(struct yt_engine *e);
bool yt_engine_drained(const struct yt_engine *e);
/* A batch is with the log: the engine must not be freed. */
bool yt_engine_committing(const struct yt_engine *e);
/* Clock event only: every input was read to its end and everything fetched is decided and committed. */
bool yt_engine_idle(const struct yt_engine *e);
/* replay --until: in clock event, after the ends, timers run on to this instant. */
void yt_engine_run_until(struct yt_engine *e, int64_t until_ms);

/* Valid as long as the engine. */
const struct yt_at *yt_engine_at(const struct yt_engine *e);
/* The record lies behind what its shard has committed, or in another log: it is not read again. False while its shard is not decided here. */
bool yt_engine_passed(const struct yt_engine *e, const struct yt_crash *c);

const struct yt_engine_stats *yt_engine_stats(const struct yt_engine *e);

/* For status, metrics and readiness. */
struct yt_shard_info {
	int shard;
	const char *state; /* opening, restoring, ready, held, live */
	int64_t rules_revision; /* of the set that decided last; 0: none did */
	uint64_t version, view_version;
	int64_t now_ms;
	size_t entities, timers;
	int64_t queued;    /* records fetched and not decided */
	int64_t next[YT_INPUTS_MAX], end[YT_INPUTS_MAX]; /* decided up to; end last seen, -1: none */
	int64_t view_lag_ms; /* age of the oldest committed change that Redis does not show; 0 */
};
/* Has the ends of the inputs asked for, so that the next yt_engine_shards knows them; once a second at most. */
void yt_engine_want_ends(struct yt_engine *e);
size_t yt_engine_shards(const struct yt_engine *e, struct yt_shard_info *out, size_t cap);
/* Every assigned shard decides; why (128 bytes) names what is missing. */
bool yt_engine_ready(const struct yt_engine *e, char why[128]);

/* The committed object of an entity, decoded into the arena; NULL where absent or not ours. For /v1/shops/<shop>/members/<id>. */
const void *yt_engine_peek(struct yt_engine *e, struct yt_arena *a, enum yt_kind kind, struct yt_str name);

/* Walks all committed entities (tests, verify): fn gets the changelog key and the value behind the head, and the version of its last change. */
void yt_engine_each(struct yt_engine *e, void (*fn)(void *ctx, int shard, struct yt_str key, struct yt_str value, uint64_t version), void *ctx);

#endif
